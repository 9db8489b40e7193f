//! Variables of the pods: where the provider is, and what tells copies apart.

use std::collections::{BTreeMap, BTreeSet};

use super::guess::Guess;
use super::seen::Seen;

/// Words in names of variables about the provider.
const PROVIDER: [&str; 2] = ["OPENAI", "LLM"];
/// Endings of variables that hold a base URL.
const BASE_URL: [&str; 2] = ["_URL", "_BASE"];
/// Ending of variables that hold a key.
const KEY: &str = "_KEY";
/// The provider's base URL, and its root.
const VERSION_1: &str = "{provider}/v1";
const ROOT: &str = "{provider}";
/// A key that the provider takes.
const MOCK_KEY: &str = "sk-mock";
/// Variables by which a replica knows its own name.
const OWN_NAME: [&str; 8] = [
    "POD_NAME",
    "POD_ID",
    "INSTANCE_ID",
    "INSTANCE_NAME",
    "NODE_ID",
    "NODE_NAME",
    "REPLICA_ID",
    "HOSTNAME",
];

/// The variables of the pods.
#[derive(Debug, Default)]
pub(super) struct Variables {
    /// Variables that init sets.
    pub(super) set: Vec<(String, Guess<String>)>,
    /// Variables of the compose file that may be the provider's too. They are written as comments.
    pub(super) possible: Vec<(String, Guess<String>)>,
}

/// Guesses the variables. `are_copies`: the pods share the environment of one service. `inside` are the names by which services of the
/// file are reached.
pub(super) fn of(pods: &[Seen<'_>], are_copies: bool, inside: &BTreeSet<String>) -> Variables {
    let said: BTreeMap<String, String> = pods.iter().flat_map(Seen::environment).collect();
    let mut variables = Variables::default();
    let usual = "the name that most clients read; check sees whether calls arrive";
    variables.of_provider(&said, is_base_url, ("OPENAI_BASE_URL", usual), base_url);
    let usual = "most clients want one; no call leaves the machine";
    variables.of_provider(&said, is_key, ("OPENAI_API_KEY", usual), |_| MOCK_KEY);
    if are_copies {
        let own_names = said.keys().filter(|name| OWN_NAME.contains(&name.as_str()));
        for name in own_names {
            let guess = Guess::inferred("{pod}".to_owned(), "by its name each copy needs one of its own");
            variables.set.push((name.clone(), guess));
        }
    }
    let others = said.iter().filter(|(name, _)| !is_of_the_provider(name));
    variables.possible = others
        .filter_map(|(name, value)| possible(name, value, inside))
        .collect();
    variables
}

impl Variables {
    /// Sets the provider's variables of one kind: those that the compose file has, else the usual one.
    fn of_provider(
        &mut self,
        said: &BTreeMap<String, String>,
        is_kind: fn(&str) -> bool,
        (usual, why): (&str, &str),
        value: fn(&str) -> &'static str,
    ) {
        let had = said
            .iter()
            .filter(|(name, _)| is_of_the_provider(name) && is_kind(name));
        let had: Vec<(String, Guess<String>)> = had
            .map(|(name, said)| {
                (
                    name.clone(),
                    Guess::inferred(value(said).to_owned(), "the compose file has it"),
                )
            })
            .collect();
        if had.is_empty() {
            self.set
                .push((usual.to_owned(), Guess::inferred(value("").to_owned(), why)));
        }
        self.set.extend(had);
    }
}

/// The provider's base URL for a client that is given another one: the root if that has no path either.
fn base_url(said: &str) -> &'static str {
    let path = said
        .split_once("://")
        .and_then(|(_, rest)| Some(rest.split_once('/')?.1));
    match path {
        None if said.contains("://") => ROOT,
        Some("") => ROOT,
        _ => VERSION_1,
    }
}

