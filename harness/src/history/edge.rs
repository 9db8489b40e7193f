//! Requests through an edge, and the rules by which the edge and its pods say that a client is pinned.

use serde::{Deserialize, Serialize};

use super::PodName;

/// One request of a client through the edge, with its answer. It is recorded once the head of the answer is there, or the request
/// is given up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routed {
    /// Which client asked; a client has one cookie jar and one address.
    pub client: ClientNo,
    /// Entry of the edge that was asked, by its name in [`EdgeRules::entries`].
    pub entry: String,
    /// The address that the client has in the edge's eyes, where it chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path, without its query.
    pub path: String,
    /// Value of the affinity cookie that the request carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// When it was asked, in microseconds since the run began.
    pub asked_us: u64,
    /// HTTP status of the answer; `None` if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The pod that answered, by its own word; `None` if the edge answered itself, or nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodName>,
    /// True if the answer is an event stream, which stays open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// How long the pod took to build the session that it had not kept warm, by the answer's own word, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_start_ms: Option<u64>,
    /// Affinity cookies that the answer set, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<SetCookie>,
    /// The trouble, where no answer came. `None` without an answer if the client left of its own accord.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Number of a client of the edge within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientNo(pub u32);

/// An affinity cookie that an answer set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCookie {
    /// Its name.
    pub name: String,
    /// The cookie's value.
    pub value: String,
    /// How long it lives, in seconds; `None` for as long as the browser is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<i64>,
    /// Path below which it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// True if it is sent over TLS only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure: bool,
    /// True if no script may read it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub http_only: bool,
    /// `Lax`, `Strict` or `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
}

/// The system's word on its edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EdgeRules {
    /// Name of the affinity cookie; `None` if no entry pins by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<String>,
    /// Path below which the cookie is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Lifetime of the cookie, in milliseconds, which is the idle time of the session that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime_ms: Option<u64>,
    /// True if a request that carries the cookie begins its lifetime anew.
    pub slides: bool,
    /// From a pod's death, drain or return until the edge knows of it, in milliseconds: two looks of its health check.
    pub health_ms: u64,
    /// Ways into the edge.
    pub entries: Vec<EdgeEntry>,
    /// A release that may be started beside the pods: while it runs it works as they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<PodName>,
}

/// A way into the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeEntry {
    /// Its name.
    pub name: String,
    /// By what it pins a client to a pod.
    pub affinity: Affinity,
    /// True if clients speak TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// True if it only leads to another entry, and sets no cookie.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirects: bool,
}

/// By what an entry pins a client to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Affinity {
    /// By a cookie.
    Cookie,
    /// By the client's address.
    Address,
    /// The entry pins nobody.
    None,
}
