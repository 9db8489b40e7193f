//! Stand-ins made of a PyPI wheel: the real server's static binary, and nothing else.

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

/// Longest for the download of a wheel.
const FETCH_BOUND: Duration = Duration::from_mins(2);

/// A server whose binary is in a wheel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wheel {
    part: ImageFor,
    /// The official image: the minor version that the wheel is pinned to.
    official: &'static str,
    /// Folder of the image's sources, below the workspace. Its `requirements.txt` pins the wheel.
    recipe: &'static str,
    /// The binary's file name, in the wheel and in the image.
    program: &'static str,
}

/// The message broker.
pub(super) const NATS: Wheel = Wheel {
    part: ImageFor::Nats,
    official: "nats:2.15",
    recipe: "compose/images/nats",
    program: "nats-server",
};

/// The edge.
pub(super) const TRAEFIK: Wheel = Wheel {
    part: ImageFor::Traefik,
    official: "traefik:v3.7",
    recipe: "compose/images/traefik",
    program: "traefik",
};

impl Wheel {
    pub(super) fn wanted(self) -> Result<Wanted, ClusterError> {
        let tag = recipe::tag(
            self.part.name(),
            &workspace_root(),
            &[self.recipe],
            std::env::consts::ARCH,
        )?;
        Ok(Wanted::new(self.part, Some(self.official), tag))
    }

    /// Downloads the wheel, with its hash verified by the installer, and builds the image of its server.
    pub(super) async fn build(
        self,
        engine: &Engine,
        cache: &Cache,
        tag: String,
        progress: &dyn Progress,
    ) -> Result<String, ClusterError> {
        let recipe = workspace_root().join(self.recipe);
        let folder = cache.folder("build")?;
        let work = tempfile::tempdir_in(&folder).map_err(ClusterError::file("making a folder in", &folder))?;
        let fetching = format!("{}: fetching the wheel", self.part);
        progress.step(&fetching);
        let how = [
            "pip",
            "download",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
        ];
        self.python(&fetching)
            .args(["-m"].into_iter().chain(how).chain(["-d"]))
            .args([work.path()])
            .args(["-r".as_ref(), recipe.join("requirements.txt").as_path()])
            .shows_all()
            .run(progress)
            .await?;
        let is_wheel = |path: &Path| path.extension().is_some_and(|extension| extension == "whl");
        let wheel = self.find(work.path(), &is_wheel)?;
        self.python(&format!("{}: unpacking the wheel", self.part))
            .args(["-m", "zipfile", "-e"])
            .args([wheel.as_path(), work.path()])
            .run(progress)
            .await?;
        let server = self.find(work.path(), &|path| path.ends_with(self.program))?;
        let sources = vec![
            Source::plain("Dockerfile", recipe.join("Dockerfile")),
            Source::program(self.program, server),
        ];
        Build::of(self.part.name(), &tag, sources)
            .run(engine, cache, progress)
            .await
    }

    fn python(self, step: &str) -> HostCommand {
        HostCommand::new(step, "python3", FETCH_BOUND).advice(self.advice())
    }

    /// The advice for a failure.
    fn advice(self) -> String {
        format!(
            "install Python with pip and let it reach its index, or set {} to an image that is present",
            self.part.variable()
        )
    }

    /// The first file below `folder` for which `is_it` holds.
    fn find(self, folder: &Path, is_it: &dyn Fn(&Path) -> bool) -> Result<PathBuf, ClusterError> {
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
        Err(ClusterError::Image {
            image: self.part.name().to_owned(),
            why: format!("the wheel does not hold {}, in {}", self.program, folder.display()),
            advice: self.advice(),
        })
    }
}
