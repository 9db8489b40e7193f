//! Frames of the system's stream, read into chunks of the history. Pure.
//!
//! The format is the AI SDK's UI message stream. Each of its chunk types is sound; a type that it does not know is passed over, as a
//! newer SDK may have it. What the judge asks about a chunk (turn, epoch, reset, status) stands where the SDK leaves room: in
//! `messageMetadata`, in the `data` of `data-*` chunks, and in a text's id, `<turn>.<epoch>`. A stream log may hold the same fields
//! plainly, beside `type`.

use serde_json::Value;

use crate::history::{AnswerId, Chunk, Cursor, Epoch, Start, Status, TurnId};
use crate::wire::json;
use crate::wire::text::cut;

/// Longest piece of an unreadable frame that is kept, in bytes: enough to see what it is, little enough to print.
const KEPT: usize = 400;
/// Longest id of a turn, an answer or an event, in bytes: findings name them.
pub const ID_MAX: usize = 256;
/// Hexadecimal digits of the mark that a cursor's thread has.
const MARK_DIGITS: usize = 8;

/// Chunk types that are parts of an answer and say nothing of its text. `tool-` and `reasoning-` begin several more.
const OTHER_PARTS: [&str; 8] = [
    "text-start",
    "text-end",
    "source-url",
    "source-document",
    "file",
    "start-step",
    "finish-step",
    "abort",
];

/// Reads the frames of one stream, in their order: a chunk without a turn of its own is of the turn before it.
#[derive(Debug, Clone, Default)]
pub struct FrameReader {
    turn: Option<TurnId>,
}

impl FrameReader {
    /// Reads the data of one SSE event. Returns `None` if it tells nothing that the judge asks about.
    pub fn read(&mut self, data: &str) -> Option<Chunk> {
        if data.trim().is_empty() {
            return None;
        }
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
        match self.chunk(kind, &value) {
            Ok(read) => read,
            Err(why) => Some(unreadable(why, data)),
        }
    }

    fn chunk(&mut self, kind: &str, value: &Value) -> Result<Option<Chunk>, &'static str> {
        if kind.starts_with("data-") {
            return Ok(self.notice(kind, value));
        }
        let own = own_turn(kind, value);
        if own.is_some() || kind == "start" {
            self.turn.clone_from(&own);
        }
        let turn = || self.turn.clone();
        match kind {
            "start" => own.map(|turn| start(turn, value)).transpose(),
            "text-delta" => {
                let text = text(value, "delta").ok_or("text-delta without a string \"delta\"")?;
                if own.is_none() && value.get("id").and_then(Value::as_str).is_none() {
                    return Err("text-delta without an \"id\"");
                }
                Ok(turn().map(|turn| Chunk::Delta { turn, text }))
            }
            "error" => {
                let message = text(value, "errorText").or_else(|| text(value, "message"));
                let message = message.ok_or("error without an \"errorText\"")?;
                Ok(turn().map(|turn| Chunk::Error { turn, message }))
            }
            "finish" => own.map(|turn| finish(turn, value)).transpose(),
            _ if is_other_part(kind) => Ok(turn().map(|turn| Chunk::Part {
                turn,
                part: kind.to_owned(),
            })),
            _ => Ok(None),
        }
    }
}

impl FrameReader {
    /// A service's word about the stream itself. Data of others is theirs, in any shape.
    fn notice(&mut self, kind: &str, value: &Value) -> Option<Chunk> {
        match kind {
            "data-thread" => {
                let status = status(value).ok()?;
                let turn = read_turn(value);
                self.turn = turn.clone().or(self.turn.take());
                Some(Chunk::State { status, turn })
            }
            "data-resync" => Some(Chunk::Resync {
                reason: text(value, "reason").unwrap_or_default(),
            }),
            _ => None,
        }
    }
}

/// Reads a frame that names its turn itself, as those of a stream log do.
pub fn read_frame(data: &str) -> Option<Chunk> {
    FrameReader::default().read(data)
}

