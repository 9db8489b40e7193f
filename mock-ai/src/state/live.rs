//! One call as the server knows it: what never changes about it, and how far it has come.
//!
//! Each call has its own lock for its progress, so that streams do not meet at the book's lock with every token.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
};

use tokio::sync::Notify;

use super::lock::lock;
use crate::{
    journal::{CallRecord, CallRef, Cause, Message},
    script::EndMode,
};

/// What a request brings along, as the journal will show it.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) key: Arc<str>,
    pub(crate) pod: Option<Arc<str>>,
    pub(crate) peer: String,
    pub(crate) request_id: String,
    pub(crate) stream: bool,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) messages: Vec<Message>,
}

/// An end that comes from outside of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forced {
    /// Somebody asked for this end.
    End(EndMode),
    /// The call was forgotten by a reset.
    Stop,
}

impl Forced {
    /// What the client sees of it.
    pub(crate) const fn mode(self) -> EndMode {
        match self {
            Self::End(mode) => mode,
            Self::Stop => EndMode::Abort,
        }
    }

    pub(crate) const fn cause(self) -> Cause {
        match self {
            Self::End(mode) => Cause::End(mode),
            Self::Stop => Cause::Stopped,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: CallRef,
    pub(super) request_id: String,
    pub(super) peer: String,
    pub(super) stream: bool,
    pub(super) headers: Arc<BTreeMap<String, String>>,
    pub(super) messages: Arc<[Message]>,
    pub(super) started_us: u64,
    /// Woken when a gate that holds this call may have opened, and when an end is forced.
    pub(crate) wake: Notify,
    forced: OnceLock<Forced>,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) first_byte_us: Option<u64>,
    pub(super) token_us: Vec<u64>,
    pub(super) bytes: u64,
    pub(super) held: Option<String>,
    pub(super) odd: BTreeSet<String>,
    pub(super) ended_us: Option<u64>,
    pub(super) cause: Option<Cause>,
    pub(super) gone_us: Option<u64>,
}

impl Live {
    pub(super) fn new(id: CallRef, arrival: Arrival, started_us: u64) -> Self {
        Self {
            id,
            request_id: arrival.request_id,
            peer: arrival.peer,
            stream: arrival.stream,
            headers: Arc::new(arrival.headers),
            messages: arrival.messages.into(),
            started_us,
            wake: Notify::new(),
            forced: OnceLock::new(),
            progress: Mutex::default(),
        }
    }

    pub(super) fn with_progress<R>(&self, f: impl FnOnce(&mut Progress) -> R) -> R {
        f(&mut lock(&self.progress))
    }

    /// Ends the call from outside; the first such end counts.
    pub(super) fn force(&self, forced: Forced) {
        let _ = self.forced.set(forced);
        self.wake.notify_one();
    }

    pub(crate) fn forced(&self) -> Option<Forced> {
        self.forced.get().copied()
    }

    /// Returns once an end is forced, and never otherwise.
    pub(crate) async fn until_forced(&self) -> Forced {
        loop {
            if let Some(forced) = self.forced() {
                return forced;
            }
            self.wake.notified().await;
        }
    }

    pub(super) fn ended(&self) -> bool {
        self.with_progress(|progress| progress.cause.is_some())
    }

    pub(super) fn record(&self) -> CallRecord {
        self.with_progress(|progress| CallRecord {
            id: self.id.clone(),
            request_id: self.request_id.clone(),
            peer: self.peer.clone(),
            stream: self.stream,
            messages: Arc::clone(&self.messages),
            headers: Arc::clone(&self.headers),
            started_us: self.started_us,
            first_byte_us: progress.first_byte_us,
            token_us: progress.token_us.clone(),
            tokens: progress.token_us.len() as u32,
            bytes: progress.bytes,
            held: progress.held.clone(),
            odd: progress.odd.clone(),
            ended_us: progress.ended_us,
            cause: progress.cause,
            gone_us: progress.gone_us,
        })
    }

    /// Roughly how much memory the call's record takes.
    pub(super) fn weight_bytes(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum();
        self.with_progress(|progress| progress.token_us.len() * 8) + messages_bytes(&self.messages) + headers + 512
    }
}

pub(super) fn messages_bytes(messages: &[Message]) -> usize {
    messages
        .iter()
        .map(|message| message.role.len() + message.text.len() + 64)
        .sum()
}
