//! Variables of the pods: where the provider is, and what tells copies apart.

use std::collections::BTreeSet;

use super::guess::Guess;
use super::seen::Seen;

/// Words in names of variables about the provider.
const PROVIDER: [&str; 2] = ["OPENAI", "LLM"];
/// Endings of variables that hold a base URL.
const BASE_URL: [&str; 2] = ["BASE_URL", "API_BASE"];
const API_KEY: &str = "API_KEY";
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

/// The variables that init sets. `are_copies`: the pods share the environment of one service.
pub(super) fn of(pods: &[Seen<'_>], are_copies: bool) -> Vec<(String, Guess<String>)> {
    let names: BTreeSet<String> = pods.iter().flat_map(|pod| pod.environment().into_keys()).collect();
    let mut variables = Vec::new();
    let mut add = |names: Vec<&String>, usual: &str, value: &str, reason: &str| {
        if names.is_empty() {
            variables.push((usual.to_owned(), Guess::inferred(value.to_owned(), reason)));
        }
        for name in names {
            let guess = Guess::inferred(value.to_owned(), "the compose file has it");
            variables.push((name.clone(), guess));
        }
    };
    let of_provider = |endings: &[&str]| -> Vec<&String> {
        let fits = |name: &&String| is_of_the_provider(name, endings);
        names.iter().filter(fits).collect()
    };
    let usual = "the name that most clients read; check sees whether calls arrive";
    add(of_provider(&BASE_URL), "OPENAI_BASE_URL", "{provider}/v1", usual);
    add(
        of_provider(&[API_KEY]),
        "OPENAI_API_KEY",
        "sk-mock",
        "most clients want one; no call leaves the machine",
    );
    if are_copies {
        for name in names.iter().filter(|name| OWN_NAME.contains(&name.as_str())) {
            let guess = Guess::inferred("{pod}".to_owned(), "by its name each copy needs one of its own");
            variables.push((name.clone(), guess));
        }
    }
    variables
}

fn is_of_the_provider(name: &str, endings: &[&str]) -> bool {
    let name = name.to_uppercase();
    PROVIDER.iter().any(|word| name.contains(word)) && endings.iter().any(|ending| name.ends_with(ending))
}

/// True if a service has a variable that leads to a provider.
pub(super) fn names_the_provider(seen: &Seen<'_>) -> bool {
    let endings = [BASE_URL[0], BASE_URL[1], API_KEY];
    let environment = seen.environment();
    environment.keys().any(|name| is_of_the_provider(name, &endings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    fn variables(environment: &str, are_copies: bool) -> Vec<String> {
        let file = format!("services: {{ a: {{ environment: {{ {environment} }} }} }}");
        let resolved = Resolved::read(&file).expect("a file");
        let variables = of(&Seen::all(&resolved), are_copies);
        variables
            .into_iter()
            .map(|(name, guess)| format!("{name} = {} # {}", guess.value, guess.why))
            .collect()
    }

    #[test]
    fn the_usual_names_are_set_where_the_file_has_none() {
        let set = [
            "OPENAI_BASE_URL = {provider}/v1 # guess: the name that most clients read; check sees whether calls arrive",
            "OPENAI_API_KEY = sk-mock # guess: most clients want one; no call leaves the machine",
        ];
        assert_eq!(
            variables("LANGFUSE_BASE_URL: x, OLLAMA_BASE_URL: y, DB_API_KEY: z", true),
            set
        );
    }

    #[test]
    fn names_of_the_file_are_used() {
        let set = [
            "LLM_API_BASE = {provider}/v1 # guess: the compose file has it",
            "openai_base_url = {provider}/v1 # guess: the compose file has it",
            "OPENAI_API_KEY = sk-mock # guess: the compose file has it",
            "POD_NAME = {pod} # guess: by its name each copy needs one of its own",
        ];
        let environment = "LLM_API_BASE: x, openai_base_url: y, OPENAI_API_KEY: z, POD_NAME: p";
        assert_eq!(variables(environment, true), set);
        assert_eq!(variables(environment, false), set[..3]);
    }
}
