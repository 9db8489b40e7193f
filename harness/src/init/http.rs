//! Where a service serves HTTP: what its health check asks, where its command listens, and the port that follows.

use std::sync::LazyLock;

use regex::Regex;

use super::guess::Guess;
use super::seen::Seen;

/// A host: with a scheme any, else the loopback.
const HOST: &str =
    r"(?<scheme>https?)://(?:\[[^\]]*\]|(?:\$\{[^}]*\}|[^:/\s])+)|\blocalhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]";
/// A character of a port.
const INSIDE: &str = r#"[^/\s"'`|;&)]"#;
/// A character of a path.
const PATH: &str = r#"[^\s"'`|;&)]"#;

/// An address of the service itself.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    let address = format!(r"(?:{HOST})(?::(?<port>{INSIDE}*))?(?<path>/{PATH}*)?");
    Regex::new(&address).expect("an expression that is tested")
});

/// Options of servers behind which a port stands, or an address with one.
const LISTEN_OPTIONS: [&str; 10] = [
    "--port",
    "-p",
    "--http-port",
    "--listen",
    "--bind",
    "-b",
    "--addr",
    "--address",
    "--server.port",
    "--http",
];
/// Variables that hold the port of a server.
const PORT_VARIABLES: [&str; 8] = [
    "PORT",
    "HTTP_PORT",
    "APP_PORT",
    "SERVER_PORT",
    "API_PORT",
    "WEB_PORT",
    "LISTEN_PORT",
    "UVICORN_PORT",
];
/// Ports of debuggers, metrics and gRPC, which clients do not talk to.
const NOT_FOR_CLIENTS: [u16; 7] = [5005, 5678, 6060, 9229, 9464, 50051, 50052];

/// The question that a health check asks of its own service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    port: Option<u16>,
    path: Option<String>,
}

/// The question that the command of a health check asks.
fn asked(check: &str) -> Asked {
    let Some(found) = ADDRESS.captures(check) else {
        return Asked::default();
    };
    let part = |name: &str| found.name(name).map(|part| part.as_str());
    let without_path = part("scheme").map(|_| "/");
    Asked {
        port: part("port").and_then(|port| port.parse().ok()),
        path: part("path").or(without_path).map(str::to_owned),
    }
}

fn asked_of(seen: &Seen<'_>) -> Asked {
    seen.health_check().map_or_else(Asked::default, |check| asked(&check))
}

/// The port at which a command listens, if one of its options says it. One on the loopback is nobody's.
fn listens(words: &[String]) -> Option<u16> {
    words.iter().enumerate().find_map(|(at, word)| {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (&**word, words.get(at + 1).map(|next| &**next)),
        };
        let address = value.filter(|_| LISTEN_OPTIONS.contains(&option))?;
        let address = address.split_once("://").map_or(address, |(_, address)| address);
        let (host, port) = address.rsplit_once(':').unwrap_or(("", address));
        let is_local = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
        port.parse().ok().filter(|_| !is_local)
    })
}

/// The port at which a service serves HTTP. Returns `None` if the file does not tell.
pub(super) fn port(seen: &Seen<'_>) -> Option<Guess<u16>> {
    let published = seen.published();
    match &published[..] {
        [] => {}
        [one] => return Some(Guess::said(one.inside, format_args!("ports {:?}", one.text))),
        several => {
            let ports: Vec<u16> = several.iter().map(|port| port.inside).collect();
            return Some(one_of_several(seen, &ports));
        }
    }
    if let Some(port) = asked_of(seen).port {
        return Some(Guess::said(port, "its health check"));
    }
    if let Some(port) = listens(&seen.words()) {
        return Some(Guess::said(port, "its command"));
    }
    if let Some(port) = seen.exposed().first() {
        return Some(Guess::said(*port, "expose"));
    }
    let environment = seen.environment();
    PORT_VARIABLES.iter().find_map(|name| {
        let port = environment.get(*name)?.parse().ok()?;
        Some(Guess::inferred(port, format_args!("its variable {name}")))
    })
}