/// Reads an event id: `<epoch>-<seq>`, or `<epoch>-<seq>-<thread's mark>`.
pub fn read_cursor(id: &str) -> Option<Cursor> {
    let (epoch, rest) = id.split_once('-')?;
    let (seq, mark) = rest
        .split_once('-')
        .map_or((rest, None), |(seq, mark)| (seq, Some(mark)));
    let is_mark = |mark: &str| mark.len() == MARK_DIGITS && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
    if mark.is_some_and(|mark| !is_mark(mark)) {
        return None;
    }
    Some(Cursor {
        epoch: Some(Epoch(epoch.parse().ok()?)),
        seq: seq.parse().ok()?,
    })
}

/// Writes the id of `cursor` in the thread that `id` is an event of.
pub fn write_cursor(cursor: Cursor, id: &str) -> String {
    let mark = id.splitn(3, '-').nth(2);
    let mark = mark.map_or(String::new(), |mark| format!("-{mark}"));
    match cursor.epoch {
        Some(epoch) => format!("{epoch}-{}{mark}", cursor.seq),
        None => format!("{}{mark}", cursor.seq),
    }
}

/// The id's place in a thread of another mark; none where ids do not tell their thread.
pub fn of_another_thread(id: &str) -> Option<String> {
    let mark = id.splitn(3, '-').nth(2)?;
    let (first, rest) = mark.split_at_checked(1)?;
    let other = if first == "0" { '1' } else { '0' };
    let place = id.strip_suffix(mark)?;
    Some(format!("{place}{other}{rest}"))
}

/// Reads a status as the database and the API write it.
pub fn read_status(word: &str) -> Option<Status> {
    // The pod's word for an end by a death.
    if word == "interrupted" {
        return Some(Status::Lost);
    }
    serde_json::from_value(Value::from(word)).ok()
}

fn start(turn: TurnId, value: &Value) -> Result<Chunk, &'static str> {
    let epoch = field(value, "epoch").and_then(Value::as_u64);
    let reset = field(value, "reset").and_then(Value::as_bool).unwrap_or(false);
    Ok(Chunk::Start(Box::new(Start {
        turn,
        epoch: Some(Epoch(epoch.ok_or("start without a number \"epoch\"")?)),
        reset,
        answer: short(value, "messageId").map(AnswerId::from),
    })))
}

fn finish(turn: TurnId, value: &Value) -> Result<Chunk, &'static str> {
    Ok(Chunk::Finish {
        turn,
        status: Some(status(value)?),
    })
}

fn is_other_part(kind: &str) -> bool {
    OTHER_PARTS.contains(&kind) || kind.starts_with("tool-") || kind.starts_with("reasoning-")
}

/// The turn that a chunk names: in a field, or in the id of its text.
fn own_turn(kind: &str, value: &Value) -> Option<TurnId> {
    let of_text = || {
        let value = kind.starts_with("text-").then_some(value)?;
        let (turn, epoch) = short(value, "id")?.rsplit_once('.')?;
        let is_ours = !turn.is_empty() && epoch.parse::<u64>().is_ok();
        is_ours.then(|| TurnId::from(turn))
    };
    read_turn(value).or_else(of_text)
}

/// The turn that an object names.
pub fn read_turn(value: &Value) -> Option<TurnId> {
    short(value, "turnId").map(TurnId::from)
}

/// A field of an object, or of what the SDK lets a service put into it.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let within = |room: &str| value.get(room)?.get(name);
    value
        .get(name)
        .or_else(|| within("messageMetadata"))
        .or_else(|| within("data"))
}

/// A field that is an id of up to [`ID_MAX`] bytes.
fn short<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    field(value, name)?.as_str().filter(|id| id.len() <= ID_MAX)
}

fn status(value: &Value) -> Result<Status, &'static str> {
    text(value, "status")
        .and_then(|word| read_status(&word))
        .ok_or("no known \"status\"")
}

