//! Errors of the nemesis: a fault that could not be injected, seen or healed.

use std::borrow::Cow;

use super::admin::AdminError;
use crate::cluster::ClusterError;
use crate::history::PodName;
use crate::roles::nats::stream::StoreError;
use crate::roles::postgres::connect::DatabaseError;
use crate::roles::redis::store::RedisError;

/// A fault that could not be injected, seen or healed. The run proves nothing then, unless it is the system's doing: it does not use
/// the link, or does not end when it is asked to.
#[derive(Debug, thiserror::Error)]
pub enum NemesisError {
    /// A system call or a request for the fault was refused.
    #[error("{fault} on {target}: {source}")]
    Refused {
        /// Name of the fault.
        fault: Cow<'static, str>,
        /// Part that it was aimed at.
        target: PodName,
        /// The refusal.
        source: Refusal,
    },
    /// The fault was injected or healed, and its effect was not seen.
    #[error("{fault} on {target}: {seen}")]
    Unseen {
        /// Name of the fault.
        fault: Cow<'static, str>,
        /// Part that it was aimed at.
        target: PodName,
        /// The last thing that was seen instead.
        seen: String,
    },
    /// A fault waits for the system's own work, and nothing came that it could work on.
    #[error("{fault} on {target}: {seen}")]
    NoTraffic {
        /// Name of the fault.
        fault: Cow<'static, str>,
        /// Part that it was aimed at.
        target: PodName,
        /// The last thing that was seen there.
        seen: String,
    },
    /// Owner and epoch could not be read again after the fault landed.
    #[error("{fault} on {target} landed, but the owner could not be read afterwards: {source}")]
    Landing {
        /// Name of the fault.
        fault: Cow<'static, str>,
        /// Part that it was aimed at.
        target: PodName,
        /// Why the owner could not be read.
        source: DatabaseError,
    },
}

/// The refusal of a system call or a request, by who refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The engine or the kernel.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The fault proxy.
    #[error("the fault proxy: {0}")]
    Links(#[from] crosspod_links::client::ClientError),
    /// The admin port of a pod.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The broker.
    #[error(transparent)]
    Log(#[from] StoreError),
    /// A Redis store.
    #[error(transparent)]
    Redis(#[from] RedisError),
}
