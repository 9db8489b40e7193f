//! A history, indexed for judging: frames by watcher, rows by turn, owners by thread, and faults by time.
//!
//! One pass over the events fills it ([`collect`]), and a few passes over the result complete it. Everything is
//! borrowed from the history. Deliberately absent: any opinion. [`due`] says what a watcher must be shown; the
//! promises say what must hold.

mod at;
mod collect;
mod due;
mod entities;
mod excuses;
mod faults;
mod limits;
mod load;
mod owners;
mod pins;
mod pool;
mod slow;
mod starvation;
mod text;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) use at::{At, CLEARING_UP_US, LEAST_QUIET_US, Quiet, ROW_LATENESS_US};
pub(crate) use due::Due;
pub(crate) use entities::call::{Call, Post};
pub(crate) use entities::feedback::{Feedback, Item};
pub(crate) use entities::log::{Log, Logged, name, tell};
pub(crate) use entities::mixed_text::{Holder, MixedText};
pub(crate) use entities::observations::{
    Access, Cancel, Change, Complaint, Death, Ending, LargePost, Leftover, Poll, Probe, Read, Refused, Revocation,
    StatusRead, Trial,
};
pub(crate) use entities::thread::{Owned, Thread};
pub(crate) use entities::turn::{PartRow, Turn, TurnRow};
pub(crate) use entities::watcher::{Anchor, Fit, Frame, Scope, Seen, Showing, Watcher};
pub(crate) use faults::{FaultSpan, Faults, uncovered_us};
pub(crate) use limits::Limits;
pub(crate) use owners::Line;
pub(crate) use pins::Pins;
pub(crate) use pool::{NOTICE_US, Request, is_by};
pub(crate) use text::{Against, Text, oneline};

use entities::log::Stored;
use slow::Stretch;

use crate::history::{
    Bounds, Capability, Event, ExpectedFailure, Footprint, Lack, Load, OpId, PodName, ReadAnswer, Routed, Rules,
    Status, StoreEvent, TurnId, TurnKey, What,
};
use crate::verdict::Finding;

