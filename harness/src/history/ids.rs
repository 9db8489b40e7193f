//! Names of things in a history, each its own type so that one cannot pass for another.
//!
//! A history says few names very often. They are shared, not copied: cloning one costs no memory, and those of a history
//! that is read back are each kept once.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU8;
use std::sync::Arc;

use serde::de::{Error as DeError, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Most names that a thread keeps for sharing, so that a reader of many histories does not grow without end.
const SHARED_MAX: usize = 4096;

thread_local! {
    static SHARED: RefCell<HashSet<Arc<str>>> = RefCell::default();
}

/// The one copy of a name that this thread has read before, or a new one.
fn shared(name: &str) -> Arc<str> {
    SHARED.with_borrow_mut(|known| {
        if let Some(name) = known.get(name) {
            return name.clone();
        }
        if known.len() == SHARED_MAX {
            known.clear();
        }
        let name: Arc<str> = name.into();
        known.insert(name.clone());
        name
    })
}

/// Reads a name as a shared one.
struct Shared;

impl Visitor<'_> for Shared {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: DeError>(self, name: &str) -> Result<Self::Value, E> {
        Ok(shared(name))
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as the system under test writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<S: Into<Arc<str>>> From<S> for $name {
            fn from(name: S) -> Self {
                Self(name.into())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
                reader.deserialize_str(Shared).map(Self)
            }
        }
    )*};
}

names! {
    /// A replica: the compose service's name, which is also its `POD_NAME` and what `owner` columns hold.
    PodName;
    /// A conversation.
    ThreadId;
    /// One user message and the answer to it.
    TurnId;
    /// The client's own id of a message: the idempotency key.
    MessageId;
    /// The client's own id of a piece of feedback: its idempotency key.
    FeedbackId;
    /// Who threads belong to.
    TenantId;
    /// The `id:` of an event of a stream, as it stands: what a client resumes from.
    EventId;
    /// What clients know an answer by: the message id of its start.
    AnswerId;
    /// What the provider counts calls by; carried by every token of an answer.
    TurnKey;
    /// One claim of a turn, in the system's own word: any value that changes with each claim.
    Attempt;
}

/// Generation of a thread's ownership: raised by each claim and by each takeover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One attach: a client's tail of one thread on one pod. A reconnect is a new watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WatcherId(pub u32);

impl fmt::Display for WatcherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}", self.0)
    }
}

/// One of the sessions that a play's clients show, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionNo(pub NonZeroU8);

/// One request of the workload; ties what was asked to what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_read_are_shared_and_written_as_plain_strings() {
        let read = |text: &str| serde_json::from_str::<TurnId>(text).expect("a name");
        let (a, b) = (read("\"turn-\\u0031\""), read("\"turn-1\""));
        assert_eq!(a, b);
        assert!(Arc::ptr_eq(&a.0, &b.0));
        assert_eq!(serde_json::to_string(&a).expect("a string"), "\"turn-1\"");
        assert!(serde_json::from_str::<TurnId>("1").is_err());
    }

    #[test]
    fn a_reader_of_many_names_keeps_a_bounded_number() {
        for n in 0..3 * SHARED_MAX {
            let name = shared(&n.to_string());
            assert_eq!(&*name, n.to_string());
        }
        assert!(SHARED.with_borrow(HashSet::len) <= SHARED_MAX);
    }
}
