//! Wires the pipeline: clusters as slots, stories played on them, histories judged, reports made. The only place that
//! knows all the modules.

mod cast;
mod collect;
mod play;
mod session;
mod slot;
mod story;

use futures_util::stream::{self, StreamExt as _};

use crate::cluster::ClusterError;
use crate::report::FolderError;
use crate::roles::postgres::connect::DatabaseError;

pub use cast::faults::NemesisSide;
pub use cast::faults::inject::{Blow, Struck};
pub use cast::faults::stores::LostLog;
pub use cast::posts::Posting;
pub use cast::provider::ProviderSide;
pub use cast::watchers::{Tails, Watcher};
pub use cast::{Cast, Turn, Whose};
pub use session::dry_run::{DryRun, PlayAhead};
pub use session::matrix::{Matrix, MatrixOptions, MatrixProgress};
pub use session::options::{Options, Selected};
pub use session::{Session, Setting, Site, artefacts};
pub use slot::HealError;
pub use story::{Play, Played, Stopped, Story};

/// Why a run could not be carried out. Nothing is proved then: exit code 3.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cluster could not be brought up, reached or removed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// What a story had broken could not be healed.
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

/// Does so many at a time, the next as soon as any is done; what comes of them, in their own order.
pub async fn side_by_side<F: Future>(at_a_time: usize, work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let numbered = work.into_iter().enumerate();
    let numbered = numbered.map(|(place, one)| async move { (place, one.await) });
    let mut done: Vec<_> = stream::iter(numbered).buffer_unordered(at_a_time).collect().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, done)| done).collect()
}

fn unknown<'a>(kind: &'static str, name: &str, known: impl Iterator<Item = &'a str>) -> RunError {
    RunError::Unknown {
        kind,
        name: name.to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn a_long_one_holds_up_none_that_come_later() {
        // The first is over only when the last has begun.
        let both_are_there = Barrier::new(2);
        let work = (0..4).map(|n| {
            let both_are_there = &both_are_there;
            async move {
                if n % 3 == 0 {
                    both_are_there.wait().await;
                }
                n
            }
        });
        assert_eq!(side_by_side(2, work).await, [0, 1, 2, 3]);
    }
}
