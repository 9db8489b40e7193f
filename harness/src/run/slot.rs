//! A slot: one whole cluster with the connections that every play on it uses, healed between plays.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use crosspod_links::client::Client as Links;
use futures_util::future::try_join_all;
use tokio::sync::Mutex;

use super::error::{HealError, RunError};
use super::played_log::PlayedLog;
use super::stopped::Stopped;
use crate::cluster::{Cluster, ClusterError, Edge, Footprint, PartHandle, Role, State};
use crate::history::writer::Recorder;
use crate::history::{PodName, Row, Status, StoreEvent, ThreadId, TurnId};
use crate::nemesis::{clear_disk, clear_store};
use crate::roles::log::LogError;
use crate::roles::owner_names::{OwnerNames, PodLogs};
use crate::roles::postgres::changes::{ChangeFeed, Committed};
use crate::roles::postgres::connect::DatabaseError;
use crate::roles::postgres::owners::Owners;
use crate::roles::postgres::sessions::Sessions;
use crate::roles::provider::Provider;
use crate::system::System;
use crate::workload::{Api, Session};

/// Name of the logical replication slot: a cluster has a database of its own, so one name does for all.
const FEED: &str = "crosspod";

/// One cluster, ready to be played on.
pub(super) struct Slot {
    pub(super) cluster: Arc<Cluster>,
    pub(super) owners: Arc<Owners>,
    pub(super) api: Api,
    pub(super) provider: Provider,
    links: std::sync::RwLock<Links>,
    feed: Mutex<Feed>,
    log: Option<PlayedLog>,
    /// Whether each pod is known to reach each part through its link.
    proven: AtomicBool,
    /// Whether a play has found a broken promise since the pods were started.
    distrusted: AtomicBool,
}

/// The database's changes, and what of them belongs to plays that are over.
struct Feed {
    /// Without it the system has no table that is followed.
    changes: Option<ChangeFeed>,
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
    pub(super) async fn connect(cluster: impl Into<Arc<Cluster>>, system: Arc<System>) -> Result<Self, RunError> {
        let cluster = cluster.into();
        let tables = system.tables();
        let url = database_of(&cluster)?;
        if let Some(url) = &url {
            // On a cluster that is kept, a run that was killed may have left it so.
            Sessions::open(url).await?.set_read_only(false).await?;
        }
        let names = OwnerNames::new(tables.owner.as_ref(), pod_logs(&cluster));
        let owners = Arc::new(Owners::new(url.as_deref().unwrap_or_default(), &tables, names));
        let changes = match &url {
            Some(url) if !tables.rules.is_empty() => Some(ChangeFeed::open(url, &tables, FEED).await?),
            _ => None,
        };
        let api = Api::new(system).map_err(RunError::Http)?;
        let log = PlayedLog::of(&api);
        let provider = Provider::new(cluster.mock_admin()?).map_err(RunError::Http)?;
        let links = Links::new(cluster.links_admin()?).into();
        let feed = Mutex::new(Feed {
            changes,
            over: HashSet::new(),
            current: HashSet::new(),
        });
        Box::pin(clear_volumes(&cluster, api.system())).await?;
        Ok(Self {
            cluster,
            owners,
            api,
            provider,
            links,
            feed,
            log,
            proven: AtomicBool::default(),
            distrusted: AtomicBool::default(),
        })
    }

    /// The same cluster, spoken to by another description of its system. The one before is not used any longer.
    ///
    /// # Errors
    /// As of [`Slot::connect`].
    pub(super) async fn described_anew(&self, system: Arc<System>) -> Result<Self, RunError> {
        Self::connect(self.cluster.clone(), system).await
    }

    /// The pods.
    pub(super) fn pods(&self) -> &[PodName] {
        self.cluster.pods()
    }

    /// Commands that show what the cluster holds.
    pub(super) fn ways_to_look(&self) -> Result<Vec<String>, RunError> {
        let database = database_of(&self.cluster)?;
        let mut ways: Vec<String> = database.iter().map(|url| format!("psql {url}")).collect();
        for part in self.cluster.parts() {
            if let Some(at) = part.address().filter(|_| part.is_pod()) {
                let port = format!("http://{at}");
                let attach = self.api.system().description.calls.attach.as_ref();
                let line = attach.map_or_else(|| "GET /".to_owned(), |attach| attach.request.line.to_string());
                let (method, path) = line.split_once(' ').unwrap_or(("GET", &line));
                ways.push(format!("curl -N -X {method} {port}{path}   # {}", part.service()));
            }
            ways.push(part.way_to_look());
        }
        Ok(ways)
    }

