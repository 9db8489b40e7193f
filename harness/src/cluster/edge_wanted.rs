//! The edge of a cluster, as its description says it: its entries, its configuration, and the candidate behind it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::system::System;
use crate::system::parts::{Affinity, Candidate, Edge, Entry};

/// The way into a system that its clients take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedEdge {
    /// The part, by its name.
    pub part: String,
    /// Ways in, by name.
    pub entries: BTreeMap<String, WantedEntry>,
    /// Folder of its container from which it takes its configuration.
    pub config: Option<String>,
    /// Port of its own interface.
    pub api: Option<u16>,
    /// Files of its certificate and of its key, in its container.
    pub certificate: Option<(String, String)>,
    /// A release beside the pods.
    pub candidate: Option<WantedCandidate>,
    /// Folders whose files replace those of its configuration, by the defect that is on.
    pub defects: BTreeMap<String, PathBuf>,
    /// Folder whose files replace those of its configuration while it pins nobody.
    pub unpinned: Option<PathBuf>,
    /// Path at which any pod answers 2xx.
    pub asked: String,
    /// Path below which clients are pinned. A pod answers there whatever it likes.
    pub pinned: Option<String>,
    /// Header of an answer that names the pod, in lower case.
    pub answered_by: Option<String>,
}

/// A way into the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedEntry {
    /// Port of the edge's container.
    pub port: u16,
    /// True if clients speak TLS.
    pub tls: bool,
    /// True if it only leads to another entry.
    pub redirects: bool,
    /// True if a connection begins with a PROXY line.
    pub proxy_protocol: bool,
    /// By what a client is pinned to a pod.
    pub affinity: Affinity,
}

/// A service that is no pod until a story starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCandidate {
    /// The candidate's compose service.
    pub service: String,
    /// Variables of its environment beside those of every pod: the one that says its version.
    pub variables: BTreeMap<String, String>,
    /// File of the edge's configuration that says which pods get traffic.
    pub file: String,
    /// The file's text, by the split of the traffic.
    pub splits: BTreeMap<Split, PathBuf>,
}

/// The receivers of the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// The pods alone.
    RolledBack,
    /// Pods and candidate.
    Both,
    /// The candidate alone.
    Promoted,
}

impl WantedEdge {
    pub(super) fn of(system: &System) -> Option<Self> {
        let description = &system.description;
        let edge: &Edge = description.edge.as_ref()?;
        let pods = &description.pods;
        let version = pods.version.as_ref().map(|version| version.variable.as_str());
        let defects = description.defects.iter().filter_map(|defect| {
            let folder = defect.edge.as_ref()?;
            Some((defect.name.clone(), system.folder.join(folder)))
        });
        let entries = edge.entries.iter();
        Some(Self {
            part: edge.part.clone(),
            entries: entries.map(|(name, entry)| (name.to_owned(), entry.into())).collect(),
            config: edge.config.clone(),
            api: edge.api,
            certificate: edge
                .certificate
                .as_ref()
                .map(|made| (made.certificate.clone(), made.key.clone())),
            candidate: edge
                .candidate
                .as_ref()
                .map(|said| WantedCandidate::of(said, version, system)),
            defects: defects.collect(),
            unpinned: edge.unpinned.as_ref().map(|folder| system.folder.join(folder)),
            asked: pods.alive.clone(),
            pinned: edge.path.clone(),
            answered_by: pods.answered_by.as_ref().map(|header| header.to_ascii_lowercase()),
        })
    }

    /// Every port that is spoken to.
    pub(in crate::cluster) fn ports(&self) -> impl Iterator<Item = u16> {
        self.entries.values().map(|entry| entry.port).chain(self.api)
    }
}

impl WantedCandidate {
    fn of(said: &Candidate, version: Option<&str>, system: &System) -> Self {
        let variables = version.map(|variable| (variable.to_owned(), said.version.clone()));
        let beside = |file: &String| system.folder.join(file);
        Self {
            service: said.service.clone(),
            variables: variables.into_iter().collect(),
            file: said.file.clone(),
            splits: [
                (Split::RolledBack, beside(&said.rolled_back)),
                (Split::Both, beside(&said.both)),
                (Split::Promoted, beside(&said.promoted)),
            ]
            .into(),
        }
    }
}

impl From<&Entry> for WantedEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            port: entry.port,
            tls: entry.tls,
            redirects: entry.redirects,
            proxy_protocol: entry.proxy_protocol,
            affinity: entry.affinity,
        }
    }
}
