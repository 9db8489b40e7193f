//! The bench: a cast on a slot, with the feeds of the stores beside it, on which the steps of a check try things one after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::places::Places;
use super::proposal::Proposal;
use super::wording::frames::{SeenFrame, bytes_of, frames};
use super::wording::screen::Screen;
use crate::history::writer::Recorder;
use crate::history::{Event, Outcome, PodName, ThreadId, WatcherId};
use crate::plan::{Answer, Plan};
use crate::roles::provider::Journal;
use crate::run::cast::Cast;
use crate::run::cast::turn::{Account, Turn};
use crate::run::collect::changes::feed;
use crate::run::collect::stream_log::log;
use crate::run::play::final_state::Baseline;
use crate::run::play::stage::{begin, leave, make_cast};
use crate::run::slot::Slot;
use crate::run::stopped::Stopped;
use crate::system::System;
use crate::system::reading::{FrameRules, Reader};
use crate::workload::Tail;

/// Tokens of the answer that a check orders.
pub(in crate::run) const TOKENS: u32 = 12;
/// The provider holds the answer after this token until the gate is opened.
pub(in crate::run) const HELD_AFTER: u32 = 3;
/// Longest wait for a tail to come to its end once nothing holds the turn.
const TAIL_END: Duration = Duration::from_secs(10);

/// A cast on a slot, with the feeds of the stores.
pub(in crate::run) struct Bench<'p> {
    /// The cast that tries things.
    pub(in crate::run) cast: Cast,
    /// Places of the description.
    pub(in crate::run) places: &'p Places,
    proposals: Vec<Proposal>,
    journal: Journal,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl<'p> Bench<'p> {
    /// Signs in, makes a thread, and starts the feeds.
    ///
    /// # Errors
    /// The request that was not answered as the description says, in words.
    pub(in crate::run) async fn set(slot: &Arc<Slot>, recorder: &Recorder, places: &'p Places) -> Result<Self, String> {
        let (nonce, journal) = begin(slot, recorder).await?;
        let design = slot.api.system().design_name();
        let mut plan = Plan::draw("check", 0, design, None, slot.pods());
        // A person reads the report: the pods come in their own order.
        plan.pods = slot.pods().to_vec();
        let cast = make_cast(slot, plan, recorder, nonce, &Baseline::default()).await;
        let cast = cast.map_err(|e| e.to_string())?;
        let stop = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(feed(slot.clone(), recorder.clone(), stop.clone())),
            tokio::spawn(log(slot.clone(), recorder.clone(), stop.clone())),
        ];
        Ok(Self {
            cast,
            places,
            proposals: Vec::new(),
            journal,
            tasks,
            stop,
        })
    }

    /// Proposes something to say for an open value.
    pub(in crate::run) fn propose(&mut self, proposal: Proposal) {
        if self.places.is_open(&proposal.path) {
            self.proposals.push(proposal);
        }
    }

    /// Leaves every tail and stops the feeds. Returns what was proposed.
    pub(in crate::run) async fn close(self) -> Vec<Proposal> {
        let Self {
            mut cast,
            proposals,
            journal,
            tasks,
            stop,
            ..
        } = self;
        let answers = cast.answers.drain();
        for tail in cast.tails.drain(..).chain(answers) {
            leave(tail).await;
        }
        stop.cancel();
        for task in tasks {
            if let Err(e) = task.await {
                tracing::warn!(error = %e, "a feed ended early");
            }
        }
        journal.stop();
        proposals
    }

    /// The system that is checked.
    pub(in crate::run) fn system(&self) -> &System {
        self.cast.slot.api.system()
    }

    /// Place of a value in the description.
    pub(in crate::run) fn place(&self, path: &str) -> Option<(usize, usize)> {
        self.places.of(path)
    }

    /// The pod after another one, in their order.
    pub(in crate::run) fn next(&self, pod: &PodName) -> PodName {
        let pods = &self.cast.plan.pods;
        let at = pods.iter().position(|known| known == pod).unwrap_or_default();
        pods[(at + 1) % pods.len()].clone()
    }

    /// The first pod.
    pub(in crate::run) fn first(&self) -> PodName {
        self.cast.plan.pods[0].clone()
    }

    /// The answer that is held until the turn's gate is opened.
    pub(in crate::run) fn held_answer() -> Answer {
        Answer::tokens(TOKENS).gate_after(HELD_AFTER)
    }

    /// Another thread of the same account; the same one where threads cannot be made and turns stand alone.
    pub(in crate::run) async fn thread(&mut self, pod: &PodName) -> Result<ThreadId, Stopped> {
        self.cast.another_thread_on(pod, Account::Own).await
    }

    /// Posts a message to a thread, and returns the turn with the time that the answer took.
    ///
    /// # Errors
    /// It was not accepted, in words.
    pub(in crate::run) async fn post(
        &mut self,
        thread: &ThreadId,
        pod: &PodName,
        answer: &Answer,
    ) -> Result<(Turn, Duration), String> {
        let begun = Instant::now();
        let outcome = self.cast.try_post_to(thread, pod, answer).await;
        match outcome.map_err(|e| e.to_string())? {
            Outcome::Ok(turn) => Ok((turn, begun.elapsed())),
            Outcome::Failed { status, reason } => Err(format!("{status}: {reason}")),
            Outcome::Unknown { reason } => Err(reason),
        }
    }

    /// Posts a message whose answer is held, and waits until the provider holds it.
    ///
    /// # Errors
    /// It was not accepted, or nobody called the provider.
    pub(in crate::run) async fn held_turn(&mut self, pod: &PodName) -> Result<Turn, String> {
        let thread = self.thread(pod).await.map_err(|e| e.to_string())?;
        let (turn, _) = self.post(&thread, pod, &Self::held_answer()).await?;
        self.cast.provider().held(&turn, 1).await.map_err(|e| e.to_string())?;
        Ok(turn)
    }

    /// Everything that was recorded so far.
    pub(in crate::run) fn events(&self) -> Vec<Event> {
        self.cast.recorder.snapshot()
    }

    /// The frames that a watcher was shown, read once more.
    pub(in crate::run) fn frames_of(&self, watcher: WatcherId, turn: &Turn) -> Vec<SeenFrame> {
        let system = &self.system().description;
        let rules = FrameRules {
            stream: system.stream.clone(),
            statuses: system.statuses.clone(),
        };
        let api = &self.cast.slot.api;
        let opened_for = (api.shows_one_turn() || api.streams()).then(|| turn.id.clone());
        let reader = Reader::new(Arc::new(rules), opened_for).with_keys(api.keys());
        frames(&bytes_of(&self.events(), watcher), reader)
    }

    /// The screen of a client after a watcher's frames.
    pub(in crate::run) fn screen_of(&self, watcher: WatcherId, turn: &Turn) -> Screen {
        Screen::after(&self.frames_of(watcher, turn), &turn.id)
    }

    /// Waits until a tail has shown the end of the turn, has ended, or has had its time. What it has shown by then is read.
    pub(in crate::run) async fn ends(&self, tail: &Tail, turn: &Turn) {
        let ended = tail.until("the end of the turn", TAIL_END, |seen| {
            seen.turns.get(&turn.id).is_some_and(|of| of.ended)
        });
        if let Err(e) = ended.await {
            tracing::debug!(error = %e, "a tail did not show the end");
        }
    }
}
