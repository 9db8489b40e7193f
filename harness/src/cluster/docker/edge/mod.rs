//! The edge of a cluster: the way into it that clients take. Its configuration is changed while it runs, and put back.
//!
//! The edge takes its configuration from a folder of its container that it watches. Whatever is changed there is uploaded together
//! with a file that holds nothing but a name of its own: once the edge's own interface knows that name, the change is in force.

mod api;
mod ask;
mod candidate;
mod certificate;
pub(in crate::cluster) mod files;
mod ready;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_rustls::TlsConnector;
use uuid::Uuid;

use self::api::Servers;
pub use self::candidate::Candidate;
use self::certificate::Certificate;
use self::files::Files;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::edge_wanted::{Split, WantedEdge};
use crate::cluster::part::error::ClusterError;

/// Longest until the edge has taken over a configuration. A cluster that comes up is slow.
const TAKEN: Duration = Duration::from_secs(30);
/// Pause between two looks.
const INTERVAL: Duration = Duration::from_millis(20);
/// The file with a name of its own. The edge reads the folder's files in the order of their names.
const MARKER: &str = "zz-crosspod.yml";

/// The edge of a cluster.
pub struct Edge {
    part: PartHandle,
    wanted: WantedEdge,
    /// The edge's configuration when nothing is changed: the user's files, those of its defects, and its certificate.
    files: Files,
    certificate: Option<Certificate>,
    /// TLS for a client that trusts the certificate.
    tls: Option<TlsConnector>,
    candidate: Option<Candidate>,
    /// The servers that it knew when each of its entries led to each pod.
    whole: Mutex<Option<Servers>>,
    /// True until its own files and its certificate have been brought to it.
    is_new: AtomicBool,
    /// Files that say something else than its own, by their paths in the container.
    overrides: Mutex<Vec<String>>,
    /// Files of that kind so far.
    overridden: AtomicU32,
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge")
            .field("part", &self.part)
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

/// The surroundings of an edge.
pub(in crate::cluster) struct Surroundings<'s> {
    pub(in crate::cluster) engine: &'s Engine,
    pub(in crate::cluster) project: &'s str,
    pub(in crate::cluster) claim: &'s Claim,
    /// Folder with the user's files.
    pub(in crate::cluster) config: Option<&'s Path>,
    /// Services of the candidate.
    pub(in crate::cluster) candidate: &'s [String],
    /// Defects that are on.
    pub(in crate::cluster) defects: &'s [String],
    pub(in crate::cluster) ready_bound: Duration,
}

impl Edge {
    /// Makes the handle of an edge. Its certificate is made here; [`Edge::install`] brings it to the edge.
    ///
    /// # Errors
    /// A file of its configuration or of a defect cannot be read, or no certificate can be made.
    pub(in crate::cluster) fn of(
        part: PartHandle,
        wanted: &WantedEdge,
        around: &Surroundings<'_>,
    ) -> Result<Self, ClusterError> {
        let files = files::configured(wanted, around.config, around.defects)?;
        let impossible = |why| ClusterError::Spec {
            what: "a certificate for the edge".to_owned(),
            why,
        };
        let certificate = wanted.certificate.as_ref().map(|_| Certificate::make());
        let certificate = certificate.transpose().map_err(impossible)?;
        let tls = certificate
            .as_ref()
            .map(Certificate::trusted)
            .transpose()
            .map_err(impossible)?;
        let candidate = wanted.candidate.as_ref().map(|candidate| Candidate {
            engine: around.engine.clone(),
            project: around.project.to_owned(),
            claim: around.claim.clone(),
            services: around.candidate.to_vec(),
            service: candidate.service.clone(),
            ready_bound: around.ready_bound,
            started: Mutex::default(),
        });
        Ok(Self {
            part,
            wanted: wanted.clone(),
            files,
            certificate,
            tls,
            candidate,
            whole: Mutex::default(),
            is_new: AtomicBool::new(true),
            overrides: Mutex::default(),
            overridden: AtomicU32::new(0),
        })
    }

    /// The part that it is, for faults.
    pub fn part(&self) -> &PartHandle {
        &self.part
    }

