//! Wires the pipeline: clusters as slots, stories played on them, histories judged, reports made. The only place that
//! knows all the modules.

mod aftermath;
mod cast;
mod dependency_side;
mod dry_run;
mod feedback;
mod keepsakes;
mod matrix;
mod nemesis_side;
mod options;
mod play;
mod posting;
mod probes;
mod provider_side;
mod restless;
mod session;
mod slot;
mod story;
mod strike;
mod tails;
mod waits;

use crate::cluster::ClusterError;
use crate::report::FolderError;
use crate::target::owner::DatabaseError;

pub use cast::{Cast, Turn, Whose};
pub use dependency_side::LostLog;
pub use dry_run::{DryRun, PlayAhead};
pub use matrix::{Matrix, MatrixOptions, MatrixProgress};
pub use nemesis_side::NemesisSide;
pub use options::{Options, Selected};
pub use posting::Posting;
pub use provider_side::ProviderSide;
pub use session::{START, Session, Setting, Site, artefacts};
pub use slot::HealError;
pub use story::{Play, Played, Stopped, Story};
pub use strike::{Blow, Struck};
pub use tails::{Tails, Watcher};

/// Why a run could not be carried out. Nothing is proved then: exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster could not be brought up, reached or removed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// What a story had broken could not be healed.
    #[error("healing: {0}")]
    Heal(#[from] HealError),
    /// The cluster's database cannot be read as the target's description says.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The artefacts cannot be kept.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// No HTTP client can be set up on this machine.
    #[error("http client: {0}")]
    Http(reqwest::Error),
    /// A defect that a matrix would have no row for.
    #[error("no story is meant to catch {0}")]
    Uncaught(String),
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

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> RunError {
    RunError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}
