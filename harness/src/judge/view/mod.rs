//! A history, indexed for judging: who saw what of which turn, what the stores held, who owned it, what was broken.
//!
//! Built in one pass over the events ([`collect`]) and some over what it found . Everything is borrowed from
//! the history. Deliberately absent: any opinion. What is due to whom is in [`due`]; what must hold is in the promises.

mod collect;
mod due;
mod entities;
mod faults;
mod starvation;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) use collect::mixed_texts::{Heard, Holder};
pub(crate) use due::{Due, ROW_LATENESS_US};
pub(crate) use entities::feedback::{Feedback, Item};
pub(crate) use entities::log::{Log, Logged, name, tell};
pub(crate) use entities::observations::{Cancel, Complaint, Death, Leftover, Poll, Refused, Revocation, Trial};
pub(crate) use entities::watcher::{Anchor, Fit, Frame, Seen, Showing, Watcher};
pub(crate) use faults::{FaultSpan, Faults, uncovered_us};
pub(crate) use text::{Against, Text, oneline};

use crate::history::reader::History;
use crate::history::{
    Accepted, Bounds, Capability, Credential, Epoch, Event, Expect, ExpectedFailure, MessageId, OpId, Outcome, PodName,
    ReadAnswer, Row, Status, TenantId, ThreadId, TurnId, TurnKey, What,
};
use crate::verdict::Finding;

/// Place and time of an event. Places order what one source tells; times are what bounds are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) n: u64,
    pub(crate) us: u64,
}

impl At {
    pub(crate) fn of(event: &Event) -> Self {
        Self {
            n: event.n,
            us: event.at_us,
        }
    }
}

/// A thread.
#[derive(Debug)]
pub(crate) struct Thread<'a> {
    pub(crate) id: &'a ThreadId,
    pub(crate) tenant: Option<&'a TenantId>,
    /// Its turns, in the order in which their rows came to be.
    pub(crate) turns: Vec<usize>,
    /// Its row after each change, in commit order.
    pub(crate) owners: Vec<Owned<'a>>,
    /// The cancels that were asked for on it, in order.
    pub(crate) cancels: Vec<usize>,
}

/// A thread's row after a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned<'a> {
    pub(crate) at: At,
    pub(crate) owner: Option<&'a PodName>,
    pub(crate) epoch: Epoch,
    pub(crate) status: Status,
}

impl Owned<'_> {
    /// `pod-2 at epoch 1`.
    pub(crate) fn label(&self) -> String {
        let owner = self.owner.map_or("nobody", PodName::as_str);
        format!("{owner} at epoch {}", self.epoch)
    }
}

/// A turn's row after a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TurnRow {
    pub(crate) at: At,
    pub(crate) xid: u64,
    pub(crate) status: Status,
    pub(crate) attempt: u32,
    pub(crate) epoch: Epoch,
}

/// A part's row as it was added.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartRow<'a> {
    pub(crate) n: u64,
    pub(crate) xid: u64,
    pub(crate) seq: u64,
    pub(crate) text: &'a str,
}

/// A turn, and all that is known of it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) id: &'a TurnId,
    /// Its thread's place; none for a turn that only a watcher or a read has told of.
    pub(crate) thread: Option<usize>,
    /// Its place among its thread's turns, where it has a row.
    pub(crate) order: Option<usize>,
    pub(crate) message: Option<&'a MessageId>,
    pub(crate) expect: Option<&'a Expect>,
    /// When its message was first posted.
    pub(crate) posted: Option<At>,
    /// When a post was first answered with it.
    pub(crate) accepted: Option<At>,
    pub(crate) rows: Vec<TurnRow>,
    /// Parts by the epoch of the attempt that wrote them, as they came.
    pub(crate) parts: BTreeMap<Epoch, Vec<PartRow<'a>>>,
    /// When each epoch's first text was seen, by a watcher or in the store.
    pub(crate) first_text: BTreeMap<Epoch, At>,
    /// The provider's calls for its key, in the order of their start.
    pub(crate) calls: Vec<usize>,
    /// When anything was stored of it, in microseconds since the run began, in order.
    pub(crate) moves_us: Vec<u64>,
    /// What its readers are told: the parts of the newest attempt that are still there.
    pub(crate) durable: Text<'a>,
    /// For each attempt the longest text that anything held of it; the durable one for the attempt that completed.
    pub(crate) references: BTreeMap<Epoch, Text<'a>>,
}

