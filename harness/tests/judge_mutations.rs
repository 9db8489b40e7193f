//! Spoils clean histories at random places and demands that the judge finds each spoilt one.
//!
//! A judge that accepts everything passes every clean run. So each kind of corruption that a broken service could leave
//! in a history is tried many times, at places drawn from a seed that a failure names, on every clean history that is
//! saved. Where a kind does not fit a history (no second attempt to splice in) it is passed over, but each kind must have
//! been tried on some.

#![expect(
    clippy::ptr_arg,
    clippy::unnecessary_wraps,
    reason = "every kind of corruption is a function of one type"
)]

#[path = "judge_mutations/drain.rs"]
mod drain;
#[path = "judge_mutations/edge.rs"]
mod edge;
#[path = "judge_mutations/feedback.rs"]
mod feedback;
#[path = "judge_mutations/late.rs"]
mod late;
#[path = "judge_mutations/quiet.rs"]
mod quiet;
#[path = "judge_mutations/rim.rs"]
mod rim;
#[path = "judge_mutations/sessions.rs"]
mod sessions;
#[path = "judge_mutations/turns.rs"]
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crosspod::history::reader::{self, History};
use crosspod::history::{
    Chunk, ClientEvent, Credential, Epoch, Event, PodEvent, Row, RunEvent, Status, StoreEvent, TurnId, TurnRow,
    WatcherEvent, WatcherId, What,
};
use crosspod::judge;
use crosspod::verdict::Verdict;
use mock_ai::token::{self, Answer};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// How often each kind is tried on each history.
const TRIES: u64 = 25;

/// Spoils a history at a place of its choice; none where it does not fit.
type Spoil = fn(&mut Vec<Event>, &mut StdRng) -> Option<()>;

/// A kind of corruption, with the promises that must name it: any of them does.
type Kind = (&'static str, Spoil, &'static [&'static str]);

/// Corruptions of the answer, of who sees it, and of what is stored; what comes too late or too soon is in [`late`],
/// what befalls in quiet times in [`quiet`], what is at the rim in [`rim`], the course of turns in [`turns`], feedback in [`feedback`],
/// drains in [`drain`], requests through the edge in [`edge`], and live sessions in [`sessions`].
const KINDS: &[Kind] = &[
    (
        "a frame is dropped",
        drop_frame,
        &["ResumeGapFree", "FinalTextExactlyOnce"],
    ),
    ("a part is dropped", drop_part, &["LiveDurableAgreement"]),
    ("a frame comes twice", duplicate_frame, &["MonotoneCursor"]),
    ("a part is stored twice", duplicate_part, &["FinalTextExactlyOnce"]),
    ("two frames change places", swap_frames, &["MonotoneCursor"]),
    ("two parts change places", swap_parts, &["FinalTextExactlyOnce"]),
    ("a token of another call is shown", splice_frame, &["NoSplice"]),
    ("a token of another call is stored", splice_part, &["NoSplice"]),
    ("a frame is cut", cut_frame, &["FramesWhole"]),
    ("a stranger is let in", let_in, &["TenantIsolation"]),
    ("a refusal quotes a tenant", quote, &["TenantIsolation"]),
    (
        "a token of another tenant is shown",
        cross_tenants,
        &["TenantIsolation"],
    ),
    (
        "an answer comes up as another message on one screen",
        rename,
        &["MonotoneCursor", "NoPhantom"],
    ),
    ("a thread is not told by a pod", unread, &["LiveDurableAgreement"]),
    ("a request loses its last message", forget, &["ContextContinuity"]),
    ("an acknowledged turn is not stored", unstored, &["NoLostAck"]),
];

fn clean() -> Vec<(String, History)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/histories");
    let entries = fs::read_dir(&folder).expect("the folder of saved histories");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let clean = paths
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with("-clean"));
    clean
        .map(|path| {
            let history = reader::read(&path.join("history.jsonl")).expect("a readable history");
            (
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                history,
            )
        })
        .collect()
}

/// Every kind of corruption.
fn kinds() -> impl Iterator<Item = &'static Kind> {
    let groups = [
        KINDS,
        late::KINDS,
        quiet::KINDS,
        rim::KINDS,
        turns::KINDS,
        feedback::KINDS,
        drain::KINDS,
        edge::KINDS,
        sessions::KINDS,
    ];
    groups.into_iter().flatten()
}

