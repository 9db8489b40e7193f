//! The scene: a turn whose owner is killed, and which a survivor runs again from its start.

use crate::history::{
    Accepted, Attempt, Began, Bounds, Capability, Chunk, ClientEvent, Cursor, CursorForm, EventId, Expect, FaultStep,
    OnDeath, OpId, Outcome, PodEvent, ReadAnswer, ReadQuestion, Row, Rules, RunEvent, Start, Status, StoreEvent,
    TailEnd, TailMode, TurnRow, WatcherEvent, WatcherId, What,
};
use crate::judge::testing::{
    Play, TOKENS, aimed, answer, began, call_ends, call_starts, closed, fault, observed, probe, token,
};

/// A play whose system gives its frames no ids.
pub(super) fn without_ids(mut play: Play) -> Play {
    play.change(|what| match what {
        What::Watcher(WatcherEvent::Frame { watcher, chunk, .. }) => Some(bare(watcher.0, chunk.clone())),
        _ => None,
    });
    described(play, |began| {
        began.capabilities.retain(|can| *can != Capability::Cursor);
    })
}

/// What the scene's system can do.
pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Threads,
    Capability::Cancel,
    Capability::Read,
    Capability::Questions,
    Capability::Cursor,
    Capability::FrameTurn,
    Capability::Owner,
    Capability::EveryCommit,
    Capability::ProviderJournal,
    Capability::Conversation,
    Capability::Ready,
    Capability::Complaint,
];

pub(super) fn description() -> Began {
    Began {
        capabilities: CAPABILITIES.to_vec(),
        bounds: Bounds {
            lease_ms: Some(1000),
            takeover_ms: Some(2100),
            drain_ms: Some(5000),
            terminal_ms: Some(1000),
            ..Bounds::default()
        },
        rules: Rules {
            on_death: Some(OnDeath::Survivor),
            client_retries: 2,
            ..Rules::default()
        },
        ..began()
    }
}

/// Describes the system of a play otherwise.
pub(super) fn described(mut play: Play, change: impl FnOnce(&mut Began)) -> Play {
    let mut began = description();
    let old = What::Run(RunEvent::Began(began.clone().into()));
    change(&mut began);
    play.turn_into(&old, What::Run(RunEvent::Began(began.into())));
    play
}

/// The system with a capability more.
pub(super) fn with(play: Play, capability: Capability) -> Play {
    described(play, |began| began.capabilities.push(capability))
}

pub(super) fn posted(op: u32, turn: &str, key: &str, tail: Option<u32>) -> [What; 2] {
    let expect = Box::new(Expect {
        key: key.into(),
        tokens: TOKENS,
        size: 0,
        text: mock_ai::token::TextMode::Plain,
        fails: false,
        is_odd: false,
    });
    let posted = What::Client(ClientEvent::Posted {
        op: OpId(op),
        pod: "pod-1".into(),
        thread: "t-1".into(),
        message: turn.replace("turn", "m").into(),
        text: format!("please answer [[mock key:{key}]]"),
        expect,
    });
    let accepted = What::Client(ClientEvent::PostEnded {
        op: OpId(op),
        outcome: Outcome::Ok(Accepted {
            turn: turn.into(),
            pod: "pod-1".into(),
            tail: tail.map(WatcherId),
        }),
    });
    [posted, accepted]
}

/// A row of a turn that names its owner, and no attempt.
pub(super) fn owned(xid: u64, turn: &str, owner: Option<&str>, status: Status) -> What {
    row(xid, turn, owner, None, status)
}

/// A row of a turn that names its owner and its attempt.
pub(super) fn row(xid: u64, turn: &str, owner: Option<&str>, attempt: Option<&str>, status: Status) -> What {
    What::Store(StoreEvent::Row {
        lsn: format!("0/{xid:X}").into(),
        xid,
        row: Row::Turn(Box::new(TurnRow {
            turn: turn.into(),
            thread: "t-1".into(),
            message: None,
            status,
            owner: owner.map(Into::into),
            attempt: attempt.map(Attempt::from),
            epoch: None,
            error: None,
        })),
    })
}

/// A tail of one turn.
pub(super) fn tail(watcher: u32, pod: &str, turn: &str, mode: TailMode, cursor: Option<&str>) -> What {
    What::Watcher(WatcherEvent::TailOpened {
        watcher: WatcherId(watcher),
        pod: pod.into(),
        thread: "t-1".into(),
        turn: Some(turn.into()),
        mode,
        cursor: cursor.map(Into::into),
        form: CursorForm::default(),
        role: "start".into(),
        asked_us: 0,
        session: None,
    })
}