    /// The edge's description.
    pub fn wanted(&self) -> &WantedEdge {
        &self.wanted
    }

    /// Address of one of its entries. It changes when the edge is started again.
    ///
    /// # Errors
    /// There is no such entry, or the edge is down.
    pub fn entry(&self, name: &str) -> Result<SocketAddr, ClusterError> {
        let entry = self.wanted.entries.get(name).ok_or_else(|| ClusterError::Spec {
            what: format!("the entry {name} of the edge"),
            why: format!(
                "it has {}",
                self.wanted.entries.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        })?;
        self.part
            .published(entry.port)
            .ok_or_else(|| self.part.not_running("a connection"))
    }

    /// The certificate that its entries with TLS show, PEM. It is for `localhost` and 127.0.0.1, and signed by itself: clients trust it
    /// and no other. `None` if the description says no `edge.certificate`.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.pem.as_str())
    }

    /// The candidate.
    ///
    /// # Errors
    /// The description says none.
    pub fn candidate(&self) -> Result<&Candidate, ClusterError> {
        self.candidate.as_ref().ok_or_else(no_candidate)
    }

    /// Leads clients to the pods, the candidate, or both, and waits until the edge does so.
    ///
    /// # Errors
    /// The description says no candidate, a file cannot be read, or the edge does not take it.
    pub async fn split(&self, split: Split) -> Result<(), ClusterError> {
        let candidate = self.wanted.candidate.as_ref().ok_or_else(no_candidate)?;
        let path: &PathBuf = &candidate.splits[&split];
        let bytes = std::fs::read(path).map_err(ClusterError::file("reading", path))?;
        self.say_instead(vec![(candidate.file.clone(), bytes)]).await
    }

    /// Replaces files of its configuration, by their names below its folder, and waits until the edge has taken them over.
    ///
    /// # Errors
    /// The description says no `edge.config`, or the edge does not take them.
    pub async fn reconfigure(&self, files: &[(&str, &[u8])]) -> Result<(), ClusterError> {
        let config = self.config().ok_or_else(|| ClusterError::Spec {
            what: "another configuration of the edge".to_owned(),
            why: "the description says no edge.config".to_owned(),
        })?;
        let files = files
            .iter()
            .map(|(name, bytes)| (format!("{config}/{name}"), bytes.to_vec()));
        self.say_instead(files.collect()).await
    }

    /// Lets the files of a folder replace those of its configuration, by their names, and waits until the edge has taken them over.
    /// [`Edge::take_back`] undoes it.
    ///
    /// # Errors
    /// The description says no `edge.config`, a file replaces none, or the edge does not take them.
    pub async fn lay_over(&self, folder: &Path) -> Result<(), ClusterError> {
        let mut all = self.files.clone();
        files::replace(&mut all, files::UNPINNED, folder)?;
        let changed = all.iter().filter(|(name, bytes)| self.files.get(*name) != Some(*bytes));
        let changed: Vec<(&str, &[u8])> = changed.map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        self.reconfigure(&changed).await
    }

    /// Puts its own configuration in force again, and leaves the candidate as it is.
    ///
    /// # Errors
    /// The edge does not take it.
    pub async fn take_back(&self) -> Result<(), ClusterError> {
        self.install().await
    }

