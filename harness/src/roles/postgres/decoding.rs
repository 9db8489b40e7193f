//! Reads the text that PostgreSQL's `test_decoding` plugin prints for a change. Pure.
//!
//! `table public.threads: UPDATE: old-key: id[text]:'a' new-tuple: id[text]:'a' epoch[bigint]:2`. Strings are quoted with
//! `'`, a quote inside is doubled; type names may hold spaces and brackets (`character varying`, `text[]`).

use std::collections::BTreeMap;

use crate::wire::text::cut;

/// One line of the plugin's output, as far as its first word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Begin,
    Commit,
    /// A changed row, for [`read`].
    Change,
}

impl Line {
    pub(super) fn of(line: &str) -> Self {
        if line.starts_with("BEGIN") {
            Self::Begin
        } else if line.starts_with("COMMIT") {
            Self::Commit
        } else {
            Self::Change
        }
    }
}

/// One changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) action: Action,
    /// The row as it is after the change; for a delete as far as it was told, the row that is gone.
    pub(super) columns: Columns,
}

/// Columns by name; `None` is SQL's NULL.
pub(super) type Columns = BTreeMap<String, Option<String>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Insert,
    Update,
    Delete,
}

/// Reads the line of a change; the error says what was expected and where the line went wrong.
pub(super) fn read(line: &str) -> Result<Change, String> {
    let rest = line.strip_prefix("table ").ok_or_else(|| expected("a table", line))?;
    let (table, rest) = rest
        .split_once(": ")
        .ok_or_else(|| expected("a table's name and a colon", rest))?;
    let (action, rest) = rest
        .split_once(':')
        .ok_or_else(|| expected("an action and a colon", rest))?;
    let action = match action {
        "INSERT" => Action::Insert,
        "UPDATE" => Action::Update,
        "DELETE" => Action::Delete,
        _ => return Err(expected("INSERT, UPDATE or DELETE", action)),
    };
    let (schema, table) = schema_and_name(table);
    Ok(Change {
        schema,
        table,
        action,
        columns: columns(rest)?,
    })
}

/// Schema and name of `public.threads` or `"Odd one"."a.b"`.
fn schema_and_name(table: &str) -> (String, String) {
    let mut is_quoted = false;
    let dot = table.char_indices().find(|(_, c)| {
        is_quoted ^= *c == '"';
        *c == '.' && !is_quoted
    });
    let (schema, name) = dot.map_or(("", table), |(dot, _)| (&table[..dot], &table[dot + 1..]));
    let plain = |name: &str| {
        let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
    };
    (plain(schema), plain(name))
}

fn columns(text: &str) -> Result<Columns, String> {
    let mut rest = text.trim_start();
    let mut out = Columns::new();
    while !rest.is_empty() && rest != "(no-tuple-data)" {
        if let Some(after) = rest.strip_prefix("old-key:") {
            rest = after.trim_start();
            continue;
        }
        if let Some(after) = rest.strip_prefix("new-tuple:") {
            // What was gathered so far is the old row. It stays underneath: a large value that did not change is not
            // told again in the new one.
            rest = after.trim_start();
            continue;
        }
        let (name, value, after) = column(rest)?;
        match value {
            Value::Told(value) => drop(out.insert(name, value)),
            Value::Unchanged => {}
        }
        rest = after.trim_start();
    }
    Ok(out)
}

enum Value {
    Told(Option<String>),
    Unchanged,
}

fn column(text: &str) -> Result<(String, Value, &str), String> {
    let (name, rest) = text
        .split_once('[')
        .ok_or_else(|| expected("column[type]:value", text))?;
    // The type ends at the first `]:`; an array's own brackets (`text[]`) are followed by `]`.
    let (_, rest) = rest
        .split_once("]:")
        .ok_or_else(|| expected("a type's end and a colon", rest))?;
    let name = name.trim_matches('"').to_owned();
    if let Some(quoted) = rest.strip_prefix('\'') {
        let (value, rest) = quoted_value(quoted)?;
        return Ok((name, Value::Told(Some(value)), rest));
    }
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let value = match word {
        "null" => Value::Told(None),
        "unchanged-toast-datum" => Value::Unchanged,
        word => Value::Told(Some(word.to_owned())),
    };
    Ok((name, value, rest))
}

fn quoted_value(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('\'').ok_or_else(|| expected("a closing quote", text))?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Ok((value, rest)),
        }
    }
}

fn expected(what: &str, at: &str) -> String {
    format!("expected {what} at {:?}", cut(at, 80))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(line: &str) -> Change {
        assert_eq!(Line::of(line), Line::Change);
        read(line).expect("a change")
    }

    #[test]
    fn a_table_is_named_with_its_schema() {
        let name = |table: &str| {
            let change = change(&format!("table {table}: INSERT: a[text]:'b'"));
            (change.schema, change.table)
        };
        let pair = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
        assert_eq!(name("public.threads"), pair("public", "threads"));
        assert_eq!(name("\"a.b\".\"c\"\"d\""), pair("a.b", "c\"d"));
    }

    #[test]
    fn an_update_with_the_old_row_gives_the_new_one() {
        let got = change(
            "table public.threads: UPDATE: old-key: id[text]:'a' epoch[bigint]:1 owner[text]:null \
             new-tuple: id[text]:'a' epoch[bigint]:2 owner[text]:'pod-1' claimed_at[timestamp with time zone]:'2026-01-01 00:00:00+00'",
        );
        assert_eq!((got.table.as_str(), got.action), ("threads", Action::Update));
        assert_eq!(got.columns["epoch"].as_deref(), Some("2"));
        assert_eq!(got.columns["owner"].as_deref(), Some("pod-1"));
    }

    #[test]
    fn quotes_spaces_brackets_and_line_ends_inside_values_survive() {
        let got = change(
            "table public.parts: INSERT: turn[character varying]:'it''s [a]: ''x'' \n new-tuple: ' tags[text[]]:'{a,b}' seq[bigint]:7",
        );
        assert_eq!(got.columns["turn"].as_deref(), Some("it's [a]: 'x' \n new-tuple: "));
        assert_eq!(got.columns["tags"].as_deref(), Some("{a,b}"));
        assert_eq!(got.columns["seq"].as_deref(), Some("7"));
    }

    #[test]
    fn a_large_value_that_did_not_change_is_taken_from_the_old_row() {
        let got = change(
            "table public.parts: UPDATE: old-key: text[text]:'long' new-tuple: text[text]:unchanged-toast-datum seq[bigint]:1",
        );
        assert_eq!(got.columns["text"].as_deref(), Some("long"));
    }

    #[test]
    fn transactions_are_told_apart_and_nonsense_is_an_error() {
        assert_eq!(Line::of("BEGIN 12"), Line::Begin);
        assert_eq!(Line::of("COMMIT 12"), Line::Commit);
        assert!(read("TRUNCATE").is_err());
        assert!(read("table public.x: TRUNCATE: (no-flags)").is_err());
        assert!(read("table public.x: INSERT: a[text]:'open").is_err());
    }
}
