//! A compose file as Compose itself has resolved it: variables, anchors, `extends`, `env_file` and paths are done.
//!
//! Compose v2 prints it as JSON, v1 as YAML. Whatever is not asked for here is handed back to the same Compose as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// Largest answer of Compose that is read, in bytes.
const LARGEST: usize = 16 << 20;

/// Keys and values of one thing of the file.
pub(in crate::cluster) type Fields = Map<String, Value>;

/// A resolved compose file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resolved {
    /// The services, those with a profile included, by name.
    pub services: BTreeMap<String, Service>,
    pub(in crate::cluster) networks: BTreeMap<String, Fields>,
    pub(in crate::cluster) volumes: BTreeMap<String, Fields>,
    /// `secrets`, `configs` and, by v1, `version`.
    pub(in crate::cluster) rest: Fields,
}

/// One service of a resolved compose file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service(pub(in crate::cluster) Fields);

/// The command of a service, in the form that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) enum Command {
    /// The image's own.
    None,
    /// One text, which Compose splits as a shell would.
    Text(String),
    /// Words.
    Words(Vec<String>),
}

impl Resolved {
    /// Reads what `config` has printed.
    ///
    /// # Errors
    /// It is no compose file: why, with the place.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("it is {} bytes long, more than {LARGEST}", text.len()));
        }
        let whole: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?
        };
        let Value::Object(mut whole) = whole else {
            return Err("it is no table of services".to_owned());
        };
        let services = section(&mut whole, "services")?;
        let networks = section(&mut whole, "networks")?;
        let volumes = section(&mut whole, "volumes")?;
        whole.retain(|key, _| ["secrets", "configs", "version"].contains(&key.as_str()));
        let services = services.into_iter().map(|(name, mut fields)| {
            fields.retain(|_, value| !value.is_null());
            (name, Service(fields))
        });
        Ok(Self {
            services: services.collect(),
            networks,
            volumes,
            rest: whole,
        })
    }

    /// The names of all services, for messages.
    pub(in crate::cluster) fn names(&self) -> String {
        self.services.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// A section by name; empty if there is none. An entry without fields is `null` in some files.
fn section(whole: &mut Fields, name: &str) -> Result<BTreeMap<String, Fields>, String> {
    let entries = match whole.remove(name) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(other) => return Err(format!("{name} is no table but {other}")),
    };
    let read = entries.into_iter().map(|(key, value)| match value {
        Value::Object(fields) => Ok((key, fields)),
        Value::Null => Ok((key, Fields::new())),
        other => Err(format!("{name}.{key} is no table but {other}")),
    });
    read.collect()
}

