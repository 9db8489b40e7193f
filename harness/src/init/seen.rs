//! A service of the resolved compose file, as init reads it. Nothing here guesses.
//!
//! Compose prints a `$` of a value's own as `$$`; here values are as the container sees them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cluster::{ComposeService, Resolved};

/// Most ports of a range that are read.
const RANGE_MAX: u16 = 16;

/// A service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'r> {
    /// Its name.
    pub(super) name: &'r str,
    service: &'r ComposeService,
}

/// A port that a service publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    /// The port on the host and the port inside, as a compose file writes them.
    pub(super) text: String,
    /// The port inside.
    pub(super) inside: u16,
}

impl<'r> Seen<'r> {
    /// Every service of a file, by name.
    pub(super) fn all(resolved: &'r Resolved) -> Vec<Self> {
        let services = resolved.services.iter();
        services.map(|(name, service)| Self { name, service }).collect()
    }

    /// The image's reference.
    pub(super) fn image(&self) -> Option<String> {
        self.service.text("image").map(unescaped)
    }

    /// True if its image is built from sources.
    pub(super) fn is_built(&self) -> bool {
        self.service.value("build").is_some()
    }

    /// The values that two replicas of one program share.
    pub(super) fn recipe(&self) -> [Option<&'r Value>; 4] {
        let service = self.service;
        ["build", "image", "command", "entrypoint"].map(|key| service.value(key))
    }

    /// The profiles with which it is started, in order. Empty: it always is.
    pub(super) fn profiles(&self) -> Vec<&'r str> {
        let mut profiles = self.service.profiles();
        profiles.sort_unstable();
        profiles
    }

    /// Every service without which this one cannot be started.
    pub(super) fn needs(&self) -> BTreeSet<String> {
        self.service.needs()
    }

    /// The services whose end it waits for.
    pub(super) fn awaits(&self) -> Vec<String> {
        let needs = self.service.depends_on().into_iter();
        let awaited = needs.filter(|(_, how)| how.get("condition").is_some_and(|how| how == COMPLETED));
        awaited.map(|(name, _)| name).collect()
    }

    /// Names by which others reach it.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let mut names = self.service.aliases();
        names.insert(self.name.to_owned());
        names
    }

    /// Number of containers, as the file says it.
    pub(super) fn replicas(&self) -> u64 {
        self.service.replicas()
    }

    /// The value of `restart`, if the file says one.
    pub(super) fn restart(&self) -> Option<&'r str> {
        match self.service.value("restart")? {
            Value::Bool(false) => Some("no"),
            value => value.as_str(),
        }
    }

    /// The TCP ports that it publishes, in the order of the file.
    pub(super) fn published(&self) -> Vec<Published> {
        let ports = items(self.service.value("ports"));
        ports.flat_map(published).collect()
    }

    /// The TCP ports that it exposes, in the order of the file.
    pub(super) fn exposed(&self) -> Vec<u16> {
        let ports = items(self.service.value("expose"));
        ports.flat_map(|port| inside(&text(port))).collect()
    }

    /// The words of entrypoint and command. Words of a shell's script are words as well; an empty one is kept.
    pub(super) fn words(&self) -> Vec<String> {
        let keys = ["entrypoint", "command"].into_iter();
        keys.flat_map(|key| words(self.service.value(key))).collect()
    }

    /// The command of its health check, in one line. Returns `None` if it has none.
    pub(super) fn health_check(&self) -> Option<String> {
        let check = self.service.value("healthcheck")?;
        if check.get("disable").is_some_and(|is| *is == true) {
            return None;
        }
        let test = words(check.get("test")).join(" ");
        (!test.is_empty() && test != "NONE").then_some(test)
    }

    /// Its environment, `env_file` included. A variable without a value is left out.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let pairs = self.service.pairs("environment").into_iter();
        let said = pairs.filter(|(_, value)| !value.is_null());
        said.map(|(name, value)| (name, unescaped(&text(&value)))).collect()
    }

    /// True if files that it writes lie in a volume or a folder of the host.
    pub(super) fn has_volume(&self) -> bool {
        let is_written = |volume: &Value| match volume {
            Value::String(short) => short.contains(':') && !short.ends_with(":ro"),
            long => {
                let is_read_only = long.get("read_only").is_some_and(|is| *is == true);
                let kind = long.get("type").and_then(Value::as_str);
                matches!(kind, Some("volume" | "bind")) && !is_read_only
            }
        };
        items(self.service.value("volumes")).any(is_written)
    }
}

/// The condition of a dependency that waits for the end of a service.
const COMPLETED: &str = "service_completed_successfully";

/// The entries of a list, or of nothing.
fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn unescaped(text: &str) -> String {
    text.replace("$$", "$")
}