/// A frame of a turn's tail, with the id that goes with its place.
pub(super) fn shown(watcher: u32, turn: &str, seq: u64, chunk: Chunk) -> What {
    let id = Some(EventId::from(format!("{turn}_event_{seq}")));
    frame(watcher, id, Some(Cursor { epoch: None, seq }), chunk)
}

/// A frame without an id.
pub(super) fn bare(watcher: u32, chunk: Chunk) -> What {
    frame(watcher, None, None, chunk)
}

fn frame(watcher: u32, id: Option<EventId>, cursor: Option<Cursor>, chunk: Chunk) -> What {
    What::Watcher(WatcherEvent::Frame {
        watcher: WatcherId(watcher),
        id,
        cursor,
        chunk,
    })
}

pub(super) fn begin(turn: &str, reset: bool) -> Chunk {
    Chunk::Start(Box::new(Start {
        turn: turn.into(),
        epoch: None,
        reset,
        answer: None,
    }))
}

pub(super) fn text(turn: &str, text: impl Into<String>) -> Chunk {
    Chunk::Delta {
        turn: turn.into(),
        text: text.into(),
    }
}

pub(super) fn whole(turn: &str, text: impl Into<String>) -> Chunk {
    Chunk::Whole {
        turn: turn.into(),
        text: text.into(),
    }
}

pub(super) fn end(turn: &str, status: Option<Status>) -> Chunk {
    let turn = turn.into();
    Chunk::Finish { turn, status }
}

/// A thread as a pod reads it back: one question, and its answer where there is one.
pub(super) fn read(pod: &str, key: &str, text: Option<String>) -> What {
    let questions = [ReadQuestion {
        key: Some(key.into()),
        text: format!("please answer [[mock key:{key}]]"),
    }];
    let answer = |text| ReadAnswer {
        turn: None,
        key: Some(key.into()),
        status: None,
        text,
        error: None,
    };
    What::Pod(PodEvent::ThreadRead {
        pod: pod.into(),
        thread: "t-1".into(),
        turn: None,
        status: None,
        questions: Some(questions.into()),
        answers: text.map(answer).into_iter().collect(),
    })
}

pub(super) fn status_read(pod: &str, turn: &str, status: Status, error: Option<&str>) -> What {
    What::Pod(PodEvent::StatusRead {
        pod: pod.into(),
        thread: "t-1".into(),
        turn: turn.into(),
        status,
        error: error.map(Into::into),
    })
}

const PODS: [&str; 3] = ["pod-1", "pod-2", "pod-3"];

/// pod-1 is killed at token 3, pod-2 runs the turn again; watchers on pod-2 and pod-3 are told to start over and see the whole
/// answer of call 2, and one that comes after the end sees it too.
pub(super) fn survived() -> Play {
    let mut play = asked();
    died_at_work(&mut play);
    play.at(1100, owned(30, "turn-1", None, Status::Queued));
    run(&mut play, 1200, (40, 2, "pod-2"), &[2, 3], 1..=TOKENS);
    over(&mut play, &[2, 3]);
    play.at(1250, fault(1, "kill", "pod-1", FaultStep::Healed));
    settle(&mut play);
    play
}

/// The scene in which the ids of the second attempt begin at `first`, with `start`; its end keeps its own.
pub(super) fn anew(first: u64, start: &Chunk) -> Play {
    let mut play = survived();
    play.change(|what| {
        let What::Watcher(WatcherEvent::Frame {
            watcher, cursor, chunk, ..
        }) = what
        else {
            return None;
        };
        let seq = cursor.map(|cursor| cursor.seq).filter(|seq| (200..250).contains(seq))?;
        let chunk = if seq == 200 { start } else { chunk };
        Some(shown(watcher.0, "turn-1", first + seq - 200, chunk.clone()))
    });
    play
}

/// pod-1 claims the turn, shows three tokens, and is killed.
pub(super) fn died_at_work(play: &mut Play) {
    run(play, 12, (20, 1, "pod-1"), &[2, 3], 1..=3);
    play.at(40, fault(1, "kill", "pod-1", aimed()))
        .at(41, fault(1, "kill", "pod-1", observed()))
        .at(43, call_ends(1, "pod-1", "client_gone"));
}

/// One turn that nothing happens to, shown on pod-2 and pod-3.
pub(super) fn undisturbed() -> Play {
    let mut play = asked();
    run(&mut play, 1200, (40, 1, "pod-1"), &[2, 3], 1..=TOKENS);
    over(&mut play, &[2, 3]);
    settle(&mut play);
    play
}

