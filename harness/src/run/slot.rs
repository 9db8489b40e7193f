//! A slot: one whole cluster with the connections that every play on it uses, healed between plays.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use crosspod_links::client::Client as Links;
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, Notify};

use super::error::{HealError, RunError};
use super::stopped::Stopped;
use crate::cluster::{Cluster, ClusterError, PartHandle, Role, State};
use crate::history::writer::Recorder;
use crate::history::{PodName, Row, StoreEvent, ThreadId};
use crate::nemesis::clear_disk;
use crate::roles::nats::feed::{LogError, LogFeed, Message};
use crate::roles::postgres::changes::{ChangeFeed, Committed};
use crate::roles::postgres::connect::DatabaseError;
use crate::roles::postgres::owners::Owners;
use crate::roles::postgres::sessions::Sessions;
use crate::roles::provider::Provider;
use crate::system::System;
use crate::workload::Api;

/// Name of the logical replication slot: a cluster has a database of its own, so one name does for all.
const FEED: &str = "crosspod";

/// One cluster, ready to be played on.
pub(super) struct Slot {
    pub(super) cluster: Cluster,
    pub(super) owners: Arc<Owners>,
    pub(super) api: Api,
    pub(super) provider: Provider,
    links: std::sync::RwLock<Links>,
    feed: Mutex<Feed>,
    log: Option<Mutex<LogReader>>,
    /// Rung when there may be something to read in the stream log.
    log_heard: Arc<Notify>,
    /// Whether each pod is known to reach each part through its link.
    proven: AtomicBool,
}

/// The database's changes, and what of them belongs to plays that are over.
struct Feed {
    changes: ChangeFeed,
    /// Threads and turns of earlier plays: a pod may go on with one of them while the next is played.
    over: HashSet<String>,
    /// Threads and turns of the play that is on.
    current: HashSet<String>,
}

/// The stream log, and what of it belongs to plays that are over.
struct LogReader {
    feed: LogFeed,
    /// Threads of earlier plays.
    over: HashSet<ThreadId>,
    /// Threads of the play that is on.
    current: HashSet<ThreadId>,
}