/// A plain value as text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The words of a command in either of its forms, a health check's included.
fn words(command: Option<&Value>) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        let is_quote = |c: char| c == '"' || c == '\'';
        let words = text.split_whitespace();
        words.map(|word| unescaped(word.trim_matches(is_quote))).collect()
    };
    match command {
        Some(Value::String(text)) => split(text),
        Some(Value::Array(words)) => {
            let words = words.iter().map(text);
            words
                .flat_map(|word| if word.is_empty() { vec![word] } else { split(&word) })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A published port in either of its forms: `127.0.0.1:8080:80/tcp`, or `{ published, target, protocol }`. A range is several.
fn published(port: &Value) -> Vec<Published> {
    if let Some(target) = port.get("target") {
        let is_udp = port.get("protocol").is_some_and(|protocol| protocol == "udp");
        let inside = target.as_u64().and_then(|target| u16::try_from(target).ok());
        let host = port.get("published").map(text).filter(|host| !host.is_empty());
        let one = |inside: u16| Published {
            text: host.map_or_else(|| inside.to_string(), |host| format!("{host}:{inside}")),
            inside,
        };
        return inside.filter(|_| !is_udp).map(one).into_iter().collect();
    }
    let short = text(port);
    let behind = short.rsplit(':').next().unwrap_or_default();
    let ports = inside(behind).into_iter();
    ports
        .map(|inside| Published {
            text: short.clone(),
            inside,
        })
        .collect()
}

/// The ports inside of `80`, `80/tcp`, `3000-3002`. None of a UDP port.
fn inside(text: &str) -> Vec<u16> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if protocol == "tcp" && first > 0 => {
            (first..=last.min(first.saturating_add(RANGE_MAX - 1))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
services:
  chat:
    image: "reg.test:5000/chat:$$1"
    entrypoint: sh -c
    command: ["exec chat --port '8000'", "", "--x=$$HOME"]
    expose: ["9000", 9001/tcp, 53/udp]
    ports:
      - { published: 2026, target: 2026, protocol: tcp }
      - { target: 53, protocol: udp }
      - { target: 8125 }
      - "127.0.0.1:8080:80/tcp"
      - 3000-3001:4000-4001
      - "6060"
      - 7777
    environment: { A: 1, B: null, C: true, D: "p$$w" }
    healthcheck: { test: [CMD-SHELL, "curl -f http://localhost:$${PORT}/live"] }
    volumes: ["./conf:/conf:ro"]
    restart: false
    depends_on: { migrate: { condition: service_completed_successfully }, db: { condition: service_healthy } }
    networks: { back: { aliases: [talk] } }
  db: { healthcheck: { test: [NONE] }, volumes: [{ type: volume, source: data, target: /data }], restart: "no" }
  migrate: { build: ., healthcheck: { disable: true, test: [CMD, a] }, volumes: [{ type: tmpfs, target: /tmp }] }
"#;

    fn seen(resolved: &Resolved) -> [Seen<'_>; 3] {
        Seen::all(resolved).try_into().expect("three services")
    }

    #[test]
    fn ports_are_read_in_every_form() {
        let resolved = Resolved::read(FILE).expect("a file");
        let [chat, ..] = seen(&resolved);
        let published = chat.published();
        let inside: Vec<u16> = published.iter().map(|port| port.inside).collect();
        assert_eq!(inside, [2026, 8125, 80, 4000, 4001, 6060, 7777]);
        assert_eq!(
            (&*published[0].text, &*published[1].text, &*published[2].text),
            ("2026:2026", "8125", "127.0.0.1:8080:80/tcp")
        );
        assert_eq!(chat.exposed(), [9000, 9001]);
        assert_eq!(super::inside("1-65535").len(), 16);
        assert_eq!(
            (super::inside("0"), super::inside("x"), super::inside("5-1")),
            (vec![], vec![], vec![])
        );
    }

    #[test]
    fn words_and_values_are_those_that_the_container_sees() {
        let resolved = Resolved::read(FILE).expect("a file");
        let [chat, db, migrate] = seen(&resolved);
        assert_eq!(
            chat.words(),
            ["sh", "-c", "exec", "chat", "--port", "8000", "", "--x=$HOME"]
        );
        assert_eq!(chat.image().as_deref(), Some("reg.test:5000/chat:$1"));
        let environment: Vec<(String, String)> = chat.environment().into_iter().collect();
        let expected = [("A", "1"), ("C", "true"), ("D", "p$w")];
        assert_eq!(
            environment,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let check = chat.health_check();
        assert_eq!(
            check.as_deref(),
            Some("CMD-SHELL curl -f http://localhost:${PORT}/live")
        );
        assert_eq!((db.health_check(), migrate.health_check()), (None, None));
        assert_eq!(
            (chat.restart(), db.restart(), migrate.restart()),
            (Some("no"), Some("no"), None)
        );
        assert_eq!([chat, db, migrate].map(|one| one.has_volume()), [false, true, false]);
        assert_eq!([chat, db, migrate].map(|one| one.is_built()), [false, false, true]);
    }

    #[test]
    fn what_it_needs_and_how_it_is_called() {
        let resolved = Resolved::read(FILE).expect("a file");
        let [chat, ..] = seen(&resolved);
        assert_eq!(chat.awaits(), ["migrate"]);
        assert_eq!(chat.needs().into_iter().collect::<Vec<_>>(), ["db", "migrate"]);
        assert_eq!(chat.names().into_iter().collect::<Vec<_>>(), ["chat", "talk"]);
    }
}