/// A broken promise, as its judge reports it. [`View::finding`] adds the circumstances.
#[derive(Debug)]
pub(crate) struct Breach {
    /// The breaker, in words.
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
    pub(crate) bounds: Limits,
    /// The bounds as the system promises them.
    pub(crate) promised: Bounds,
    /// Why the system lacks what it lacks.
    pub(crate) lacks: &'a [Lack],
    pub(crate) declared: &'a [String],
    /// Promises that the system is known to break.
    pub(crate) expected_failures: &'a [ExpectedFailure],
    pub(crate) threads: Vec<Thread<'a>>,
    pub(crate) turns: Vec<Turn<'a>>,
    pub(crate) watchers: Vec<Watcher<'a>>,
    pub(crate) posts: Vec<Post<'a>>,
    /// Messages that are larger than the system takes, which stand in no other list.
    pub(crate) large_posts: Vec<LargePost<'a>>,
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
    /// Footprints of the pods behind each round of turns, in the order of the history.
    pub(crate) footprints: Vec<(At, &'a Footprint)>,
    /// In the order of the history.
    pub(crate) deaths: Vec<Death<'a>>,
    pub(crate) complaints: Vec<Complaint<'a>>,
    /// By what they are the logs of.
    pub(crate) logs: BTreeMap<Scope, Log<'a>>,
    no_log: Log<'a>,
    /// Messages of the stream log, until they are sorted into the logs.
    stored: Vec<Stored<'a>>,
    pub(crate) revoked: Vec<Revocation<'a>>,
    /// The first change that the description cannot read, in words.
    pub(crate) unread: Option<String>,
    /// The first two events that cannot both be true, in words.
    pub(crate) contradiction: Option<String>,
    pub(crate) feedback: Feedback<'a>,
    /// Requests through the edge, in the order of their answers.
    pub(crate) routed: Vec<(At, &'a Routed)>,
    /// The pods that the edge was told to send clients to, at each change.
    pub(crate) pools: Vec<(At, &'a [PodName])>,
    /// At each change, true if the edge was told to pin clients again, and false if it was told to pin nobody.
    pinning: Vec<(At, bool)>,
    pub(crate) faults: Faults<'a>,
    /// In the order of the history.
    starvation: Vec<Stretch<'a>>,
    /// The load of the machine's processors, in the order of the history.
    pub(crate) loads: Vec<(At, &'a Load)>,
    /// Stretches in which nobody asked anything and nothing was seen to happen.
    pub(crate) quiet: Vec<Quiet>,
    pub(crate) pods: BTreeSet<&'a str>,
    /// The pods that the history begins with; none before schema 6.
    known_pods: &'a [PodName],
    /// True if each turn has owners of its own, and not its thread.
    owned_by_turns: bool,
    pub(crate) rules: Rules,
    /// Readings of single turns' statuses, in the order of the history.
    pub(crate) statuses: Vec<StatusRead<'a>>,
    pub(crate) evidence: Vec<(&'a str, bool)>,
    pub(crate) ending: Ending<'a>,
    /// Texts that hold anything but one provider call for their own turn.
    pub(crate) mixed_texts: Vec<MixedText<'a>>,
    turn_places: HashMap<&'a TurnId, usize>,
    /// Turns by the key in their user's text.
    keys: HashMap<&'a TurnKey, usize>,
    ops: HashMap<OpId, usize>,
}

impl<'a> View<'a> {
    pub(crate) fn turn(&self, id: &TurnId) -> Option<usize> {
        self.turn_places.get(id).copied()
    }

    /// The turn that an answer of a pod belongs to: by the turn's id, or else by the key in the question before it.
    pub(crate) fn answered(&self, answer: &ReadAnswer) -> Option<usize> {
        match &answer.turn {
            Some(turn) => self.turn(turn),
            None => self.keys.get(answer.key.as_ref()?).copied(),
        }
    }

    /// The turn that an answer of a pod belongs to, in words.
    pub(crate) fn name_of(&self, answer: &ReadAnswer) -> String {
        let known = self.answered(answer).map(|place| self.turns[place].id);
        known
            .or(answer.turn.as_ref())
            .map_or_else(|| "of no known question".to_owned(), TurnId::to_string)
    }

    /// True if any turn of the turn's thread was to be cancelled.
    pub(crate) fn is_cancelled(&self, turn: &Turn<'_>) -> bool {
        turn.thread
            .is_some_and(|thread| !self.threads[thread].cancels.is_empty())
    }

    /// As [`View::turn`]. `last` caches the previous result, since a stream mostly asks for the same turn
    /// again.
    pub(crate) fn turn_again(&self, id: &TurnId, last: &mut Option<usize>) -> Option<usize> {
        if last.is_none_or(|last| self.turns[last].id != id) {
            *last = self.turn(id);
        }
        *last
    }

    /// The log that a watcher's tail is a slice of.
    pub(crate) fn log(&self, watcher: &Watcher<'_>) -> &Log<'a> {
        self.logs.get(&watcher.scope()).unwrap_or(&self.no_log)
    }

    /// When the watching ended, in microseconds since the run began. Nothing that would have come later can
    /// be held against the system.
    pub(crate) fn watched_until_us(&self) -> u64 {
        self.ending.quiesced.or(self.ending.last).map_or(0, |at| at.us)
    }

    /// True for a pod of the system; anything may be one in a history that does not name them.
    pub(crate) fn is_pod(&self, name: &str) -> bool {
        self.known_pods.is_empty() || self.known_pods.iter().any(|pod| pod.as_str() == name)
    }

    /// The first end of a part's process after an event.
    pub(crate) fn death_after(&self, service: &str, n: u64) -> Option<&Death<'a>> {
        let later = self.deaths.partition_point(|death| death.at.n <= n);
        self.deaths[later..].iter().find(|death| death.service == service)
    }

    /// True if the turn ended because it had taken as long as a turn may, also while it moves.
    pub(crate) fn ran_out(&self, turn: &Turn<'_>) -> bool {
        let began = turn.rows.iter().find(|row| row.status == Status::InProgress);
        let took_us = began
            .zip(turn.terminal())
            .map(|(began, ended)| ended.at.us.saturating_sub(began.at.us));
        let bound_us = self.promised.turn_ms.map(|ms| ms * 1000);
        took_us
            .zip(bound_us)
            .is_some_and(|(took_us, bound_us)| took_us + ROW_LATENESS_US >= bound_us)
    }

    /// True if the provider by itself sent less for a turn than was ordered of it.
    pub(crate) fn was_cut_short(&self, turn: &Turn<'_>) -> bool {
        let ordered = turn.expect.map_or(0, |expect| expect.tokens);
        turn.calls.iter().any(|place| self.calls[*place].is_cut_short(ordered))
    }

    /// True if the system has the capability.
    pub(crate) fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Every row's change, in commit order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'a>> {
        self.rows.iter().filter_map(|event| match &event.what {
            What::Store(StoreEvent::Row { xid, row, .. }) => Some(Change {
                at: At::of(event),
                xid: *xid,
                row,
            }),
            _ => None,
        })
    }

    /// Reads after the end of the play, which must all return the final state.
    pub(crate) fn final_reads(&self) -> impl Iterator<Item = &Read<'a>> {
        let played = self.ending.played.map(|(at, _)| at.n);
        self.reads
            .iter()
            .filter(move |read| played.is_some_and(|n| read.at.n > n))
    }

    /// The pods that the history begins with; none before schema 6.
    pub(crate) fn pods_at_first(&self) -> &'a [PodName] {
        self.known_pods
    }

    /// Turns with a row in the store.
    pub(crate) fn stored_turns(&self) -> impl Iterator<Item = (usize, &Turn<'a>)> {
        self.turns.iter().enumerate().filter(|(_, turn)| !turn.rows.is_empty())
    }

    /// The owner rows of a thread, or of all of its turns, in commit order.
    fn owned_in(&self, thread: usize) -> Vec<&Owned<'a>> {
        let of = &self.threads[thread];
        if !self.owned_by_turns {
            return of.owners.iter().collect();
        }
        let mut owned: Vec<&Owned<'a>> = of.turns.iter().flat_map(|turn| &self.turns[*turn].owners).collect();
        owned.sort_by_key(|owned| owned.at);
        owned
    }

    /// Makes a finding of a breach: adds the faults in force and the owners before and after.
    pub(crate) fn finding(&self, promise: &str, breach: Breach) -> Finding {
        let owners = breach.thread.map_or_else(Vec::new, |thread| self.owned_in(thread));
        let before = owners.partition_point(|owned| owned.at.n < breach.n);
        Finding {
            promise: promise.to_owned(),
            subject: breach.subject,
            event: breach.n,
            expected: breach.expected,
            got: breach.got,
            fault: self.faults.in_force(breach.n),
            owner_before: before.checked_sub(1).map(|last| owners[last].label()),
            owner_after: owners.last().map(|owned| owned.label()),
        }
    }
}