impl Turn<'_> {
    /// From when on it can have been touched by what was broken: its first row reaches the history some time after it was committed,
    /// and its post came before that.
    pub(crate) fn asked(&self) -> Option<At> {
        self.posted.or(self.rows.first().map(|row| row.at))
    }

    /// As [`Turn::asked`], in microseconds since the run began.
    pub(crate) fn asked_us(&self) -> u64 {
        self.asked().map_or(0, |at| at.us)
    }

    /// Its first terminal row.
    pub(crate) fn terminal(&self) -> Option<&TurnRow> {
        self.rows.iter().find(|row| row.status.is_terminal())
    }

    pub(crate) fn is_completed(&self) -> bool {
        self.terminal().is_some_and(|row| row.status == Status::Completed)
    }

    /// Whether what it stores is what a screen must show in the end that shows this: always where it completed; else where this is of
    /// its last attempt, for who fails a turn in another's place stores nothing and need not take anything back.
    pub(crate) fn settles(&self, showing: &Showing<'_>) -> bool {
        self.terminal()
            .is_some_and(|terminal| terminal.status == Status::Completed || showing.epoch == Some(terminal.epoch))
    }

    /// Epoch of its newest attempt; 0 before the first.
    pub(crate) fn epoch(&self) -> Epoch {
        self.rows.last().map_or(Epoch(0), |row| row.epoch)
    }

    /// The oracle, where the turn completed and the provider was not told to fail.
    pub(crate) fn oracle(&self) -> Option<&Expect> {
        self.expect.filter(|expect| !expect.fails && self.is_completed())
    }
}

/// A message on its way to a pod, and what came of it.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    pub(crate) message: &'a MessageId,
    pub(crate) text: &'a str,
    pub(crate) ended: Option<(At, &'a Outcome<Accepted>)>,
}

/// One call of the provider.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) key: &'a TurnKey,
    pub(crate) ordinal: u32,
    pub(crate) pod: Option<&'a PodName>,
    pub(crate) started: Option<At>,
    pub(crate) ended: Option<At>,
    /// Why it ended, in the provider's words.
    pub(crate) cause: Option<&'a str>,
    /// How many tokens it had sent by then.
    pub(crate) tokens: u32,
    /// What was asked, oldest first, as `role: text`.
    pub(crate) messages: &'a [String],
}

impl Call<'_> {
    /// Whether the provider ended it by itself before it had sent `ordered` tokens, as it was told to. What it calls complete may
    /// be an empty answer.
    pub(crate) fn is_cut_short(&self, ordered: u32) -> bool {
        match self.cause {
            None | Some("client_gone") => false,
            Some("complete") => self.tokens < ordered,
            Some(_) => true,
        }
    }
}

/// A row's change, in commit order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) at: At,
    pub(crate) xid: u64,
    pub(crate) row: &'a Row,
}

/// A thread as a pod's API told it.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) thread: usize,
    pub(crate) answers: &'a [ReadAnswer],
}

/// A status read right after a watcher was shown the terminal.
#[derive(Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) at: At,
    pub(crate) watcher: crate::history::WatcherId,
    pub(crate) turn: &'a TurnId,
    pub(crate) status: Option<Status>,
}

/// A request that tries a credential.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) credential: Credential,
    pub(crate) thread: usize,
    pub(crate) route: &'a str,
    pub(crate) status: Option<u16>,
    pub(crate) body: &'a str,
}

/// How the history goes out.
#[derive(Debug, Default)]
pub(crate) struct Ending<'a> {
    pub(crate) played: Option<(At, Option<&'a str>)>,
    pub(crate) healed: Option<At>,
    pub(crate) quiesced: Option<At>,
    pub(crate) ended: bool,
    pub(crate) harness_failed: Option<&'a str>,
    pub(crate) last: Option<At>,
}

