//! Histories by hand: a good run with a takeover on three pods, and what tests need to bend it.

pub(crate) mod edge;
mod events;

pub(crate) use events::*;
use mock_ai::token::Answer;

use crate::history::reader::History;
use crate::history::{
    Began, Bounds, Capability, Chunk, ClientEvent, Credential, Event, ExpectedFailure, FaultStep, OnDeath, PodEvent,
    Row, Rules, RunEvent, SCHEMA, Status, StoreEvent, TailEnd, WatcherEvent, What,
};
use crate::judge::judge;
use crate::verdict::{Finding, Judgement, Verdict};

pub(crate) const TOKENS: u32 = 6;

pub(crate) fn began() -> Began {
    Began {
        schema: SCHEMA,
        story: "owner_killed_mid_answer".into(),
        seed: 7,
        design: "log".into(),
        defect: None,
        evidence: vec!["owner died holding token 3".into()],
        expected_failures: Vec::new(),
        pods: ["pod-1", "pod-2", "pod-3"].map(Into::into).to_vec(),
        capabilities: Capability::ALL.to_vec(),
        lacks: Vec::new(),
        bounds: Bounds {
            lease_ms: Some(1000),
            takeover_ms: Some(2100),
            progress_ms: Some(3000),
            drain_ms: Some(5000),
            terminal_ms: Some(1000),
            shown_ms: Some(1000),
            stored_ms: Some(1000),
            revocation_ms: Some(1000),
            idle_cpu_permille: Some(50),
            ..Bounds::default()
        },
        rules: Rules {
            on_death: Some(OnDeath::Survivor),
            ..Rules::default()
        },
    }
}

/// Text of token `k` of a call for the turn of the good run.
pub(crate) fn token(call: u32, k: u32) -> String {
    Answer::new("key-1", call, TOKENS)
        .texts()
        .nth(k as usize - 1)
        .expect("a token of the answer")
}

pub(crate) fn answer(call: u32) -> String {
    Answer::new("key-1", call, TOKENS).text()
}

// --- the play

/// A history in the making: what happens, and when, in milliseconds.
#[derive(Clone, Default)]
pub(crate) struct Play {
    events: Vec<(u64, What)>,
}

impl Play {
    /// Declares promises that the system is known to break.
    pub(crate) fn expect_failures(&mut self, promises: &[&str]) -> &mut Self {
        let known = |promise: &&str| ExpectedFailure {
            promise: (*promise).into(),
            finding: None,
            sometimes: false,
            why: "known".into(),
        };
        if let Some((_, What::Run(RunEvent::Began(began)))) = self.events.first_mut() {
            began.expected_failures = promises.iter().map(known).collect();
        }
        self
    }

    pub(crate) fn at(&mut self, ms: u64, what: What) -> &mut Self {
        self.events.push((ms, what));
        self
    }

    /// Puts an event in at its time, after all others of that time or before.
    pub(crate) fn put(&mut self, ms: u64, what: What) -> &mut Self {
        let place = self.events.partition_point(|(at, _)| *at <= ms);
        self.events.insert(place, (ms, what));
        self
    }

    /// Puts in that a pod's link is cut, and whole again.
    pub(crate) fn put_cut(&mut self, from_ms: u64, until_ms: u64) -> &mut Self {
        for (ms, step) in [(from_ms, aimed()), (from_ms, observed()), (until_ms, FaultStep::Healed)] {
            self.put(ms, fault(9, "provider-cut-after", "pod-2", step));
        }
        self
    }

    /// Appends the events of `other`, each at its time but not before `from_ms`.
    pub(crate) fn follow(&mut self, from_ms: u64, other: &Play) -> &mut Self {
        let events = other.events.iter().map(|(ms, what)| ((*ms).max(from_ms), what.clone()));
        self.events.extend(events);
        self
    }

    /// True if an event satisfies `which`.
    pub(crate) fn holds(&self, which: impl Fn(&What) -> bool) -> bool {
        self.events.iter().any(|(_, what)| which(what))
    }

    /// Changes every event that `change` has a new form of.
    pub(crate) fn change(&mut self, change: impl Fn(&What) -> Option<What>) -> &mut Self {
        let mut changed = 0;
        for (_, what) in &mut self.events {
            if let Some(new) = change(what) {
                *what = new;
                changed += 1;
            }
        }
        assert!(changed > 0, "no such event in the play");
        self
    }

