//! The command of a PostgreSQL server whose every committed change is to be read.

use serde_json::{Value, json};

use crate::cluster::docker::compose::resolved::{Command, Fields, Service};

/// Settings that reading changes needs. A setting that the user has said stays, but for the first.
const SETTINGS: [(&str, &str); 3] = [
    ("wal_level", "logical"),
    ("max_wal_senders", "16"),
    ("max_replication_slots", "16"),
];

/// Adds the settings to a service's command, in the form that it has.
///
/// # Errors
/// The command runs something else, so that nothing can be added: what to change.
pub(super) fn with_changes(name: &str, fields: &mut Fields) -> Result<(), String> {
    let service = Service(fields.clone());
    let refused = |why: String| {
        format!(
            "parts.{name}: {why}, so that crosspod cannot add `-c wal_level=logical` to it; let its command be `postgres` with \
             options, or none"
        )
    };
    if let Some(entrypoint) = fields
        .get("entrypoint")
        .filter(|of| !of.to_string().contains("docker-entrypoint"))
    {
        return Err(refused(format!("its entrypoint is {entrypoint}")));
    }
    let command = service
        .command()
        .ok_or_else(|| refused("its command cannot be read".to_owned()))?;
    let added: Value = match command {
        Command::None => json!(words(vec!["postgres".to_owned()])),
        Command::Words(of) if is_server(of.iter().map(String::as_str)) => json!(words(of)),
        Command::Text(of) if is_server(of.split_whitespace()) => {
            json!(format!("{of} {}", words(vec![of.clone()])[1..].join(" ")))
        }
        Command::Words(of) => return Err(refused(format!("its command is {of:?}"))),
        Command::Text(of) => return Err(refused(format!("its command is {of:?}"))),
    };
    fields.insert("command".into(), added);
    Ok(())
}

/// True for options of the server alone, and for the server by its name with options.
fn is_server<'a>(mut words: impl Iterator<Item = &'a str>) -> bool {
    let first = words.next().unwrap_or_default();
    let options = first.starts_with('-') || first == "postgres" || first.ends_with("/postgres");
    options || (first.ends_with("docker-entrypoint.sh") && words.next() == Some("postgres"))
}

/// The words with the settings behind them: of two, the server takes the later one.
fn words(mut words: Vec<String>) -> Vec<String> {
    let said = words.join(" ");
    for (name, value) in SETTINGS {
        if name == "wal_level" || !said.contains(&format!("{name}=")) {
            words.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDED: &str = "-c wal_level=logical -c max_wal_senders=16 -c max_replication_slots=16";

    fn command(service: Value) -> Result<Value, String> {
        let Value::Object(mut fields) = service else {
            panic!("a service")
        };
        with_changes("db", &mut fields).map(|()| fields["command"].clone())
    }

    fn joined(command: &Value) -> String {
        let words = command.as_array().expect("words").iter();
        words
            .map(|word| word.as_str().expect("a word"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn settings_are_added_in_the_form_that_the_command_has() {
        let none = command(json!({ "image": "postgres" })).expect("possible");
        assert_eq!(joined(&none), format!("postgres {ADDED}"));
        let options = command(json!({ "command": ["-c", "shared_buffers=1GB"] })).expect("possible");
        assert_eq!(joined(&options), format!("-c shared_buffers=1GB {ADDED}"));
        let text = command(json!({ "command": "postgres -c 'a=b c'" })).expect("possible");
        assert_eq!(text, json!(format!("postgres -c 'a=b c' {ADDED}")));
        let script = command(json!({ "command": ["docker-entrypoint.sh", "postgres"] })).expect("possible");
        assert_eq!(joined(&script), format!("docker-entrypoint.sh postgres {ADDED}"));
    }

    #[test]
    fn a_setting_of_the_users_stays_but_for_the_level() {
        let own =
            command(json!({ "command": "postgres -c wal_level=replica -c max_wal_senders=99" })).expect("possible");
        let expected =
            "postgres -c wal_level=replica -c max_wal_senders=99 -c wal_level=logical -c max_replication_slots=16";
        assert_eq!(own, json!(expected));
    }

    #[test]
    fn another_program_is_refused_with_what_to_change() {
        for service in [
            json!({ "command": ["sh", "-c", "postgres -c a=b"] }),
            json!({ "command": "sh -c 'postgres'" }),
            json!({ "entrypoint": ["/own.sh"] }),
        ] {
            let refused = command(service).expect_err("refused");
            assert!(
                refused.contains("parts.db: its ") && refused.contains("wal_level=logical"),
                "{refused}"
            );
        }
    }
}
