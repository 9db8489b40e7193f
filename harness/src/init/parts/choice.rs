//! Which services are parts, and what is known of each; the others are started and left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::{database, keeps};
use crate::init::guess::Guess;
use crate::init::http;
use crate::init::image;
use crate::init::kinds::Sorted;
use crate::init::pods::Pods;
use crate::init::seen::Seen;
use crate::init::uses::Users;
use crate::system::parts::{Keeps, Role};

/// Port of an edge whose file names none.
const HTTP: u16 = 80;

/// The guesses of a `[parts.SERVICE]`.
#[derive(Debug)]
pub(in crate::init) struct Part<'r> {
    /// The service.
    pub(in crate::init) service: Seen<'r>,
    /// Its role.
    pub(in crate::init) role: Guess<Role>,
    /// Ports that pods use, where they are not those of the role.
    pub(in crate::init) ports: Option<Guess<Vec<u16>>>,
    /// Address by which crosspod reads it.
    pub(in crate::init) url: Option<Guess<String>>,
    /// The rest of its data after a kill.
    pub(in crate::init) keeps: Option<Guess<Keeps>>,
}

/// A service that is neither pod nor part.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::init) struct Alone {
    /// Its name.
    pub(in crate::init) service: String,
    /// Why it is left alone.
    pub(in crate::init) why: String,
}

/// The parts of a file, and the services that are started and left alone.
#[derive(Debug)]
pub(in crate::init) struct Parts<'r> {
    /// The parts: stores first.
    pub(in crate::init) parts: Vec<Part<'r>>,
    /// The others.
    pub(in crate::init) alone: Vec<Alone>,
}

/// The facts that guesses about parts go by.
struct Around<'a, 'r> {
    sorted: &'a Sorted<'r>,
    pods: &'a [Seen<'r>],
    names: BTreeSet<String>,
    users: Users,
    written: &'a str,
}

impl<'r> Parts<'r> {
    /// Guesses the parts beside the pods. `written` are the user's compose files.
    pub(in crate::init) fn of(sorted: &Sorted<'r>, pods: &Pods<'r>, written: &str) -> Self {
        let pods = &pods.services.value;
        let around = Around {
            sorted,
            pods,
            names: pods.iter().map(|pod| pod.name.to_owned()).collect(),
            users: Users::of(pods),
            written,
        };
        let known = sorted.known().map(|(seen, role)| Ok(around.known(seen, role)));
        let programs = sorted.programs().filter(|seen| !around.names.contains(seen.name));
        let all = known.chain(programs.map(|seen| around.other(seen)));
        let (mut parts, mut alone) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Ok(part) => parts.push(part),
                Err(one) => alone.push(one),
            }
        }
        // Of two that want one port, the one that pods use is the part.
        parts.sort_by_key(|part| (!around.users.use_of(&part.service), part.role.value, part.service.name));
        let (mut parts, taken) = with_ports_of_their_own(parts);
        alone.extend(taken);
        parts.sort_by_key(|part| (part.role.value, part.service.name));
        alone.sort_by(|one, other| one.service.cmp(&other.service));
        Self { parts, alone }
    }
}

