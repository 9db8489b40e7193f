//! Commands about clusters as such: `doctor`, `up`, `down`.

use super::progress::Shown;
use super::{BROKEN, fail, say};
use crate::cluster::{
    CheckState, Cluster, ClusterError, ClusterSpec, Engine, RunLock, leftovers, remove_leftovers, remove_project,
};

pub(super) async fn doctor() -> u8 {
    let checks = Engine::doctor().await;
    for check in &checks {
        let word = match check.state {
            CheckState::Good => "good",
            CheckState::Fair => "fair",
            CheckState::Bad => "BAD",
        };
        say(&format!("{word:<5} {:<10} {}", check.name, check.found));
    }
    if checks.iter().any(|c| c.state == CheckState::Bad) { BROKEN } else { 0 }
}

pub(super) async fn up() -> u8 {
    let shown = Shown::new();
    let up = try_up(&shown).await;
    shown.done();
    match up {
        Ok(cluster) => {
            say(&format!("{} is up and stays until `cargo crosspod down`", cluster.project()));
            for part in cluster.parts() {
                let at = part.address().map_or_else(String::new, |a| format!("http://{a}"));
                say(&format!("  {:<10} {at}", part.service().name()));
            }
            if let Ok(url) = cluster.postgres_url() {
                say(&format!("  psql {url}"));
            }
            0
        }
        Err(e) => fail(&e.to_string()),
    }
}

async fn try_up(shown: &Shown) -> Result<Cluster, ClusterError> {
    let engine = Engine::connect().await?;
    remove_leftovers(&engine, false, shown).await?;
    let lock = RunLock::begin()?;
    let mut spec = ClusterSpec::new(&lock, 0);
    spec.kept = true;
    let up = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => None,
        up = Cluster::up(&engine, &spec, shown) => Some(up),
    };
    match up {
        Some(Ok(cluster)) => Ok(cluster),
        Some(Err(e)) => {
            remove_project(&engine, &spec.project()).await?;
            Err(e)
        }
        None => {
            remove_project(&engine, &spec.project()).await?;
            Err(ClusterError::Spec { what: "up".to_owned(), why: "it was interrupted; what was there is removed".to_owned() })
        }
    }
}

pub(super) async fn down() -> u8 {
    let shown = Shown::new();
    let down = try_down(&shown).await;
    shown.done();
    match down {
        Ok(lines) => {
            lines.iter().for_each(|line| say(line));
            0
        }
        Err(e) => fail(&e.to_string()),
    }
}

async fn try_down(shown: &Shown) -> Result<Vec<String>, ClusterError> {
    let engine = Engine::connect().await?;
    let mut lines: Vec<String> =
        remove_leftovers(&engine, true, shown).await?.iter().map(|l| format!("removed {}: {}", l.project, l.there)).collect();
    lines.extend(leftovers(&engine).await?.iter().map(|l| format!("left alone {}: its run is alive", l.project)));
    if lines.is_empty() {
        lines.push("nothing of ours was there".to_owned());
    }
    Ok(lines)
}
