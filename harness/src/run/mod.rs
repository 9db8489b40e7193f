//! Wires the pipeline: clusters as slots, stories played on them, histories judged, reports made. The only place that
//! knows all the modules.

mod cast;
mod keepsakes;
mod nemesis_side;
mod options;
mod play;
mod probes;
mod provider_side;
mod session;
mod slot;
mod story;
mod tails;
mod waits;

use crate::cluster::ClusterError;
use crate::report::FolderError;
use crate::target::owner::DatabaseError;

pub use cast::{Cast, Turn, Whose};
pub use nemesis_side::NemesisSide;
pub use options::{Options, Selected};
pub use provider_side::ProviderSide;
pub use session::{Session, Setting, Site, StoryDone, artefacts};
pub use story::{Play, Played, Stopped, Story};
pub use tails::{Tails, Watcher};

/// Why a run could not be carried out. Nothing is proved then: exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster could not be brought up, reached or removed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The cluster's database cannot be read as the target's description says.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The artefacts cannot be kept.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No HTTP client can be set up on this machine.
    #[error("http client: {0}")]
    Http(reqwest::Error),
    /// What was asked for is not there.
    #[error("no {kind} {name:?}; there are: {known}")]
    Unknown {
        /// `story`, `defect` or `design`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}
