//! Events, in short form.

use super::TOKENS;
use crate::history::effect_by_name;
use crate::history::{
    Accepted, Chunk, ClientEvent, Credential, Cursor, CursorForm, Epoch, Expect, FaultEvent, FaultStep, MachineEvent,
    OpId, Outcome, PodEvent, ProviderEvent, ProviderWhat, ReadAnswer, Row, Start, Status, StoreEvent, TailEnd,
    TailMode, TurnRow, WatcherEvent, WatcherId, What,
};
use mock_ai::token::TextMode;

pub(crate) fn posted(op: u32, thread: &str, message: &str, key: &str) -> What {
    let expect = Box::new(Expect {
        key: key.into(),
        tokens: TOKENS,
        size: 0,
        text: TextMode::Plain,
        fails: false,
        is_odd: false,
    });
    let (op, text) = (OpId(op), format!("please answer {message}"));
    What::Client(ClientEvent::Posted {
        op,
        pod: "pod-1".into(),
        thread: thread.into(),
        message: message.into(),
        text,
        expect,
    })
}

pub(crate) fn accepted(op: u32, turn: &str) -> What {
    What::Client(ClientEvent::PostEnded {
        op: OpId(op),
        outcome: Outcome::Ok(Accepted {
            turn: turn.into(),
            pod: "pod-1".into(),
            tail: None,
        }),
    })
}

pub(crate) fn opened(watcher: u32, pod: &str, cursor: Option<&str>) -> What {
    What::Watcher(WatcherEvent::TailOpened {
        watcher: WatcherId(watcher),
        pod: pod.into(),
        thread: "t-1".into(),
        turn: None,
        mode: if cursor.is_some() {
            TailMode::Cursor
        } else {
            TailMode::Start
        },
        cursor: cursor.map(Into::into),
        form: CursorForm::default(),
        role: "start".into(),
        asked_us: 0,
        session: None,
    })
}

pub(crate) fn closed(watcher: u32, end: TailEnd) -> What {
    What::Watcher(WatcherEvent::TailClosed {
        watcher: WatcherId(watcher),
        end,
    })
}

pub(crate) fn frame_of(watcher: u32, at: Option<(u64, u64)>, chunk: Chunk) -> What {
    let cursor = at.map(|(epoch, seq)| Cursor {
        epoch: Some(Epoch(epoch)),
        seq,
    });
    let id = at.map(|(epoch, seq)| format!("{epoch}-{seq}").into());
    What::Watcher(WatcherEvent::Frame {
        watcher: WatcherId(watcher),
        id,
        cursor,
        chunk,
    })
}

pub(crate) fn state(watcher: u32, status: Status, turn: Option<&str>) -> What {
    frame_of(
        watcher,
        None,
        Chunk::State {
            status,
            turn: turn.map(Into::into),
        },
    )
}

pub(crate) fn resync(watcher: u32) -> What {
    frame_of(
        watcher,
        None,
        Chunk::Resync {
            reason: "purged".into(),
        },
    )
}

pub(crate) fn start(watcher: u32, epoch: u64, reset: bool) -> What {
    frame_of(
        watcher,
        Some((epoch, 0)),
        Chunk::Start(Box::new(Start {
            turn: "turn-1".into(),
            epoch: Some(Epoch(epoch)),
            reset,
            answer: Some("answer-1".into()),
        })),
    )
}

pub(crate) fn delta(watcher: u32, epoch: u64, seq: u64, text: impl Into<String>) -> What {
    frame_of(
        watcher,
        Some((epoch, seq)),
        Chunk::Delta {
            turn: "turn-1".into(),
            text: text.into(),
        },
    )
}

pub(crate) fn error(watcher: u32, epoch: u64, seq: u64, message: &str) -> What {
    frame_of(
        watcher,
        Some((epoch, seq)),
        Chunk::Error {
            turn: "turn-1".into(),
            message: message.into(),
        },
    )
}

pub(crate) fn finish(watcher: u32, epoch: u64, seq: u64, status: Status) -> What {
    frame_of(
        watcher,
        Some((epoch, seq)),
        Chunk::Finish {
            turn: "turn-1".into(),
            status: Some(status),
        },
    )
}

/// A frame as the stream log holds it, as its message `seq`.
pub(crate) fn logged(seq: u32, frame: What) -> What {
    let What::Watcher(WatcherEvent::Frame { cursor, chunk, .. }) = frame else {
        panic!("not a frame: {frame:?}")
    };
    What::Store(StoreEvent::Logged {
        thread: Some("t-1".into()),
        turn: None,
        seq,
        cursor,
        chunk,
    })
}

fn row(xid: u64, row: Row) -> What {
    What::Store(StoreEvent::Row {
        lsn: format!("0/{xid:X}").into(),
        xid,
        row,
    })
}

/// The removal of a row.
pub(crate) fn gone(xid: u64, removed: Row) -> What {
    row(xid, removed)
}

pub(crate) fn thread_row(xid: u64, owner: Option<&str>, epoch: u64, status: Status) -> What {
    row(
        xid,
        Row::Thread {
            thread: "t-1".into(),
            status,
            owner: owner.map(Into::into),
            attempt: None,
            epoch: Some(Epoch(epoch)),
        },
    )
}