    /// The part in a role: the database, the broker or the provider.
    pub(super) fn part(&self, role: Role) -> Result<PartHandle, Stopped> {
        self.cluster.in_role(role).map_err(|e| Stopped::Harness(e.to_string()))
    }

    /// The edge before the pods; the play ends if there is none.
    pub(super) fn edge(&self) -> Result<&Edge, Stopped> {
        let edge = self.cluster.edge();
        edge.ok_or_else(|| Stopped::Harness("the cluster has no edge".to_owned()))
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
        let drained = feed.drain(&self.owners).await?;
        let ended = std::mem::take(&mut feed.current);
        feed.over.extend(ended);
        feed.over.extend(drained.into_iter().flat_map(|c| names(&c.row)));
        Ok(())
    }

    /// Lets whatever the database has committed until now belong to plays that are over, and returns the pods that were the last
    /// owners of the threads.
    pub(super) async fn last_owners(&self, threads: &BTreeSet<ThreadId>) -> Result<BTreeSet<PodName>, DatabaseError> {
        let mut feed = self.feed.lock().await;
        let mut owners = BTreeMap::new();
        for Committed { row, .. } in feed.drain(&self.owners).await? {
            feed.over.extend(names(&row));
            let (thread, owner) = match row {
                Row::Thread { thread, owner, .. } => (thread, owner),
                Row::Turn(row) => (row.thread, row.owner),
                _ => continue,
            };
            if let Some(owner) = owner.filter(|_| threads.contains(&thread)) {
                owners.insert(thread, owner);
            }
        }
        Ok(owners.into_values().collect())
    }

    /// A turn's status: by the database's word, or where no row tells it by a pod's. Returns `None` if neither knows of it.
    ///
    /// # Errors
    /// The database or the pod cannot be asked, in words.
    pub(super) async fn status_of(
        &self,
        at: (&PodName, SocketAddr),
        session: &Session,
        thread: &ThreadId,
        turn: &TurnId,
    ) -> Result<Option<Status>, String> {
        if self.owners.tells_turns() {
            return self.owners.turn(turn).await.map_err(|e| e.to_string());
        }
        let told = self.api.status(at, session, thread, turn).await;
        let told = told.map_err(|e| e.to_string())?.map(|(status, _)| status);
        if told.is_some() {
            return Ok(told);
        }
        let read = self.api.read(at, session, thread, Some(turn)).await;
        let answers = read.map_err(|e| e.to_string())?.map(|reading| reading.answers);
        let answer = answers
            .into_iter()
            .flatten()
            .find(|answer| answer.turn.as_ref() == Some(turn));
        Ok(answer.and_then(|answer| answer.status))
    }

    /// Whether each pod is known to reach each part.
    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Keeps whether each pod is known to reach each part.
    pub(super) fn set_proven(&self, proven: bool) {
        self.proven.store(proven, Ordering::Relaxed);
    }

