//! The one pass over the events, source by source, and what ties its findings together.

use std::collections::{BTreeMap, HashMap};

use super::collector::{Collector, Places, empty};
use super::{attempts, claims, contradictions, logs, mixed_texts};
use crate::history::reader::History;
use crate::history::{
    Capability, Chunk, ClientEvent, Cursor, Epoch, Event, MachineEvent, Outcome, PodName, RunEvent, TurnId, TurnKey,
    WatcherEvent, WatcherId, What,
};
use crate::judge::view::View;
use crate::judge::view::at::At;
use crate::judge::view::at::Quiet;
use crate::judge::view::entities::call::Post;
use crate::judge::view::entities::observations::Death;
use crate::judge::view::entities::watcher::{Scope, Watcher};
use crate::judge::view::faults::Faults;
use crate::judge::view::limits::Limits;
use crate::judge::view::slow::Stretch;
use crate::judge::view::text::Text;

impl<'a> View<'a> {
    /// Indexes a history.
    pub(crate) fn of(history: &'a History) -> Self {
        let mut view = collect(&history.events);
        attempts::settle(&mut view);
        logs::gather(&mut view);
        mixed_texts::gather(&mut view);
        view
    }
}

fn collect(events: &[Event]) -> View<'_> {
    let mut collector = Collector {
        view: empty(),
        places: Places::default(),
    };
    collector.places.resumed = events.iter().filter_map(resumed).collect();
    collector.places.answer_tails = events.iter().filter_map(answer_tail).collect();
    for event in events {
        collector.take(event);
    }
    collector.link();
    collector.view.contradiction = contradictions::first(&collector.view, events);
    collector.view
}

/// The cursor that an attach gave, if this event answers one.
fn resumed(event: &Event) -> Option<&str> {
    if let What::Watcher(WatcherEvent::TailOpened { cursor, .. } | WatcherEvent::TailRefused { cursor, .. }) =
        &event.what
    {
        cursor.as_deref()
    } else {
        None
    }
}

/// The tail that is itself the answer to a post, with its turn.
fn answer_tail(event: &Event) -> Option<(WatcherId, &TurnId)> {
    if let What::Client(ClientEvent::PostEnded {
        outcome: Outcome::Ok(accepted),
        ..
    }) = &event.what
    {
        Some((accepted.tail?, &accepted.turn))
    } else {
        None
    }
}

impl<'a> Collector<'a> {
    fn take(&mut self, event: &'a Event) {
        let at = At::of(event);
        self.view.ending.last = Some(at);
        self.note_activity(at, &event.what);
        match &event.what {
            What::Run(run) => self.run(at, run),
            What::Client(client) => self.client(at, client),
            What::Watcher(watcher) => self.watcher(at, event, watcher),
            What::Store(store) => self.store(at, event, store),
            What::Pod(pod) => self.pod(at, pod),
            What::Machine(machine) => self.machine(at, machine),
            What::Provider(provider) => self.provider(at, provider),
            What::Fault(fault) => self.places.faults.push((at, fault)),
        }
    }

    /// Notes the stretch since the last event that is more than a look at the machine or bytes of a tail, if it was long. What bytes
    /// show a client is told by frames; a keepalive has none.
    fn note_activity(&mut self, at: At, what: &What) {
        if let What::Machine(MachineEvent::Starved { .. } | MachineEvent::Cpu(_))
        | What::Watcher(WatcherEvent::Bytes { .. }) = what
        {
            return;
        }
        let before = self.places.active.replace(at);
        self.view
            .quiet
            .extend(before.and_then(|before| Quiet::between(before, at)));
    }

    fn run(&mut self, at: At, event: &'a RunEvent) {
        let ending = &mut self.view.ending;
        match event {
            RunEvent::Began(began) => {
                self.view.capabilities = &began.capabilities;
                self.view.bounds = Limits::of(&began.bounds);
                self.view.promised = began.bounds;
                self.view.lacks = &began.lacks;
                self.view.known_pods = &began.pods;
                self.view.rules = began.rules.clone();
                self.view.pods.extend(began.pods.iter().map(PodName::as_str));
                self.view.declared = &began.evidence;
                self.view.expected_failures = &began.expected_failures;
            }
            RunEvent::Evidence { mark, reached } => self.view.evidence.push((mark, *reached)),
            RunEvent::Healed => ending.healed = Some(at),
            RunEvent::Played { gave_up } => ending.played = Some((at, gave_up.as_deref())),
            RunEvent::Quiesced => ending.quiesced = Some(at),
            RunEvent::Ended => ending.ended = true,
            RunEvent::Pool { pods } => self.view.pools.push((at, pods)),
            RunEvent::Pinning { on } => self.view.pinning.push((at, *on)),
            RunEvent::HarnessFailed { reason } => {
                ending.harness_failed.get_or_insert(reason);
            }
        }
    }

    fn machine(&mut self, at: At, event: &'a MachineEvent) {
        match event {
            MachineEvent::Engine {
                service,
                action,
                exit_code,
            } => {
                let exit_code = *exit_code;
                if action == "die" {
                    self.view.deaths.push(Death { at, service, exit_code });
                }
            }
            MachineEvent::Starved { over_us, waited_us } => self.view.starvation.push(Stretch {
                at,
                over_us: *over_us,
                waited_us,
            }),
            MachineEvent::Cpu(load) => self.view.loads.push((at, load)),
        }
    }

