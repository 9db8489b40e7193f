//! A slot: one whole cluster with the connections that every play on it uses, healed between plays.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::RunError;
use super::story::Stopped;
use crate::cluster::{Cluster, ClusterError, PartHandle, Service};
use crate::history::writer::Recorder;
use crate::history::{PodName, Row, What};
use crate::provider::Provider;
use crate::target::Target;
use crate::target::changes::{ChangeFeed, Committed};
use crate::target::owner::{DatabaseError, Owners};
use crate::workload::Api;

/// Name of the logical replication slot: a cluster has a database of its own, so one name does for all.
const FEED: &str = "crosspod";

/// One cluster, ready to be played on.
pub(super) struct Slot {
    pub(super) cluster: Cluster,
    pub(super) owners: Arc<Owners>,
    pub(super) api: Api,
    pub(super) provider: Provider,
    feed: Mutex<Feed>,
}

/// The database's changes, and what of them belongs to plays that are over.
struct Feed {
    changes: ChangeFeed,
    /// Threads and turns of earlier plays: a pod may go on with one of them while the next is played.
    over: HashSet<String>,
    /// Threads and turns of the play that is on.
    current: HashSet<String>,
}

impl Slot {
    /// Connects to a cluster that is up.
    ///
    /// # Errors
    /// Its database refuses logical decoding or cannot be reached.
    pub(super) async fn connect(cluster: Cluster, target: Arc<Target>) -> Result<Self, RunError> {
        let url = cluster.postgres_url()?;
        let owners = Arc::new(Owners::new(&url, &target.database));
        let changes = ChangeFeed::open(&url, &target.database, FEED).await?;
        let api = Api::new(target).map_err(RunError::Http)?;
        let provider = Provider::new(cluster.mock_admin()?).map_err(RunError::Http)?;
        let feed = Mutex::new(Feed {
            changes,
            over: HashSet::new(),
            current: HashSet::new(),
        });
        Ok(Self {
            cluster,
            owners,
            api,
            provider,
            feed,
        })
    }

    /// The pods.
    pub(super) fn pods(&self) -> &[PodName] {
        self.cluster.pods()
    }

    /// Commands that show what the cluster holds.
    pub(super) fn ways_to_look(&self) -> Result<Vec<String>, RunError> {
        let mut ways = vec![format!("psql {}", self.cluster.postgres_url()?)];
        for part in self.cluster.parts() {
            if let Some(at) = part.address().filter(|_| matches!(part.service(), Service::Pod(_))) {
                let attach = &self.api.target().routes.attach;
                ways.push(format!(
                    "curl -N -H 'authorization: Bearer TOKEN' http://{at}{attach}   # {}",
                    part.service()
                ));
            }
            ways.push(part.way_to_look());
        }
        Ok(ways)
    }

    /// The database, the broker or the provider.
    pub(super) fn part(&self, service: &Service) -> Result<PartHandle, Stopped> {
        self.cluster.part(service).map_err(|e| Stopped::Harness(e.to_string()))
    }

    pub(super) fn pod(&self, name: &PodName) -> Result<PartHandle, Stopped> {
        self.cluster.pod(name).map_err(|e| Stopped::Harness(e.to_string()))
    }

    /// Where a pod listens now. A pod that is not running listens nowhere: that ends the play.
    pub(super) fn address(&self, pod: &PodName) -> Result<SocketAddr, Stopped> {
        let address = self.pod(pod)?.address();
        address.ok_or_else(|| Stopped::Harness(format!("{pod} listens nowhere: it is not running")))
    }

    /// Lets whatever the database has committed until now belong to plays that are over.
    pub(super) async fn forget_changes(&self) -> Result<(), DatabaseError> {
        let mut feed = self.feed.lock().await;
        let drained = feed.changes.drain().await?;
        let ended = std::mem::take(&mut feed.current);
        feed.over.extend(ended);
        feed.over.extend(drained.into_iter().flat_map(|c| names(&c.row)));
        Ok(())
    }

    /// Moves what the database has committed since the last call into the history.
    pub(super) async fn record_changes(&self, recorder: &Recorder) -> Result<(), DatabaseError> {
        let mut feed = self.feed.lock().await;
        for Committed { lsn, xid, row } in feed.changes.drain().await? {
            let names = names(&row);
            if names.iter().any(|name| feed.over.contains(name)) {
                continue;
            }
            feed.current.extend(names);
            recorder.record(What::Row {
                lsn: lsn.into(),
                xid,
                row,
            });
        }
        Ok(())
    }

    /// Heals every part and sees it healthy.
    pub(super) async fn heal(&self) -> Result<(), ClusterError> {
        for healed in self.cluster.heal().await? {
            tracing::debug!(part = %healed.service, remedy = ?healed.remedy, "healed");
        }
        self.find_again().await
    }

    /// Looks up where database and provider are now: their ports change with each start.
    pub(super) async fn find_again(&self) -> Result<(), ClusterError> {
        let url = self.cluster.postgres_url()?;
        self.owners.moved(&url);
        self.provider.moved(self.cluster.mock_admin()?);
        self.feed.lock().await.changes.moved(&url);
        Ok(())
    }
}

/// What a row is about: a thread, a turn, or a turn and its thread.
fn names(row: &Row) -> Vec<String> {
    match row {
        Row::Thread { thread, .. } => vec![thread.to_string()],
        Row::Turn { turn, thread, .. } => vec![turn.to_string(), thread.to_string()],
        Row::Part { turn, .. } | Row::PartGone { turn, .. } => vec![turn.to_string()],
    }
}
