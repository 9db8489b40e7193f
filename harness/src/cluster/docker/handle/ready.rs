//! Readiness of a part, by its own answer on the port that stories use.
//!
//! The engine's health checks are not used: they come seconds apart, and not every image can have one.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::PartHandle;
use super::question::Question;
use crate::cluster::part::error::ClusterError;
use crate::wire::http;

/// Pause between two questions.
const INTERVAL: Duration = Duration::from_millis(25);
/// A pod that has listened on its loopback alone for so long will not listen elsewhere.
const LOOPBACK_BOUND: Duration = Duration::from_secs(8);

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
            after = listens_inside_alone(part, &question) => Err(loopback(part, &question, after)),
            code = ended(part) => Err(died(part, while_what, code?, began).await),
        }
    })
    .await;
    match outcome {
        Ok(Ok(())) => Ok(began.elapsed()),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let last = format!("{last}{}", open_inside(part));
            Err(part.late(&question.awaited(), bound, &last).await)
        }
    }
}

fn loopback(part: &PartHandle, question: &Question, after: Duration) -> ClusterError {
    ClusterError::Loopback {
        service: part.service().to_owned(),
        port: question.port(),
        after,
    }
}

/// The addresses at which something listens in a pod's container. `None` for other parts, and if the kernel does not tell.
fn listening(part: &PartHandle) -> Option<Vec<SocketAddr>> {
    let life = part.alive().filter(|_| part.is_pod())?;
    life.pidfd.as_ref()?.listening().ok()
}

impl PartHandle {
    /// The part with what is awaited of it until it is ready.
    pub(in crate::cluster) fn awaited(&self) -> String {
        match Question::of(self.part()) {
            Some(question) => format!("{} ({})", self.service(), question.awaited()),
            None => self.service().to_owned(),
        }
    }

    /// Ports at which something listens in the part's container for others than itself. Empty if the kernel does not tell, or if the part
    /// is down.
    pub(in crate::cluster) fn open_ports(&self) -> BTreeSet<u16> {
        let open = self.alive().and_then(|life| life.pidfd.as_ref()?.listening().ok());
        let open = open.unwrap_or_default().into_iter();
        open.filter(|at| !at.ip().is_loopback()).map(|at| at.port()).collect()
    }

    /// How many connections to a port of a pod its clients have closed and the pod has not. `None` if the kernel does not tell, or the pod is
    /// down.
    pub fn half_closed(&self, port: u16) -> Option<u64> {
        let life = self.alive()?;
        let count = life.pidfd.as_ref()?.half_closed(port).ok()?;
        u64::try_from(count).ok()
    }
}

/// Waits, without a bound, until a pod has long listened at the port of a question on its loopback and on no other address. Returns how
/// long it has.
async fn listens_inside_alone(part: &PartHandle, question: &Question) -> Duration {
    let mut since = None;
    loop {
        let open = listening(part).unwrap_or_default();
        since = is_loopback_alone(&open, question.port()).then(|| since.unwrap_or_else(Instant::now));
        let after = since.map_or(Duration::ZERO, |since: Instant| since.elapsed());
        if after >= LOOPBACK_BOUND {
            return after;
        }
        tokio::time::sleep(LOOPBACK_BOUND / 10).await;
    }
}

/// True if something listens at a port, and all that does is on the loopback.
fn is_loopback_alone(listening: &[SocketAddr], port: u16) -> bool {
    let mut at_port = listening.iter().filter(|at| at.port() == port).peekable();
    at_port.peek().is_some() && at_port.all(|at| at.ip().is_loopback())
}

/// The addresses at which something listens in a pod's container, as the end of a message; empty if that is not known.
fn open_inside(part: &PartHandle) -> String {
    let open = listening(part).map(|open| open.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "));
    match open.as_deref() {
        None => String::new(),
        Some("") => "; nothing listens inside the container".to_owned(),
        Some(open) => format!("; inside the container {open} is open"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_the_loopback_alone_is_reached_by_nobody() {
        let alone = |addresses: &[&str]| {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|at| at.parse().expect("an address")).collect();
            is_loopback_alone(&addresses, 80)
        };
        assert!(alone(&["127.0.0.1:80", "0.0.0.0:81"]));
        assert!(alone(&["127.0.0.1:80", "[::1]:80"]));
        assert!(!alone(&["127.0.0.1:80", "0.0.0.0:80"]));
        assert!(!alone(&["127.0.0.1:81"]) && !alone(&[]));
    }
}
