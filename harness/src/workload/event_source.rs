//! An event source: a client that keeps a thread's stream open, as a browser does. When a stream ends it waits for as long as the
//! server says (`retry:`) and connects again with the id of the last event that it saw.
//!
//! Each connection is a watcher of its own in the history. A server that answers 204 or refuses with 4xx ends it for good; a 5xx or a
//! connection that fails is tried again, as the libraries do that wrap a browser's event source, up to a number of connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::seen::{Seen, describe};
use super::tail::Tail;
use crate::history::{PodName, TailEnd};

/// How long a client waits before it connects again if the server does not say. Browsers take a few seconds; a server on the same
/// machine is back sooner.
const RETRY: Duration = Duration::from_millis(200);
/// Longest that a server can make a client wait.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Opens one connection: from behind the event with this id, or from the start.
pub type Opens = Box<dyn FnMut(Option<String>) -> Tail + Send>;

/// An order to keep a stream open.
pub struct Order {
    /// Opens each connection.
    pub opens: Opens,
    /// Most connections in all.
    pub connections_max: u32,
}

/// The reason why an event source connects no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The client was told to leave.
    Left,
    /// The server closed the stream by its own word.
    Done,
    /// The server refused with a status that no client tries again after.
    Refused(u16),
    /// All of its connections are used up.
    GaveUp,
}

/// All that an event source has done so far.
#[derive(Debug, Clone, Default)]
pub struct Course {
    /// Connections that it has begun.
    pub connections: u32,
    /// Pods that served it, one after the other.
    pub served_by: Vec<PodName>,
    /// The frames that the newest connection was shown.
    pub seen: Seen,
    /// Why it connects no more, once it does not.
    pub ended: Option<Ended>,
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "connections: {}, served by {:?}, ended by {:?}; {}",
            self.connections,
            self.served_by,
            self.ended,
            describe(&self.seen)
        )
    }
}

/// A running event source.
pub struct EventSource {
    course: watch::Receiver<Course>,
    leave: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl EventSource {
    /// Begins; the connections are made in the background.
    pub fn open(order: Order) -> Self {
        let (shown, course) = watch::channel(Course::default());
        let leave = CancellationToken::new();
        let task = tokio::spawn(run(order, shown, leave.clone()));
        Self { course, leave, task }
    }

    /// All that it has done so far.
    pub fn course(&self) -> Course {
        self.course.borrow().clone()
    }

    /// A view of its course that can be waited on.
    pub fn watch(&self) -> watch::Receiver<Course> {
        self.course.clone()
    }

    /// Leaves, and waits until the end is in the history. Returns its whole course.
    pub async fn leave(self) -> Course {
        self.leave.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an event source's task failed");
        }
        self.course.borrow().clone()
    }
}

async fn run(mut order: Order, shown: watch::Sender<Course>, leave: CancellationToken) {
    let mut cursor = None;
    let ended = loop {
        if shown.borrow().connections >= order.connections_max {
            break Ended::GaveUp;
        }
        let tail = Arc::new((order.opens)(cursor.clone()));
        shown.send_modify(|course| course.connections += 1);
        let seen = follow(&tail, &shown, &leave).await;
        let left = leave.is_cancelled();
        if let Ok(tail) = Arc::try_unwrap(tail) {
            tail.leave().await;
        }
        cursor = seen.last_id.clone().or(cursor);
        if left {
            break Ended::Left;
        }
        if let Some(ended) = ended_by(&seen) {
            break ended;
        }
        let pause = seen.retry.unwrap_or(RETRY).min(RETRY_MAX);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = leave.cancelled() => break Ended::Left,
        }
    };
    shown.send_modify(|course| course.ended = Some(ended));
}

/// Shows what a connection is shown until it is over, or the client leaves.
async fn follow(tail: &Tail, shown: &watch::Sender<Course>, leave: &CancellationToken) -> Seen {
    let mut seen = tail.watch();
    loop {
        let now = seen.borrow_and_update().clone();
        let is_over = now.end.is_some() || now.refused.is_some();
        shown.send_modify(|course| {
            if let Some(pod) = &now.served_by
                && !course.seen.open
            {
                course.served_by.push(pod.clone());
            }
            course.seen = now.clone();
        });
        if is_over {
            // The next connection is another one, which nobody has answered yet.
            shown.send_modify(|course| course.seen.open = false);
            return now;
        }
        tokio::select! {
            changed = seen.changed() => if changed.is_err() { return now },
            () = leave.cancelled() => return now,
        }
    }
}

/// Decides whether a client connects no more after this.
fn ended_by(seen: &Seen) -> Option<Ended> {
    match (&seen.end, seen.refused_with) {
        (Some(TailEnd::Done), _) => Some(Ended::Done),
        (_, Some(status)) if status < 500 => Some(Ended::Refused(status)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_comes_back_after_an_end_or_a_server_s_trouble_and_not_after_a_refusal() {
        let refused = |status| Seen {
            refused: Some("no".to_owned()),
            refused_with: status,
            ..Seen::default()
        };
        let over = |end| Seen {
            end: Some(end),
            ..Seen::default()
        };
        assert_eq!(ended_by(&refused(Some(404))), Some(Ended::Refused(404)));
        assert_eq!(ended_by(&refused(Some(204))), Some(Ended::Refused(204)));
        assert_eq!(ended_by(&over(TailEnd::Done)), Some(Ended::Done));
        let comes_back = [
            refused(Some(502)),
            refused(None),
            over(TailEnd::Eof),
            over(TailEnd::Broken {
                reason: "reset".to_owned(),
            }),
        ];
        assert!(comes_back.iter().all(|seen| ended_by(seen).is_none()));
    }
}
