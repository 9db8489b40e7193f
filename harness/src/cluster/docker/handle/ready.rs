//! Readiness of a part, by its own answer on the port that stories use.
//!
//! The engine's health checks are not used: they come seconds apart, and not every image can have one.

use std::time::{Duration, Instant};

use super::PartHandle;
use super::question::Question;
use crate::cluster::part::error::ClusterError;
use crate::wire::http;

/// Pause between two questions.
const INTERVAL: Duration = Duration::from_millis(25);

/// Waits until the part is ready. Returns an error at once if its process ends instead.
pub(in crate::cluster) async fn await_ready(
    part: &PartHandle,
    while_what: &str,
    bound: Duration,
) -> Result<Duration, ClusterError> {
    let began = Instant::now();
    let Some(question) = Question::of(part.part()) else {
        return Ok(Duration::ZERO);
    };
    let mut last = "nothing was asked yet".to_owned();
    let outcome = tokio::time::timeout(bound, async {
        tokio::select! {
            () = answered(part, &question, &mut last) => Ok(()),
            code = ended(part) => Err(code),
        }
    })
    .await;
    match outcome {
        Ok(Ok(())) => Ok(began.elapsed()),
        Ok(Err(code)) => Err(died(part, while_what, code?, began).await),
        Err(_) => Err(part.late(&question.awaited(), bound, &last).await),
    }
}

/// Waits, without a bound, until the part's process ends, and returns the error for that.
pub(in crate::cluster) async fn await_death(part: &PartHandle, while_what: &str) -> ClusterError {
    let began = Instant::now();
    match ended(part).await {
        Ok(code) => died(part, while_what, code, began).await,
        Err(error) => error,
    }
}

/// Waits, without a bound, until the part's process has ended. Returns its exit code.
async fn ended(part: &PartHandle) -> Result<i64, ClusterError> {
    let life = part.alive();
    if let Some(pidfd) = life.as_ref().and_then(|life| life.pidfd.as_ref()) {
        // The kernel first: the engine would keep a request open all the time.
        if let Err(error) = pidfd.dead().await {
            tracing::debug!(part = %part.service(), %error, "the engine is asked for the end instead");
        }
    }
    let start = life.as_ref().map(|life| life.started_at.as_str());
    part.engine().exited(&part.container(), start).await
}

async fn died(part: &PartHandle, while_what: &str, exit_code: i64, began: Instant) -> ClusterError {
    ClusterError::Died {
        service: part.service().to_owned(),
        while_what: while_what.to_owned(),
        exit_code,
        after: began.elapsed(),
        trace: part.trace().await,
    }
}

/// Asks until the part is ready, and keeps the last other answer.
async fn answered(part: &PartHandle, question: &Question, last: &mut String) {
    let http = match http::client().build() {
        Ok(http) => http,
        Err(error) => {
            *last = format!("no HTTP client: {error}");
            return std::future::pending().await;
        }
    };
    loop {
        match part.published(question.port()) {
            None => *last = format!("port {} is not published", question.port()),
            Some(address) => match question.ask(&http, address).await {
                Ok(()) => return,
                Err(seen) => *last = seen,
            },
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