/// A broken promise, as a promise's judge tells it; [`View::finding`] adds what was going on around it.
#[derive(Debug)]
pub(crate) struct Breach {
    /// What broke it, in words.
    pub(crate) subject: String,
    /// The thread it happened in, where there is one.
    pub(crate) thread: Option<usize>,
    /// First event that shows it.
    pub(crate) n: u64,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// The indexed history.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) capabilities: &'a [Capability],
    pub(crate) bounds: Bounds,
    pub(crate) declared: &'a [String],
    /// What the target is known to break.
    pub(crate) foretold: &'a [ExpectedFailure],
    pub(crate) threads: Vec<Thread<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) watchers: Vec<Watcher<'a>>,
    pub(crate) posts: Vec<Post<'a>>,
    pub(crate) calls: Vec<Call<'a>>,
    rows: Vec<&'a Event>,
    pub(crate) reads: Vec<Read<'a>>,
    pub(crate) probes: Vec<Probe<'a>>,
    pub(crate) accesses: Vec<Access<'a>>,
    pub(crate) cancels: Vec<Cancel<'a>>,
    pub(crate) refused: Vec<Refused<'a>>,
    pub(crate) polls: Vec<Poll<'a>>,
    pub(crate) trials: Vec<Trial<'a>>,
    pub(crate) leftovers: Vec<Leftover<'a>>,
    /// In the order of the history.
    pub(crate) deaths: Vec<Death<'a>>,
    pub(crate) complaints: Vec<Complaint<'a>>,
    /// By thread.
    pub(crate) logs: Vec<Log<'a>>,
    /// What the stream log was told to hold; emptied into the logs.
    stored: Vec<entities::log::Stored<'a>>,
    pub(crate) revoked: Vec<Revocation<'a>>,
    pub(crate) feedback: Feedback<'a>,
    pub(crate) faults: Faults<'a>,
    /// In the order of the history.
    starvation: Vec<starvation::Stretch<'a>>,
    pub(crate) pods: BTreeSet<&'a str>,
    pub(crate) evidence: Vec<(&'a str, bool)>,
    pub(crate) ending: Ending<'a>,
    /// Texts in which something else is heard than one call for their own turn.
    pub(crate) heard: Vec<Heard<'a>>,
    turn_places: HashMap<&'a TurnId, usize>,
    ops: HashMap<OpId, usize>,
}

impl<'a> View<'a> {
    /// Indexes a history.
    pub(crate) fn of(history: &'a History) -> Self {
        let mut view = collect::collector::collect(&history.events);
        collect::attempts::settle(&mut view);
        entities::log::gather(&mut view);
        collect::mixed_texts::gather(&mut view);
        view
    }

    pub(crate) fn turn(&self, id: &TurnId) -> Option<usize> {
        self.turn_places.get(id).copied()
    }

    /// Whether any turn of a turn's thread was to be cancelled.
    pub(crate) fn is_cancelled(&self, turn: &Turn<'_>) -> bool {
        turn.thread
            .is_some_and(|thread| !self.threads[thread].cancels.is_empty())
    }

    /// As [`View::turn`]; `last` is what was asked for before, which in a stream it mostly is again.
    pub(crate) fn turn_again(&self, id: &TurnId, last: &mut Option<usize>) -> Option<usize> {
        if last.is_none_or(|last| self.turns[last].id != id) {
            *last = self.turn(id);
        }
        *last
    }

    /// When the watching ended: nothing that would have come later can be held against the system.
    pub(crate) fn watched_until_us(&self) -> u64 {
        self.ending.quiesced.or(self.ending.last).map_or(0, |at| at.us)
    }

