//! `[pods]`: the compose services that are pods, and how one is started, asked and told what it is.

use crate::system::language::{Expression, Fields, Pointer};
use crate::system::table::{Filled, Number, table};

table! {
    /// Pods: which compose services they are, where they serve, and what their environment says.
    pub Pods = "[pods]" {
        /// Compose services that are pods.
        services: Filled<String>,
        /// Number of pods that one service becomes: `chat-1`, `chat-2`, ...
        copies: Number<1, 9> = Number::of(1) => "1",
        /// Port at which a pod serves HTTP.
        port: u16,
        /// Path that answers 2xx while the process lives and does not drain. It is waited for at each start.
        alive: String,
        /// Path whose 2xx is a promise: "I can serve". It is judged.
        ready: Option<String>,
        /// Parts without which no pod may say that it is ready.
        ready_needs: Vec<String>,
        /// On an empty database one pod boots before the others.
        first_alone: bool = false,
        /// Environment of every pod. Placeholders: `{pod}`, `{provider}`, `{design}`, `{defects}`, `{env.NAME}`.
        variables: Fields,
        /// A line of a pod's log that a healthy pod does not write. Without it QuietLogs is not applicable.
        complaint: Option<Expression>,
        /// Port of the pod's own admin interface: failpoints, clock, memory.
        admin: Option<u16>,
        /// Header of an answer that names the pod, for answers that come through an edge.
        answered_by: Option<String>,
        /// How a pod is made to say that it is of another version.
        version: Option<Version>,
    }
}

table! {
    /// The version that a pod reports.
    pub Version = "[pods.version]" {
        /// Path that reports it.
        path: String,
        /// Pointer to the version in the answer.
        at: Pointer,
        /// Variable of the pod's environment that sets it.
        variable: String,
    }
}

impl Pods {
    /// The names of the pods: of the services, or of the copies of the one service.
    pub fn names(&self) -> Vec<String> {
        match (&self.services[..], self.copies.get()) {
            ([service], copies) if copies > 1 => (1..=copies).map(|n| format!("{service}-{n}")).collect(),
            (services, _) => services.to_vec(),
        }
    }
}
