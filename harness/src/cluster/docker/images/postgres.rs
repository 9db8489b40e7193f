//! The stand-in for the Postgres image: Debian's package on a minimal base, from the mirror that this machine uses.
//!
//! The machine's packages are not touched: apt works on folders of its own in the cache, and a missing debootstrap is unpacked
//! there. Mounts happen in a namespace that ends with debootstrap.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Source, build as build_image};
use crate::cluster::docker::images::image::{ImageFor, Wanted};
use crate::cluster::docker::images::recipe;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::{Progress, Silent};
use crate::cluster::workspace::workspace_root;

/// The official image: the same major version as the package.
const OFFICIAL: &str = "postgres:15";
/// The release of Debian with that version of Postgres.
const SUITE: &str = "bookworm";
const PACKAGE: &str = "postgresql-15";
/// Folder of its sources, below the workspace.
const RECIPE: &str = "compose/images/postgres";
/// Longest for the download of the package lists, or of one package.
const FETCH_BOUND: Duration = Duration::from_mins(3);
/// Longest for the base and the server's packages, from download to configuration.
const BOOTSTRAP_BOUND: Duration = Duration::from_mins(15);
const ADVICE: &str = "run once as root on Debian with its mirror in reach, or set CROSSPOD_IMAGE_POSTGRES to an image \
                      that is present";

pub(super) fn wanted() -> Result<Wanted, ClusterError> {
    let also = format!("{SUITE} {PACKAGE} {}", env::consts::ARCH);
    let tag = recipe::tag(ImageFor::Postgres.name(), &workspace_root(), &[RECIPE], &also)?;
    Ok(Wanted::new(ImageFor::Postgres, Some(OFFICIAL), tag))
}

/// Makes the base, strips it, and builds the image of it.
pub(super) async fn build(
    engine: &Engine,
    cache: &Cache,
    tag: String,
    progress: &dyn Progress,
) -> Result<String, ClusterError> {
    if !rustix::process::geteuid().is_root() {
        let why = "only root can make a base of Debian's packages".to_owned();
        return Err(ClusterError::Image {
            image: ImageFor::Postgres.name(),
            why,
            advice: ADVICE.into(),
        });
    }
    let folder = cache.folder("build")?;
    let work = tempfile::tempdir_in(&folder).map_err(ClusterError::file("making a folder in", &folder))?;
    progress.step("postgres: fetching the lists of packages");
    let apt = Apt::new(&work, progress).await?;
    let mirror = apt.mirror().await?;
    let debootstrap = Debootstrap::find(cache, &apt, progress).await?;
    progress.step(&format!(
        "postgres: making a base of {SUITE} with {PACKAGE}, about half a minute"
    ));
    let root = work.path().join("root");
    debootstrap.run(&root, &mirror, progress).await?;
    progress.step("postgres: packing the base without documentation, locales and compilers");
    let recipe = workspace_root().join(RECIPE);
    let archive = work.path().join("rootfs.tar");
    host("packing the base", "tar", FETCH_BOUND)
        .args(["--numeric-owner", "--sort=name", "-X"])
        .args([
            recipe.join("exclude.txt").as_path(),
            "-cf".as_ref(),
            &archive,
            "-C".as_ref(),
            &root,
            ".".as_ref(),
        ])
        .run(progress)
        .await?;
    let sources = vec![
        Source::plain("Dockerfile", recipe.join("Dockerfile")),
        Source::program("entrypoint.sh", recipe.join("entrypoint.sh")),
        Source::plain("rootfs.tar", archive),
    ];
    build_image(engine, cache, ImageFor::Postgres, &tag, sources, progress).await
}

fn host(step: &str, program: &str, bound: Duration) -> HostCommand {
    // The administrator's folders may be missing from root's path.
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    HostCommand::new(step, program, bound)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .advice(ADVICE)
}

/// apt with a state of its own: fresh lists, and the machine's lists untouched.
struct Apt {
    folder: PathBuf,
    options: Vec<OsString>,
}

impl Apt {
    async fn new(work: &TempDir, progress: &dyn Progress) -> Result<Self, ClusterError> {
        let folder = work.path().join("apt");
        for name in ["state/lists/partial", "cache/archives/partial"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(ClusterError::file("making the folder", &path))?;
        }
        let mut options: Vec<OsString> = Vec::new();
        for (name, place) in [("Dir::State", "state"), ("Dir::Cache", "cache")] {
            let mut value = OsString::from(format!("{name}="));
            value.push(folder.join(place));
            options.extend(["-o".into(), value]);
        }
        // As root, apt would otherwise become a user that may not read the invoking user's cache.
        let fixed = [
            "Dir::State::status=/var/lib/dpkg/status",
            "APT::Sandbox::User=root",
            "Acquire::Languages=none",
        ];
        for option in fixed {
            options.extend(["-o".into(), option.into()]);
        }
        let apt = Self { folder, options };
        // An unrelated source that does not answer is no reason to stop: the needed one is asked next.
        if let Err(error) = apt
            .get("postgres: lists of packages")
            .args(["update"])
            .shows_all()
            .run(progress)
            .await
        {
            tracing::debug!(%error, "not every source answered");
        }
        Ok(apt)
    }

