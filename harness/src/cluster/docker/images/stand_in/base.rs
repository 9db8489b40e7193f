//! The base of stand-ins: a small Debian with apt in working order, that trusts the authorities of this machine.
//!
//! A Dockerfile on it may install packages of Debian, and, once `ca-certificates` is among them, fetch by TLS from wherever
//! this machine can.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Build, Source};
use crate::cluster::docker::images::debian::Root;
use crate::cluster::docker::images::image::{OTHERS_BOUND, id_of};
use crate::cluster::docker::images::recipe;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::system::load::workspace::workspace_root;

/// Folder of its sources, below the workspace.
const RECIPE: &str = "compose/images/debian";
/// Files of the sources that the Dockerfile copies.
const FILES: [&str; 3] = ["Dockerfile", "apt.conf", "dpkg.cfg"];
/// The program among them.
const POLICY: &str = "policy-rc.d";
/// Folder of the authorities that an administrator of Debian has added, here and in the image.
const AUTHORITIES: &str = "/usr/local/share/ca-certificates";
const ADVICE: &str = "run once as root on Debian with its mirror in reach, or load the images with `docker load`";

/// Tag of the base of a release: a hash over its sources and the authorities.
pub(super) fn tag(release: &str) -> Result<String, ClusterError> {
    let mut also = format!("{release} {}", env::consts::ARCH);
    for path in authorities()? {
        let text = fs::read(&path).map_err(ClusterError::file("reading", &path))?;
        also.push_str(&String::from_utf8_lossy(&text));
    }
    recipe::tag("debian", &workspace_root(), &[RECIPE], &also)
}

/// Provides the base of a release: present, or built now.
pub(super) async fn provide(
    engine: &Engine,
    cache: &Cache,
    release: &str,
    progress: &dyn Progress,
) -> Result<(), ClusterError> {
    let name = format!("debian-{release}");
    let tag = tag(release)?;
    let _lock = cache.lock(&name, OTHERS_BOUND, progress).await?;
    if id_of(engine, &tag).await?.is_some() {
        return Ok(());
    }
    let base = Root {
        image: &name,
        release,
        package: None,
        advice: ADVICE,
    };
    let folder = cache.folder("build")?;
    let work = tempfile::tempdir_in(&folder).map_err(ClusterError::file("making a folder in", &folder))?;
    let root = base.make(cache, &work, progress).await?;
    trust(&root)?;
    let recipe = workspace_root().join(RECIPE);
    let archive = base.pack(&root, &recipe.join("exclude.txt"), &work, progress).await?;
    let mut sources = vec![
        Source::plain("rootfs.tar", archive),
        Source::program(POLICY, recipe.join(POLICY)),
    ];
    sources.extend(FILES.map(|file| Source::plain(file, recipe.join(file))));
    Build::of(&name, &tag, sources)
        .run(engine, cache, progress)
        .await
        .map(drop)
}

/// Copies this machine's authorities into a root.
fn trust(root: &Path) -> Result<(), ClusterError> {
    let target = root.join(AUTHORITIES.trim_start_matches('/'));
    fs::create_dir_all(&target).map_err(ClusterError::file("making the folder", &target))?;
    for path in authorities()? {
        let copy = target.join(path.file_name().unwrap_or_default());
        fs::copy(&path, &copy).map_err(ClusterError::file("copying", &path))?;
    }
    Ok(())
}

/// Certificates of the authorities that this machine trusts beside the usual ones, in a fixed order. On most machines there
/// are none.
fn authorities() -> Result<Vec<PathBuf>, ClusterError> {
    let folder = Path::new(AUTHORITIES);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ClusterError::file("listing", folder)(error)),
    };
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "crt") && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}