    /// Brings its own configuration and its certificate to the edge, and waits until it has taken them over. Does nothing if nothing
    /// has changed since.
    ///
    /// # Errors
    /// The edge does not take them.
    pub(in crate::cluster) async fn install(&self) -> Result<(), ClusterError> {
        let taken_back = std::mem::take(&mut *self.overrides());
        let blank = taken_back.iter().map(|path| (path.clone(), Vec::new()));
        if !self.is_new.load(Ordering::Relaxed) {
            return if taken_back.is_empty() {
                Ok(())
            } else {
                self.put(blank.collect()).await
            };
        }
        let mut files: BTreeMap<String, Vec<u8>> = blank.collect();
        if let (Some((certificate, key)), Some(made)) = (&self.wanted.certificate, &self.certificate) {
            files.insert(certificate.clone(), made.pem.clone().into_bytes());
            files.insert(key.clone(), made.key_pem.clone().into_bytes());
        }
        if let Some(config) = self.config() {
            files.extend(
                self.files
                    .iter()
                    .map(|(name, bytes)| (format!("{config}/{name}"), bytes.clone())),
            );
        }
        self.put(files).await?;
        self.is_new.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Lets files count in place of those of its own, whose paths come with them. The edge reads a file that is just being replaced as
    /// one that says nothing, and then has no way to its pods. So its own files stay as they are: of two files that say the same, the
    /// first by name counts, and each that is uploaded here comes before all that were there.
    async fn say_instead(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), ClusterError> {
        let first = |(path, bytes): (String, Vec<u8>)| {
            let number = 999_999 - self.overridden.fetch_add(1, Ordering::Relaxed).min(999_999);
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            (format!("{folder}/00-crosspod-{number:06}-{name}"), bytes)
        };
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().map(first).collect();
        self.overrides().extend(files.keys().cloned());
        self.put(files).await
    }

    fn overrides(&self) -> MutexGuard<'_, Vec<String>> {
        self.overrides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes what a story has done to the edge: the candidate is taken away, and the configuration is its own again.
    ///
    /// # Errors
    /// The engine refuses, or the edge does not take its configuration.
    pub(in crate::cluster) async fn restore(&self) -> Result<(), ClusterError> {
        self.install().await?;
        match &self.candidate {
            Some(candidate) if candidate.handle().is_some() => candidate.remove().await,
            _ => Ok(()),
        }
    }

    fn config(&self) -> Option<&str> {
        self.wanted.config.as_deref().map(|config| config.trim_end_matches('/'))
    }

    /// Uploads files by their paths in the container, and waits until they are in force.
    async fn put(&self, files: BTreeMap<String, Vec<u8>>) -> Result<(), ClusterError> {
        let config = self.config().unwrap_or_default();
        let below = |path: &String| Path::new(path).strip_prefix(config).is_ok_and(|_| !config.is_empty());
        let (mut watched, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            files.into_iter().partition(|(path, _)| below(path));
        if !others.is_empty() {
            self.part.upload("/", &others).await?;
        }
        if config.is_empty() {
            return Ok(());
        }
        let name = format!("crosspod-{}", Uuid::new_v4().simple());
        watched.insert(format!("{config}/{MARKER}"), marker(&name).into_bytes());
        let uploaded = self.part.upload(config, &watched).await;
        uploaded.map_err(|refused| ClusterError::Spec {
            what: "edge.config".to_owned(),
            why: format!(
                "files cannot be put into {config} of {}: {refused}; name a folder that its container has and that it takes its \
                 configuration from",
                self.part.service()
            ),
        })?;
        self.taken(&name).await
    }

    /// Waits until the edge's own interface knows a name. Without an interface nobody can tell.
    async fn taken(&self, name: &str) -> Result<(), ClusterError> {
        let Some(port) = self.wanted.api else { return Ok(()) };
        let began = Instant::now();
        loop {
            let seen = match self.part.published(port) {
                None => format!("port {port} (edge.api) is not published"),
                Some(at) => match api::get(at, &format!("/api/http/middlewares/{name}@file")).await {
                    Ok(Some(_)) => return Ok(()),
                    Ok(None) => {
                        "the configuration before, or none; a file with a mistake is left aside, and the log says so"
                            .to_owned()
                    }
                    Err(error) => error,
                },
            };
            if began.elapsed() > TAKEN {
                let awaited = "the edge to take over its configuration";
                return Err(self.part.late(awaited, TAKEN, &seen).await);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

fn no_candidate() -> ClusterError {
    ClusterError::Spec {
        what: "a candidate".to_owned(),
        why: "the description says no edge.candidate".to_owned(),
    }
}

/// A configuration of Traefik's that does nothing and has a name.
fn marker(name: &str) -> String {
    format!(
        "# By this name it is known that the edge has read the files beside this one.\nhttp:\n  middlewares:\n    {name}:\n      compress: {{}}\n"
    )
}