    /// Changes the description of the system.
    pub(crate) fn describe(&mut self, change: impl Fn(&mut Began)) -> &mut Self {
        self.change(|what| match what {
            What::Run(RunEvent::Began(began)) => {
                let mut began = began.clone();
                change(&mut began);
                Some(What::Run(RunEvent::Began(began)))
            }
            _ => None,
        })
    }

    /// Lets everything from `ms` on happen `by_ms` later.
    pub(crate) fn delay_from(&mut self, ms: u64, by_ms: u64) -> &mut Self {
        let later = self.events.iter_mut().filter(|(at, _)| *at >= ms);
        later.for_each(|(at, _)| *at += by_ms);
        self
    }

    /// Takes out every event that `which` holds of; there must be one.
    pub(crate) fn without(&mut self, which: impl Fn(&What) -> bool) -> &mut Self {
        let before = self.events.len();
        self.events.retain(|(_, what)| !which(what));
        assert!(self.events.len() < before, "no such event in the play");
        self
    }

    /// Takes out what happens from `ms` on and satisfies `which`; there must be such an event.
    pub(crate) fn without_from(&mut self, ms: u64, which: impl Fn(&What) -> bool) -> &mut Self {
        let before = self.events.len();
        self.events.retain(|(at, what)| *at < ms || !which(what));
        assert!(self.events.len() < before, "no such event in the play");
        self
    }

    /// Changes one event into another, which must be there once.
    pub(crate) fn turn_into(&mut self, old: &What, new: What) -> &mut Self {
        let places: Vec<usize> = (0..self.events.len()).filter(|i| self.events[*i].1 == *old).collect();
        assert_eq!(places.len(), 1, "the play holds {old:?} {} times", places.len());
        self.events[places[0]].1 = new;
        self
    }

    /// Moves one event to another time.
    pub(crate) fn move_to(&mut self, ms: u64, what: &What) -> &mut Self {
        self.without(|other| other == what);
        self.put(ms, what.clone())
    }

    pub(crate) fn history(&self) -> History {
        let events = self.events.iter().zip(0..);
        let events = events
            .map(|((ms, what), n)| Event {
                n,
                at_us: ms * 1000,
                what: asked_by(ms * 1000, what.clone()),
            })
            .collect();
        History { events, cut_off: None }
    }

    pub(crate) fn judged(&self) -> Judgement {
        judge(&self.history())
    }

    /// Findings against one promise.
    pub(crate) fn findings(&self, promise: &str) -> Vec<Finding> {
        assert!(
            crate::judge::PROMISES.iter().any(|known| known.name == promise),
            "no promise {promise}"
        );
        self.judged()
            .findings
            .into_iter()
            .filter(|finding| finding.promise == promise)
            .collect()
    }

    /// The first finding against a promise, which must be broken.
    #[track_caller]
    pub(crate) fn breaks(&self, promise: &str) -> Finding {
        let judgement = self.judged();
        let all = judgement.findings.clone();
        assert_eq!(judgement.verdict, Verdict::Fail, "{judgement:#?}");
        let found = judgement
            .findings
            .into_iter()
            .find(|finding| finding.promise == promise);
        found.unwrap_or_else(|| panic!("{promise} was not found broken, only {all:#?}"))
    }

    #[track_caller]
    pub(crate) fn keeps(&self, promise: &str) {
        assert_eq!(self.findings(promise), vec![]);
    }

    /// Checks that a clause of a promise is said not to be judged.
    #[track_caller]
    pub(crate) fn is_judged_in_part(&self, promise: &str, clause: &str) {
        let parts = self.judged().judged_in_part;
        let is_said = parts
            .iter()
            .any(|part| part.promise == promise && part.clause == clause);
        assert!(
            is_said,
            "{promise} is not said to be judged without {clause:?}, only {parts:#?}"
        );
    }

    #[track_caller]
    pub(crate) fn passes(&self) {
        let judgement = self.judged();
        assert_eq!(
            (judgement.verdict, judgement.reason, judgement.findings),
            (Verdict::Pass, None, vec![])
        );
    }
}

/// A tail that says nothing else was asked for as it opened.
fn asked_by(us: u64, mut what: What) -> What {
    if let What::Watcher(WatcherEvent::TailOpened { asked_us, .. }) = &mut what
        && *asked_us == 0
    {
        *asked_us = us;
    }
    what
}