/// The port among those that are published at which clients are served.
fn one_of_several(seen: &Seen<'_>, ports: &[u16]) -> Guess<u16> {
    let (asked, listens) = (asked_of(seen).port, listens(&seen.words()));
    let is_published = |port: &u16| ports.contains(port);
    let (port, reason) = match (asked.filter(is_published), listens.filter(is_published)) {
        (Some(port), _) => (port, "its health check asks there"),
        (None, Some(port)) => (port, "its command listens there"),
        (None, None) => {
            let for_clients = ports.iter().find(|port| !NOT_FOR_CLIENTS.contains(port));
            (*for_clients.unwrap_or(&ports[0]), "the first that it publishes")
        }
    };
    let others: Vec<String> = ports
        .iter()
        .filter(|other| **other != port)
        .map(u16::to_string)
        .collect();
    Guess::inferred(port, format_args!("{reason}; others are {}", others.join(", ")))
}

/// The path that answers while a pod lives.
pub(super) fn alive(seen: &Seen<'_>) -> Guess<String> {
    match asked_of(seen).path {
        Some(path) => Guess::inferred(path, "its health check asks it"),
        None => Guess::inferred("/health".to_owned(), "the usual path; no health check names one"),
    }
}

/// True if anything says that a service serves HTTP.
pub(super) fn serves(seen: &Seen<'_>) -> bool {
    port(seen).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    #[test]
    fn health_checks_say_port_and_path() {
        for (check, port, path) in [
            (
                "CMD-SHELL curl -sf http://localhost:2026/health || exit 1",
                Some(2026),
                Some("/health"),
            ),
            ("CMD curl -f http://localhost/", None, Some("/")),
            ("CMD wget -qO- http://127.0.0.1:8000", Some(8000), Some("/")),
            (
                "CMD curl --fail localhost:80/live?full=1",
                Some(80),
                Some("/live?full=1"),
            ),
            (
                "python -c import urllib.request; urllib.request.urlopen('http://localhost:8000/ok')",
                Some(8000),
                Some("/ok"),
            ),
            ("CMD-SHELL curl http://app:3000/up|grep ok", Some(3000), Some("/up")),
            ("CMD-SHELL curl -f http://localhost:${PORT}/live", None, Some("/live")),
            ("CMD-SHELL curl -f http://${HOST}:90/live", Some(90), Some("/live")),
            ("CMD-SHELL curl -f http://[::1]:90/live", Some(90), Some("/live")),
            ("CMD nc -z localhost 8000", None, None),
            ("CMD /app health", None, None),
        ] {
            let path = path.map(str::to_owned);
            assert_eq!(asked(check), Asked { port, path }, "{check}");
        }
    }

    #[test]
    fn commands_say_where_they_listen() {
        for (command, port) in [
            ("uvicorn app:app --host 0.0.0.0 --port 8000", Some(8000)),
            ("gunicorn -b 0.0.0.0:80 app:app", Some(80)),
            ("serve --listen=:9000", Some(9000)),
            ("serve --listen 0.0.0.0:8080 --admin 127.0.0.1:8081", Some(8080)),
            ("serve --listen tcp://0.0.0.0:8080", Some(8080)),
            ("serve --listen 127.0.0.1:8080", None),
            ("compose -p name", None),
            ("serve", None),
        ] {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(listens(&words), port, "{command}");
        }
    }

    fn port_of(service: &str) -> Option<(u16, String)> {
        let resolved = Resolved::read(&format!("services: {{ a: {service} }}")).expect("a file");
        let guess = port(&Seen::all(&resolved)[0])?;
        Some((guess.value, guess.why))
    }

    #[test]
    fn the_port_is_the_one_that_most_speaks_for() {
        let some = |port: u16, why: &str| Some((port, why.to_owned()));
        for (service, expected) in [
            (
                "{ ports: ['80:8000'], expose: [1] }",
                some(8000, "from ports \"80:8000\""),
            ),
            (
                "{ ports: [9229, 3000, 3001], command: serve --port 3001 }",
                some(3001, "guess: its command listens there; others are 9229, 3000"),
            ),
            (
                "{ ports: [9229, 3000] }",
                some(3000, "guess: the first that it publishes; others are 9229"),
            ),
            (
                "{ command: serve --port 3001, expose: [1] }",
                some(3001, "from its command"),
            ),
            ("{ expose: [7, 8] }", some(7, "from expose")),
            ("{ environment: { PORT: 5 } }", some(5, "guess: its variable PORT")),
            (
                "{ healthcheck: { test: curl http://localhost:4/ }, command: serve --port 3001 }",
                some(4, "from its health check"),
            ),
            ("{ image: a }", None),
        ] {
            assert_eq!(port_of(service), expected, "{service}");
        }
    }
}
