//! `up`: brings up a cluster that stays until `down`.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::cli::allowed::Allowed;
use crate::cli::chosen::Chosen;
use crate::cli::interrupt::{Interrupt, interrupted};
use crate::cli::output::{fail, say};
use crate::cli::progress::Shown;
use crate::cluster::{
    Cluster, ClusterError, ClusterSpec, Engine, Progress as _, READY_BOUND, RunLock, remove_half_made, remove_leftovers,
};
use crate::run::{RunError, Story};
use crate::system::System;

/// Options of `up`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct UpArgs {
    /// Publish Postgres on this port of 127.0.0.1. Without it, Docker picks a free port.
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    postgres_port: Option<u16>,
    /// Longest time that each part may take to get ready, in seconds.
    #[arg(long, value_name = "N", default_value_t = READY_BOUND.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    ready_secs: u64,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    allowed: Allowed,
}

pub(in crate::cli) async fn up(stories: &[Story], args: &UpArgs) -> u8 {
    let system = match args.chosen.system(stories) {
        Ok(system) => system,
        Err(e) => return fail(&e),
    };
    let shown = Shown::new();
    let up = try_up(args, &system, &shown).await;
    shown.done();
    match up {
        Ok(Some(cluster)) => print_cluster(&cluster),
        Ok(None) => interrupted("what had come up is removed"),
        Err(e) => fail(&e.to_string()),
    }
}

fn print_cluster(cluster: &Cluster) -> u8 {
    say(&format!(
        "{} is up and stays until `cargo crosspod down`",
        cluster.project()
    ));
    for part in cluster.parts() {
        let at = part.address().map_or_else(String::new, |a| format!("http://{a}"));
        say(&format!("  {:<10} {at}", part.service()));
    }
    if let Ok(url) = cluster.postgres_url() {
        say(&format!("  psql {url}"));
    }
    0
}

/// The cluster. `None` if a signal came.
async fn try_up(args: &UpArgs, system: &System, shown: &Shown) -> Result<Option<Cluster>, RunError> {
    let mut interrupt = Interrupt::listen();
    let begun = tokio::select! {
        biased;
        () = interrupt.came() => return Ok(None),
        begun = begin(&args.allowed, shown) => begun,
    };
    let (engine, lock) = begun?;
    let mut spec = ClusterSpec::new(&lock, 0, system).map_err(RunError::Unset)?;
    spec.kept = true;
    spec.postgres_port = args.postgres_port;
    spec.ready_bound = Duration::from_secs(args.ready_secs);
    let up = tokio::select! {
        biased;
        () = interrupt.came() => Ok(None),
        up = Cluster::up(&engine, &spec, shown) => up.map(Some),
    };
    if !matches!(up, Ok(Some(_))) {
        shown.step("removing what had come up");
        remove_half_made(&engine, &spec.project()).await?;
    }
    Ok(up?)
}

async fn begin(allowed: &Allowed, shown: &Shown) -> Result<(Engine, RunLock), ClusterError> {
    let engine = Engine::connect(&allowed.hosts()).await?;
    remove_leftovers(&engine, false, shown).await?;
    Ok((engine, RunLock::begin()?))
}
