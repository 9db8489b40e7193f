//! `down`: removes kept clusters and the leftovers of dead runs.

use crate::cli::allowed::Allowed;
use crate::cli::output::{fail, say};
use crate::cli::progress::Shown;
use crate::cluster::{ClusterError, Engine, leftovers, remove_leftovers};

pub(in crate::cli) async fn down(allowed: &Allowed) -> u8 {
    let shown = Shown::new();
    let down = try_down(allowed, &shown).await;
    shown.done();
    match down {
        Ok(lines) => {
            for line in &lines {
                say(line);
            }
            0
        }
        Err(e) => fail(&e.to_string()),
    }
}

async fn try_down(allowed: &Allowed, shown: &Shown) -> Result<Vec<String>, ClusterError> {
    let engine = Engine::connect(&allowed.hosts()).await?;
    let mut lines: Vec<String> = remove_leftovers(&engine, true, shown)
        .await?
        .iter()
        .map(|l| format!("removed {}: {}", l.project, l.there))
        .collect();
    lines.extend(
        leftovers(&engine)
            .await?
            .iter()
            .map(|l| format!("left alone {}: its run is alive", l.project)),
    );
    if lines.is_empty() {
        lines.push("nothing of ours was there".to_owned());
    }
    Ok(lines)
}
