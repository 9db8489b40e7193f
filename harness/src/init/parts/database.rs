//! The address by which crosspod reads a Postgres server, from the variables that the image takes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::init::guess::Guess;
use crate::init::seen::Seen;

/// Variables of user, password and database, those of other makers behind the image's own.
const USER: [&str; 2] = ["POSTGRES_USER", "POSTGRESQL_USERNAME"];
const PASSWORD: [&str; 3] = [
    "POSTGRES_PASSWORD",
    "POSTGRESQL_PASSWORD",
    "POSTGRESQL_POSTGRES_PASSWORD",
];
const DATABASE: [&str; 2] = ["POSTGRES_DB", "POSTGRESQL_DATABASE"];
/// The image's own user, whose name the database has as well.
const SUPERUSER: &str = "postgres";
/// The variable that lets everybody in without a password.
const TRUST: (&str, &str) = ("POSTGRES_HOST_AUTH_METHOD", "trust");

/// A URL of a Postgres server: host and database.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    let url = r"^postgres[a-z+0-9]*://(?:[^@/\s]*@)?(?<host>[^:/@\s]+)(?::\d+)?/(?<database>[A-Za-z0-9_.-]+)";
    Regex::new(url).expect("an expression that is tested")
});

/// The address of a server. `written` are the user's compose files: a password that does not stand there is a secret.
pub(super) fn url(server: &Seen<'_>, pods: &[Seen<'_>], written: &str) -> Guess<String> {
    let environment = server.environment();
    let find = |names: &[&'static str]| {
        let known = names.iter().find_map(|name| Some((*name, environment.get(*name)?)));
        known.filter(|(_, value)| !value.is_empty())
    };
    let (user, password, database) = (find(&USER), find(&PASSWORD), find(&DATABASE));
    let user_name = user.map_or(SUPERUSER, |(_, value)| value.as_str());
    let database_name = database.map_or(user_name, |(_, value)| value.as_str());
    let named = named_by(pods, server).filter(|(_, name)| name != database_name);
    let (login, remark) = login(password, &environment, written);
    let path = named.as_ref().map_or(database_name, |(_, name)| name.as_str());
    let url = format!("postgresql://{}{login}@{{at}}/{}", encoded(user_name), encoded(path));
    let said: Vec<&str> = [user, password, database]
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .collect();
    let named = named.map_or_else(String::new, |(variable, _)| {
        format!("; the database is that of {variable}")
    });
    match &said[..] {
        [] => Guess::inferred(url, format_args!("the image's own user and database{remark}{named}")),
        said => Guess::said(url, format_args!("{}{remark}{named}", said.join(", "))),
    }
}