#[test]
fn whatever_spoils_a_clean_history_is_found() {
    let mut tried: BTreeMap<&str, usize> = BTreeMap::new();
    let mut missed = Vec::new();
    for (name, history) in clean() {
        assert_eq!(judge::judge(&history).verdict, Verdict::Pass, "{name}");
        for (kind, spoil, promises) in kinds() {
            for seed in 0..TRIES {
                let mut spoilt = history.clone();
                if spoil(&mut spoilt.events, &mut StdRng::seed_from_u64(seed)).is_none() {
                    continue;
                }
                *tried.entry(kind).or_default() += 1;
                for (n, event) in (0..).zip(&mut spoilt.events) {
                    event.n = n;
                }
                let judgement = judge::judge(&spoilt);
                let found: BTreeSet<&str> = judgement
                    .findings
                    .iter()
                    .map(|finding| finding.promise.as_str())
                    .collect();
                if !promises.iter().any(|promise| found.contains(promise)) {
                    let verdict = judgement.verdict;
                    missed.push(format!("{name}, seed {seed}: {kind}, found {found:?}, {verdict:?}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    for (kind, ..) in kinds() {
        assert!(tried.contains_key(kind), "`{kind}` was never tried");
    }
}

#[test]
fn a_history_that_is_cut_anywhere_is_broken() {
    for (name, mut history) in clean() {
        assert_eq!(
            history.events.last().map(|event| &event.what),
            Some(&What::Run(RunEvent::Ended)),
            "{name}"
        );
        while history.events.pop().is_some() {
            let length = history.events.len();
            assert_eq!(
                judge::judge(&history).verdict,
                Verdict::Broken,
                "{name}, {length} events"
            );
        }
    }
}

// --- what a history is made of

/// Places of the events that `which` holds of.
fn places(events: &[Event], which: impl Fn(&What) -> bool) -> Vec<usize> {
    (0..events.len()).filter(|place| which(&events[*place].what)).collect()
}

fn any(places: &[usize], rng: &mut StdRng) -> Option<usize> {
    places.choose(rng).copied()
}

/// The turn and its last epoch, as the store has them in the end.
fn last_attempt(events: &[Event]) -> Option<(TurnId, Epoch)> {
    events.iter().rev().find_map(|event| match &event.what {
        What::Store(StoreEvent::Row {
            row: Row::Turn(row), ..
        }) if row.status.is_terminal() => Some((row.turn.clone(), row.epoch.unwrap_or(Epoch(0)))),
        _ => None,
    })
}

/// Turns that are over, each with the epoch that ended it.
fn over(events: &[Event]) -> BTreeMap<TurnId, Epoch> {
    let ends = events.iter().filter_map(|event| match &event.what {
        What::Store(StoreEvent::Row {
            row: Row::Turn(row), ..
        }) if row.status.is_terminal() => Some((row.turn.clone(), row.epoch.unwrap_or(Epoch(0)))),
        _ => None,
    });
    ends.collect()
}

/// Frames with text of a turn's last attempt, of watchers that were shown the turn's finish, and its start not again: a log that
/// was lost is made anew, and who is shown its frames a second time has no use for the first.
fn deltas(events: &[Event]) -> Vec<usize> {
    let over = over(events);
    let mut told = BTreeSet::new();
    let mut last_starts = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let What::Watcher(WatcherEvent::Frame { watcher, chunk, .. }) = &event.what else {
            continue;
        };
        match chunk {
            Chunk::Finish { turn, .. } => {
                told.insert((*watcher, turn.clone()));
            }
            Chunk::Start(start) => {
                last_starts.insert((*watcher, start.turn.clone()), place);
            }
            _ => {}
        }
    }
    let counts = |place: &usize| match &events[*place].what {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            cursor: Some(at),
            chunk: Chunk::Delta { turn, .. },
            ..
        }) => {
            let whom = (*watcher, turn.clone());
            over.get(turn).copied() == at.epoch
                && told.contains(&whom)
                && last_starts.get(&whom).is_none_or(|start| start < place)
        }
        _ => false,
    };
    (0..events.len()).filter(counts).collect()
}

/// Parts of turns' last attempts.
fn parts(events: &[Event]) -> Vec<usize> {
    let over = over(events);
    places(
        events,
        |what| matches!(what, What::Store(StoreEvent::Row { row: Row::Part { turn, epoch, .. }, .. }) if over.get(turn).copied() == *epoch),
    )
}

fn text(what: &mut What) -> Option<&mut String> {
    match what {
        What::Watcher(WatcherEvent::Frame {
            chunk: Chunk::Delta { text, .. },
            ..
        })
        | What::Store(StoreEvent::Row {
            row: Row::Part { text, .. },
            ..
        }) => Some(text),
        _ => None,
    }
}

/// The turn that a frame with text or a part is of.
fn turn_of(what: &What) -> Option<&TurnId> {
    match what {
        What::Watcher(WatcherEvent::Frame {
            chunk: Chunk::Delta { turn, .. },
            ..
        })
        | What::Store(StoreEvent::Row {
            row: Row::Part { turn, .. },
            ..
        }) => Some(turn),
        _ => None,
    }
}

/// Puts an event in right behind another, at the same moment.
fn insert_behind(events: &mut Vec<Event>, place: usize, what: What) {
    let (n, at_us) = (events[place].n, events[place].at_us);
    events.insert(place + 1, Event { n, at_us, what });
}

/// A row in a transaction of its own, at the end of what the database told.
fn insert_last_row(events: &mut Vec<Event>, row: Row) -> Option<()> {
    let last = *places(events, |what| matches!(what, What::Store(StoreEvent::Row { .. }))).last()?;
    let (lsn, xid) = ("F/FFFFFFFF".into(), u64::from(u32::MAX));
    insert_behind(events, last, What::Store(StoreEvent::Row { lsn, xid, row }));
    Some(())
}

// --- drop, duplicate, swap

fn drop_frame(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&deltas(events), rng)?;
    events.remove(place);
    Some(())
}

fn drop_part(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&parts(events), rng)?;
    events.remove(place);
    Some(())
}

