//! The account of each toxic's effects: connections add to it, requests read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Effects, ToxicSpec};
use crate::pipeline::{Tally, ToxicId};

/// The process's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// Sleeps until that time; forever if there is none, or if it is too far for a clock.
    pub(super) async fn until(self, due: Option<Duration>) {
        match due.and_then(|due| self.0.checked_add(due)) {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

pub(super) fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

/// A toxic that proxies and connections know of. A change makes another with the same id and account.
#[derive(Debug)]
pub(super) struct LiveToxic {
    pub(super) id: ToxicId,
    pub(super) spec: ToxicSpec,
    pub(super) account: Arc<Account>,
}

/// The account of one toxic.
#[derive(Debug, Default)]
pub(super) struct Account(Mutex<Effects>);

impl Account {
    fn effects(&self) -> MutexGuard<'_, Effects> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> Effects {
        *self.effects()
    }

    /// The toxic is in force on every connection.
    pub(super) fn begins(&self, at: Duration) {
        self.effects().since_us = micros(at);
    }

    pub(super) fn add(&self, tally: Tally) {
        let Some((first, last)) = tally.span else { return };
        let mut effects = self.effects();
        effects.times += tally.times;
        effects.bytes += tally.bytes;
        effects.connections += u64::from(tally.first_here);
        let first = micros(first);
        effects.first_us = Some(effects.first_us.map_or(first, |before| before.min(first)));
        effects.last_us = effects.last_us.max(Some(micros(last)));
    }
}

/// A live connection that a toxic works on; it counts until it is dropped.
#[derive(Debug)]
pub(super) struct InForce(Arc<Account>);

impl InForce {
    pub(super) fn new(account: &Arc<Account>) -> Self {
        account.effects().in_force += 1;
        Self(Arc::clone(account))
    }
}

impl Drop for InForce {
    fn drop(&mut self) {
        self.0.effects().in_force -= 1;
    }
}
