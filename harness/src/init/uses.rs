//! Which services the pods talk to, by what depends on what and by the names in environments and commands.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::seen::Seen;

/// A word that may be a host, and the port behind it.
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    let host = r"(?<host>[A-Za-z0-9_.-]+)(?::(?<port>[0-9]+))?";
    Regex::new(host).expect("an expression that is tested")
});

/// The pods, as users of other services.
#[derive(Debug)]
pub(super) struct Users {
    /// Services that a pod needs by the compose file.
    needed: BTreeSet<String>,
    /// Values of the pods' environments, and words of their commands.
    texts: Vec<String>,
}

impl Users {
    /// The uses of some services.
    pub(super) fn of(pods: &[Seen<'_>]) -> Self {
        let texts = pods
            .iter()
            .flat_map(|pod| pod.environment().into_values().chain(pod.words()));
        Self {
            needed: pods.iter().flat_map(Seen::needs).collect(),
            texts: texts.collect(),
        }
    }

    /// True if one of them needs a service or names it.
    pub(super) fn use_of(&self, seen: &Seen<'_>) -> bool {
        let is_named = |name: &String| self.texts.iter().any(|text| hosts(text).any(|(host, _)| host == name));
        self.needed.contains(seen.name) || seen.names().iter().any(is_named)
    }

    /// The ports at which they name a service, `http://NAME:9000` say, each once.
    pub(super) fn ports_of(&self, seen: &Seen<'_>) -> Vec<u16> {
        let names = seen.names();
        let hosts = self.texts.iter().flat_map(|text| hosts(text));
        let own = hosts.filter(|(host, _)| names.contains(*host));
        let ports: BTreeSet<u16> = own.filter_map(|(_, port)| port).collect();
        ports.into_iter().collect()
    }
}

/// The words of a text that may be names of hosts, each with the port behind it.
fn hosts(text: &str) -> impl Iterator<Item = (&str, Option<u16>)> {
    HOST.captures_iter(text).map(|found| {
        let port = found.name("port").and_then(|port| port.as_str().parse().ok());
        (found.name("host").map_or("", |host| host.as_str()), port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    #[test]
    fn hosts_and_their_ports_are_found_in_urls_and_lists() {
        let found = |text| hosts(text).collect::<Vec<_>>();
        assert_eq!(
            found("redis://cache:6379/0"),
            [("redis", None), ("cache", Some(6379)), ("0", None)]
        );
        assert_eq!(found("a:99999,b"), [("a", None), ("b", None)]);
        assert_eq!(
            found("http://u:p@my.db-1:1/"),
            [("http", None), ("u", None), ("p", None), ("my.db-1", Some(1))]
        );
    }

    #[test]
    fn pods_use_what_they_need_and_what_they_name() {
        let file = "services:\n  api: { environment: { S3: 'http://minio:9000', BUS: 'kafka-1:9092,other' }, \
                    command: run --to talk:7, depends_on: [db] }\n  \
                    db: {}\n  minio: {}\n  kafka: { container_name: kafka-1 }\n  \
                    voice: { networks: { default: { aliases: [talk] } } }\n  grafana: {}\n";
        let resolved = Resolved::read(file).expect("a file");
        let all = Seen::all(&resolved);
        let users = Users::of(&all[..1]);
        let used = all.iter().filter(|seen| users.use_of(seen)).map(|seen| seen.name);
        assert_eq!(used.collect::<Vec<_>>(), ["db", "kafka", "minio", "voice"]);
        let ports: Vec<Vec<u16>> = all.iter().map(|seen| users.ports_of(seen)).collect();
        assert_eq!(ports, [vec![], vec![], vec![], vec![9092], vec![9000], vec![7]]);
    }
}
