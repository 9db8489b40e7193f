//! The reasons why a run cannot be carried out.

use std::path::PathBuf;

use crosspod_links::client::ClientError;

use crate::cluster::ClusterError;
use crate::report::{FolderError, NotPlayed, by_reason};
use crate::roles::postgres::connect::DatabaseError;
use crate::system::language::UnknownName;

/// A run that could not be carried out. It proves nothing: exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster could not be brought up, reached or removed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The cluster did not come up. The logs of its containers are kept, the containers are not.
    #[error("{why}\n  the whole logs of its containers are in {}", logs.display())]
    NotUp {
        /// The reason.
        why: Box<ClusterError>,
        /// The folder, with a file for each container.
        logs: PathBuf,
    },
    /// A fault of a story could not be healed.
    #[error("healing: {0}")]
    Heal(#[from] HealError),
    /// The cluster's database cannot be read as the system's description says.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The artefacts cannot be kept.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The history of a check cannot be kept.
    #[error("history {}: {source}", path.display())]
    History {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// No HTTP client can be set up on this machine.
    #[error("http client: {0}")]
    Http(reqwest::Error),
    /// The description names a variable of the environment that is not set.
    #[error(transparent)]
    Unset(UnknownName),
    /// A defect that a matrix would have no row for.
    #[error("no story that the system can play is meant to catch {0}")]
    Uncaught(String),
    /// The system can play none of the stories that were asked for.
    #[error("{}", none_of(system, stories))]
    NotApplicable {
        /// Name of the system.
        system: String,
        /// The stories, at least one.
        stories: Vec<NotPlayed>,
    },
    /// An unknown story or defect.
    #[error("no {kind} {name:?}; there are: {known}")]
    Unknown {
        /// `story` or `defect`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The known names.
        known: String,
    },
}

impl RunError {
    /// The error of the cluster, if it is one.
    pub(in crate::run) fn of_the_cluster(&self) -> Option<&ClusterError> {
        match self {
            Self::Cluster(error) => Some(error),
            Self::NotUp { why, .. } => Some(why),
            _ => None,
        }
    }

    /// The stories that were asked for and that the system cannot play, if that is why there is no run.
    pub fn not_applicable(&self) -> &[NotPlayed] {
        match self {
            Self::NotApplicable { stories, .. } => stories,
            _ => &[],
        }
    }
}

fn none_of(system: &str, stories: &[NotPlayed]) -> String {
    match stories {
        [NotPlayed { story, why }] => format!("{story} is not applicable to {system}: {why}"),
        stories => format!(
            "none of {} stories is applicable to {system}: {}",
            stories.len(),
            by_reason(stories)
        ),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_did_not_come_up_names_the_folder_of_its_logs() {
        let why = || ClusterError::Loopback {
            service: "pod-1".into(),
            port: 80,
            after: std::time::Duration::from_secs(8),
        };
        let error = RunError::NotUp {
            why: why().into(),
            logs: "target/crosspod/r1/cluster_start".into(),
        };
        let expected = format!(
            "{}\n  the whole logs of its containers are in target/crosspod/r1/cluster_start",
            why()
        );
        assert_eq!(error.to_string(), expected);
        assert!(matches!(error.of_the_cluster(), Some(ClusterError::Loopback { .. })));
    }
}
