//! The reference pod's frames, which have the shape of the AI SDK's UI message stream.

use super::*;

const RULES: &str = r#"
[stream]
kind = "/type"
done = "[DONE]"
complete = true
cursor = { at = "id", reads = "{epoch}-{n}-*", dense = true }

[[stream.frames]]
on = ["start"]
is = "start"
turn = ["/turnId", "/messageMetadata/turnId"]
message = "/messageId"
epoch = ["/epoch", "/messageMetadata/epoch"]
resets = ["/reset", "/messageMetadata/reset"]

[[stream.frames]]
on = ["text-delta"]
where = { "/id" = "*" }
is = "text"
turn = { at = "/id", reads = "{turn}.{epoch}" }
text = "/delta"

[[stream.frames]]
on = ["text-delta"]
where = { "/turnId" = "*" }
is = "text"
turn = "/turnId"
text = "/delta"

[[stream.frames]]
on = ["error"]
is = "error"
turn = "/turnId"
error = ["/errorText", "/message"]

[[stream.frames]]
on = ["finish"]
is = "end"
turn = ["/turnId", "/messageMetadata/turnId"]
status = ["/status", "/messageMetadata/status"]

[[stream.frames]]
on = ["data-thread"]
where = { "/data/status" = "*" }
is = "state"
turn = "/data/turnId"
status = "/data/status"

[[stream.frames]]
on = ["data-resync"]
is = "resync"
error = "/data/reason"

[[stream.frames]]
on = ["data-handover"]
is = "handover"
error = "/data/reason"

[[stream.frames]]
on = ["text-start", "text-end", "message-metadata"]
is = "nothing"
turn = ["/turnId", "/messageMetadata/turnId", { at = "/id", reads = "{turn}.{epoch}" }]

[[stream.frames]]
on = ["start-step", "finish-step", "abort", "file", "tool-*", "reasoning-*", "source-*", "data-*"]
is = "nothing"

[statuses]
idle = ["idle"]
queued = ["queued"]
running = ["in_progress"]
completed = ["completed"]
failed = ["failed"]
cancelled = ["cancelled"]
lost = ["interrupted"]
"#;

fn reader() -> Reader {
    Reader::new(rules(RULES), None)
}

/// The chunk of each frame of one stream, with ids where frames of a turn have them.
fn read(stream: &[&str]) -> Vec<Option<Chunk>> {
    let mut reader = reader();
    let event = |(n, data): (usize, &&str)| SseEvent {
        id: Some(format!("3-{n}-0123abcd")),
        data: (*data).to_owned(),
        ..SseEvent::default()
    };
    let chunks = |event: SseEvent| {
        let mut chunks = reader.read(&event).chunks;
        assert!(chunks.len() < 2, "{chunks:?}");
        chunks.pop()
    };
    stream.iter().enumerate().map(event).map(chunks).collect()
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
        (
            r#"{"type":"text-delta","turnId":"u1","delta":"x "}"#,
            Some(delta("u1", "x ")),
        ),
        (r#"{"type":"error","turnId":"u1","message":"no"}"#, Some(error("no"))),
        (
            r#"{"type":"finish","turnId":"u1","status":"completed"}"#,
            Some(over(Status::Completed)),
        ),
    ] {
        assert_eq!(read(&[data]), [expected], "{data}");
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
        (
            r#"{"type":"text-delta","id":"u1.3","delta":"x "}"#,
            Some(delta("u1", "x ")),
        ),
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
        (
            r#"{"type":"data-handover","data":{"reason":"the pod stops"},"transient":true}"#,
            Some(Chunk::Handover {
                reason: "the pod stops".into(),
            }),
        ),
        ("[DONE]", Some(Chunk::Done)),
    ];
    let (data, expected): (Vec<_>, Vec<_>) = stream.into_iter().unzip();
    assert_eq!(read(&data), expected);
}

#[test]
fn a_frame_of_a_turn_has_a_place_and_a_word_about_the_tail_has_none() {
    let mut reader = reader();
    let mut read = |id: &str, data: &str| {
        let read = reader.read(&SseEvent {
            id: Some(id.to_owned()),
            data: data.to_owned(),
            ..SseEvent::default()
        });
        (read.id_text(), read.cursor)
    };
    let finish = r#"{"type":"finish","turnId":"u1","status":"completed"}"#;
    let cursor = Cursor {
        epoch: Some(Epoch(3)),
        seq: 7,
    };
    assert_eq!(
        read("3-7-0123abcd", finish),
        (Some("3-7-0123abcd".to_owned()), Some(cursor))
    );
    assert_eq!(read("3", finish), (Some("3".to_owned()), None));
    assert_eq!(read("3-7-0123abcd", "[DONE]"), (None, None));
    let state = r#"{"type":"data-thread","data":{"status":"idle"}}"#;
    assert_eq!(read("3-7-0123abcd", state), (None, None));
}

#[test]
fn a_resumed_stream_says_whose_error_comes_next() {
    let resumed = r#"{"type":"message-metadata","messageMetadata":{"turnId":"u1","epoch":3}}"#;
    let failed = r#"{"type":"error","errorText":"no"}"#;
    assert_eq!(read(&[resumed, failed])[1], Some(error("no")));
    assert_eq!(read(&[failed]), [None]);
}

/// Every chunk type of the SDK.
const SOUND: [&str; 31] = [
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
        ("{}", "no kind at /type"),
        (r#"{"type":"start","turnId":"u"}"#, "epoch"),
        (
            r#"{"type":"finish","turnId":"u","status":"done"}"#,
            "\"done\" is no word of [statuses]",
        ),
        (
            r#"{"type":"finish","turnId":"u"}"#,
            "/status or /messageMetadata/status",
        ),
        (r#"{"type":"text-delta","id":"u.1"}"#, "/delta leads to no text"),
        (r#"{"type":"text-delta","delta":"a"}"#, "no rule takes \"text-delta\""),
        (r#"{"type":"of-a-newer-sdk","x":1}"#, "no rule takes"),
        (r#"{"type":"error"}"#, "errorText"),
        (r#"{"type":"text-delta","turnId":"u","delta":"a"}{"type":"#, "not JSON"),
    ] {
        let Some(Some(Chunk::Unreadable { why: got, .. })) = read(&[data]).pop() else {
            panic!("{data} was read")
        };
        assert!(got.contains(why), "{got}");
    }
    let Some(Some(Chunk::Unreadable { data, .. })) = read(&[&"é".repeat(10_000)]).pop() else {
        panic!("read")
    };
    assert!(data.len() < 500);
}

#[test]
fn an_event_for_somebody_else_is_passed_over() {
    let ping = |data: &str| SseEvent {
        name: Some("ping".to_owned()),
        data: data.to_owned(),
        ..SseEvent::default()
    };
    for data in [".", "{}", r#"{"type":"odd"}"#] {
        assert_eq!(reader().read(&ping(data)).chunks, [], "{data}");
    }
}