pub(crate) fn is_frame_of(watcher: u32) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::Watcher(WatcherEvent::Frame { watcher: of, .. }) if of.0 == watcher)
}

/// The good run: three watchers from the start, the owner pod-1 killed while it holds token 3, pod-2 takes over, a fourth
/// watcher attaches on pod-3 after that and a fifth on pod-1 after the end; all are told the whole answer of call 2.
pub(crate) fn takeover() -> Play {
    let mut play = Play::default();
    play.at(0, What::Run(RunEvent::Began(began().into())));
    play.at(
        1,
        What::Client(ClientEvent::ThreadMade {
            thread: "t-1".into(),
            tenant: "tenant-a".into(),
        }),
    );
    play.at(
        1,
        What::Client(ClientEvent::ThreadMade {
            thread: "t-2".into(),
            tenant: "tenant-b".into(),
        }),
    );
    for watcher in 1..=3 {
        play.at(2, opened(watcher, &format!("pod-{watcher}"), None))
            .at(3, state(watcher, Status::Idle, None));
    }
    play.at(5, posted(1, "t-1", "m-1", "key-1"));
    play.at(8, thread_row(10, None, 0, Status::Queued))
        .at(8, turn_row(10, "turn-1", 0, Status::Queued));
    play.at(9, accepted(1, "turn-1"));
    attempt(&mut play, 12, 1, "pod-1", &[1, 2, 3], 3);
    play.at(40, fault(1, "kill", "pod-1", aimed()))
        .at(41, fault(1, "kill", "pod-1", observed()));
    play.at(42, closed(1, TailEnd::Eof))
        .at(43, call_ends(1, "pod-1", "client_gone"));
    play.at(
        44,
        What::Run(RunEvent::Evidence {
            mark: "owner died holding token 3".into(),
            reached: true,
        }),
    );
    play.at(1199, opened(4, "pod-3", None))
        .at(1199, state(4, Status::InProgress, Some("turn-1")));
    attempt(&mut play, 1200, 2, "pod-2", &[2, 3, 4], TOKENS);
    play.at(1230, call_ends(2, "pod-2", "complete"));
    play.at(1231, turn_row(99, "turn-1", 2, Status::Completed))
        .at(1231, thread_row(99, None, 2, Status::Completed));
    for watcher in 2..=4 {
        play.at(1232, finish(watcher, 2, 7, Status::Completed))
            .at(1233, probe(watcher, Some(Status::Completed)));
    }
    play.at(1300, fault(1, "kill", "pod-1", FaultStep::Healed));
    play.at(1310, opened(5, "pod-1", None))
        .at(1311, state(5, Status::Completed, Some("turn-1")));
    play.at(1400, What::Run(RunEvent::Played { gave_up: None }))
        .at(1401, What::Run(RunEvent::Healed));
    for pod in ["pod-1", "pod-2", "pod-3"] {
        play.at(1402, read(pod, Status::Completed, answer(2), None));
        play.at(1403, access(pod, Credential::Foreign, Some(404), "no such thread"));
    }
    for watcher in 2..=5 {
        play.at(14_900, closed(watcher, TailEnd::Left));
    }
    count_nothing(&mut play);
    play.at(15_000, What::Run(RunEvent::Quiesced))
        .at(15_000, What::Run(RunEvent::Ended));
    play
}

/// Nothing is open on any pod in the end.
pub(crate) fn count_nothing(play: &mut Play) {
    for pod in ["pod-1", "pod-2", "pod-3"] {
        play.at(
            14_940,
            What::Pod(PodEvent::LeftAfter {
                pod: Some(pod.into()),
                what: "open tails".into(),
                count: 0,
            }),
        );
    }
}

/// The error that clients of the failed run are shown.
pub(crate) const ERROR: &str = "the model is not there; try again";