fn text(value: &Value, name: &str) -> Option<String> {
    field(value, name).and_then(Value::as_str).map(str::to_owned)
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

    /// The chunks of one stream.
    fn read(stream: &[&str]) -> Vec<Option<Chunk>> {
        let mut reader = FrameReader::default();
        stream.iter().map(|data| reader.read(data)).collect()
    }

    fn attempt(epoch: u64, reset: bool) -> Chunk {
        Chunk::Start(Box::new(Start {
            turn: "u1".into(),
            epoch: Some(Epoch(epoch)),
            reset,
            answer: Some("a".into()),
        }))
    }

    fn part(kind: &str) -> Chunk {
        Chunk::Part {
            turn: "u1".into(),
            part: kind.to_owned(),
        }
    }

    fn delta(text: &str) -> Chunk {
        Chunk::Delta {
            turn: "u1".into(),
            text: text.into(),
        }
    }

    fn error(message: &str) -> Chunk {
        Chunk::Error {
            turn: "u1".into(),
            message: message.into(),
        }
    }

    fn over(status: Status) -> Chunk {
        Chunk::Finish {
            turn: "u1".into(),
            status: Some(status),
        }
    }

    #[test]
    fn frames_of_a_stream_log_name_their_turn_themselves() {
        for (data, expected) in [
            (
                r#"{"type":"start","messageId":"a","turnId":"u1","epoch":3,"reset":true}"#,
                Some(attempt(3, true)),
            ),
            (r#"{"type":"text-start","turnId":"u1"}"#, Some(part("text-start"))),
            (r#"{"type":"text-delta","turnId":"u1","delta":"x "}"#, Some(delta("x "))),
            (r#"{"type":"error","turnId":"u1","message":"no"}"#, Some(error("no"))),
            (
                r#"{"type":"finish","turnId":"u1","status":"completed"}"#,
                Some(over(Status::Completed)),
            ),
        ] {
            assert_eq!(read_frame(data), expected, "{data}");
        }
    }

    #[test]
    fn a_stream_in_the_sdk_s_own_shape_is_read() {
        let stream = [
            (
                r#"{"type":"data-thread","data":{"status":"in_progress","epoch":3,"turnId":"u1"},"transient":true}"#,
                Some(Chunk::State {
                    status: Status::InProgress,
                    turn: Some("u1".into()),
                }),
            ),
            (
                r#"{"type":"start","messageId":"a","messageMetadata":{"turnId":"u1","epoch":3,"reset":false}}"#,
                Some(attempt(3, false)),
            ),
            (r#"{"type":"text-start","id":"u1.3"}"#, Some(part("text-start"))),
            (r#"{"type":"text-delta","id":"u1.3","delta":"x "}"#, Some(delta("x "))),
            (r#"{"type":"text-end","id":"u1.3"}"#, Some(part("text-end"))),
            (r#"{"type":"error","errorText":"no"}"#, Some(error("no"))),
            (
                r#"{"type":"finish","messageMetadata":{"turnId":"u1","status":"failed"}}"#,
                Some(over(Status::Failed)),
            ),
            (
                r#"{"type":"data-resync","data":{"reason":"purged"},"transient":true}"#,
                Some(Chunk::Resync {
                    reason: "purged".into(),
                }),
            ),
            ("[DONE]", Some(Chunk::Done)),
        ];
        let (data, expected): (Vec<_>, Vec<_>) = stream.into_iter().unzip();
        assert_eq!(read(&data), expected);
    }

    #[test]
    fn a_resumed_stream_says_whose_error_comes_next() {
        let resumed = r#"{"type":"message-metadata","messageMetadata":{"turnId":"u1","epoch":3}}"#;
        let failed = r#"{"type":"error","errorText":"no"}"#;
        assert_eq!(read(&[resumed, failed]), [None, Some(error("no"))]);
        assert_eq!(read(&[failed]), [None]);
    }

    /// Every chunk type of the SDK, and two of none.
    const SOUND: [&str; 32] = [
        r#"{"type":"start"}"#,
        r#"{"type":"start","messageId":"m","messageMetadata":{"model":"x"}}"#,
        r#"{"type":"start-step"}"#,
        r#"{"type":"reasoning-start","id":"r","providerMetadata":{"p":{"k":1}}}"#,
        r#"{"type":"reasoning-delta","id":"r","delta":"hm"}"#,
        r#"{"type":"reasoning-end","id":"r"}"#,
        r#"{"type":"text-start","id":"0"}"#,
        r#"{"type":"text-delta","id":"0","delta":"a"}"#,
        r#"{"type":"text-end","id":"0"}"#,
        r#"{"type":"tool-input-start","toolCallId":"c","toolName":"t","dynamic":true}"#,
        r#"{"type":"tool-input-delta","toolCallId":"c","inputTextDelta":"{"}"#,
        r#"{"type":"tool-input-available","toolCallId":"c","toolName":"t","input":{"a":[1]}}"#,
        r#"{"type":"tool-input-error","toolCallId":"c","toolName":"t","input":"{","errorText":"no"}"#,
        r#"{"type":"tool-approval-request","approvalId":"a","toolCallId":"c"}"#,
        r#"{"type":"tool-output-available","toolCallId":"c","output":null,"preliminary":true}"#,
        r#"{"type":"tool-output-error","toolCallId":"c","errorText":"no"}"#,
        r#"{"type":"tool-output-denied","toolCallId":"c"}"#,
        r#"{"type":"source-url","sourceId":"s","url":"https://a.example","title":"A"}"#,
        r#"{"type":"source-document","sourceId":"s","mediaType":"application/pdf","title":"A"}"#,
        r#"{"type":"file","url":"data:image/png;base64,","mediaType":"image/png"}"#,
        r#"{"type":"data-weather","id":"w","data":{"t":20},"transient":true}"#,
        r#"{"type":"data-thread","data":{"title":"x"}}"#,
        r#"{"type":"message-metadata","messageMetadata":{"tokens":3}}"#,
        r#"{"type":"finish-step"}"#,
        r#"{"type":"finish"}"#,
        r#"{"type":"finish","finishReason":"stop","messageMetadata":{"tokens":3}}"#,
        r#"{"type":"error","errorText":"no"}"#,
        r#"{"type":"abort"}"#,
        r#"{"type":"abort","reason":"user"}"#,
        r#"{"type":"of-a-newer-sdk","x":1}"#,
        "",
        " ",
    ];

    #[test]
    fn every_chunk_type_of_the_sdk_is_sound_whether_or_not_its_turn_is_known() {
        let known = r#"{"type":"message-metadata","messageMetadata":{"turnId":"u1"}}"#;
        for data in SOUND {
            assert_eq!(read(&[data]), [None], "{data}");
            let read = read(&[known, data]).pop().flatten();
            assert!(!matches!(read, Some(Chunk::Unreadable { .. })), "{data}: {read:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why_and_stays_short() {
        for (data, why) in [
            ("{", "not JSON"),
            ("{}", "no \"type\""),
            (r#"{"type":"start","turnId":"u"}"#, "epoch"),
            (r#"{"type":"finish","turnId":"u","status":"done"}"#, "status"),
            (r#"{"type":"text-delta","id":"u.1"}"#, "delta"),
            (r#"{"type":"text-delta","delta":"a"}"#, "id"),
            (r#"{"type":"error"}"#, "errorText"),
            (r#"{"type":"text-delta","turnId":"u","delta":"a"}{"type":"#, "not JSON"),
        ] {
            let Some(Chunk::Unreadable { why: got, .. }) = read_frame(data) else {
                panic!("{data} was read")
            };
            assert!(got.contains(why), "{got}");
        }
        let Some(Chunk::Unreadable { data, .. }) = read_frame(&"é".repeat(10_000)) else {
            panic!("read")
        };
        assert!(data.len() < 500);
    }

    #[test]
    fn cursors_are_two_numbers_and_perhaps_a_thread_s_mark() {
        let cursor = Cursor {
            epoch: Some(Epoch(4)),
            seq: 17,
        };
        for (id, next) in [("4-17", "4-18"), ("4-17-0123abcd", "4-18-0123abcd")] {
            assert_eq!(read_cursor(id), Some(cursor));
            assert_eq!(write_cursor(cursor, id), id);
            assert_eq!(write_cursor(Cursor { seq: 18, ..cursor }, id), next);
        }
        assert_eq!(of_another_thread("4-17-0123abcd").as_deref(), Some("4-17-1123abcd"));
        assert_eq!(of_another_thread("4-17-f123abcd").as_deref(), Some("4-17-0123abcd"));
        assert_eq!(of_another_thread("4-17"), None);
        for bad in [
            "",
            "4",
            "4-",
            "-4-1",
            "a-b",
            "4-1-2",
            "4-1-",
            "4-1-0123abcd-",
            "4-1-0123abcg",
        ] {
            assert_eq!(read_cursor(bad), None, "{bad}");
        }
    }
}