impl<'r> Around<'_, 'r> {
    /// A part of a known role.
    fn known(&self, seen: Seen<'r>, role: &Guess<Role>) -> Part<'r> {
        let keeps = match role.value {
            Role::Redis => Some(keeps::redis(&seen)),
            Role::Nats => Some(keeps::nats(&seen)),
            Role::Postgres | Role::Edge | Role::Job | Role::Other => None,
        };
        let ports = match role.value {
            Role::Edge => Some(edge_ports(&seen)),
            Role::Job => None,
            _ => self.ports_beside(&seen, role.value.port()),
        };
        let is_database = role.value == Role::Postgres;
        Part {
            service: seen,
            role: role.clone(),
            ports,
            url: is_database.then(|| database::url(&seen, self.pods, self.written)),
            keeps,
        }
    }

    /// The ports at which pods name a server, if they are others than the one of its role.
    fn ports_beside(&self, seen: &Seen<'_>, usual: Option<u16>) -> Option<Guess<Vec<u16>>> {
        let named = self.users.ports_of(seen);
        let differs = !named.is_empty() && named.iter().any(|port| Some(*port) != usual);
        differs.then(|| Guess::inferred(named, "the pods name it with this port"))
    }

    /// A part of which only its ports are known; or why the program is left alone.
    fn other(&self, seen: Seen<'r>) -> Result<Part<'r>, Alone> {
        let alone = |why: &str| Alone {
            service: seen.name.to_owned(),
            why: why.to_owned(),
        };
        if !self.users.use_of(&seen) {
            return Err(alone(if self.sorted.depends_on(seen, &self.names) {
                "it depends on the pods"
            } else if seen.is_built() {
                "built here too: if turns run in it, it is a pod"
            } else {
                "no pod depends on it or names it"
            }));
        }
        let ports = self.ports(&seen).ok_or_else(|| alone("it has no port"))?;
        Ok(Part {
            service: seen,
            role: Guess::inferred(Role::Other, "nothing more is known of it"),
            ports: Some(ports),
            url: None,
            keeps: Some(keeps::other(&seen)),
        })
    }

    /// The ports of a server, those first that pods name.
    fn ports(&self, seen: &Seen<'_>) -> Option<Guess<Vec<u16>>> {
        let named = self.users.ports_of(seen);
        if !named.is_empty() {
            return Some(Guess::inferred(named, "the pods name it with this port"));
        }
        let published: Vec<u16> = seen.published().iter().map(|port| port.inside).collect();
        let open = [("ports", published), ("expose", seen.exposed())];
        if let Some((key, ports)) = open.into_iter().find(|(_, ports)| !ports.is_empty()) {
            let ports: BTreeSet<u16> = ports.into_iter().collect();
            return Some(Guess::said(ports.into_iter().collect(), key));
        }
        if let Some(port) = http::port(seen) {
            return Some(Guess {
                value: vec![port.value],
                why: port.why,
            });
        }
        let image = seen.image()?;
        let port = image::usual_port(&image)?;
        Some(Guess::inferred(
            vec![port],
            format_args!("the usual one of image {image}"),
        ))
    }
}

fn edge_ports(seen: &Seen<'_>) -> Guess<Vec<u16>> {
    match http::port(seen) {
        Some(port) => Guess {
            value: vec![port.value],
            why: port.why,
        },
        None => Guess::inferred(vec![HTTP], "the port of HTTP"),
    }
}

/// Leaves out parts whose port another one has: the fault proxy listens at a port for one part.
fn with_ports_of_their_own(all: Vec<Part<'_>>) -> (Vec<Part<'_>>, Vec<Alone>) {
    let mut taken: BTreeMap<u16, &str> = BTreeMap::new();
    let (mut kept, mut alone) = (Vec::new(), Vec::new());
    for one in all {
        let name = one.service.name;
        let usual = || one.role.value.port().into_iter().collect();
        let ports: Vec<u16> = match one.role.value {
            Role::Edge | Role::Job => Vec::new(),
            _ => one.ports.as_ref().map_or_else(usual, |ports| ports.value.clone()),
        };
        if let Some((port, other)) = ports.iter().find_map(|port| Some((port, taken.get(port)?))) {
            alone.push(Alone {
                service: name.to_owned(),
                why: format!("parts.{other} has its port {port}, at which the fault proxy can listen for one of them"),
            });
            continue;
        }
        taken.extend(ports.into_iter().map(|port| (port, name)));
        kept.push(one);
    }
    (kept, alone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    /// The parts of a file, one a line, and the services that are left alone.
    fn parts(services: &str) -> (Vec<String>, Vec<String>) {
        let resolved = Resolved::read(&format!("services:\n{services}")).expect("a file");
        let sorted = Sorted::of(&resolved);
        let made = Parts::of(&sorted, &Pods::of(&sorted), "");
        let shown = made.parts.iter().map(|part| {
            let ports = part
                .ports
                .as_ref()
                .map(|ports| format!(" {:?} ({})", ports.value, ports.why));
            let keeps = part.keeps.as_ref().map(|keeps| format!(" keeps {}", keeps.value));
            let of = [ports, keeps].into_iter().flatten().collect::<String>();
            format!("{} {}{of}", part.service.name, part.role.value)
        });
        let alone = made
            .alone
            .iter()
            .map(|alone| format!("{}: {}", alone.service, alone.why));
        (shown.collect(), alone.collect())
    }

    #[test]
    fn stores_come_first_and_others_by_the_ports_that_pods_use() {
        let file = "  api: { build: ., environment: { S3: 'http://minio:9000', CACHE: 'redis://cache:6380' }, depends_on: [mongo, tools] }\n  \
                    cache: { image: redis }\n  db: { image: postgres }\n  minio: { image: minio/minio, ports: [9000, 9001], volumes: ['a:/b'] }\n  \
                    mongo: { image: mongo }\n  tools: { image: tools, command: sleep 1 }\n  proxy: { image: nginx, depends_on: [api] }\n  \
                    migrate: { build: ., depends_on: [db] }\n";
        let (parts, alone) = parts(file);
        assert_eq!(
            parts,
            [
                "db postgres",
                "cache redis [6380] (guess: the pods name it with this port) keeps on-stop",
                "proxy edge [80] (guess: the port of HTTP)",
                "migrate job",
                "minio other [9000] (guess: the pods name it with this port) keeps always",
                "mongo other [27017] (guess: the usual one of image mongo) keeps never",
            ]
        );
        assert_eq!(alone, ["tools: it has no port"]);
    }

    #[test]
    fn services_that_no_pod_uses_are_left_alone_with_the_reason() {
        let file = "  api: { build: ., ports: ['1:1'], environment: { DATABASE_URL: 'postgres://u:p@main/d' } }\n  \
                    worker: { build: ., command: work }\n  web: { build: web, depends_on: [api] }\n  grafana: { image: grafana, ports: [3000] }\n  \
                    main: { image: postgres }\n  analytics: { image: postgres }\n";
        let (parts, alone) = parts(file);
        assert_eq!(parts, ["main postgres"]);
        assert_eq!(
            alone,
            [
                "analytics: parts.main has its port 5432, at which the fault proxy can listen for one of them",
                "grafana: no pod depends on it or names it",
                "web: it depends on the pods",
                "worker: built here too: if turns run in it, it is a pod",
            ]
        );
    }
}