/// A variable that may be the provider's: an address outside of the compose file, or an address or key that the file leaves empty.
fn possible(name: &str, said: &str, inside: &BTreeSet<String>) -> Option<(String, Guess<String>)> {
    let value = match (is_base_url(name), is_key(name)) {
        (true, _) => base_url(said),
        (_, true) if said.is_empty() => MOCK_KEY,
        _ => return None,
    };
    let why = if said.is_empty() {
        "the compose file leaves it empty: is it the provider's?".to_owned()
    } else {
        let host = web_host(said).filter(|host| !inside.contains(*host))?;
        format!("it leads to {host}: is that the provider?")
    };
    Some((name.to_owned(), Guess::inferred(value.to_owned(), why)))
}

/// The host in an address of the web. `None` for other addresses, and for this machine.
fn web_host(address: &str) -> Option<&str> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme))?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    (!host.is_empty() && host != "localhost" && !host.starts_with("127.")).then_some(host)
}

fn is_base_url(name: &str) -> bool {
    let name = name.to_uppercase();
    BASE_URL.iter().any(|ending| name.ends_with(ending))
}

fn is_key(name: &str) -> bool {
    name.to_uppercase().ends_with(KEY)
}

fn is_of_the_provider(name: &str) -> bool {
    let upper = name.to_uppercase();
    PROVIDER.iter().any(|word| upper.contains(word)) && (is_base_url(name) || is_key(name))
}

/// True if a service has a variable that leads to a provider.
pub(super) fn names_the_provider(seen: &Seen<'_>) -> bool {
    seen.environment().keys().any(|name| is_of_the_provider(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    fn variables(environment: &str, are_copies: bool) -> (Vec<String>, Vec<String>) {
        let file = format!("services: {{ a: {{ environment: {{ {environment} }} }} }}");
        let resolved = Resolved::read(&file).expect("a file");
        let inside = ["a", "queue"].map(str::to_owned).into();
        let Variables { set, possible } = of(&Seen::all(&resolved), are_copies, &inside);
        let lines = |variables: Vec<(String, Guess<String>)>| {
            let line = |(name, guess): (String, Guess<String>)| format!("{name} = {} # {}", guess.value, guess.why);
            variables.into_iter().map(line).collect()
        };
        (lines(set), lines(possible))
    }

    #[test]
    fn the_usual_names_are_set_where_the_file_has_none() {
        let set = [
            "OPENAI_BASE_URL = {provider}/v1 # guess: the name that most clients read; check sees whether calls arrive",
            "OPENAI_API_KEY = sk-mock # guess: most clients want one; no call leaves the machine",
        ];
        let (found, possible) = variables("QUEUE_URL: 'http://queue:1/x', OLLAMA_BASE_URL: y, DB_API_KEY: z", true);
        assert_eq!(found, set);
        assert_eq!(possible, [""; 0]);
    }

    #[test]
    fn names_of_the_file_are_used() {
        let set = [
            "LLM_API_BASE = {provider}/v1 # guess: the compose file has it",
            "openai_base_url = {provider} # guess: the compose file has it",
            "OPENAI_API_KEY = sk-mock # guess: the compose file has it",
            "POD_NAME = {pod} # guess: by its name each copy needs one of its own",
        ];
        let environment = "LLM_API_BASE: x, openai_base_url: 'https://llm.example', OPENAI_API_KEY: z, POD_NAME: p";
        assert_eq!(variables(environment, true).0, set);
        assert_eq!(variables(environment, false).0, set[..3]);
    }

    #[test]
    fn addresses_outside_of_the_file_and_what_it_leaves_empty_may_be_the_provider_s() {
        let environment = "CHAT_URL: 'https://user:secret@models.example:8443/api', MODEL_BASE: '', MODEL_KEY: '', \
                           SIGNING_KEY: secret, SELF_URL: 'http://localhost:80', A_URL: 'http://a/'";
        let possible = [
            "CHAT_URL = {provider}/v1 # guess: it leads to models.example: is that the provider?",
            "MODEL_BASE = {provider}/v1 # guess: the compose file leaves it empty: is it the provider's?",
            "MODEL_KEY = sk-mock # guess: the compose file leaves it empty: is it the provider's?",
        ];
        assert_eq!(variables(environment, true).1, possible);
    }
}
