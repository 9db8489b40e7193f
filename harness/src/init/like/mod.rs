//! Rules between a system and its clients, for families of servers that speak one protocol.
//!
//! They are texts that init writes into the description, where their owner sees and changes them: nothing else reads a family's name.

use std::fmt;

/// A family of servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Like {
    /// Its name.
    pub name: &'static str,
    /// The work of such servers, in words.
    pub about: &'static str,
    rules: &'static str,
}

/// The rules of no family: every one is open.
const OPEN: &str = include_str!("open.toml");

/// The families.
pub const FAMILIES: [Like; 5] = [
    Like {
        name: "langgraph",
        about: "LangGraph-compatible servers: threads, runs, message tuples",
        rules: include_str!("langgraph.toml"),
    },
    Like {
        name: "ui-message-stream",
        about: "servers that stream the AI SDK's UI messages",
        rules: include_str!("ui-message-stream.toml"),
    },
    Like {
        name: "openai-responses",
        about: "servers of OpenAI's Responses API with background responses",
        rules: include_str!("openai-responses.toml"),
    },
    Like {
        name: "agno",
        about: "AgentOS of agno with its durable queue",
        rules: include_str!("agno.toml"),
    },
    Like {
        name: "plain",
        about: "a POST whose answer streams text as server-sent events",
        rules: include_str!("plain.toml"),
    },
];

impl Like {
    /// The family of that name.
    pub fn of(name: &str) -> Option<Self> {
        FAMILIES.into_iter().find(|family| family.name == name)
    }
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Begins a block of rules that need a database.
const WITH_DATABASE: &str = "#: with postgres";
/// Ends it.
const END: &str = "#: end";

/// The rules of a family, or of none, without those that need a part which is not there.
pub(super) fn rules(family: Option<Like>, has_database: bool) -> String {
    let rules = family.map_or(OPEN, |family| family.rules);
    let mut is_written = true;
    let mut written = String::new();
    for line in rules.lines() {
        match line {
            WITH_DATABASE => is_written = has_database,
            END => is_written = true,
            line if is_written => {
                written.push_str(line);
                written.push('\n');
            }
            _ => {}
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_toml_with_and_without_its_blocks() {
        for like in [None].into_iter().chain(FAMILIES.map(Some)) {
            for has_database in [true, false] {
                let text = rules(like, has_database);
                assert!(!text.contains("#:"), "{text}");
                let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{like:?}: {error}\n{text}"));
                assert!(table.contains_key("calls") && table.contains_key("stream"), "{like:?}");
                assert!(has_database || !table.contains_key("rows"), "{like:?}");
            }
        }
    }

    #[test]
    fn whoever_names_no_family_is_told_of_each() {
        let missing = FAMILIES.iter().filter(|family| !OPEN.contains(family.name));
        assert_eq!(missing.count(), 0);
    }

    #[test]
    fn rows_are_written_only_where_there_is_a_database() {
        let langgraph = Like::of("langgraph");
        assert!(rules(langgraph, true).contains("[[rows]]"));
        assert!(!rules(langgraph, false).contains("[[rows]]"));
        assert_eq!(Like::of("none"), None);
    }
}