/// The good run, but that it failed at its very end; every pod tells `text` of it.
pub(crate) fn failed(text: &str) -> Play {
    let mut play = takeover();
    play.turn_into(
        &turn_row(99, "turn-1", 2, Status::Completed),
        turn_row(99, "turn-1", 2, Status::Failed),
    );
    play.turn_into(
        &thread_row(99, None, 2, Status::Completed),
        thread_row(99, None, 2, Status::Failed),
    );
    for watcher in 2..=4 {
        play.turn_into(
            &finish(watcher, 2, 7, Status::Completed),
            finish(watcher, 2, 8, Status::Failed),
        );
        play.turn_into(
            &probe(watcher, Some(Status::Completed)),
            probe(watcher, Some(Status::Failed)),
        );
        play.put(1231, error(watcher, 2, 7, ERROR));
    }
    for pod in ["pod-1", "pod-2", "pod-3"] {
        let answered = read(pod, Status::Failed, text, Some(ERROR));
        play.turn_into(&read(pod, Status::Completed, answer(2), None), answered);
    }
    play
}

/// A claim by `pod`, and its first `tokens` tokens, stored and shown to `watchers`. Epoch and provider call go together.
fn attempt(play: &mut Play, ms: u64, epoch: u64, pod: &str, watchers: &[u32], tokens: u32) {
    let xid = epoch * 20;
    play.at(ms, thread_row(xid, Some(pod), epoch, Status::InProgress));
    play.at(ms, turn_row(xid, "turn-1", epoch, Status::InProgress));
    play.at(ms + 1, call_starts(epoch as u32, pod));
    for watcher in watchers {
        play.at(ms + 2, start(*watcher, epoch, epoch > 1));
    }
    for k in 1..=tokens {
        let (at, seq, text) = (ms + 2 + u64::from(k), u64::from(k), token(epoch as u32, k));
        for watcher in watchers {
            play.at(at, delta(*watcher, epoch, seq, text.clone()));
        }
        play.at(at, part(xid + seq, epoch, seq, text));
    }
}

/// The play with every token padded to `bytes`, as if the provider had been told so.
pub(crate) fn padded(mut play: Play, bytes: usize) -> Play {
    let pad = |text: &mut String| {
        let words = text.split_inclusive(' ').map(|word| {
            let dots = bytes.saturating_sub(word.len());
            format!("{}{} ", word.trim_end(), ".".repeat(dots))
        });
        *text = words.collect();
    };
    for (_, what) in &mut play.events {
        match what {
            What::Client(ClientEvent::Posted { expect, .. }) => expect.size = bytes,
            What::Watcher(WatcherEvent::Frame {
                chunk: Chunk::Delta { text, .. },
                ..
            })
            | What::Store(StoreEvent::Row {
                row: Row::Part { text, .. },
                ..
            }) => pad(text),
            What::Pod(PodEvent::ThreadRead { answers, .. }) => {
                for answer in answers {
                    pad(&mut answer.text);
                }
            }
            _ => {}
        }
    }
    play
}

/// Milliseconds of stand-still after which a takeover from a live owner is unfriendly, by the good run's bounds.
pub(crate) const FRIENDLY: u64 = 200;

/// The good run without its fault: pod-2 takes the turn from the living pod-1, `still_ms` after it last moved.
pub(crate) fn taken_from_a_live_owner(still_ms: u64) -> Play {
    let mut play = takeover();
    play.without(|what| matches!(what, What::Fault(_)));
    let moves = |what: &What| {
        matches!(
            what,
            What::Store(StoreEvent::Row { .. }) | What::Provider(_) | What::Watcher(WatcherEvent::Frame { .. })
        )
    };
    play.without_from(19, moves);
    let at = 40 + still_ms;
    play.put(17, part(37, 1, 4, token(1, 4)));
    play.put(40, part(38, 1, 5, token(1, 5)));
    play.put(at, thread_row(40, Some("pod-2"), 2, Status::InProgress));
    play.put(at, turn_row(40, "turn-1", 2, Status::InProgress));
    play.put(at + 10, turn_row(41, "turn-1", 2, Status::Completed));
    play
}

/// The good run up to the fault, of which nobody takes notice.
pub(crate) fn nobody_takes_over(name: &str) -> Play {
    let mut play = takeover();
    play.without_from(45, |what| {
        matches!(what, What::Watcher(WatcherEvent::Frame { chunk, .. }) if !matches!(chunk, Chunk::State { .. }))
            || matches!(
                what,
                What::Store(StoreEvent::Row { .. } | StoreEvent::TerminalProbe { .. })
                    | What::Provider(_)
                    | What::Pod(PodEvent::ThreadRead { .. })
            )
    });
    play.without(|what| matches!(what, What::Fault(_)));
    play.put(40, fault(1, name, "pod-1", aimed()))
        .put(41, fault(1, name, "pod-1", observed()));
    play
}