impl Slot {
    /// Connects to a cluster that is up.
    ///
    /// # Errors
    /// Its database refuses logical decoding or cannot be reached.
    pub(super) async fn connect(cluster: Cluster, system: Arc<System>) -> Result<Self, RunError> {
        let url = cluster.postgres_url()?;
        // On a cluster that is kept, a run that was killed may have left it so.
        Sessions::open(&url).await?.set_read_only(false).await?;
        let owners = Arc::new(Owners::new(&url, &system.database));
        let changes = ChangeFeed::open(&url, &system.database, FEED).await?;
        let log_heard = Arc::new(Notify::new());
        let log = match &system.log {
            Some(log) => Some(Mutex::new(LogReader {
                feed: LogFeed::new(&cluster.nats_url()?, log, log_heard.clone()),
                over: HashSet::new(),
                current: HashSet::new(),
            })),
            None => None,
        };
        let api = Api::new(system).map_err(RunError::Http)?;
        let provider = Provider::new(cluster.mock_admin()?).map_err(RunError::Http)?;
        let links = Links::new(cluster.links_admin()?).into();
        let feed = Mutex::new(Feed {
            changes,
            over: HashSet::new(),
            current: HashSet::new(),
        });
        if let Some(feedback) = &api.system().feedback {
            // On a cluster that is kept, a run that is over may have left its volumes full.
            let pods = cluster.parts().filter(|part| part.is_pod());
            try_join_all(pods.map(|pod| clear_disk(pod, &feedback.spool))).await?;
        }
        Ok(Self {
            cluster,
            owners,
            api,
            provider,
            links,
            feed,
            log,
            log_heard,
            proven: AtomicBool::default(),
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
            if let Some(at) = part.address().filter(|_| part.is_pod()) {
                let attach = &self.api.system().routes.attach;
                ways.push(format!(
                    "curl -N -H 'authorization: Bearer TOKEN' http://{at}{attach}   # {}",
                    part.service()
                ));
            }
            ways.push(part.way_to_look());
        }
        Ok(ways)
    }

    /// The part in a role: the database, the broker or the provider.
    pub(super) fn part(&self, role: Role) -> Result<PartHandle, Stopped> {
        self.cluster.in_role(role).map_err(|e| Stopped::Harness(e.to_string()))
    }

    /// The fault proxy.
    pub(super) fn links(&self) -> Links {
        self.links.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where clients reach a pod through the fault proxy.
    pub(super) fn address_through_link(&self, pod: &PodName) -> Result<SocketAddr, Stopped> {
        let port = self.pod(pod)?.part().edge;
        let links = self.part(Role::Links)?;
        port.and_then(|port| links.published(port))
            .ok_or_else(|| Stopped::Harness(format!("the fault proxy leads nowhere to {pod}")))
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

    /// Lets whatever the database has committed until now belong to plays that are over, and returns every pod that has owned
    /// one of the threads.
    pub(super) async fn owners_until_now(
        &self,
        threads: &BTreeSet<ThreadId>,
    ) -> Result<BTreeSet<PodName>, DatabaseError> {
        let mut feed = self.feed.lock().await;
        let mut owners = BTreeSet::new();
        for Committed { row, .. } in feed.changes.drain().await? {
            feed.over.extend(names(&row));
            if let Row::Thread {
                thread,
                owner: Some(owner),
                ..
            } = row
                && threads.contains(&thread)
            {
                owners.insert(owner);
            }
        }
        Ok(owners)
    }

    /// Whether each pod is known to reach each part.
    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Keeps whether each pod is known to reach each part.
    pub(super) fn set_proven(&self, proven: bool) {
        self.proven.store(proven, Ordering::Relaxed);
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
            recorder.record(StoreEvent::Row {
                lsn: lsn.into(),
                xid,
                row,
            });
        }
        Ok(())
    }

    /// Lets whatever the stream log holds by now belong to plays that are over.
    pub(super) async fn forget_log(&self) {
        let Some(log) = &self.log else { return };
        let mut log = log.lock().await;
        let ended = std::mem::take(&mut log.current);
        log.over.extend(ended);
        log.feed.skip().await;
    }

    /// Moves what has come to be in the stream log since the last call into the history.
    pub(super) async fn record_log(&self, recorder: &Recorder) -> Result<(), LogError> {
        let Some(log) = &self.log else { return Ok(()) };
        let Ok(url) = self.cluster.nats_url() else {
            // The broker is away, and there is nothing to be read until it is back.
            return Ok(());
        };
        let mut log = log.lock().await;
        log.feed.moved(&url);
        for Message {
            thread,
            seq,
            cursor,
            chunk,
        } in log.feed.drain().await?
        {
            // A pod may go on with a turn of a play that is over.
            if log.over.contains(&thread) {
                continue;
            }
            log.current.insert(thread.clone());
            recorder.record(StoreEvent::Logged {
                thread,
                seq: u32::try_from(seq).unwrap_or(u32::MAX),
                cursor,
                chunk,
            });
        }
        Ok(())
    }

    /// Until there may be something to read in the stream log.
    pub(super) async fn log_heard(&self) {
        self.log_heard.notified().await;
    }

    /// The messages that the stream log holds of a thread, as text to keep. `None` if the system has no log.
    pub(super) async fn dump_log(&self, thread: &ThreadId) -> Option<Result<String, LogError>> {
        Some(self.log.as_ref()?.lock().await.feed.dump(thread).await)
    }

    /// Does something to the stream log that may replace it, with the reader stopped; then its creation is read anew.
    pub(super) async fn with_log_unread<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(log) = &self.log else { return work.await };
        let mut log = log.lock().await;
        let done = work.await;
        log.feed.may_be_another();
        done
    }

    /// Consumers that the broker keeps for the stream log's readers. Returns `None` if there is no log.
    pub(super) async fn log_consumers(&self) -> Option<u64> {
        let counted = self.log.as_ref()?.lock().await.feed.consumers().await;
        counted
            .inspect_err(|e| tracing::info!(error = %e, "consumers cannot be counted"))
            .ok()
    }

    /// Heals every part and sees it healthy. If that fails, the set-up is in doubt.
    pub(super) async fn heal(&self) -> Result<(), HealError> {
        let healed = self.try_heal().await;
        if healed.is_err() {
            self.set_proven(false);
        }
        healed
    }

    async fn try_heal(&self) -> Result<(), HealError> {
        self.mend_links().await?;
        for healed in self.cluster.heal().await? {
            tracing::debug!(part = %healed.service, remedy = ?healed.remedy, "healed");
        }
        Ok(self.find_again().await?)
    }

    /// Takes every fault off every link, where the proxy runs: one that does not is started anew without any.
    async fn mend_links(&self) -> Result<(), HealError> {
        let Ok(State::Running) = self.cluster.in_role(Role::Links)?.state().await else {
            return Ok(());
        };
        let links = self.links();
        links.reset().await?;
        match links.proxies().await?.values().find(|proxy| !proxy.toxics.is_empty()) {
            None => Ok(()),
            Some(proxy) => Err(HealError::StillFaulty(proxy.spec.name.clone())),
        }
    }

    /// Looks up where database and provider are now: their ports change with each start.
    pub(super) async fn find_again(&self) -> Result<(), ClusterError> {
        let url = self.cluster.postgres_url()?;
        self.owners.moved(&url);
        self.provider.moved(self.cluster.mock_admin()?);
        let admin = self.cluster.links_admin()?;
        // Otherwise its connection is kept: making one is half of the time that a fault of a link takes.
        if !self.links().is_of(admin) {
            *self.links.write().unwrap_or_else(PoisonError::into_inner) = Links::new(admin);
        }
        self.feed.lock().await.changes.moved(&url);
        Ok(())
    }
}

/// The ids of the thread, turn or feedback that a row is about.
fn names(row: &Row) -> Vec<String> {
    match row {
        Row::Thread { thread, .. } => vec![thread.to_string()],
        Row::Turn(row) => vec![row.turn.to_string(), row.thread.to_string()],
        Row::Part { turn, .. } | Row::PartGone { turn, .. } => vec![turn.to_string()],
        Row::Feedback { item } | Row::FeedbackGone { item } => vec![item.to_string()],
        Row::Unread { .. } => Vec::new(),
    }
}
