//! An SSE event as a frame: its kind, and its data as JSON.

use crosspod_sse::SseEvent;
use serde_json::Value;

use crate::system::stream::Kind;
use crate::wire::json;

/// Name of an event that has none of its own, by the HTML standard.
const UNNAMED: &str = "message";

/// A frame of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// The frame's kind, by the name that rules use.
    pub(super) kind: String,
    /// The frame's data.
    pub(super) value: Value,
}

/// Reads an event as a frame. Returns `None` if the event is nobody's: it has no data, or it has a name of its own where kinds are
/// in the data, as a ping has.
///
/// # Errors
/// The event is a frame that cannot be read; the error says why.
pub(super) fn frame(kind: &Kind, event: &SseEvent) -> Result<Option<Frame>, String> {
    let name = event.name.as_deref().unwrap_or(UNNAMED);
    let is_empty = event.data.trim().is_empty();
    match kind {
        Kind::Event if is_empty && name == UNNAMED => Ok(None),
        Kind::Event => value_of_named(&event.data).map(|value| {
            let kind = name.to_owned();
            Some(Frame { kind, value })
        }),
        Kind::At(_) if is_empty => Ok(None),
        Kind::At(pointer) => {
            let read = json::read(event.data.as_bytes()).map_err(|e| format!("not JSON: {e}"));
            let frame = read.and_then(|value| {
                let kind = pointer.text(&value).ok_or_else(|| format!("no kind at {pointer}"))?;
                Ok(Frame { kind, value })
            });
            match frame {
                Ok(frame) => Ok(Some(frame)),
                // A name of its own: the event is for whoever waits for that name.
                Err(_) if name != UNNAMED => Ok(None),
                Err(why) => Err(why),
            }
        }
    }
}

/// The data of an event whose kind is its name. Such data may be plain text, but what begins as JSON must be JSON.
fn value_of_named(data: &str) -> Result<Value, String> {
    match json::read(data.as_bytes()) {
        Ok(value) => Ok(value),
        Err(_) if data.trim().is_empty() => Ok(Value::Null),
        Err(e) if data.trim_start().starts_with(['{', '[']) => Err(format!("not JSON: {e}")),
        Err(_) => Ok(Value::from(data)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::system::language::Pointer;

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent {
            name: Some(name.to_owned()).filter(|name| !name.is_empty()),
            data: data.to_owned(),
            ..SseEvent::default()
        }
    }

    fn read(kind: &Kind, name: &str, data: &str) -> Result<Option<(String, Value)>, String> {
        let read = frame(kind, &event(name, data))?;
        Ok(read.map(|frame| (frame.kind, frame.value)))
    }

    #[test]
    fn a_kind_may_be_the_event_s_name() {
        let some = |kind: &str, value| Ok(Some((kind.to_owned(), value)));
        assert_eq!(read(&Kind::Event, "end", "{\"a\":1}"), some("end", json!({ "a": 1 })));
        assert_eq!(read(&Kind::Event, "", "[1]"), some("message", json!([1])));
        assert_eq!(read(&Kind::Event, "end", ""), some("end", Value::Null));
        assert_eq!(
            read(&Kind::Event, "error", "it broke"),
            some("error", json!("it broke"))
        );
        assert_eq!(read(&Kind::Event, "", " "), Ok(None));
        let torn = read(&Kind::Event, "delta", "{\"a\":").expect_err("torn");
        assert!(torn.starts_with("not JSON: "), "{torn}");
    }

    #[test]
    fn a_kind_may_be_in_the_data() {
        let at = Kind::At(Pointer::parse("/type").expect("a pointer"));
        let frame = Ok(Some(("end".to_owned(), json!({ "type": "end" }))));
        assert_eq!(read(&at, "", "{\"type\":\"end\"}"), frame);
        assert_eq!(read(&at, "ping", "{\"type\":\"end\"}"), frame);
        assert_eq!(read(&at, "ping", "."), Ok(None));
        assert_eq!(read(&at, "", ""), Ok(None));
        assert_eq!(read(&at, "", "{}"), Err("no kind at /type".to_owned()));
        assert!(read(&at, "", ".").expect_err("no JSON").starts_with("not JSON"));
    }
}