fn duplicate_frame(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&deltas(events), rng)?;
    let again = events[place].what.clone();
    insert_behind(events, place, again);
    Some(())
}

fn duplicate_part(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&parts(events), rng)?;
    let again = events[place].what.clone();
    insert_behind(events, place, again);
    Some(())
}

fn swap_frames(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let places = deltas(events);
    let first = any(&places, rng)?;
    let whom = |place: usize| match &events[place].what {
        what @ What::Watcher(WatcherEvent::Frame { watcher, .. }) => Some((*watcher, turn_of(what))),
        _ => None,
    };
    let second = *places
        .iter()
        .find(|place| **place > first && whom(**place) == whom(first))?;
    let what = events[first].what.clone();
    events[first].what = std::mem::replace(&mut events[second].what, what);
    Some(())
}

fn swap_parts(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let places = parts(events);
    let first = any(&places, rng)?;
    let second = *places
        .iter()
        .find(|place| **place > first && turn_of(&events[**place].what) == turn_of(&events[first].what))?;
    let one = text(&mut events[first].what)?.clone();
    let other = std::mem::replace(text(&mut events[second].what)?, one);
    *text(&mut events[first].what)? = other;
    Some(())
}

// --- splice, cut, cross

/// The same token, of a call that nobody made.
fn of_another_call(text: &str) -> Option<String> {
    let (token, _) = token::parse(text)?;
    Answer::new(token.key, token.call + 7, token.total)
        .texts()
        .nth(token.index as usize - 1)
}

fn splice(events: &mut [Event], places: &[usize], rng: &mut StdRng) -> Option<()> {
    let text = text(&mut events[any(places, rng)?].what)?;
    *text = of_another_call(text)?;
    Some(())
}

fn splice_frame(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let places = deltas(events);
    splice(events, &places, rng)
}

fn splice_part(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let places = parts(events);
    splice(events, &places, rng)
}

fn cut_frame(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&deltas(events), rng)?;
    if let What::Watcher(WatcherEvent::Frame { cursor, id, chunk, .. }) = &mut events[place].what {
        let (why, data) = (
            "not JSON: EOF while parsing a string".into(),
            r#"{"type":"text-de"#.into(),
        );
        (*cursor, *id, *chunk) = (None, None, Chunk::Unreadable { why, data });
    }
    Some(())
}

fn foreign_access(events: &[Event], rng: &mut StdRng) -> Option<usize> {
    let is_foreign = |what: &What| {
        matches!(
            what,
            What::Client(ClientEvent::Access {
                credential: Credential::Foreign,
                ..
            })
        )
    };
    any(&places(events, is_foreign), rng)
}

fn let_in(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = foreign_access(events, rng)?;
    if let What::Client(ClientEvent::Access { status, .. }) = &mut events[place].what {
        *status = Some(200);
    }
    Some(())
}

