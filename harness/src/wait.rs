//! Waits that have a name, a bound and a memory.
//!
//! Nothing in the harness sleeps in place of a condition: it waits for something that can be named, for a bounded time, and
//! says on expiry what it saw last. Deliberately absent: retries of anything but the look itself.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// A wait that ran out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Expired {
    /// The condition that was awaited.
    pub what: String,
    /// For how long.
    pub bound: Duration,
    /// The last value seen.
    pub last: String,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "waited {:.1?} for {}; last seen: {}",
            self.bound, self.what, self.last
        )
    }
}

/// One look at a condition.
#[derive(Debug)]
pub enum Look<T> {
    /// It holds.
    Done(T),
    /// Not yet; what was seen instead.
    NotYet(String),
}

/// Looks at a condition every `every` until it holds or `bound` is over. Each look has what is left of the bound, and at
/// most two seconds, as its own time-out.
///
/// # Errors
/// [`Expired`] with the last value seen.
pub async fn until<T, F, Fut>(what: &str, bound: Duration, every: Duration, mut look: F) -> Result<T, Expired>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Look<T>>,
{
    const ONE_LOOK: Duration = Duration::from_secs(2);
    let end = Instant::now() + bound;
    let mut last = String::from("nothing yet");
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left.clamp(Duration::from_millis(1), ONE_LOOK), look()).await {
            Ok(Look::Done(value)) => return Ok(value),
            Ok(Look::NotYet(seen)) => last = seen,
            Err(_) => last = format!("{last} (the last look itself took too long)"),
        }
        if Instant::now() + every >= end {
            return Err(Expired {
                what: what.to_owned(),
                bound,
                last,
            });
        }
        tokio::time::sleep(every).await;
    }
}

/// Gives a future `bound`; `last` is asked for the last value seen when it does not keep it.
///
/// # Errors
/// [`Expired`] when the future is not done in time.
pub async fn within<T>(
    what: &str,
    bound: Duration,
    future: impl Future<Output = T>,
    last: impl FnOnce() -> String,
) -> Result<T, Expired> {
    tokio::time::timeout(bound, future).await.map_err(|_| Expired {
        what: what.to_owned(),
        bound,
        last: last(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_expired_wait_names_what_it_waited_for_and_what_it_saw_last() {
        let mut looks = 0;
        let failed = until(
            "a blue moon",
            Duration::from_secs(1),
            Duration::from_millis(100),
            || {
                looks += 1;
                let seen = format!("moon number {looks}");
                async move { Look::<()>::NotYet(seen) }
            },
        )
        .await
        .expect_err("it never comes");
        assert_eq!(
            failed.to_string(),
            "waited 1.0s for a blue moon; last seen: moon number 10"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_does_not_outlast_the_bound() {
        let begun = Instant::now();
        let failed = until(
            "an answer",
            Duration::from_secs(3),
            Duration::from_millis(10),
            std::future::pending::<Look<()>>,
        )
        .await;
        assert!(failed.is_err());
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}
