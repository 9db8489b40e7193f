//! The rest of a store's data after a kill, by its command and its volumes.

use std::path::Path;

use crate::init::guess::Guess;
use crate::init::seen::Seen;
use crate::system::parts::Keeps;

/// Variables of images that hold options of the server.
const REDIS_OPTIONS: [&str; 3] = ["REDIS_ARGS", "REDIS_EXTRA_FLAGS", "VALKEY_EXTRA_FLAGS"];
/// Variables of images that keep an append-only file unless they say `no`.
const REDIS_APPENDS: [&str; 2] = ["REDIS_AOF_ENABLED", "VALKEY_AOF_ENABLED"];

/// The data that a Redis server keeps. Its process, not its machine, is killed: what it handed to the kernel is kept.
pub(super) fn redis(server: &Seen<'_>) -> Guess<Keeps> {
    let mut words = server.words();
    let environment = server.environment();
    for options in REDIS_OPTIONS.iter().filter_map(|name| environment.get(*name)) {
        words.extend(options.split_whitespace().map(str::to_owned));
    }
    if value_of(&words, "--appendonly").is_some_and(|value| value == "yes") {
        return Guess::said(Keeps::Always, "--appendonly yes");
    }
    let appends = REDIS_APPENDS.iter().find(|name| environment.contains_key(**name));
    let is_of_bitnami = server.image().is_some_and(|image| image.contains("bitnami"));
    let says_no = appends.is_some_and(|name| environment[*name] == "no");
    if (is_of_bitnami || appends.is_some()) && !says_no {
        return Guess::inferred(Keeps::Always, "its image appends every write to a file");
    }
    if let Some(file) = words.iter().find(|word| is_configuration(word)) {
        return Guess::inferred(
            Keeps::OnStop,
            format_args!("{file} is not read; \"always\" if it says appendonly yes"),
        );
    }
    if value_of(&words, "--save").is_some_and(str::is_empty) {
        return Guess::said(Keeps::Never, "--save \"\", and there is no --appendonly");
    }
    Guess::inferred(Keeps::OnStop, "no --appendonly in its command")
}

fn is_configuration(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|ending| ending == "conf")
}

/// The word behind an option.
fn value_of<'w>(words: &'w [String], option: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| word == option)?;
    words.get(at + 1).map(String::as_str)
}

/// The data that a NATS server keeps: streams of JetStream lie in files, everything else is gone.
pub(super) fn nats(server: &Seen<'_>) -> Guess<Keeps> {
    let words = server.words();
    let option = |names: &[&str]| {
        let is_one = |word: &&String| {
            names
                .iter()
                .any(|name| *name == word.split('=').next().unwrap_or_default())
        };
        words
            .iter()
            .find(is_one)
            .map(|word| word.split('=').next().unwrap_or_default().to_owned())
    };
    if let Some(option) = option(&["-js", "--js", "--jetstream", "-sd", "--store_dir"]) {
        let reason = format!("{option} keeps streams in files; \"never\" if they are in memory");
        return Guess::inferred(Keeps::Always, reason);
    }
    match (option(&["-c", "--config"]), server.has_volume()) {
        (Some(_), true) => Guess::inferred(Keeps::Always, "it has a volume; its configuration file is not read"),
        (Some(_), false) => Guess::inferred(Keeps::Never, "it has no volume; its configuration file is not read"),
        (None, _) => Guess::inferred(Keeps::Never, "no -js in its command"),
    }
}

/// The data that a server of an unknown kind keeps.
pub(super) fn other(server: &Seen<'_>) -> Guess<Keeps> {
    if server.has_volume() {
        Guess::inferred(Keeps::Always, "it has a volume")
    } else {
        Guess::inferred(Keeps::Never, "it has no volume")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    fn check(keeps: fn(&Seen<'_>) -> Guess<Keeps>, service: &str, expected: Keeps, why: &str) {
        let resolved = Resolved::read(&format!("services: {{ a: {service} }}")).expect("a file");
        let guess = keeps(&Seen::all(&resolved)[0]);
        assert_eq!((guess.value, &*guess.why), (expected, why), "{service}");
    }

    #[test]
    fn redis_keeps_what_its_options_say() {
        let on_stop = "guess: no --appendonly in its command";
        let appends = "guess: its image appends every write to a file";
        for (service, expected, why) in [
            ("{ image: redis }", Keeps::OnStop, on_stop),
            ("{ command: redis-server --appendonly no }", Keeps::OnStop, on_stop),
            (
                "{ command: [redis-server, --appendonly, 'yes'] }",
                Keeps::Always,
                "from --appendonly yes",
            ),
            (
                "{ environment: { REDIS_ARGS: '--appendonly yes' } }",
                Keeps::Always,
                "from --appendonly yes",
            ),
            (
                "{ command: [redis-server, --save, ''] }",
                Keeps::Never,
                "from --save \"\", and there is no --appendonly",
            ),
            ("{ command: [redis-server, --save, 60, 1] }", Keeps::OnStop, on_stop),
            (
                "{ command: redis-server /etc/r.conf }",
                Keeps::OnStop,
                "guess: /etc/r.conf is not read; \"always\" if it says appendonly yes",
            ),
            ("{ image: 'bitnami/redis:7' }", Keeps::Always, appends),
            (
                "{ image: 'bitnami/redis:7', environment: { REDIS_AOF_ENABLED: 'no' } }",
                Keeps::OnStop,
                on_stop,
            ),
        ] {
            check(redis, service, expected, why);
        }
    }

    #[test]
    fn nats_keeps_what_jetstream_keeps() {
        let files = |option: &str| format!("guess: {option} keeps streams in files; \"never\" if they are in memory");
        check(nats, "{ image: nats }", Keeps::Never, "guess: no -js in its command");
        check(nats, "{ command: [-js] }", Keeps::Always, &files("-js"));
        check(
            nats,
            "{ command: --store_dir=/data }",
            Keeps::Always,
            &files("--store_dir"),
        );
        check(
            nats,
            "{ command: [--config, /n.conf], volumes: ['data:/data'] }",
            Keeps::Always,
            "guess: it has a volume; its configuration file is not read",
        );
        check(
            nats,
            "{ command: -c /n.conf, volumes: ['./n.conf:/n.conf:ro'] }",
            Keeps::Never,
            "guess: it has no volume; its configuration file is not read",
        );
    }

    #[test]
    fn a_volume_keeps_everything() {
        check(
            other,
            "{ volumes: ['data:/data'] }",
            Keeps::Always,
            "guess: it has a volume",
        );
        check(other, "{ image: a }", Keeps::Never, "guess: it has no volume");
    }
}
