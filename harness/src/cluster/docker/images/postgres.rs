//! The stand-in for the Postgres image: Debian's package on a minimal base.

use std::env;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Build, Source};
use crate::cluster::docker::images::debian::Root;
use crate::cluster::docker::images::image::{ImageFor, Wanted};
use crate::cluster::docker::images::recipe;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::system::load::workspace::workspace_root;

/// The official image: the same major version as the package.
const OFFICIAL: &str = "postgres:15";
/// The release of Debian with that version of Postgres.
const SUITE: &str = "bookworm";
const PACKAGE: &str = "postgresql-15";
/// Folder of its sources, below the workspace.
const RECIPE: &str = "compose/images/postgres";
const ADVICE: &str = "run once as root on Debian with its mirror in reach, or set CROSSPOD_IMAGE_POSTGRES to an image \
                      that is present";

pub(super) fn wanted() -> Result<Wanted, ClusterError> {
    let also = format!("{SUITE} {PACKAGE} {}", env::consts::ARCH);
    let tag = recipe::tag(ImageFor::Postgres.name(), &workspace_root(), &[RECIPE], &also)?;
    Ok(Wanted::new(ImageFor::Postgres, Some(OFFICIAL), tag))
}

/// Makes the base, strips it of documentation, locales and compilers, and builds the image of it.
pub(super) async fn build(
    engine: &Engine,
    cache: &Cache,
    tag: String,
    progress: &dyn Progress,
) -> Result<String, ClusterError> {
    let base = Root {
        image: ImageFor::Postgres.name(),
        release: SUITE,
        package: Some(PACKAGE),
        advice: ADVICE,
    };
    let folder = cache.folder("build")?;
    let work = tempfile::tempdir_in(&folder).map_err(ClusterError::file("making a folder in", &folder))?;
    let root = base.make(cache, &work, progress).await?;
    let recipe = workspace_root().join(RECIPE);
    let archive = base.pack(&root, &recipe.join("exclude.txt"), &work, progress).await?;
    let sources = vec![
        Source::plain("Dockerfile", recipe.join("Dockerfile")),
        Source::program("entrypoint.sh", recipe.join("entrypoint.sh")),
        Source::plain("rootfs.tar", archive),
    ];
    Build::of(ImageFor::Postgres.name(), &tag, sources)
        .run(engine, cache, progress)
        .await
}
