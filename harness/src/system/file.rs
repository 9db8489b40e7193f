//! The whole description: `system.toml`, schema 1.
//!
//! A description lists no capabilities: what can be judged follows from what it says (`needs`).

use super::judging::{Defect, Design, Expected, Feedback, Metrics, Profile};
use super::parts::{Edge, Part, Pods, ProviderRules};
use super::stored::{OwnerRule, RowRule, Statuses, Tables};
use super::stream::{Stream, StreamLog};
use super::table::read::whole;
use super::table::{Filled, Named, Node, Page, Problem, Read, Shape, empty, table};
use super::talk::{Auth, Calls};

/// The schema that this version knows.
pub const SCHEMA: i64 = 1;

/// The schema of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema(i64);

impl Read for Schema {
    fn shape() -> Shape {
        Shape::Whole(SCHEMA, SCHEMA)
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let schema = whole(node, 0, i64::MAX, found)?;
        if schema != SCHEMA {
            let version = env!("CARGO_PKG_VERSION");
            let message = format!("schema {schema} is not known to crosspod {version}; it knows {SCHEMA}");
            found.push(Problem::new(&node.span, message));
        }
        (schema == SCHEMA).then_some(Self(schema))
    }
}

table! {
    /// How a system is started, talked to and read. Nothing here names a capability: what can be judged follows from what is said.
    pub System = "the top of the file" {
        /// Schema of the file.
        schema: Schema,
        /// The system's name in reports.
        name: String,
        /// The user's own compose files, which are never edited. Paths are taken from the folder of this file.
        compose: Filled<String>,
        /// Pods.
        pods: Pods,
        /// Services that can be broken, by their names in the compose file.
        parts: Named<Part>,
        /// The way into the system that its clients take.
        edge: Option<Edge>,
        /// How the pods call the provider.
        provider: ProviderRules = empty() => "{}",
        /// How a client signs in.
        auth: Option<Auth>,
        /// Requests of a client.
        calls: Calls,
        /// What the frames of a stream mean.
        stream: Stream,
        /// The system's words for where a turn stands.
        statuses: Statuses = empty() => "{}",
        /// Which pod owns a turn.
        owner: Option<OwnerRule>,
        /// Tables whose every committed change is followed.
        rows: Vec<RowRule>,
        /// The log that carries the frames.
        log: Option<StreamLog>,
        /// Timings to play with; the first is the default.
        profiles: Named<Profile>,
        /// Known bugs.
        expected: Vec<Expected>,
        /// Variants of the system, laid over this file; the first is the default.
        designs: Named<Design>,
        /// What pods count.
        metrics: Option<Metrics>,
        /// Items that are acknowledged first and stored later.
        feedback: Option<Feedback>,
        /// Bugs that a pod or the edge can be started with.
        defects: Vec<Defect>,
    }
}

impl System {
    /// The page of the top of the file; those of all other tables hang below it.
    pub fn page() -> Page {
        match Self::shape() {
            Shape::Table(page) => page(),
            _ => unreachable!("a table's shape is a table"),
        }
    }

    /// The tables that are followed, with what their words mean.
    pub fn tables(&self) -> Tables {
        Tables {
            rules: self.rows.clone(),
            statuses: self.statuses.clone(),
            owner: self.owner.clone(),
        }
    }

    /// A profile: the one of that name, else the first. Returns `None` if there is none.
    pub fn profile(&self, name: Option<&str>) -> Option<&Profile> {
        match name {
            Some(name) => self.profiles.get(name),
            None => self.profiles.first().map(|(_, profile)| profile),
        }
    }
}

/// The head of the reference page: what a description is, and the language that its values are written in.
pub const INTRODUCTION: &str = "\
# `system.toml`, schema 1

`system.toml` tells crosspod how to start a system, talk to it and read it. It lists no capabilities: what can be judged follows from
what is said. Every value is checked before anything starts, and all mistakes are shown at once, each with file, line and column. This
page and `system.schema.json`, which editors read, are made from the code (`src/system/`).

| in values | form | example |
| --- | --- | --- |
| placeholder | `{name}`; a text that is one placeholder keeps the type that it was captured with | `\"{turn}_event_0\"` |
| pointer | JSON pointer; `/*/` joins the texts of a list; `#` enters a text that holds JSON; of a list the first that leads somewhere counts | `\"/content/0/text#/id\"` |
| pattern | literal text, `*`, known names, and new `{name}`s, which are taken out | `\"{turn}_event_{n}\"` |
| predicate | `{ pointer = value }`: all must hold; `*` in a text stands for anything; a list holds its members | `{ \"/type\" = \"ai\" }` |
| regular expression | single quotes, named group | `'^(?<pod>.+)-\\d+$'` |
| duration | text with one of the units ms, s, m, h | `\"1500ms\"` |
| open | `?` alone: a value that is still to be said. `crosspod check` goes on past it and proposes what it sees; a run refuses the file | `\"?\"` |

Names that crosspod gives: `{pod}` `{provider}` (`http://provider:8080`) `{at}` (host and port) `{design}` `{defects}` `{nonce}` (one word
for each account and each thread) `{account}` `{thread}` `{turn}` `{message}` `{text}` `{cursor}` `{item}` `{env.NAME}`. All others are
captured. Of an answer that is a stream, the first event that has the pointer counts.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::system::table::reference::{json_schema, markdown};

    /// Holds a generated file against the code. A file that differs is written anew, so that the next run passes.
    fn is_up_to_date(file: &str, expected: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        if there != expected {
            std::fs::write(&path, expected).expect("the file can be written");
            panic!("{file} was not what the code says; it has been written anew");
        }
    }

    #[test]
    fn the_reference_page_is_what_the_code_says() {
        is_up_to_date("SYSTEM.md", &markdown(INTRODUCTION, System::page));
    }

    #[test]
    fn the_schema_for_editors_is_what_the_code_says() {
        let schema = json_schema("system.toml of crosspod", System::page);
        let text = serde_json::to_string_pretty(&schema).expect("JSON");
        is_up_to_date("system.schema.json", &format!("{text}\n"));
        assert_eq!(schema["properties"]["pods"]["allOf"][0]["$ref"], "#/definitions/pods");
        let required = schema["definitions"]["pods"]["required"].as_array().map(Vec::len);
        assert_eq!(required, Some(3), "services, port, alive");
    }

    #[test]
    fn every_key_has_a_meaning_and_every_table_a_name_of_its_own() {
        let pages = crate::system::table::shape::pages(System::page);
        assert!(pages.len() > 30, "{}", pages.len());
        for page in pages {
            assert!(!page.doc.is_empty(), "{}", page.name);
            for key in page.keys {
                assert!(
                    key.doc.ends_with(['.', ':']),
                    "{}.{}: {:?}",
                    page.name,
                    key.name,
                    key.doc
                );
            }
        }
    }
}
