//! Events of the run itself: its begin, its evidence and its end.

use serde::{Deserialize, Serialize};

use crate::history::{Began, PodName};

/// The course of a run, as the harness itself records it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunEvent {
    /// First event of every history: what is played, against what, and by which bounds it is judged.
    Began(Box<Began>),
    /// A mark that the story needs, or its verdict means nothing.
    Evidence {
        /// The mark.
        mark: String,
        /// True if it was reached.
        reached: bool,
    },
    /// All faults are healed and every pod was seen healthy.
    Healed,
    /// The story's play is over: nothing more is asked of the system but what the judge needs.
    Played {
        /// The event that the story waited for when it gave up, if it did.
        gave_up: Option<String>,
    },
    /// The final state of every store has been read; nothing follows but [`RunEvent::Ended`].
    Quiesced,
    /// Last event of a whole history. A history without it was cut off.
    Ended,
    /// The edge was told to send clients to these pods and no others: a candidate is promoted, or rolled back.
    Pool {
        /// The pods.
        pods: Vec<PodName>,
    },
    /// The edge was told to pin no client any longer, or to pin them again.
    Pinning {
        /// True if it pins.
        on: bool,
    },
    /// The harness itself failed to set up, heal or record: the run proves nothing.
    HarnessFailed {
        /// The failure.
        reason: String,
    },
}