    /// Lets the next healing start every pod anew.
    pub(super) fn distrust_pods(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    /// True if a line names a thread or a turn of an earlier play.
    pub(super) async fn tells_of_an_earlier_play(&self, line: &str) -> bool {
        let feed = self.feed.lock().await;
        feed.over.iter().any(|name| is_named_in(line, name))
    }

    /// Moves what the database has committed since the last call into the history.
    pub(super) async fn record_changes(&self, recorder: &Recorder) -> Result<(), DatabaseError> {
        let mut feed = self.feed.lock().await;
        for Committed { lsn, xid, row } in feed.drain(&self.owners).await? {
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

    /// URL of the part that holds the stream log. Changes when the part is started again.
    ///
    /// # Errors
    /// There is no stream log, or its part is away.
    pub(super) fn log_url(&self) -> Result<String, Stopped> {
        let log = self.log.as_ref();
        let log = log.ok_or_else(|| Stopped::Harness("the system has no stream log".to_owned()))?;
        let url = self.cluster.url_of(log.part());
        url.map_err(|e| Stopped::Harness(e.to_string()))
    }

    /// Lets whatever the stream log holds by now belong to plays that are over.
    pub(super) async fn forget_log(&self) {
        let Some(log) = &self.log else { return };
        log.forget(self.log_url().ok().as_deref()).await;
    }

    /// Moves what has come to be in the stream log since the last call into the history.
    pub(super) async fn record_log(&self, recorder: &Recorder) -> Result<(), LogError> {
        match (&self.log, self.log_url()) {
            (Some(log), Ok(url)) => log.record(&url, recorder).await,
            // Its part is away, and there is nothing to be read until it is back.
            _ => Ok(()),
        }
    }

    /// True if something rings when there may be something to read in the stream log.
    pub(super) fn log_is_heard(&self) -> bool {
        self.log.as_ref().is_none_or(PlayedLog::is_heard)
    }

    /// Until there may be something to read in the stream log.
    pub(super) async fn log_heard(&self) {
        match &self.log {
            Some(log) => log.heard().await,
            None => std::future::pending().await,
        }
    }

    /// The entries that the stream log holds of a thread, as text to keep. `None` if the system has no log.
    pub(super) async fn dump_log(&self, thread: &ThreadId) -> Option<Result<String, LogError>> {
        let log = self.log.as_ref()?;
        Some(log.dump(self.log_url().ok().as_deref(), thread).await)
    }

    /// Does something to the stream log that may replace it, with the reader stopped; then the log is looked up anew.
    pub(super) async fn with_log_unread<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.log {
            Some(log) => log.unread(work).await,
            None => work.await,
        }
    }

    /// Consumers that the broker keeps for the stream log's readers. Returns `None` if there is no log, or no broker.
    pub(super) async fn log_consumers(&self) -> Option<u64> {
        let counted = self.log.as_ref()?.consumers(self.log_url().ok().as_deref()).await;
        counted
            .inspect_err(|e| tracing::info!(error = %e, "consumers cannot be counted"))
            .ok()
            .flatten()
    }

    /// Subscriptions to the stream log, by the broker's word. Returns `None` if there is no log, or nothing that tells.
    pub(super) async fn log_subscriptions(&self) -> Option<u64> {
        let log = self.log.as_ref()?;
        let monitor = self.api.system().description.parts.get(log.part())?.monitor?;
        let monitor = self.cluster.part(log.part()).ok()?.published(monitor)?;
        let counted = log.subscriptions(monitor).await;
        counted
            .inspect_err(|e| tracing::info!(error = %e, "subscriptions cannot be counted"))
            .ok()
            .flatten()
    }

    /// Sessions of the system that are idle inside a transaction. Returns `None` if there is no database, or it does not tell.
    pub(super) async fn idle_transactions(&self) -> Option<u64> {
        let url = database_of(&self.cluster).ok()??;
        let counted = async { Sessions::open(&url).await?.idle_in_transaction().await };
        let counted = counted.await;
        let counted = counted.inspect_err(|e| tracing::info!(error = %e, "transactions cannot be counted"));
        u64::try_from(counted.ok()?).ok()
    }

    /// How many connections to each pod its clients have closed and the pod has not. Empty unless that is known of every pod.
    pub(super) fn half_closed(&self) -> BTreeMap<PodName, u64> {
        let port = self.api.system().description.pods.port;
        let counted = self.pods().iter().map(|pod| {
            let handle = self.cluster.pod(pod).ok()?;
            Some((pod.clone(), handle.half_closed(port)?))
        });
        counted.collect::<Option<_>>().unwrap_or_default()
    }

    /// The footprint of each pod's process now. A pod that is down, or not on this machine, is left out.
    pub(super) fn footprints(&self) -> BTreeMap<PodName, Footprint> {
        let read = self.pods().iter().filter_map(|pod| {
            let handle = self.cluster.pod(pod).ok()?;
            Some((pod.clone(), handle.footprint()?))
        });
        read.collect()
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
        if self.distrusted.load(Ordering::Relaxed) {
            // Healing starts what is down.
            let pods = self
                .cluster
                .parts()
                .filter(|part| part.is_pod() && part.address().is_some());
            try_join_all(pods.map(PartHandle::kill)).await?;
        }
        for healed in self.cluster.heal().await? {
            tracing::debug!(part = %healed.service, remedy = ?healed.remedy, "healed");
        }
        self.distrusted.store(false, Ordering::Relaxed);
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
        let url = database_of(&self.cluster)?;
        if let Some(url) = &url {
            self.owners.moved(url);
        }
        self.provider.moved(self.cluster.mock_admin()?);
        let admin = self.cluster.links_admin()?;
        // Otherwise its connection is kept: making one is half of the time that a fault of a link takes.
        if !self.links().is_of(admin) {
            *self.links.write().unwrap_or_else(PoisonError::into_inner) = Links::new(admin);
        }
        if let (Some(changes), Some(url)) = (&mut self.feed.lock().await.changes, &url) {
            changes.moved(url);
        }
        Ok(())
    }
}

/// Frees what a run that is over may have left full, on a cluster that is kept: the pods' spools, and the broker's disk.
///
/// # Errors
/// The engine refuses, or the broker does not start again.
async fn clear_volumes(cluster: &Cluster, system: &System) -> Result<(), ClusterError> {
    let description = &system.description;
    let feedback = description.feedback.as_ref();
    if let Some(spool) = feedback.and_then(|feedback| feedback.spool.as_ref()) {
        let pods = cluster.parts().filter(|part| part.is_pod());
        try_join_all(pods.map(|pod| clear_disk(pod, spool))).await?;
    }
    for (name, part) in description.parts.iter() {
        let Some(folder) = &part.volume else { continue };
        let handle = cluster.part(name)?;
        let log = description.log.as_ref().filter(|log| log.part == *name);
        match (log.and_then(|log| log.stream.as_ref()), cluster.url_of(name)) {
            (Some(stream), Ok(url)) => clear_store(&handle, folder, (&url, stream)).await?,
            // A broker that is away is started by the next healing.
            _ => clear_disk(&handle, folder).await?,
        }
    }
    Ok(())
}

/// The database's address. Returns `None` if the system has no database.
///
/// # Errors
/// The database does not run, or its description does not say how it is reached.
fn database_of(cluster: &Cluster) -> Result<Option<String>, ClusterError> {
    if cluster.in_role(Role::Postgres).is_err() {
        return Ok(None);
    }
    cluster.postgres_url().map(Some)
}

/// How the pods' logs are read.
fn pod_logs(cluster: &Cluster) -> PodLogs {
    let pods = cluster.parts().filter(|part| part.is_pod());
    let pods: BTreeMap<PodName, PartHandle> = pods.map(|pod| (pod.service().into(), pod.clone())).collect();
    let (of_lives, of_logs) = (pods.clone(), pods);
    PodLogs {
        lives: Box::new(move || {
            of_lives
                .iter()
                .map(|(name, pod)| (name.clone(), pod.started_at()))
                .collect()
        }),
        since_start: Box::new(move |name| {
            let pod = of_logs.get(&name).cloned();
            Box::pin(async move {
                let lines = match pod {
                    Some(pod) => pod.logs_since_start().await,
                    None => Ok(Vec::new()),
                };
                let lines = lines.inspect_err(|e| tracing::info!(pod = %name, error = %e, "its log cannot be read"));
                lines.unwrap_or_default().into_iter().map(|line| line.text).collect()
            })
        }),
    }
}

impl Feed {
    /// Everything committed since the last call, with owners led to their pods.
    async fn drain(&mut self, owners: &Owners) -> Result<Vec<Committed>, DatabaseError> {
        let Some(changes) = &mut self.changes else {
            return Ok(Vec::new());
        };
        let mut drained = changes.drain().await?;
        for committed in &mut drained {
            owners.named(&mut committed.row).await;
        }
        Ok(drained)
    }
}

/// True if an id stands in a line as a word of its own: a short one may also be a part of something else.
fn is_named_in(line: &str, id: &str) -> bool {
    let is_apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    line.match_indices(id).any(|(at, _)| {
        let (before, behind) = (&line[..at], &line[at + id.len()..]);
        is_apart(before.chars().next_back()) && is_apart(behind.chars().next())
    })
}

/// The ids of the thread, turn or feedback that a row is about.
fn names(row: &Row) -> Vec<String> {
    match row {
        Row::Thread { thread, .. } | Row::ThreadGone { thread } => vec![thread.to_string()],
        Row::Turn(row) => vec![row.turn.to_string(), row.thread.to_string()],
        Row::Part { turn, .. } | Row::PartGone { turn, .. } | Row::TurnGone { turn } => vec![turn.to_string()],
        Row::Feedback { item } | Row::FeedbackGone { item } => vec![item.to_string()],
        Row::Unread { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_named_in;

    #[test]
    fn an_id_is_named_by_a_word_of_its_own() {
        assert!(is_named_in(
            r#"{"run_id":"8836af29-9bf9","event":"failed"}"#,
            "8836af29-9bf9"
        ));
        assert!(is_named_in("17 failed, and so did 117", "17"));
        for line in ["117 ms", "run17", "17th", ""] {
            assert!(!is_named_in(line, "17"), "{line}");
        }
    }
}
