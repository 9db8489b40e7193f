//! Writes the oddities of a stream: what comes before a chunk, in place of one, and how lines end.

use bytes::Bytes;

use super::chunk::Chunks;
use crate::script::{Bad, BadKind, Extra, Flag, Odd, Oddity, Ping, Reasoning};
use crate::state::Call;

/// Chunks of reasoning before the first token.
const REASONED_BEFORE: usize = 3;
/// Length of a line that is too long, in bytes.
const HUGE_BYTES: usize = 16 << 20;
/// A chunk's reasoning, as the inside of a JSON object.
const REASONING: &str = r#""reasoning_content":"hm \ud83e\udd14 ""#;

/// The lines right behind the chunk that opens a stream.
pub(super) fn opening(chunks: &Chunks, odd: &Odd, call: &Call) -> Vec<u8> {
    if odd.reasoning != Some(Reasoning::Before) {
        return Vec::new();
    }
    note(call, &Oddity::Reasoning(Reasoning::Before));
    chunks.delta(REASONING).repeat(REASONED_BEFORE).into_bytes()
}

/// The chunks of a token, or what comes in its place; `closing` is the reason of an answer that ends with it.
pub(super) fn token(chunks: &Chunks, odd: &Odd, call: &Call, text: &str, closing: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(extra) = odd.extra {
        note(call, &Oddity::Extra(extra));
        out.extend_from_slice(self::extra(chunks, extra).as_bytes());
    }
    if odd.reasoning == Some(Reasoning::Mixed) {
        note(call, &Oddity::Reasoning(Reasoning::Mixed));
        out.extend_from_slice(chunks.delta(REASONING).as_bytes());
    }
    if !odd.text.is_plain() {
        note(call, &Oddity::Text(odd.text));
    }
    let written = odd.text.written();
    for (place, more) in written.iter().enumerate() {
        let before = if place == 0 { text } else { "" };
        let is_last = place + 1 == written.len();
        let content = content(odd, call, before, more);
        let chunk = match closing.filter(|_| is_last) {
            Some(reason) => chunks.choice(&content, reason),
            None => chunks.delta(&content),
        };
        out.extend_from_slice(chunk.as_bytes());
    }
    out
}

/// The inside of a token's delta.
fn content(odd: &Odd, call: &Call, text: &str, more: &str) -> String {
    let reasoning = if odd.reasoning == Some(Reasoning::Same) {
        note(call, &Oddity::Reasoning(Reasoning::Same));
        format!("{REASONING},")
    } else {
        String::new()
    };
    format!(r#"{reasoning}"content":"{text}{more}""#)
}

fn extra(chunks: &Chunks, extra: Extra) -> String {
    let choice = |fields: &str| chunks.fields(&format!(r#""choices":[{{"index":0{fields}}}]"#));
    match extra {
        Extra::NoChoices => chunks.fields(r#""choices":[]"#),
        Extra::NullChoices => chunks.fields(r#""choices":null"#),
        Extra::MissingChoices => chunks.fields(r#""note":"nothing""#),
        Extra::NullDelta => choice(r#","delta":null"#),
        Extra::ListDelta => choice(r#","delta":[]"#),
        Extra::MissingDelta => choice(""),
        Extra::NullContent => chunks.delta(r#""content":null"#),
        Extra::EmptyContent => chunks.delta(r#""content":"""#),
        Extra::Role => chunks.role(),
        Extra::NullError => chunks.fields(r#""choices":[],"error":null"#),
        Extra::EmptyError => chunks.fields(r#""choices":[],"error":{}"#),
    }
}

/// The bytes that nobody can read.
pub(super) fn bad(chunks: &Chunks, bad: Bad, call: &Call) -> Vec<u8> {
    note(call, &Oddity::Bad(bad));
    match bad.kind {
        BadKind::Json => b"data: {\"choices\":[{\"delta\":{\"content\":\"cut\n\n".to_vec(),
        BadKind::Utf8 => b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n".to_vec(),
        BadKind::Nul => b"data: {\"choices\":[{\"delta\":{\"content\":\"\0\"}}]}\n\n".to_vec(),
        BadKind::Content => chunks.delta(r#""content":7"#).into_bytes(),
        BadKind::Choices => chunks.fields(r#""choices":{"a":1}"#).into_bytes(),
        BadKind::Huge => chunks.text(&"x".repeat(HUGE_BYTES)).into_bytes(),
        BadKind::Error => {
            br#"data: {"error":{"message":"broken \u0000 on \ud83d purpose","type":"server_error","param":null,"code":503}}

"#
            .to_vec()
        }
    }
}

/// Dresses one item of a body: pings before its first event, line ends, and the mark before the first item.
pub(super) fn dressed(odd: &Odd, call: &Call, is_first: bool, events: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(events.len() + 64);
    if let Some(ping) = odd.ping {
        note(call, &Oddity::Ping(ping));
        out.extend_from_slice(self::ping(ping).as_bytes());
    }
    out.extend_from_slice(events);
    if odd.has(Flag::Bare) {
        note(call, &Oddity::Flag(Flag::Bare));
    }
    for (flag, end) in [(Flag::Crlf, "\r\n"), (Flag::Cr, "\r")] {
        if odd.has(flag) {
            note(call, &Oddity::Flag(flag));
            out = out
                .split(|byte| *byte == b'\n')
                .collect::<Vec<_>>()
                .join(end.as_bytes());
        }
    }
    if is_first && odd.has(Flag::Bom) {
        note(call, &Oddity::Flag(Flag::Bom));
        out.splice(..0, *b"\xef\xbb\xbf");
    }
    out.into()
}

fn ping(ping: Ping) -> &'static str {
    match ping {
        Ping::Comment => ": ping\n\n",
        Ping::Event => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        Ping::Data => "data:\n\n",
        Ping::Retry => "retry: 3000\n\n",
        Ping::All => {
            ": ping\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\nevent: ping\ndata:\n\ndata:\n\ndata: \n\nretry: 3000\n\n"
        }
    }
}

/// Notes in the journal that an oddity is handed to the connection.
pub(super) fn note(call: &Call, oddity: &Oddity) {
    call.odd(&oddity.to_string());
}
