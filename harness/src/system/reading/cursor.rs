//! Cursors of frames: where they are, how they read as numbers, and how others are written.

use serde_json::Value;

use crate::history::{Cursor, Epoch, TurnId};
use crate::system::language::Values;
use crate::system::stream::{CursorRule, Place};

/// The cursor of a frame, as the frame says it. Returns `None` if the frame has none.
pub(super) fn id_of(rule: &CursorRule, id: Option<&str>, value: &Value) -> Option<Value> {
    match &rule.at {
        Place::Id => id.filter(|id| !id.is_empty()).map(Value::from),
        Place::At(pointer) => pointer.find(value).filter(|id| id.is_string() || id.is_number()),
    }
}

/// Reads a cursor of `turn`'s stream as numbers. Returns `None` if it does not read as the rule says.
pub fn cursor_of(rule: &CursorRule, id: &str, turn: Option<&TurnId>) -> Option<Cursor> {
    let read = rule.reads.reads(id, &known(turn))?;
    let epoch = if rule.reads.names().any(|name| name == "epoch") {
        Some(Epoch(read.number("epoch")?))
    } else {
        None
    };
    Some(Cursor {
        epoch,
        seq: read.number("n")?,
    })
}

/// Writes `cursor` in the manner of `id`, which is a cursor of the same stream. Returns `None` if `id` is none.
pub fn moved(rule: &CursorRule, id: &str, turn: Option<&TurnId>, cursor: Cursor) -> Option<String> {
    let known = known(turn);
    let mut values = known.clone().and(&rule.reads.reads(id, &known)?);
    values.set("n", cursor.seq);
    if let Some(epoch) = cursor.epoch {
        values.set("epoch", epoch.0);
    }
    rule.reads.writes(&values).ok()
}

/// Writes the place of `id` as the cursor of another stream: that of another turn, or with another text where the rule has `*`.
/// Returns `None` if cursors do not tell their stream.
pub fn of_another_stream(rule: &CursorRule, id: &str, turn: Option<&TurnId>) -> Option<String> {
    let known = known(turn);
    let read = known.clone().and(&rule.reads.reads(id, &known)?);
    let names_turn = rule.reads.names().any(|name| name == "turn");
    let tells = read
        .names()
        .filter(|name| (*name == "turn" && names_turn) || name.starts_with('*'));
    let tells: Vec<String> = tells.map(str::to_owned).collect();
    let mut values = read;
    for name in tells.into_iter().rev() {
        if let Some(other) = values.text(&name).and_then(|text| another(&text)) {
            values.set(name.as_str(), other);
            return rule.reads.writes(&values).ok();
        }
    }
    None
}

/// A text of the same kind with another first character.
fn another(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    let other = if first == '0' { '1' } else { '0' };
    Some(format!("{other}{}", &text[first.len_utf8()..]))
}

/// A cursor for the placeholder `{cursor}`: a number if frames say it as one, else a text.
pub fn cursor_value(rule: &CursorRule, id: &str) -> Value {
    let number = matches!(rule.at, Place::At(_))
        .then(|| id.parse::<u64>().ok())
        .flatten();
    number.map_or_else(|| Value::from(id), Value::from)
}

fn known(turn: Option<&TurnId>) -> Values {
    let values = Values::default();
    match turn {
        Some(turn) => values.with("turn", turn.as_str()),
        None => values,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::system::language::{Pattern, Pointer};

    fn rule(at: &str, reads: &str) -> CursorRule {
        CursorRule {
            at: match at {
                "id" => Place::Id,
                pointer => Place::At(Pointer::parse(pointer).expect("a pointer")),
            },
            reads: Pattern::parse(reads).expect("a pattern"),
            dense: false,
        }
    }

    fn cursor(epoch: Option<u64>, seq: u64) -> Cursor {
        Cursor {
            epoch: epoch.map(Epoch),
            seq,
        }
    }

    #[test]
    fn cursors_are_read_and_written_as_the_pattern_says() {
        let turn = TurnId::from("7b1e");
        for (reads, id, read, next) in [
            ("{turn}_event_{n}", "7b1e_event_13", cursor(None, 13), "7b1e_event_14"),
            ("{epoch}-{n}-*", "4-13-0123abcd", cursor(Some(4), 13), "4-14-0123abcd"),
            ("{n}", "13", cursor(None, 13), "14"),
        ] {
            let rule = rule("id", reads);
            assert_eq!(cursor_of(&rule, id, Some(&turn)), Some(read), "{reads}");
            let after = Cursor { seq: 14, ..read };
            assert_eq!(moved(&rule, id, Some(&turn), after).as_deref(), Some(next));
            assert_eq!(moved(&rule, id, Some(&turn), read).as_deref(), Some(id));
            assert_eq!(cursor_of(&rule, "x", Some(&turn)), None);
            assert_eq!(moved(&rule, "x", Some(&turn), read), None);
        }
        let rule = rule("id", "{turn}_event_{n}");
        assert_eq!(cursor_of(&rule, "0d5c_event_1", Some(&turn)), None);
        assert_eq!(cursor_of(&rule, "0d5c_event_1", None), Some(cursor(None, 1)));
        assert_eq!(cursor_of(&rule, "7b1e_event_99999999999999999999", Some(&turn)), None);
    }

    #[test]
    fn a_cursor_of_another_stream_keeps_the_numbers() {
        let turn = TurnId::from("7b1e");
        let another = |reads: &str, id: &str| of_another_stream(&rule("id", reads), id, Some(&turn));
        assert_eq!(
            another("{turn}_event_{n}", "7b1e_event_13").as_deref(),
            Some("0b1e_event_13")
        );
        assert_eq!(
            another("{epoch}-{n}-*", "4-13-0123abcd").as_deref(),
            Some("4-13-1123abcd")
        );
        assert_eq!(another("{n}", "13"), None, "it names no stream");
        assert_eq!(another("{n}", "x"), None);
    }

    #[test]
    fn a_cursor_keeps_its_type() {
        let frame = json!({ "event_index": 7, "name": "a7", "list": [1] });
        let at = |at: &str| id_of(&rule(at, "{n}"), Some("9"), &frame);
        assert_eq!(at("/event_index"), Some(json!(7)));
        assert_eq!(at("/name"), Some(json!("a7")));
        assert_eq!(at("/list"), None);
        assert_eq!(at("id"), Some(json!("9")));
        assert_eq!(cursor_value(&rule("/event_index", "{n}"), "7"), json!(7));
        assert_eq!(cursor_value(&rule("/name", "a{n}"), "a7"), json!("a7"));
        assert_eq!(cursor_value(&rule("id", "{n}"), "7"), json!("7"));
    }

    #[test]
    fn an_empty_id_is_none() {
        assert_eq!(id_of(&rule("id", "{n}"), Some(""), &Value::Null), None);
        assert_eq!(id_of(&rule("id", "{n}"), None, &Value::Null), None);
    }
}
