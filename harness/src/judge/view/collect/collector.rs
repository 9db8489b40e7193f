//! A view in the making, and the indexes that only its making needs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::history::{Bounds, Cursor, Epoch, Expect, FaultEvent, MessageId, Rules, ThreadId, TurnId, WatcherId};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::entities::feedback::Feedback;
use crate::judge::view::entities::log::Log;
use crate::judge::view::entities::observations::Ending;
use crate::judge::view::entities::thread::Thread;
use crate::judge::view::entities::turn::Turn;
use crate::judge::view::entities::watcher::Scope;
use crate::judge::view::faults::Faults;
use crate::judge::view::limits::Limits;

/// Indexes that only the pass itself needs.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub(super) threads: HashMap<&'a ThreadId, usize>,
    /// The turn of the previous event.
    pub(super) turn: Option<usize>,
    /// Only open tails: a watcher's id is not used twice.
    pub(super) watchers: HashMap<WatcherId, usize>,
    pub(super) calls: HashMap<u64, usize>,
    /// When each was first posted, and what is expected of it.
    pub(super) messages: HashMap<(usize, &'a MessageId), (At, &'a Expect)>,
    /// Ids that some attach resumes from.
    pub(super) resumed: HashSet<&'a str>,
    /// Turns of tails that are themselves the answer to a post.
    pub(super) answer_tails: HashMap<WatcherId, &'a TurnId>,
    /// How far into which turn's answer an id lies.
    pub(super) anchors: HashMap<(Scope, &'a str), (usize, usize)>,
    pub(super) faults: Vec<(At, &'a FaultEvent)>,
    /// Those ids as cursors, with the moment that a watcher was first given each.
    pub(super) given: HashMap<(Scope, &'a str), (Cursor, At)>,
    pub(super) gone: BTreeMap<(usize, Epoch, u64), u64>,
    /// When anything last happened beside what the machine reports of itself.
    pub(super) active: Option<At>,
    /// Place of the stream log's last message, and the stretch without a gap that it is in.
    pub(super) logged: (u32, u32),
}

pub(super) struct Collector<'a> {
    pub(super) view: View<'a>,
    pub(super) places: Places<'a>,
}

pub(super) fn empty<'a>() -> View<'a> {
    View {
        capabilities: &[],
        bounds: Limits::of(&Bounds::default()),
        promised: Bounds::default(),
        lacks: &[],
        declared: &[],
        expected_failures: &[],
        threads: Vec::new(),
        turns: Vec::new(),
        watchers: Vec::new(),
        posts: Vec::new(),
        large_posts: Vec::new(),
        calls: Vec::new(),
        rows: Vec::new(),
        reads: Vec::new(),
        probes: Vec::new(),
        accesses: Vec::new(),
        cancels: Vec::new(),
        refused: Vec::new(),
        polls: Vec::new(),
        trials: Vec::new(),
        leftovers: Vec::new(),
        footprints: Vec::new(),
        deaths: Vec::new(),
        complaints: Vec::new(),
        logs: BTreeMap::new(),
        no_log: Log::default(),
        stored: Vec::new(),
        revoked: Vec::new(),
        unread: None,
        contradiction: None,
        feedback: Feedback::default(),
        routed: Vec::new(),
        pools: Vec::new(),
        pinning: Vec::new(),
        faults: Faults::default(),
        starvation: Vec::new(),
        loads: Vec::new(),
        quiet: Vec::new(),
        pods: BTreeSet::new(),
        known_pods: &[],
        owned_by_turns: false,
        rules: Rules::default(),
        statuses: Vec::new(),
        evidence: Vec::new(),
        ending: Ending::default(),
        mixed_texts: Vec::new(),
        turn_places: HashMap::new(),
        keys: HashMap::new(),
        ops: HashMap::new(),
    }
}

impl<'a> Collector<'a> {
    pub(super) fn thread(&mut self, id: &'a ThreadId) -> usize {
        let threads = &mut self.view.threads;
        *self.places.threads.entry(id).or_insert_with(|| {
            threads.push(Thread {
                id,
                tenant: None,
                mark: None,
                turns: Vec::new(),
                owners: Vec::new(),
                gone: None,
                cancels: Vec::new(),
            });
            threads.len() - 1
        })
    }

    pub(super) fn turn(&mut self, id: &'a TurnId) -> usize {
        let turns = &mut self.view.turns;
        // Mostly it is the turn of the event before.
        if let Some(last) = self.places.turn.filter(|last| turns[*last].id == id) {
            return last;
        }
        let place = *self.view.turn_places.entry(id).or_insert_with(|| {
            turns.push(Turn {
                id,
                thread: None,
                order: None,
                message: None,
                expect: None,
                posted: None,
                accepted: None,
                rows: Vec::new(),
                gone: None,
                is_stopped: false,
                owners: Vec::new(),
                parts: BTreeMap::new(),
                first_text: BTreeMap::new(),
                calls: Vec::new(),
                moves_us: Vec::new(),
                durable: None,
                attempt: Epoch(0),
                references: BTreeMap::new(),
            });
            turns.len() - 1
        });
        self.places.turn = Some(place);
        place
    }
}