fn quote(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let (turn, _) = last_attempt(events)?;
    let tenant = events.iter().find_map(|event| match &event.what {
        What::Client(ClientEvent::ThreadMade { tenant, .. }) => Some(tenant.to_string()),
        _ => None,
    })?;
    let secret = if rng.random_bool(0.5) { turn.to_string() } else { tenant };
    let place = foreign_access(events, rng)?;
    if let What::Client(ClientEvent::Access { body, .. }) = &mut events[place].what {
        *body = format!(r#"{{"error":"conflicts with {secret}"}}"#);
    }
    Some(())
}

fn cross_tenants(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    let place = any(&deltas(events), rng)?;
    *text(&mut events[place].what)? = Answer::new("key-of-b", 1, 3).text();
    let mut post = events.iter().find_map(|event| match &event.what {
        post @ What::Client(ClientEvent::Posted { .. }) => Some(post.clone()),
        _ => None,
    })?;
    let What::Client(ClientEvent::Posted {
        op,
        thread,
        message,
        expect,
        text,
        ..
    }) = &mut post
    else {
        return None;
    };
    (*thread, *message, op.0) = ("th-b".into(), "m-b".into(), u32::MAX);
    (expect.key, *text) = ("key-of-b".into(), "what b wants to know".into());
    let row = Row::Turn(Box::new(TurnRow {
        turn: "turn-b".into(),
        thread: "th-b".into(),
        message: Some("m-b".into()),
        status: Status::Cancelled,
        owner: None,
        attempt: None,
        epoch: None,
        error: None,
    }));
    let made = What::Client(ClientEvent::ThreadMade {
        thread: "th-b".into(),
        tenant: "tenant-b".into(),
    });
    insert_behind(events, 0, post);
    insert_behind(events, 0, made);
    insert_last_row(events, row)
}

// --- renamed

fn rename(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    // What one screen alone shows as another message is that to nobody.
    let mut starts = places(
        events,
        |what| matches!(what, What::Watcher(WatcherEvent::Frame { chunk: Chunk::Start(start), .. }) if start.answer.is_some()),
    );
    let screens: BTreeSet<(TurnId, WatcherId)> =
        starts.iter().filter_map(|place| shown(&events[*place].what)).collect();
    starts.retain(|place| {
        let of = shown(&events[*place].what);
        screens
            .iter()
            .filter(|(turn, _)| of.as_ref().is_some_and(|(of, _)| of == turn))
            .count()
            > 1
    });
    if let What::Watcher(WatcherEvent::Frame {
        chunk: Chunk::Start(start),
        ..
    }) = &mut events[any(&starts, rng)?].what
    {
        start.answer = Some("one-more-answer".into());
    }
    Some(())
}

/// The turn that a frame starts, and on whose screen.
fn shown(what: &What) -> Option<(TurnId, WatcherId)> {
    match what {
        What::Watcher(WatcherEvent::Frame {
            watcher,
            chunk: Chunk::Start(start),
            ..
        }) => Some((start.turn.clone(), *watcher)),
        _ => None,
    }
}

// --- what is missing

fn unread(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    // What was posted to after the healing need not be over when it is read.
    let healed = events
        .iter()
        .position(|event| event.what == What::Run(RunEvent::Healed))?;
    let of_the_play: BTreeSet<_> = events[..healed]
        .iter()
        .filter_map(|event| match &event.what {
            What::Client(ClientEvent::Posted { thread, .. }) => Some(thread.clone()),
            _ => None,
        })
        .collect();
    let tells =
        |what: &What| matches!(what, What::Pod(PodEvent::ThreadRead { thread, .. }) if of_the_play.contains(thread));
    let place = any(&places(events, tells), rng)?;
    if let What::Pod(PodEvent::ThreadRead { answers, .. }) = &mut events[place].what {
        answers.clear();
    }
    Some(())
}

fn forget(events: &mut Vec<Event>, rng: &mut StdRng) -> Option<()> {
    use crosspod::history::ProviderWhat::Started;
    let started = places(
        events,
        |what| matches!(what, What::Provider(told) if matches!(told.what, Started { .. })),
    );
    let place = any(&started, rng)?;
    if let What::Provider(told) = &mut events[place].what
        && let Started { messages } = &mut told.what
    {
        messages.pop();
    }
    Some(())
}

fn unstored(events: &mut Vec<Event>, _: &mut StdRng) -> Option<()> {
    events.retain(|event| !matches!(event.what, What::Store(StoreEvent::Row { .. })));
    Some(())
}