    /// The faults of what pods depend on.
    pub(crate) fn dependency_faults(&self) -> impl Iterator<Item = &FaultSpan<'a>> {
        self.faults.iter().filter(|fault| !self.pods.contains(fault.target))
    }

    /// Those of them that are in force at any moment of `from_us..=until_us`, whatever they do.
    pub(crate) fn dependency_faults_during(&self, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let during = self.faults.during(from_us, until_us);
        during.filter(|fault| !self.pods.contains(fault.target))
    }

    /// The first end of a part's process after an event.
    pub(crate) fn death_after(&self, service: &str, n: u64) -> Option<&Death<'a>> {
        let later = self.deaths.partition_point(|death| death.at.n <= n);
        self.deaths[later..].iter().find(|death| death.service == service)
    }

    /// Whether the provider gave less for a turn than was ordered of it, by itself.
    pub(crate) fn was_cut_short(&self, turn: &Turn<'_>) -> bool {
        let ordered = turn.expect.map_or(0, |expect| expect.tokens);
        turn.calls.iter().any(|place| self.calls[*place].is_cut_short(ordered))
    }

    /// Whether anything was broken from `from_us` to `until_us` that keeps `pod` from its work: the pod itself, or what
    /// it depends on. Without a pod: whether anything was broken at all.
    pub(crate) fn is_excused(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).next().is_some()
    }

    /// When the last of what was broken in that time was whole again; `from_us` where nothing was, and none where something never was.
    pub(crate) fn excused_until(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> Option<u64> {
        let mut excuses = self.excuses(pod, from_us, until_us);
        excuses.try_fold(from_us, |last_us, fault| Some(last_us.max(fault.healed?.us)))
    }

    /// The same of what was broken on purpose alone, and not for want of a processor.
    pub(crate) fn is_broken(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> bool {
        self.excuses(pod, from_us, until_us).any(|fault| !fault.is_starvation())
    }

    fn excuses(&self, pod: Option<&str>, from_us: u64, until_us: u64) -> impl Iterator<Item = &FaultSpan<'a>> {
        let concerns = move |target: &str| pod.is_none_or(|pod| pod == target) || !self.pods.contains(target);
        let during = self.faults.during(from_us, until_us);
        during.filter(move |fault| concerns(fault.target) && fault.touches(from_us, until_us))
    }

    /// Whether all of what the store committed is known, and who owned what.
    pub(crate) fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Every row's change, in commit order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'a>> {
        self.rows.iter().filter_map(|event| match &event.what {
            What::Row { xid, row, .. } => Some(Change {
                at: At::of(event),
                xid: *xid,
                row,
            }),
            _ => None,
        })
    }

    /// The reads made after the play was over, when every read must tell the final state.
    pub(crate) fn final_reads(&self) -> impl Iterator<Item = &Read<'a>> {
        let played = self.ending.played.map(|(at, _)| at.n);
        self.reads
            .iter()
            .filter(move |read| played.is_some_and(|n| read.at.n > n))
    }

    /// Turns with a row in the store, that is: those the service knows of.
    pub(crate) fn stored_turns(&self) -> impl Iterator<Item = (usize, &Turn<'a>)> {
        self.turns.iter().enumerate().filter(|(_, turn)| !turn.rows.is_empty())
    }

    /// What a watcher has of a turn, and what it is due, for every pair of the two in one thread.
    pub(crate) fn dues(&self) -> impl Iterator<Item = (&Watcher<'a>, &Turn<'a>, Option<&Seen<'a>>, Due)> {
        self.watchers.iter().flat_map(move |watcher| {
            self.turns_in_reach(watcher).map(move |place| {
                let turn = &self.turns[place];
                let seen = watcher.turns.get(&place);
                (watcher, turn, seen, self.due(watcher, place))
            })
        })
    }

    /// Makes a finding of a breach: adds the fault in force and the owner before and after.
    pub(crate) fn finding(&self, promise: &str, breach: Breach) -> Finding {
        let owners = breach.thread.map_or(&[][..], |thread| &self.threads[thread].owners);
        let before = owners.partition_point(|owned| owned.at.n < breach.n);
        Finding {
            promise: promise.to_owned(),
            subject: breach.subject,
            event: breach.n,
            expected: breach.expected,
            got: breach.got,
            fault: self.faults.in_force(breach.n),
            owner_before: before.checked_sub(1).map(|last| owners[last].label()),
            owner_after: owners.last().map(Owned::label),
        }
    }
}