/// The scene up to the turn's acceptance, watched on pod-2 and pod-3.
pub(super) fn asked() -> Play {
    let mut play = Play::default();
    play.at(0, What::Run(RunEvent::Began(description().into())));
    let [posted, accepted] = posted(1, "turn-1", "key-1", None);
    play.at(
        1,
        What::Client(ClientEvent::ThreadMade {
            thread: "t-1".into(),
            tenant: "tenant-a".into(),
        }),
    )
    .at(5, posted)
    .at(8, owned(10, "turn-1", None, Status::Queued))
    .at(9, accepted);
    for watcher in [2, 3] {
        let pod = format!("pod-{watcher}");
        play.at(10, tail(watcher, &pod, "turn-1", TailMode::Start, None));
    }
    play
}

/// A claim, a provider call, and tokens of it on each tail. Places of frames have holes.
pub(super) fn run(
    play: &mut Play,
    ms: u64,
    (xid, call, pod): (u64, u32, &str),
    watchers: &[u32],
    tokens: std::ops::RangeInclusive<u32>,
) {
    play.at(ms, owned(xid, "turn-1", Some(pod), Status::InProgress));
    play.at(ms + 1, call_asked(call, pod));
    let first = u64::from(call) * 100;
    for watcher in watchers {
        play.at(ms + 2, shown(*watcher, "turn-1", first, begin("turn-1", call > 1)));
    }
    for k in tokens {
        for watcher in watchers {
            let seq = first + 2 * u64::from(k);
            play.at(
                ms + 2 + u64::from(k),
                shown(*watcher, "turn-1", seq, text("turn-1", token(call, k))),
            );
        }
    }
}

/// A provider call that is shown the user's message.
pub(super) fn call_asked(call: u32, pod: &str) -> What {
    let mut started = call_starts(call, pod);
    if let What::Provider(seen) = &mut started
        && let crate::history::ProviderWhat::Started { messages } = &mut seen.what
    {
        *messages = vec!["user: please answer [[mock key:key-1]]".into()];
    }
    started
}

/// The end of the turn that pod-2, or whoever ran it last, completed.
pub(super) fn over(play: &mut Play, watchers: &[u32]) {
    let is_second = play.holds(|what| *what == call_asked(2, "pod-2"));
    let (call, pod) = if is_second { (2, "pod-2") } else { (1, "pod-1") };
    play.at(1230, call_ends(call, pod, "complete"));
    play.at(1231, owned(99, "turn-1", Some(pod), Status::Completed));
    for watcher in watchers {
        let seq = u64::from(call) * 100 + 50;
        play.at(
            1232,
            shown(*watcher, "turn-1", seq, end("turn-1", Some(Status::Completed))),
        )
        .at(1233, probe(*watcher, Some(Status::Completed)))
        .at(1234, closed(*watcher, TailEnd::Eof));
    }
    play.at(1240, owned(100, "turn-1", None, Status::Completed));
}

/// The end of the play, and its final state as every pod reads it.
pub(super) fn settle(play: &mut Play) {
    let call = if play.holds(|what| *what == call_asked(2, "pod-2")) {
        2
    } else {
        1
    };
    play.at(
        1300,
        What::Run(RunEvent::Evidence {
            mark: "owner died holding token 3".into(),
            reached: true,
        }),
    );
    play.at(1400, What::Run(RunEvent::Played { gave_up: None }))
        .at(1401, What::Run(RunEvent::Healed));
    for pod in PODS {
        play.at(1402, read(pod, "key-1", Some(answer(call))))
            .at(1403, status_read(pod, "turn-1", Status::Completed, None));
    }
    play.at(15_000, What::Run(RunEvent::Quiesced))
        .at(15_000, What::Run(RunEvent::Ended));
}

/// The end of a tail whose watcher left.
pub(super) fn left(watcher: u32) -> What {
    closed(watcher, TailEnd::Left)
}

/// A reading, with one question more.
pub(super) fn asked_too(what: &What, key: &str) -> Option<What> {
    let mut read = what.clone();
    let What::Pod(PodEvent::ThreadRead { questions, .. }) = &mut read else {
        return None;
    };
    let mut all = questions.take()?.into_vec();
    all.push(ReadQuestion {
        key: Some(key.into()),
        text: format!("please answer [[mock key:{key}]]"),
    });
    *questions = Some(all.into());
    Some(read)
}

/// A stop of the thread's turn that a pod took.
pub(super) fn cancelled(pod: &str) -> What {
    crate::judge::testing::cancelled(pod, Outcome::Ok(()))
}