/// The part of a URL that holds the password, and what a reader must know of it.
fn login(
    password: Option<(&'static str, &String)>,
    environment: &BTreeMap<String, String>,
    written: &str,
) -> (String, String) {
    let from_outside = |name: &str| format!(":{{env.{name}}}");
    match password {
        Some((_, value)) if stands_in(written, value) => (
            format!(":{}", encoded(value)),
            ": the password stands in the compose file".to_owned(),
        ),
        Some((name, _)) => (
            from_outside(name),
            format!(": the password does not stand in the compose file, so {name} must be set when crosspod runs"),
        ),
        None if environment.get(TRUST.0).is_some_and(|method| method == TRUST.1) => (String::new(), String::new()),
        None if environment.contains_key("POSTGRES_PASSWORD_FILE") => (
            from_outside(PASSWORD[0]),
            format!(
                ": the password is in a file of its own, so {} must be set when crosspod runs",
                PASSWORD[0]
            ),
        ),
        None => (String::new(), "; no variable holds a password".to_owned()),
    }
}

/// True if a password stands in the user's files, beside a word that says what it is.
fn stands_in(written: &str, password: &str) -> bool {
    let escaped = password.replace('$', "$$");
    let holds = |line: &str| line.contains(password) || line.contains(&escaped);
    let says = |line: &str| line.to_uppercase().contains("PASSWORD") || line.contains("://");
    written.lines().any(|line| holds(line) && says(line))
}

/// The database of a server that a pod's URL names, with the variable.
fn named_by(pods: &[Seen<'_>], server: &Seen<'_>) -> Option<(String, String)> {
    let names = server.names();
    let variables = pods.iter().flat_map(Seen::environment);
    variables.into_iter().find_map(|(variable, value)| {
        let found = URL.captures(&value)?;
        let database = names.contains(&found["host"]).then(|| found["database"].to_owned());
        Some((variable, database?))
    })
}

/// A part of a URL: what has a meaning there, or in a description, is written as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    /// The address of `db`, with the environments of `db` and of the pod `api`.
    fn url_of(db: &str, api: &str, written: &str) -> (String, String) {
        let file = format!("services:\n  api: {{ environment: {{ {api} }} }}\n  db: {{ environment: {{ {db} }} }}\n");
        let resolved = Resolved::read(&file).expect("a file");
        let all = Seen::all(&resolved);
        let guess = url(&all[1], &all[..1], written);
        (guess.value, guess.why)
    }

    fn check(environment: (&str, &str), written: &str, url: &str, why: &str) {
        let expected = (url.to_owned(), why.to_owned());
        assert_eq!(url_of(environment.0, environment.1, written), expected);
    }

    #[test]
    fn user_password_and_database_are_those_of_the_image_or_its_own() {
        let written = "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-chat_secret}";
        check(
            (
                "POSTGRES_USER: chat, POSTGRES_PASSWORD: chat_secret, POSTGRES_DB: talk",
                "",
            ),
            written,
            "postgresql://chat:chat_secret@{at}/talk",
            "from POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB: the password stands in the compose file",
        );
        check(
            ("POSTGRES_PASSWORD: chat_secret", ""),
            written,
            "postgresql://postgres:chat_secret@{at}/postgres",
            "from POSTGRES_PASSWORD: the password stands in the compose file",
        );
        check(
            ("POSTGRESQL_USERNAME: chat, POSTGRES_HOST_AUTH_METHOD: trust", ""),
            "",
            "postgresql://chat@{at}/chat",
            "from POSTGRESQL_USERNAME",
        );
        check(
            ("", ""),
            "",
            "postgresql://postgres@{at}/postgres",
            "guess: the image's own user and database; no variable holds a password",
        );
    }

    #[test]
    fn a_password_from_outside_of_the_file_is_not_written() {
        check(
            ("POSTGRES_PASSWORD: s3cret", ""),
            "POSTGRES_PASSWORD: ${DB_PASSWORD}\nimage: s3cret",
            "postgresql://postgres:{env.POSTGRES_PASSWORD}@{at}/postgres",
            "from POSTGRES_PASSWORD: the password does not stand in the compose file, so POSTGRES_PASSWORD must be set when crosspod runs",
        );
        check(
            ("POSTGRES_PASSWORD_FILE: /run/secrets/pw", ""),
            "",
            "postgresql://postgres:{env.POSTGRES_PASSWORD}@{at}/postgres",
            "guess: the image's own user and database: the password is in a file of its own, so POSTGRES_PASSWORD must be set when crosspod runs",
        );
    }

    #[test]
    fn odd_characters_are_encoded_and_the_pods_database_counts() {
        check(
            (
                "POSTGRES_PASSWORD: 'p@$$/{x}', POSTGRES_DB: a",
                "DB: 'postgresql+psycopg://u:p@db:5432/talk?ssl=no'",
            ),
            "PASSWORD=p@$$/{x}",
            "postgresql://postgres:p%40%24%2F%7Bx%7D@{at}/talk",
            "from POSTGRES_PASSWORD, POSTGRES_DB: the password stands in the compose file; the database is that of DB",
        );
        let other = "DB: 'postgres://u:p@elsewhere/talk'";
        assert!(url_of("POSTGRES_PASSWORD: a", other, "").0.ends_with("@{at}/postgres"));
    }
}