    /// Links posts, turns, keys, calls and removals, which come in no certain order.
    fn link(&mut self) {
        self.view.faults = Faults::of(self.places.faults.drain(..));
        for post in 0..self.view.posts.len() {
            let Post {
                thread, message, ended, ..
            } = self.view.posts[post];
            let Some((at, Outcome::Ok(accepted))) = ended else {
                continue;
            };
            self.view.pods.insert(accepted.pod.as_str());
            let place = self.turn(&accepted.turn);
            let turn = &mut self.view.turns[place];
            turn.thread.get_or_insert(thread);
            turn.message.get_or_insert(message);
            turn.accepted.get_or_insert(at);
        }
        let mut by_key: HashMap<&TurnKey, Vec<usize>> = HashMap::new();
        for (place, call) in self.view.calls.iter().enumerate() {
            by_key.entry(call.key).or_default().push(place);
        }
        for (place, turn) in self.view.turns.iter_mut().enumerate() {
            let message = turn.thread.zip(turn.message);
            let posted = message.and_then(|message| self.places.messages.get(&message));
            (turn.posted, turn.expect) = posted.copied().unzip();
            if let Some(expect) = turn.expect {
                self.view.keys.insert(&expect.key, place);
            }
            turn.calls = turn
                .expect
                .and_then(|expect| by_key.get(&expect.key))
                .cloned()
                .unwrap_or_default();
            turn.moves_us.sort_unstable();
        }
        claims::settle(&mut self.view);
        self.note_stopped();
        self.store_texts();
        self.give_stored();
        let given = |thread, cursor: Option<&'a str>| self.places.given.get(&(thread, cursor?)).copied();
        for watcher in &mut self.view.watchers {
            watcher.resumes = given(watcher.scope(), watcher.cursor);
        }
        for place in 0..self.view.refused.len() {
            let refused = &self.view.refused[place];
            let turn = refused.turn.and_then(|turn| self.view.turn(turn));
            let scope = turn.map_or(Scope::Thread(refused.thread), Scope::Turn);
            self.view.refused[place].resumes = given(scope, refused.cursor);
        }
    }

    /// Notes the turns that were stopped, if the system says of those that they completed: each that a stop was taken for before it
    /// was over.
    fn note_stopped(&mut self) {
        if !self.view.rules.stopped_is_completed {
            return;
        }
        for cancel in self.view.cancels.iter().filter(|cancel| cancel.outcome.ok().is_some()) {
            for place in &self.view.threads[cancel.thread].turns {
                let turn = &mut self.view.turns[*place];
                let is_meant = cancel.turn.is_none_or(|own| own == turn.id);
                let was_posted = turn.asked().is_some_and(|asked| asked.n < cancel.at.n);
                let is_over = turn.terminal().is_some_and(|row| row.at.n < cancel.at.n);
                turn.is_stopped |= is_meant && was_posted && !is_over;
            }
        }
    }

    /// Finds the text that readers are owed of each turn: the rows' first, else the first final reading's.
    fn store_texts(&mut self) {
        let (is_stored, has_epochs) = (self.view.can(Capability::StoredText), self.view.can(Capability::Epoch));
        if is_stored {
            for (place, turn) in self.view.turns.iter_mut().enumerate() {
                let attempt = if has_epochs { turn.epoch() } else { Epoch(0) };
                turn.durable = Some(attempts::durable(turn, (place, attempt), &self.places.gone));
            }
            return;
        }
        self.note_shown();
        let answers = self
            .view
            .final_reads()
            .flat_map(|read| read.answers.iter().map(move |answer| (read, answer)));
        let found: Vec<(usize, u64, &'a str)> = answers
            .filter_map(|(read, answer)| Some((self.view.answered(answer)?, read.at.n, answer.text.as_str())))
            .collect();
        for (place, n, text) in found {
            let turn = &mut self.view.turns[place];
            if turn.is_completed() && turn.durable.is_none() {
                turn.durable = Some(Text::of(n, text));
            }
        }
    }

    /// Where no row holds text, what is shown of a turn for the first time tells that it moves. Whoever comes later is shown it again.
    fn note_shown(&mut self) {
        let mut last = None;
        let mut first: BTreeMap<(usize, Option<Cursor>, Option<&str>), u64> = BTreeMap::new();
        for frame in self.view.watchers.iter().flat_map(Watcher::frames) {
            let turn = frame
                .chunk
                .turn()
                .and_then(|turn| self.view.turn_again(turn, &mut last));
            let Some(turn) = turn else { continue };
            let text = if let Chunk::Delta { text, .. } | Chunk::Whole { text, .. } = frame.chunk {
                Some(text.as_str())
            } else {
                None
            };
            let us = first.entry((turn, frame.cursor, text)).or_insert(frame.at.us);
            *us = (*us).min(frame.at.us);
        }
        let moves: Vec<(usize, u64)> = first.into_iter().map(|((turn, ..), us)| (turn, us)).collect();
        for (turn, us) in moves {
            self.view.turns[turn].moves_us.push(us);
        }
        for turn in &mut self.view.turns {
            turn.moves_us.sort_unstable();
        }
    }
}
