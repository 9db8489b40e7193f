//! A description as a tree: every value knows its place in the text and its path of keys.
//!
//! The text is read as far as it can be read: a mistake of TOML's grammar hides no other mistake. Tables keep the order of the text, which
//! the `toml` crate's own tables do not: the first profile and the first design are the defaults.

use std::ops::Range;

use serde_json::Number;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// A value of a description.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its bytes in the text. Of a table with a header: the header's.
    pub span: Range<usize>,
    /// Its keys from the top: `stream.frames[0].text`. Empty: the whole file.
    pub path: String,
    /// The value itself.
    pub value: Value,
}

/// The kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// `true` or `false`.
    Flag(bool),
    /// A date or a time, which no key of a description takes.
    Date(String),
    /// A list.
    List(Vec<Node>),
    /// A table, in the order of the text.
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The key's bytes in the text.
    pub span: Range<usize>,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// Reads TOML, with the mistakes against its grammar beside what could be read.
    pub fn parse(text: &str) -> (Self, Vec<Problem>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut problems: Vec<Problem> = errors.iter().map(|error| grammar(error, text)).collect();
        let mut root = Self {
            span: 0..0,
            path: String::new(),
            value: read_table(table.into_inner(), &mut problems),
        };
        root.name_paths("");
        (root, problems)
    }

    /// Gives each value below this one its path.
    pub(crate) fn name_paths(&mut self, path: &str) {
        path.clone_into(&mut self.path);
        match &mut self.value {
            Value::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    item.name_paths(&format!("{path}[{at}]"));
                }
            }
            Value::Table(entries) => {
                for entry in entries {
                    let key = quoted(&entry.key);
                    let below = if path.is_empty() { key } else { format!("{path}.{key}") };
                    entry.node.name_paths(&below);
                }
            }
            _ => {}
        }
    }

    /// The entries of a table; none of another value.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key; none where this is no table or has no such key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries().iter().find(|entry| entry.key == key)?;
        Some(&entry.node)
    }

    /// The value at a path as [`Node::path`] writes it.
    pub fn find(&self, path: &str) -> Option<&Self> {
        if self.path == path {
            return Some(self);
        }
        match &self.value {
            Value::List(items) => items.iter().find_map(|item| item.find(path)),
            Value::Table(entries) => entries.iter().find_map(|entry| entry.node.find(path)),
            _ => None,
        }
    }

    /// The kind of the value, in words.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Whole(_) => "a number",
            Value::Real(_) => "a number with a fraction",
            Value::Flag(_) => "true or false",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as JSON. A date is its text.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Text(text) | Value::Date(text) => text.as_str().into(),
            Value::Whole(number) => (*number).into(),
            Value::Real(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, serde_json::Value::Number),
            Value::Flag(flag) => (*flag).into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect(),
        }
    }
}

impl Problem {
    /// A mistake in a value; the message begins with the value's path.
    pub fn at(node: &Node, message: impl std::fmt::Display) -> Self {
        let message = match &*node.path {
            "" => message.to_string(),
            path => format!("{path}: {message}"),
        };
        Self::new(&node.span, message)
    }
}

/// A key as TOML wants it written: bare where it may be.
pub(crate) fn quoted(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !key.is_empty() && key.bytes().all(is_bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

fn read_table(table: DeTable<'_>, problems: &mut Vec<Problem>) -> Value {
    let mut entries: Vec<Entry> = table
        .into_iter()
        .map(|(key, value)| Entry {
            span: key.span(),
            key: key.into_inner().into_owned(),
            node: read(value, problems),
        })
        .collect();
    entries.sort_by_key(|entry| entry.span.start);
    Value::Table(entries)
}

fn read(value: Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Node {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            if read.is_err() {
                problems.push(Problem::new(&span, format!("{number} is too large a number")));
            }
            Value::Whole(read.unwrap_or_default())
        }
        DeValue::Float(number) => Value::Real(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| read(item, problems)).collect()),
        DeValue::Table(table) => read_table(table, problems),
    };
    Node {
        span,
        path: String::new(),
        value,
    }
}

/// A mistake against TOML's grammar. A backslash in double quotes is the likeliest: people write regular expressions so.
fn grammar(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let line = text[..span.start.min(text.len())].rfind('\n').map_or(0, |at| at + 1);
    let line = text[line..].lines().next().unwrap_or_default();
    let problem = Problem::new(&span, error.message().to_owned());
    let escape = text.get(span.start.saturating_sub(1)..).unwrap_or_default();
    match escaped(escape).filter(|_| error.message().contains("escape")) {
        Some(escape) => Problem {
            message: format!("\"{escape}\" is no escape in a TOML string"),
            help: Some(format!("use single quotes: {}", in_single_quotes(line))),
            ..problem
        },
        None => problem,
    }
}

/// The escape that a text begins with, or nearly so.
fn escaped(text: &str) -> Option<&str> {
    let at = text.find('\\').filter(|at| *at <= 1)?;
    let end = text[at + 1..].chars().next().map_or(1, |next| 1 + next.len_utf8());
    text.get(at..at + end)
}

/// The first text of a line that holds a backslash, in single quotes.
fn in_single_quotes(line: &str) -> String {
    let texts = line.split('"').skip(1).step_by(2);
    let text = texts.into_iter().find(|text| text.contains('\\')).unwrap_or("...");
    format!("'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_the_order_of_the_text_and_values_know_their_paths() {
        let (root, problems) = Node::parse("z = 1\n[b.y]\nk = [{ t = 'x' }, 2]\n[a]\n'odd key' = true\n");
        assert_eq!(problems, []);
        let keys: Vec<&str> = root.entries().iter().map(|entry| &*entry.key).collect();
        assert_eq!(keys, ["z", "b", "a"]);
        let text = root.find("b.y.k[0].t").expect("the path leads somewhere");
        assert_eq!((text.kind(), text.span.clone()), ("a text", 23..26));
        assert_eq!(
            root.find("a.\"odd key\"").map(|flag| &flag.value),
            Some(&Value::Flag(true))
        );
        assert_eq!(
            root.to_json(),
            serde_json::json!({ "z": 1, "b": { "y": { "k": [{ "t": "x" }, 2] } }, "a": { "odd key": true } })
        );
    }

    #[test]
    fn a_mistake_of_grammar_hides_no_value_behind_it() {
        let text = "pod = \"^(?<pod>.+)-\\d+$\"\nname = 'x'\nname = 'y'\n";
        let (root, problems) = Node::parse(text);
        let said: Vec<&str> = problems.iter().map(|problem| &*problem.message).collect();
        assert_eq!(said, ["\"\\d\" is no escape in a TOML string", "duplicate key"]);
        assert_eq!(
            problems[0].help.as_deref(),
            Some("use single quotes: '^(?<pod>.+)-\\d+$'")
        );
        assert_eq!(root.get("name").map(|name| &name.value), Some(&Value::Text("x".into())));
    }

    #[test]
    fn a_number_beyond_all_bounds_is_a_problem() {
        let (_, problems) = Node::parse("n = 99999999999999999999\n");
        assert_eq!(problems[0].message, "99999999999999999999 is too large a number");
    }
}