/// A row of a turn whose attempt and epoch go together.
pub(crate) fn turn_row(xid: u64, turn: &str, epoch: u64, status: Status) -> What {
    row(
        xid,
        Row::Turn(Box::new(TurnRow {
            turn: turn.into(),
            thread: "t-1".into(),
            message: Some(turn.replace("turn", "m").into()),
            status,
            owner: None,
            attempt: (epoch > 0).then(|| epoch.to_string().into()),
            epoch: (epoch > 0).then_some(Epoch(epoch)),
            error: None,
        })),
    )
}

pub(crate) fn part(xid: u64, epoch: u64, seq: u64, text: impl Into<String>) -> What {
    row(
        xid,
        Row::Part {
            turn: "turn-1".into(),
            epoch: Some(Epoch(epoch)),
            seq,
            text: text.into(),
        },
    )
}

pub(crate) fn call(ordinal: u32, pod: &str, what: ProviderWhat) -> What {
    let (key, pod) = ("key-1".into(), Some(pod.into()));
    What::Provider(ProviderEvent {
        call: 100 + u64::from(ordinal),
        key,
        ordinal,
        pod,
        what,
    })
}

pub(crate) fn call_starts(ordinal: u32, pod: &str) -> What {
    call(
        ordinal,
        pod,
        ProviderWhat::Started {
            messages: vec!["user: please answer m-1".into()],
        },
    )
}

pub(crate) fn call_ends(ordinal: u32, pod: &str, cause: &str) -> What {
    call(
        ordinal,
        pod,
        ProviderWhat::Ended {
            cause: cause.into(),
            tokens: TOKENS,
        },
    )
}

pub(crate) fn fault(id: u32, fault: &str, target: &str, step: FaultStep) -> What {
    What::Fault(Box::new(FaultEvent {
        id,
        name: fault.into(),
        target: target.into(),
        effect: effect_by_name(fault, target),
        step,
    }))
}

pub(crate) fn aimed() -> FaultStep {
    FaultStep::Aimed {
        thread: Some("t-1".into()),
        epoch: Some(Epoch(1)),
    }
}

pub(crate) fn observed() -> FaultStep {
    FaultStep::Observed {
        proof: "pidfd readable".into(),
        trigger_to_effect_us: None,
    }
}

pub(crate) fn read(pod: &str, status: Status, text: impl Into<String>, error: Option<&str>) -> What {
    let (text, error) = (text.into(), error.map(Into::into));
    let answers = vec![ReadAnswer {
        turn: Some("turn-1".into()),
        key: None,
        status: Some(status),
        text,
        error,
    }];
    What::Pod(PodEvent::ThreadRead {
        pod: pod.into(),
        thread: "t-1".into(),
        turn: None,
        status: Some(status),
        questions: None,
        answers,
    })
}

pub(crate) fn probe(watcher: u32, status: Option<Status>) -> What {
    What::Store(StoreEvent::TerminalProbe {
        watcher: WatcherId(watcher),
        turn: "turn-1".into(),
        status,
    })
}

pub(crate) fn access(pod: &str, credential: Credential, status: Option<u16>, body: &str) -> What {
    let (thread, route) = ("t-1".into(), "read".into());
    What::Client(ClientEvent::Access {
        pod: pod.into(),
        credential,
        thread,
        route,
        status,
        body: body.into(),
    })
}

pub(crate) fn polled(pod: &str, ready: bool) -> What {
    What::Pod(PodEvent::ReadyPolled {
        pod: pod.into(),
        ready,
        status: Some(if ready { 200 } else { 503 }),
        detail: "the stream cannot be reached".into(),
    })
}

pub(crate) fn served(pod: &str, ok: bool) -> What {
    What::Pod(PodEvent::Served {
        pod: pod.into(),
        ok,
        detail: "attach answered 503".into(),
    })
}

pub(crate) fn died(service: &str, code: i64) -> What {
    What::Machine(MachineEvent::Engine {
        service: service.into(),
        action: "die".into(),
        exit_code: Some(code),
    })
}

pub(crate) fn cancelled(pod: &str, outcome: Outcome<()>) -> What {
    What::Client(ClientEvent::Cancelled {
        pod: pod.into(),
        thread: "t-1".into(),
        turn: None,
        outcome,
    })
}

pub(crate) fn feedback_posted(op: u32, pod: &str, item: &str) -> What {
    What::Client(ClientEvent::FeedbackPosted {
        op: OpId(op),
        pod: pod.into(),
        item: item.into(),
    })
}

pub(crate) fn feedback_ended(op: u32, outcome: Outcome<()>) -> What {
    What::Client(ClientEvent::FeedbackEnded { op: OpId(op), outcome })
}

pub(crate) fn feedback_row(xid: u64, item: &str) -> What {
    row(xid, Row::Feedback { item: item.into() })
}

pub(crate) fn feedback_counted(pod: &str, count: u64) -> What {
    What::Pod(PodEvent::FeedbackCounted { pod: pod.into(), count })
}

/// So many milliseconds that parts waited for a processor, of the last 250.
pub(crate) fn starved(parts: &[(&str, u64)]) -> What {
    What::Machine(MachineEvent::Starved {
        over_us: 250_000,
        waited_us: parts.iter().map(|(part, ms)| ((*part).to_owned(), ms * 1000)).collect(),
    })
}
