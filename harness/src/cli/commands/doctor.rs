//! `doctor`: checks whether this machine can run a cluster.

use crate::cli::allowed::Allowed;
use crate::cli::output::{BROKEN, say};
use crate::cluster::{CheckState, Engine};

pub(in crate::cli) async fn doctor(allowed: &Allowed) -> u8 {
    let checks = Engine::doctor(&allowed.hosts()).await;
    for check in &checks {
        let word = match check.state {
            CheckState::Good => "good",
            CheckState::Fair => "fair",
            CheckState::Bad => "BAD",
        };
        say(&format!("{word:<5} {:<10} {}", check.name, check.found));
    }
    if checks.iter().any(|c| c.state == CheckState::Bad) {
        BROKEN
    } else {
        0
    }
}
