//! What the whole process knows: one [`World`], shared by the provider's endpoints, which change it, and the admin
//! interface, which reads and steers it. Every change that is an event wakes whoever waits for one.
//!
//! Bounded memory: the journal keeps the last 100,000 calls that have ended and at most about 256 MiB of them, and as
//! much of events. A key is forgotten, and would start at ordinal 1 again, when its last call is. Calls that are live
//! and gates that were opened are kept.

mod book;
mod call;
mod gates;
mod kept;
mod live;
mod lock;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub(crate) use book::{Book, CALLS_KEPT, CallFilter};
pub(crate) use call::Call;
pub(crate) use gates::Opening;
pub(crate) use live::{Arrival, Forced};
use tokio::sync::watch;

use self::lock::lock;
use crate::journal::EventId;

#[derive(Debug)]
pub(crate) struct World {
    base: Instant,
    book: Mutex<Book>,
    latest: watch::Sender<EventId>,
    stopping: AtomicBool,
    rejected: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            book: Mutex::default(),
            latest: watch::Sender::default(),
            stopping: AtomicBool::new(false),
            rejected: AtomicU64::new(0),
        })
    }

    pub(crate) fn now_us(&self) -> u64 {
        self.base.elapsed().as_micros() as u64
    }

    pub(crate) fn read<R>(&self, f: impl FnOnce(&Book) -> R) -> R {
        f(&lock(&self.book))
    }

    /// Changes the book at the time that is handed in, and wakes whoever waits if that made an event.
    pub(crate) fn write<R>(&self, f: impl FnOnce(&mut Book, u64) -> R) -> R {
        let mut book = lock(&self.book);
        let before = book.last_event();
        let result = f(&mut book, self.now_us());
        let after = book.last_event();
        drop(book);
        if after > before {
            self.latest.send_if_modified(|latest| {
                let newer = after > *latest;
                *latest = after.max(*latest);
                newer
            });
        }
        result
    }

    /// The first result that `look` finds, looking again with each event, within the given time.
    pub(crate) async fn wait_for<R>(&self, bound: Duration, mut look: impl FnMut(&Book) -> Option<R>) -> Option<R> {
        let mut latest = self.latest.subscribe();
        let found = async {
            loop {
                latest.mark_unchanged();
                if let Some(found) = self.read(&mut look) {
                    return Some(found);
                }
                if latest.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(bound, found).await.unwrap_or_default()
    }

    /// Told of each new event's number.
    pub(crate) fn subscribe(&self) -> watch::Receiver<EventId> {
        self.latest.subscribe()
    }

    /// From now on a call that ends unfinished was stopped by us.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Counts a request that was refused before it became a call.
    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}
