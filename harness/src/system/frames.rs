//! Frames of the system's stream, read into chunks of the history. Pure.

use serde_json::Value;

use crate::history::{AnswerId, Chunk, Cursor, Epoch, Start, Status, TurnId};
use crate::wire::json;
use crate::wire::text::cut;

/// Longest piece of an unreadable frame that is kept, in bytes: enough to see what it is, little enough to print.
const KEPT: usize = 400;
/// Longest id of a turn, an answer or an event, in bytes: findings name them.
pub const ID_MAX: usize = 256;

/// Reads the data of one SSE event in the UI message stream's format.
///
/// Frames of types that carry nothing the judge asks about come out as `None`.
pub fn read_ui_message(data: &str) -> Option<Chunk> {
    if data == "[DONE]" {
        return Some(Chunk::Done);
    }
    let value = match json::read(data.as_bytes()) {
        Ok(value) => value,
        Err(e) => return Some(unreadable(&format!("not JSON: {e}"), data)),
    };
    let Some(kind) = value.get("type").and_then(Value::as_str) else {
        return Some(unreadable("no \"type\"", data));
    };
    let read = match kind {
        "start" => start(&value),
        "text-delta" => delta(&value),
        "error" => error(&value),
        "finish" => finish(&value),
        "data-thread" => state(&value),
        "data-resync" => Ok(Chunk::Resync {
            reason: text(&value, "reason").unwrap_or_default(),
        }),
        "text-start" | "text-end" | "start-step" | "finish-step" => return None,
        custom if custom.starts_with("data-") => return None,
        _ => Err("unknown type"),
    };
    Some(read.unwrap_or_else(|why| unreadable(why, data)))
}

/// Reads an event id `<epoch>-<seq>`.
pub fn read_cursor(id: &str) -> Option<Cursor> {
    let (epoch, seq) = id.split_once('-')?;
    Some(Cursor {
        epoch: Epoch(epoch.parse().ok()?),
        seq: seq.parse().ok()?,
    })
}

/// Writes an event id as [`read_cursor`] reads it.
pub fn write_cursor(cursor: Cursor) -> String {
    format!("{}-{}", cursor.epoch, cursor.seq)
}

/// Reads a status as the database and the API write it.
pub fn read_status(word: &str) -> Option<Status> {
    serde_json::from_value(Value::from(word)).ok()
}

fn start(value: &Value) -> Result<Chunk, &'static str> {
    let epoch = value
        .get("epoch")
        .and_then(Value::as_u64)
        .ok_or("start without a number \"epoch\"")?;
    let reset = value.get("reset").and_then(Value::as_bool).unwrap_or(false);
    Ok(Chunk::Start(Box::new(Start {
        turn: turn(value)?,
        epoch: Epoch(epoch),
        reset,
        answer: short(value, "messageId").map(AnswerId::from),
    })))
}

fn delta(value: &Value) -> Result<Chunk, &'static str> {
    Ok(Chunk::Delta {
        turn: turn(value)?,
        text: text(value, "delta").ok_or("text-delta without a string \"delta\"")?,
    })
}

fn error(value: &Value) -> Result<Chunk, &'static str> {
    let message = text(value, "message")
        .or_else(|| text(value, "errorText"))
        .ok_or("error without a \"message\"")?;
    Ok(Chunk::Error {
        turn: turn(value)?,
        message,
    })
}

fn finish(value: &Value) -> Result<Chunk, &'static str> {
    Ok(Chunk::Finish {
        turn: turn(value)?,
        status: status(value)?,
    })
}

fn state(value: &Value) -> Result<Chunk, &'static str> {
    Ok(Chunk::State {
        status: status(value)?,
        turn: read_turn(value),
    })
}

fn turn(value: &Value) -> Result<TurnId, &'static str> {
    read_turn(value).ok_or("no string \"turnId\" of up to 256 bytes")
}

/// The turn that an object names.
pub fn read_turn(value: &Value) -> Option<TurnId> {
    short(value, "turnId").map(TurnId::from)
}

/// A field that is an id of up to [`ID_MAX`] bytes.
fn short<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field)?.as_str().filter(|id| id.len() <= ID_MAX)
}

fn status(value: &Value) -> Result<Status, &'static str> {
    text(value, "status")
        .and_then(|word| read_status(&word))
        .ok_or("no known \"status\"")
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// The chunk for an event that cannot be read.
pub fn unreadable(why: &str, data: &str) -> Chunk {
    Chunk::Unreadable {
        why: why.to_owned(),
        data: cut(data, KEPT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_contract_are_read() {
        let turn = TurnId::from("u1");
        for (data, expected) in [
            (
                r#"{"type":"start","messageId":"a","turnId":"u1","epoch":3,"reset":true}"#,
                Chunk::Start(Box::new(Start {
                    turn: turn.clone(),
                    epoch: Epoch(3),
                    reset: true,
                    answer: Some("a".into()),
                })),
            ),
            (
                r#"{"type":"text-delta","turnId":"u1","delta":"x "}"#,
                Chunk::Delta {
                    turn: turn.clone(),
                    text: "x ".into(),
                },
            ),
            (
                r#"{"type":"finish","turnId":"u1","status":"completed"}"#,
                Chunk::Finish {
                    turn: turn.clone(),
                    status: Status::Completed,
                },
            ),
            (
                r#"{"type":"data-thread","status":"in_progress","epoch":3,"turnId":"u1"}"#,
                Chunk::State {
                    status: Status::InProgress,
                    turn: Some(turn),
                },
            ),
            ("[DONE]", Chunk::Done),
        ] {
            assert_eq!(read_ui_message(data), Some(expected));
        }
        assert_eq!(read_ui_message(r#"{"type":"data-usage","tokens":3}"#), None);
    }

    #[test]
    fn what_cannot_be_read_says_why_and_stays_short() {
        for (data, why) in [
            ("{", "not JSON"),
            ("{}", "no \"type\""),
            (r#"{"type":"start","turnId":"u"}"#, "epoch"),
            (r#"{"type":"??"}"#, "unknown type"),
        ] {
            let Some(Chunk::Unreadable { why: got, .. }) = read_ui_message(data) else {
                panic!("{data} was read")
            };
            assert!(got.contains(why), "{got}");
        }
        let Some(Chunk::Unreadable { data, .. }) = read_ui_message(&"é".repeat(10_000)) else {
            panic!("read")
        };
        assert!(data.len() < 500);
    }

    #[test]
    fn cursors_are_two_numbers() {
        assert_eq!(
            read_cursor("4-17"),
            Some(Cursor {
                epoch: Epoch(4),
                seq: 17
            })
        );
        for bad in ["", "4", "4-", "-4-1", "a-b", "4-1-2"] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
