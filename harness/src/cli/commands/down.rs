//! `down`: removes kept clusters, the leftovers of dead runs, and images that runs have built and nobody uses.

use clap::Args as ClapArgs;

use crate::cli::allowed::Allowed;
use crate::cli::output::{fail, say};
use crate::cli::progress::Shown;
use crate::cluster::{
    ClusterError, Engine, Fate, Leftover, leftovers, remove_built_images, remove_leftovers, remove_run,
};

/// Options of `down`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// Remove the clusters of this run too, though nobody here can tell whether it is over: its lock is on another file
    /// system. Make sure that it has ended.
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    allowed: Allowed,
}

pub(in crate::cli) async fn down(args: &Args) -> u8 {
    let shown = Shown::new();
    let down = try_down(args, &shown).await;
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

async fn try_down(args: &Args, shown: &Shown) -> Result<Vec<String>, ClusterError> {
    let engine = Engine::connect(&args.allowed.hosts()).await?;
    let mut removed = remove_leftovers(&engine, true, shown).await?;
    if let Some(run) = &args.run {
        removed.extend(remove_run(&engine, run, shown).await?);
    }
    let removed = removed.iter().map(|l| format!("removed {}: {}", l.project, l.there));
    let mut lines: Vec<String> = removed.collect();
    let images = remove_built_images(&engine).await?;
    lines.extend(images.iter().map(|tag| format!("removed image {tag}")));
    lines.extend(leftovers(&engine).await?.iter().map(left_alone));
    if lines.is_empty() {
        lines.push("nothing of ours was there".to_owned());
    }
    Ok(lines)
}

fn left_alone(left: &Leftover) -> String {
    let why = match left.fate {
        Fate::InUse | Fate::Orphaned => "its run is alive".to_owned(),
        Fate::Kept => "a process uses it".to_owned(),
        Fate::Unknown => format!(
            "the lock of its run, {}, is not seen from here, so the run counts as alive; once it is over, remove what it left \
             with `cargo crosspod down --run {}`",
            left.lock, left.run
        ),
    };
    format!("left alone {}: {why}", left.project)
}
