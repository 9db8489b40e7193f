//! The frame around `run` and `matrix`: it begins a run, waits for the work or a signal, and clears up.

use super::allowed::Allowed;
use super::interrupt::{Interrupt, interrupted};
use super::progress::Shown;
use crate::cluster::Progress as _;
use crate::run::{LiveRun, RunError};

/// How work on a run ended.
pub(super) enum Ended<T> {
    Done(T),
    Failed(String),
    Interrupted,
}

impl<T> Ended<T> {
    /// The result, or why there is none; an interrupted command ends with the exit code in the error.
    pub(super) fn into_result(self) -> Result<Result<T, String>, u8> {
        match self {
            Self::Done(done) => Ok(Ok(done)),
            Self::Failed(reason) => Ok(Err(reason)),
            Self::Interrupted => Err(interrupted("what the run had brought up is removed")),
        }
    }
}

/// Finds a run, does the work on it until it is done or interrupted, and takes away what it had brought up.
pub(super) async fn staged<T>(
    allowed: &Allowed,
    shown: &Shown,
    work: impl AsyncFnOnce(&LiveRun) -> Result<T, RunError>,
) -> Ended<T> {
    let allowed = allowed.hosts();
    let mut interrupt = Interrupt::listen();
    let found = tokio::select! {
        biased;
        () = interrupt.came() => return Ended::Interrupted,
        found = LiveRun::find(&allowed, shown) => found,
    };
    let run = match found {
        Ok(run) => run,
        Err(e) => return Ended::Failed(e.to_string()),
    };
    shown.step("bringing the cluster up");
    // From here on something may be there to be removed, however this ends.
    let ended = tokio::select! {
        biased;
        () = interrupt.came() => Ended::Interrupted,
        done = work(&run) => match done {
            Ok(done) => Ended::Done(done),
            Err(e) => Ended::Failed(e.to_string()),
        },
    };
    shown.step("clearing up");
    match run.clear().await {
        Ok(()) => ended,
        Err(e) => Ended::Failed(format!("the cluster could not be removed: {e}")),
    }
}