impl Service {
    /// The value of a key, as Compose prints it: a `$` of the value's own is written `$$`.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The value of a key, if it is a text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// The profiles with which it is started. Empty: it always is.
    pub fn profiles(&self) -> Vec<&str> {
        let profiles = self.0.get("profiles").and_then(Value::as_array);
        profiles.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The services that must be started before, each with its condition as the file says it.
    pub fn depends_on(&self) -> BTreeMap<String, Value> {
        match self.0.get("depends_on") {
            Some(Value::Object(services)) => services.clone().into_iter().collect(),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), serde_json::json!({ "condition": "service_started" })))
                .collect(),
            _ => BTreeMap::new(),
        }
    }

    /// The service that another key leads to: `network_mode: service:NAME`, `ipc`, `pid`.
    pub(in crate::cluster) fn joined(&self, key: &str) -> Option<&str> {
        self.text(key)?.strip_prefix("service:")
    }

    /// The services of the legacy key `links`, each with the name by which it is known.
    pub(in crate::cluster) fn links(&self) -> Vec<(String, String)> {
        let links = self.0.get("links").and_then(Value::as_array);
        let links = links.into_iter().flatten().filter_map(Value::as_str);
        let pair = |link: &str| {
            let (service, alias) = link.split_once(':').unwrap_or((link, link));
            (service.to_owned(), alias.to_owned())
        };
        links.map(pair).collect()
    }

    /// Every service without which this one cannot be made or started.
    pub fn needs(&self) -> BTreeSet<String> {
        let joined = ["network_mode", "ipc", "pid"]
            .into_iter()
            .filter_map(|key| self.joined(key));
        let volumes_from = self
            .0
            .get("volumes_from")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let volumes_from = volumes_from
            .filter_map(Value::as_str)
            .map(|from| from.split(':').next().unwrap_or(from));
        let mut needs: BTreeSet<String> = joined.chain(volumes_from).map(str::to_owned).collect();
        needs.extend(self.depends_on().into_keys());
        needs.extend(self.links().into_iter().map(|(service, _)| service));
        needs
    }

    /// The networks, each with what the service says of it. A service without any is on `default`.
    pub(in crate::cluster) fn networks(&self) -> BTreeMap<String, Fields> {
        let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
        match self.0.get("networks") {
            Some(Value::Object(networks)) => networks.iter().map(|(name, of)| (name.clone(), fields(of))).collect(),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), Fields::new()))
                .collect(),
            _ if self.0.contains_key("network_mode") => BTreeMap::new(),
            _ => BTreeMap::from([("default".to_owned(), Fields::new())]),
        }
    }

    /// Names besides the service's own by which it is reached in its networks.
    pub fn aliases(&self) -> BTreeSet<String> {
        let networks = self.networks();
        let aliases = networks
            .values()
            .filter_map(|of| of.get("aliases")?.as_array())
            .flatten();
        let aliases = aliases.filter_map(Value::as_str).map(str::to_owned);
        aliases.chain(self.text("container_name").map(str::to_owned)).collect()
    }

    /// Number of containers, by `deploy.replicas` or `scale`.
    pub fn replicas(&self) -> u64 {
        let deploy = self.0.get("deploy").and_then(|deploy| deploy.get("replicas"));
        deploy
            .or_else(|| self.0.get("scale"))
            .and_then(Value::as_u64)
            .unwrap_or(1)
    }

    /// Returns `None` if the command has another form than Compose allows.
    pub(in crate::cluster) fn command(&self) -> Option<Command> {
        match self.0.get("command") {
            None => Some(Command::None),
            Some(Value::String(text)) => Some(Command::Text(text.clone())),
            Some(Value::Array(words)) => {
                let words = words.iter().map(|word| word.as_str().map(str::to_owned));
                Some(Command::Words(words.collect::<Option<_>>()?))
            }
            Some(_) => None,
        }
    }

    /// The pairs of a key that is a table, or a list of texts `NAME=VALUE`.
    pub fn pairs(&self, key: &str) -> Fields {
        match self.0.get(key) {
            Some(Value::Object(pairs)) => pairs.clone(),
            Some(Value::Array(pairs)) => {
                let pair = |text: &str| match text.split_once('=') {
                    Some((name, value)) => (name.to_owned(), value.into()),
                    None => (text.to_owned(), Value::Null),
                };
                pairs.iter().filter_map(Value::as_str).map(pair).collect()
            }
            _ => Fields::new(),
        }
    }

    /// The named volumes that it mounts.
    pub fn named_volumes(&self) -> BTreeSet<String> {
        let volumes = self.0.get("volumes").and_then(Value::as_array).into_iter().flatten();
        let name = |volume: &Value| match volume {
            Value::String(short) => {
                let (source, _) = short.split_once(':')?;
                (!source.starts_with(['/', '.', '~'])).then(|| source.to_owned())
            }
            Value::Object(long) if long.get("type")? == "volume" => Some(long.get("source")?.as_str()?.to_owned()),
            _ => None,
        };
        volumes.filter_map(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = include_str!("../../../../tests/compose/v1.yaml");
    const V2: &str = include_str!("../../../../tests/compose/v2.json");

    #[test]
    fn both_composes_say_the_same_of_one_file() {
        let (one, two) = (Resolved::read(V1).expect("v1's"), Resolved::read(V2).expect("v2's"));
        assert_eq!(one.names(), "base, chat, db, mailhog, redis, web, worker");
        assert_eq!(one.names(), two.names());
        for (name, first) in &one.services {
            let second = &two.services[name];
            assert_eq!(first.networks(), second.networks(), "{name}");
            assert_eq!(first.needs(), second.needs(), "{name}");
            assert_eq!(first.pairs("environment"), second.pairs("environment"), "{name}");
            assert_eq!(first.replicas(), second.replicas(), "{name}");
            assert_eq!(first.named_volumes(), second.named_volumes(), "{name}");
            assert_eq!(first.aliases(), second.aliases(), "{name}");
        }
        let chat = &one.services["chat"];
        assert_eq!(chat.depends_on()["db"]["condition"], "service_healthy");
        assert_eq!(chat.replicas(), 2);
        let aliases: Vec<_> = one.services["redis"].aliases().into_iter().collect();
        assert_eq!(aliases, ["cache"]);
        assert_eq!(one.services["db"].aliases().first().map(String::as_str), Some("mydb"));
        assert_eq!(
            one.services["db"].named_volumes().first().map(String::as_str),
            Some("data")
        );
        assert_eq!(one.services["worker"].profiles(), ["full", "never"]);
        assert!(one.services["web"].networks().is_empty(), "it is on the host's");
    }

    #[test]
    fn commands_are_read_in_the_form_that_they_have() {
        let (one, two) = (Resolved::read(V1).expect("v1's"), Resolved::read(V2).expect("v2's"));
        let command = |of: &Resolved, name: &str| of.services[name].command();
        assert_eq!(command(&one, "chat"), Some(Command::None));
        assert_eq!(command(&two, "chat"), Some(Command::None), "null is none");
        let words = ["redis-server", "--appendonly", "yes"].map(str::to_owned).to_vec();
        assert_eq!(command(&one, "redis"), Some(Command::Text(words.join(" "))));
        assert_eq!(command(&two, "redis"), Some(Command::Words(words)));
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        let refused = |text: &str| Resolved::read(text).expect_err("no compose file");
        assert!(
            refused("services: [a").contains("line 1"),
            "{}",
            refused("services: [a")
        );
        assert!(refused("- a\n").contains("no table of services"));
        assert!(refused("services:\n  a: 7\n").contains("services.a is no table but 7"));
        assert!(refused("{\"services\": 1").contains("line 1"));
        assert_eq!(Resolved::read("{}"), Ok(Resolved::default()));
    }
}
