//! The reasons why a run cannot be carried out.

use crosspod_links::client::ClientError;

use crate::cluster::ClusterError;
use crate::report::FolderError;
use crate::roles::postgres::connect::DatabaseError;

/// A run that could not be carried out. It proves nothing: exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster could not be brought up, reached or removed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A fault of a story could not be healed.
    #[error("healing: {0}")]
    Heal(#[from] HealError),
    /// The cluster's database cannot be read as the system's description says.
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
    /// An unknown story, defect or design.
    #[error("no {kind} {name:?}; there are: {known}")]
    Unknown {
        /// `story`, `defect` or `design`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The known names.
        known: String,
    },
}

pub(in crate::run) fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> RunError {
    RunError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}

/// Something that could not be healed.
#[derive(Debug, thiserror::Error)]
pub enum HealError {
    /// A part, or the engine refused.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The fault proxy refused.
    #[error("the fault proxy: {0}")]
    Links(#[from] ClientError),
    /// A link keeps a fault.
    #[error("the link {0} still has a fault after everything was taken off it")]
    StillFaulty(String),
}
