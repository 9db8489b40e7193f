//! Watchers of one turn, as a story holds them.

use std::sync::Arc;
use std::time::Duration;

use super::last_seen::LastSeen;
use super::turn::Turn;
use crate::history::{PodName, Status, TurnId};
use crate::wait::Expired;
use crate::workload::{Seen, Tail, Way};

/// Longest that a story waits for a watcher to see something that nothing holds up. Shorter than the time after which a
/// turn that a gate holds is taken from its owner: a story that waited longer would change what it waits for.
const SOON: Duration = Duration::from_millis(2500);

/// One watcher of one turn.
#[derive(Clone)]
pub struct Watcher {
    pub(in crate::run) tail: Arc<Tail>,
    turn: TurnId,
    last_seen: LastSeen,
    /// The way that it took.
    pub(in crate::run) way: Way,
    /// Longest that an attach on that way may take beyond [`SOON`]: an edge holds a request while it tries a dead pod again.
    patience: Duration,
}

/// Several watchers of one turn.
pub struct Tails(Vec<Watcher>);

impl Watcher {
    pub(in crate::run) fn new(
        tail: Arc<Tail>,
        turn: TurnId,
        last_seen: LastSeen,
        (way, patience): (Way, Duration),
    ) -> Self {
        Self {
            tail,
            turn,
            last_seen,
            way,
            patience,
        }
    }

    /// Pod it is attached to: behind an edge the one that answered.
    pub fn pod(&self) -> PodName {
        self.tail.seen().served_by.unwrap_or_else(|| self.tail.pod.clone())
    }

    /// True if it was refused in a way after which a client tries again: by a server's error, or by no answer at all.
    pub(in crate::run) fn may_come_back(&self) -> bool {
        let seen = self.tail.seen();
        seen.refused.is_some() && seen.refused_with.is_none_or(|status| status >= 500)
    }

    /// The same watcher, asked about another turn of its thread.
    #[must_use]
    pub fn of(&self, turn: &Turn) -> Self {
        Self {
            turn: turn.id.clone(),
            ..self.clone()
        }
    }

    /// The frames that it was shown so far, summed up.
    pub fn seen(&self) -> Seen {
        self.tail.seen()
    }

    /// Tokens of the turn that it renders now.
    pub fn tokens(&self) -> u32 {
        self.tail.seen().turns.get(&self.turn).map_or(0, |s| s.tokens)
    }

    /// Waits until the pod has answered its attach.
    ///
    /// # Errors
    /// It was refused, ended, or is not answered in time.
    pub async fn opens(&self) -> Result<(), Expired> {
        let bound = SOON + self.patience;
        self.tail.until("the stream open", bound, |s| s.open).await.map(drop)
    }

    /// Waits until the pod has answered its attach, be it with a refusal.
    ///
    /// # Errors
    /// It is not answered in time.
    pub async fn is_answered(&self) -> Result<(), Expired> {
        match self.opens().await {
            Err(_) if self.seen().refused.is_some() => Ok(()),
            opened => opened,
        }
    }

    /// Waits until it renders at least `tokens` of the turn's tokens.
    ///
    /// # Errors
    /// The tail ended, or the bound is over.
    pub async fn reaches(&self, tokens: u32) -> Result<(), Expired> {
        let turn = self.turn.clone();
        let what = format!("{tokens} tokens of turn {turn}");
        let seen = self
            .tail
            .until(&what, SOON, |s| s.turns.get(&turn).is_some_and(|t| t.tokens >= tokens))
            .await?;
        if let Some(at) = seen.turns.get(&turn).and_then(|t| t.last_at) {
            self.last_seen.note(at);
        }
        Ok(())
    }

    /// Waits until it has seen the turn end.
    ///
    /// # Errors
    /// The tail ended, or `bound` is over.
    pub async fn finishes(&self, bound: Duration) -> Result<Status, Expired> {
        let turn = self.turn.clone();
        let end = |s: &Seen| s.turns.get(&turn).and_then(|t| t.finished);
        let seen = self
            .tail
            .until(&format!("the end of turn {turn}"), bound, |s| end(s).is_some())
            .await?;
        Ok(end(&seen).unwrap_or(Status::Failed))
    }

    /// Waits until the stream has ended, from either side.
    ///
    /// # Errors
    /// The bound is over.
    pub async fn ends(&self, bound: Duration) -> Result<(), Expired> {
        self.tail
            .until("the stream end", bound, |s| s.end.is_some())
            .await
            .map(drop)
    }
}

impl Tails {
    pub(in crate::run) fn new(watchers: Vec<Watcher>) -> Self {
        Self(watchers)
    }

    /// Waits until every one renders at least `tokens` tokens. What is seen by a watcher is thereby proven to be buffered.
    ///
    /// # Errors
    /// The first watcher that does not get there.
    pub async fn each_reach(&self, tokens: u32) -> Result<(), Expired> {
        for watcher in &self.0 {
            watcher.reaches(tokens).await?;
        }
        Ok(())
    }

    /// The same watchers, asked about another turn of their thread.
    #[must_use]
    pub fn of(&self, turn: &Turn) -> Self {
        Self(self.0.iter().map(|watcher| watcher.of(turn)).collect())
    }

    /// The watcher on a pod.
    pub fn on(&self, pod: &PodName) -> Option<&Watcher> {
        self.0.iter().find(|w| w.pod() == *pod)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Watcher> {
        self.0.iter()
    }
}
