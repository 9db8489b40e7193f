//! One live cluster: it comes up, is reached, is broken at process level, and goes away.
//!
//! A [`ClusterSpec`] and an [`Engine`] make a [`Cluster`]: images are provided, Compose starts the containers, and each part is
//! awaited by name. From then on everything goes through the engine's API, except signals, which go through a pidfd: a kill is
//! proven by the kernel. All containers, networks and volumes of a run carry its labels. The next run finds the remains of a
//! dead run by these labels and by its free lock, and never touches anything without them.
//!
//! No other module knows of containers: others see parts, addresses and signals. Deliberately absent: faults other than a
//! process's (links, disks), which belong to the nemesis, and any judgement.

mod docker;
mod edge_wanted;
mod linux;
mod lock;
mod part;
mod spec;
mod wanted;

pub use docker::cluster::{BootDeath, Cluster, ServiceImage};
pub use docker::compose::Compose;
pub use docker::compose::grace::ShortGrace;
pub use docker::compose::resolved::{Resolved, Service as ComposeService};
pub use docker::doctor::{Check, CheckState};
pub use docker::edge::{Candidate, Edge};
pub use docker::engine::Engine;
pub use docker::engine::events::{EngineEvent, Events};
pub use docker::engine::guard::{AllowedHosts, HostName};
pub use docker::engine::leftovers::{Fate, Leftover, leftovers, remove_leftovers, remove_run};
pub use docker::engine::log_records::LogLine;
pub use docker::engine::logs::project_logs;
pub use docker::engine::removal::{Removed, remove_half_made, remove_project};
pub use docker::handle::PartHandle;
pub use docker::handle::files::Written;
pub use docker::handle::freeze::Frozen;
pub use docker::handle::kill::Death;
pub use docker::handle::replace::Difference;
pub use docker::handle::volume::Emptied;
pub use docker::images::image::{Image, ImageFor, Images, Origin};
pub use docker::images::stand_in::{SystemImage, provide_images};
pub use docker::images::unused::remove_built_images;
pub use docker::preview::{PlannedCluster, PlannedImage, Preview};
pub use edge_wanted::{Split, WantedCandidate, WantedEdge, WantedEntry};
pub use linux::cpu::{ProcessorTimes, ThreadTimes};
pub use linux::footprint::Footprint;
pub use lock::run_lock::{RunId, RunLock, RunTag};
pub use part::error::{ClusterError, Trace};
pub use part::progress::{Progress, Silent};
pub use part::role::{Part, Role};
pub use part::state::{Exit, Healed, Proof, Remedy, State};
pub use spec::{ClusterSpec, READY_BOUND};
pub use wanted::{PODS_MAX, Wanted, WantedPods};
