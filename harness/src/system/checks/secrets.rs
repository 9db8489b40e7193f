//! Literals that look like secrets: a description is meant to be shared.

use crate::system::table::node::Value;
use crate::system::table::{Node, Problem};

/// Shortest run of letters and digits that looks like a secret.
const LENGTH_MIN: usize = 20;
/// Beginnings of well-known tokens.
const BEGINNINGS: [&str; 7] = ["sk-", "ghp_", "github_pat_", "xoxb-", "eyJ", "AKIA", "glpat-"];

pub(super) fn check(tree: &Node, found: &mut Vec<Problem>) {
    walk(tree.find("auth.accounts"), found);
    headers(tree, found);
}

/// Looks at every table of headers below a value.
fn headers(node: &Node, found: &mut Vec<Problem>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| headers(item, found)),
        Value::Table(entries) => {
            for entry in entries {
                if entry.key == "headers" {
                    walk(Some(&entry.node), found);
                } else {
                    headers(&entry.node, found);
                }
            }
        }
        _ => {}
    }
}

fn walk(node: Option<&Node>, found: &mut Vec<Problem>) {
    let Some(node) = node else { return };
    match &node.value {
        Value::Text(text) if looks_secret(text) => {
            let problem = Problem::at(node, "this looks like a secret");
            found.push(problem.help("take it from the environment: {env.NAME}").warning());
        }
        Value::List(items) => items.iter().for_each(|item| walk(Some(item), found)),
        Value::Table(entries) => entries.iter().for_each(|entry| walk(Some(&entry.node), found)),
        _ => {}
    }
}

/// True if a word of the text is long, of letters and digits, and no placeholder; or begins as tokens do.
fn looks_secret(text: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-_.+/=".contains(c);
    let words = text.split(|c: char| !is_inside(c) && c != '{' && c != '}');
    words.into_iter().any(|word| {
        let is_mixed = word.chars().any(|c| c.is_ascii_digit()) && word.chars().any(|c| c.is_ascii_alphabetic());
        let has_placeholder = word.contains(['{', '}']);
        let begins = BEGINNINGS
            .iter()
            .any(|begin| word.starts_with(begin) && word.len() > begin.len() + 8);
        !has_placeholder && (begins || (word.len() >= LENGTH_MIN && is_mixed && !word.contains('/')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_looks_like_a_secret_and_a_placeholder_does_not() {
        for text in [
            "Bearer 8f14e45fceea167a5a36dedd4bea2543",
            "sk-live-abcdefghij",
            "eyJhbGciOiJIUzI1NiJ9",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in [
            "Bearer {token}",
            "own-{nonce}@crosspod.test",
            "application/json, text/event-stream",
            "http://studio.test",
            "{turn}_event_0",
            "sk-mock",
            "{env.TOKEN_OF_1_STRANGER_ACCOUNT}",
        ] {
            assert!(!looks_secret(text), "{text}");
        }
    }
}
