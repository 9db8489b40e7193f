//! `[parts.SERVICE]`: a service that can be broken.

use crate::system::language::Template;
use crate::system::table::{Node, Problem, table, words};

words! {
    /// What is known of a part.
    pub Role {
        /// A Postgres database: rows are read, sessions are ended, tables are locked.
        Postgres = "postgres",
        /// A Redis store.
        Redis = "redis",
        /// A NATS server.
        Nats = "nats",
        /// A proxy between clients and pods.
        Edge = "edge",
        /// Runs to its end before the first pod starts.
        Job = "job",
        /// Anything else: it can be killed, paused, cut off and healed.
        Other = "other",
    }
}

words! {
    /// What is left of a part's data after a kill.
    pub Keeps {
        /// All that was acknowledged.
        Always = "always",
        /// All after an orderly stop, not after a kill.
        OnStop = "on-stop",
        /// Nothing.
        Never = "never",
    }
}

table! {
    /// A service that can be broken, by its name in the compose file. Services without a table are started and left alone. In a pod's
    /// network the name of each part leads to the fault proxy.
    pub Part = "[parts.SERVICE]" {
        /// What is known of the part.
        role: Role,
        /// Ports that pods use. By default those of the role: 5432, 6379, 4222.
        ports: Vec<u16>,
        /// Address by which a `postgres`, `redis` or `nats` part is read; `{at}` stands for host and port.
        url: Option<Template>,
        /// What is left of the part's data after a kill. `postgres` keeps it always; `redis`, `nats` and `other` must say.
        keeps: Option<Keeps>,
        /// `nats`: port of the broker's monitor (`http_port`), which tells how many subscriptions to the stream log are left.
        monitor: Option<u16>,
        /// `nats`: folder of the part's container in which it stores its data, a volume of bounded size (a tmpfs), which a story may fill to
        /// the last byte.
        volume: Option<String>,
        /// `edge`: the cookie that pins a client to a pod.
        cookie: Option<String>,
    }
    check check_part
}

impl Role {
    /// The port that such a part listens on unless it says another.
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::Postgres => Some(5432),
            Self::Redis => Some(6379),
            Self::Nats => Some(4222),
            Self::Edge | Self::Job | Self::Other => None,
        }
    }
}

impl Part {
    /// The ports that pods use: those that are said, else the role's.
    pub fn used_ports(&self) -> Vec<u16> {
        if self.ports.is_empty() {
            self.role.port().into_iter().collect()
        } else {
            self.ports.clone()
        }
    }

    /// What is left of the part's data after a kill. A part that need not say keeps it.
    pub fn kept(&self) -> Keeps {
        self.keeps.unwrap_or(Keeps::Always)
    }
}

fn check_part(part: &Part, node: &Node, found: &mut Vec<Problem>) {
    let at = |key: &str| node.get(key).unwrap_or(node);
    if matches!(part.role, Role::Edge | Role::Other) && part.ports.is_empty() {
        found.push(
            Problem::at(node, format!("role \"{}\" needs ports", part.role)).help("say ports = [9000], for example"),
        );
    }
    if matches!(part.role, Role::Redis | Role::Nats | Role::Other) && part.keeps.is_none() {
        let help = "\"always\", \"on-stop\" or \"never\": what a kill leaves of its data";
        found.push(Problem::at(node, "say keeps").help(help));
    }
    if let Some(url) = &part.url {
        if !matches!(part.role, Role::Postgres | Role::Redis | Role::Nats) {
            found.push(Problem::at(
                at("url"),
                "only parts of the roles \"postgres\", \"redis\" and \"nats\" are read by a url",
            ));
        } else if !url.names().any(|name| name == "at") {
            found.push(Problem::at(
                at("url"),
                "{at} is missing: the host and port are crosspod's to say",
            ));
        } else if !leads_to_the_part(&url.to_string()) {
            let message = "it may lead to another host than the part: the address is scheme://user:password@{at}/name";
            found.push(Problem::at(at("url"), message).help("no other host, and no host or hostaddr behind the `?`"));
        }
    }
    if part.monitor.is_some() && part.role != Role::Nats {
        found.push(Problem::at(at("monitor"), "only a part of role \"nats\" has a monitor"));
    }
    if let Some(why) = part.volume.as_ref().and_then(|volume| misplaced(volume, part.role)) {
        found.push(Problem::at(at("volume"), why));
    }
    if part.cookie.is_some() && part.role != Role::Edge {
        found.push(Problem::at(at("cookie"), "only a part of role \"edge\" pins clients"));
    }
}

/// Why a part of this role has no such volume. Returns `None` if it may have it.
fn misplaced(volume: &str, role: Role) -> Option<String> {
    if role != Role::Nats {
        return Some("only the volume of a part of role \"nats\" is filled".to_owned());
    }
    (!volume.starts_with('/')).then(|| format!("{volume:?} is no path in the part's container: it begins with /"))
}

/// True if the host and port of an address are `{at}`, all of them.
fn leads_to_the_part(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let settings = behind.split_once('?').map_or("", |(_, settings)| settings);
    let names_a_host = |setting: &str| setting.trim_start().to_ascii_lowercase().starts_with("host");
    host == "{at}" && !settings.split('&').any(names_a_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_of_a_broker_alone_is_filled_and_is_a_path_in_its_container() {
        assert_eq!(misplaced("/data", Role::Nats), None);
        for (volume, role, words) in [
            ("data", Role::Nats, "\"data\" is no path in the part's container"),
            ("/data", Role::Redis, "only the volume of a part of role \"nats\""),
            ("/data", Role::Edge, "only the volume of a part of role \"nats\""),
        ] {
            let why = misplaced(volume, role).expect("a reason");
            assert!(why.starts_with(words), "{why}");
        }
    }

    #[test]
    fn an_address_leads_to_the_part_and_nowhere_else() {
        for url in [
            "postgres://crosspod:crosspod@{at}/crosspod",
            "postgresql://u:{env.PASSWORD}@{at}/db?sslmode=disable",
            "redis://:p%40ss@{at}",
            "nats://{at}",
        ] {
            assert!(leads_to_the_part(url), "{url}");
        }
        for url in [
            "postgres://u:p@evil.example/db?x={at}",
            "postgres://u:p@{at},evil.example/db",
            "postgres://u:p@{at}.evil.example/db",
            "postgres://u:p@{at}/db?host=evil.example",
            "postgres://u:p@{at}/db?sslmode=disable&hostaddr=192.0.2.1",
            "postgres://evil.example/@{at}",
            "host=evil.example user={at}",
        ] {
            assert!(!leads_to_the_part(url), "{url}");
        }
    }
}