    fn get(&self, step: &str) -> HostCommand {
        host(step, "apt-get", FETCH_BOUND)
            .args(&self.options)
            .current_dir(&self.folder)
    }

    /// The machine's mirror of the release.
    async fn mirror(&self) -> Result<String, ClusterError> {
        let format = "$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)";
        let targets = self
            .get("asking for the mirror")
            .args(["indextargets", "--format", format])
            .run(&Silent)
            .await?;
        mirror_in(&targets).ok_or_else(|| ClusterError::Image {
            image: ImageFor::Postgres.name(),
            why: format!("no source of this machine's apt answered for Debian {SUITE}, main"),
            advice: ADVICE.into(),
        })
    }

    /// Downloads a package into a folder of its own and unpacks it into `target`.
    async fn unpack(&self, package: &str, target: &Path, progress: &dyn Progress) -> Result<(), ClusterError> {
        self.get(&format!("postgres: downloading {package}"))
            .args(["download", package])
            .shows_all()
            .run(progress)
            .await?;
        let listed = fs::read_dir(&self.folder).map_err(ClusterError::file("listing", &self.folder))?;
        let mut files = listed.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let file = files.find(|path| path.extension().is_some_and(|ext| ext == "deb"));
        let file = file.ok_or_else(|| ClusterError::Image {
            image: ImageFor::Postgres.name(),
            why: format!("apt downloaded no package of the name {package}"),
            advice: ADVICE.into(),
        })?;
        host(&format!("unpacking {package}"), "dpkg-deb", FETCH_BOUND)
            .args(["-x".as_ref(), file.as_path(), target])
            .run(progress)
            .await
            .map(drop)
    }
}

/// The repository of the release's main component, from apt's list of its sources.
fn mirror_in(targets: &str) -> Option<String> {
    targets
        .lines()
        .find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["Packages", SUITE, "main", uri] => Some(uri.to_owned()),
            _ => None,
        })
}

/// The tool that makes a base system in a folder: the machine's, or one unpacked into the cache.
struct Debootstrap {
    program: PathBuf,
    /// Folder of its scripts; `None` for its default.
    scripts: Option<PathBuf>,
}

impl Debootstrap {
    async fn find(cache: &Cache, apt: &Apt, progress: &dyn Progress) -> Result<Self, ClusterError> {
        let installed = Path::new("/usr/sbin/debootstrap");
        if installed.exists() {
            return Ok(Self {
                program: installed.to_owned(),
                scripts: None,
            });
        }
        let home = cache.folder("tools")?.join("debootstrap");
        let found = Self {
            program: home.join("usr/sbin/debootstrap"),
            scripts: Some(home.join("usr/share/debootstrap")),
        };
        if !found.program.exists() {
            progress.step("postgres: debootstrap is not installed, unpacking it into the cache folder");
            let partial = cache.folder("tools")?.join("debootstrap.partial");
            if partial.exists() {
                fs::remove_dir_all(&partial).map_err(ClusterError::file("removing", &partial))?;
            }
            apt.unpack("debootstrap", &partial, progress).await?;
            // An interrupted unpacking must not pass for a complete one later.
            fs::rename(&partial, &home).map_err(ClusterError::file("renaming", &partial))?;
        }
        Ok(found)
    }

    async fn run(&self, root: &Path, mirror: &str, progress: &dyn Progress) -> Result<(), ClusterError> {
        // Its mounts live in a namespace that ends with it: the folder is then safe to remove.
        let mut command = host("postgres: base of Debian's packages", "unshare", BOOTSTRAP_BOUND)
            .args(["--mount"])
            .args([&self.program])
            .args([
                "--variant=minbase".to_owned(),
                format!("--include={PACKAGE}"),
                SUITE.to_owned(),
            ])
            .args([root])
            .args([mirror])
            .shows_all();
        if let Some(scripts) = &self.scripts {
            command = command.env("DEBOOTSTRAP_DIR", scripts);
        }
        command.run(progress).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_main_component_of_the_release_itself() {
        let targets = "Packages bookworm-security main http://security.example/debian-security/\n\
                       DEP-11 bookworm main http://other.example/debian/\n\
                       Packages bookworm contrib http://other.example/debian/\n\
                       Packages bookworm main http://mirror.example/debian/\n";
        assert_eq!(mirror_in(targets).as_deref(), Some("http://mirror.example/debian/"));
        assert_eq!(mirror_in("Packages noble main http://mirror.example/ubuntu/\n"), None);
    }
}
