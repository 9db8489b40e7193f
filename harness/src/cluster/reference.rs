//! The reference system: its compose file, and what a cluster must know beyond it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::part::role::{Part, Role};
use crate::cluster::wanted::{Wanted, WantedPods};
use crate::cluster::workspace::workspace_root;

/// Its compose file, below the workspace.
const COMPOSE: &str = "fixtures/systems/reference/compose.yml";

/// Variables of its pods, with the suite's timings.
const VARIABLES: [(&str, &str); 15] = [
    ("POD_NAME", "{pod}"),
    ("POD_DESIGN", "{design}"),
    ("POD_DEFECTS", "{defects}"),
    ("POD_FAILPOINTS", "1"),
    ("OPENAI_BASE_URL", "{provider}/v1"),
    ("OPENAI_API_KEY", "sk-mock"),
    ("OPENAI_MODEL", "gpt-4o-mini"),
    ("HEARTBEAT_MS", "200"),
    ("LEASE_MS", "1000"),
    ("POLL_MS", "100"),
    ("PROGRESS_DEADLINE_MS", "3000"),
    ("SESSION_IDLE_MS", "3000"),
    ("DRAIN_GRACE_MS", "5000"),
    ("KEEPALIVE_MS", "1000"),
    ("RUST_LOG", "info"),
];

/// The reference system.
pub(in crate::cluster) fn system() -> Wanted {
    let variables = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let database = Part {
        url: Some("postgres://crosspod:crosspod@{at}/crosspod".into()),
        ..Part::new("postgres", Role::Postgres)
    };
    Wanted {
        compose: vec![workspace_root().join(COMPOSE)],
        pods: WantedPods {
            services: ["pod-1", "pod-2", "pod-3"].map(str::to_owned).to_vec(),
            copies: 1,
            port: 8080,
            admin: Some(8082),
            alive: "/ready".into(),
            first_alone: false,
            variables: variables.into(),
            as_own_user: true,
        },
        parts: vec![database, Part::new("nats", Role::Nats)],
        images: BTreeMap::new(),
        left_out: BTreeSet::new(),
    }
}
