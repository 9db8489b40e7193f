//! A root file system of Debian's packages, from the mirror that this machine uses.
//!
//! The machine's packages are not touched: apt works on folders of its own in the cache, and a missing debootstrap is unpacked
//! there. Mounts happen in a namespace that ends with debootstrap.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::{Progress, Silent};

/// Longest for the download of the package lists, of one package, or for the packing of a root.
const FETCH_BOUND: Duration = Duration::from_mins(3);
/// Longest for a root, from download to configuration.
const BOOTSTRAP_BOUND: Duration = Duration::from_mins(15);

/// A root file system that is wanted.
#[derive(Debug)]
pub(super) struct Root<'a> {
    /// Name of the image that it is for.
    pub(super) image: &'a str,
    /// The release, by its code name.
    pub(super) release: &'a str,
    /// A package of it, beside the smallest base.
    pub(super) package: Option<&'a str>,
    /// The advice for a failure.
    pub(super) advice: &'a str,
}

impl Root<'_> {
    /// Makes the root in a folder below `work`, and returns its path.
    pub(super) async fn make(
        &self,
        cache: &Cache,
        work: &TempDir,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Err(self.failed("only root can make a base of Debian's packages".into()));
        }
        progress.step(&format!("{}: fetching the lists of packages", self.image));
        let apt = Apt::new(self, work, progress).await?;
        let mirror = apt.mirror().await?;
        let debootstrap = Debootstrap::find(cache, &apt, progress).await?;
        let with = self
            .package
            .map(|package| format!(" with {package}"))
            .unwrap_or_default();
        progress.step(&format!(
            "{}: making a base of {}{with}, about half a minute",
            self.image, self.release
        ));
        let root = work.path().join("root");
        debootstrap.run(self, &root, &mirror, progress).await?;
        Ok(root)
    }

    /// Packs a root into an archive below `work`, without the files that `excluded` lists.
    pub(super) async fn pack(
        &self,
        root: &Path,
        excluded: &Path,
        work: &TempDir,
        progress: &dyn Progress,
    ) -> Result<PathBuf, ClusterError> {
        progress.step(&format!("{}: packing the base", self.image));
        let archive = work.path().join("rootfs.tar");
        self.host("packing the base", "tar", FETCH_BOUND)
            .args(["--numeric-owner", "--sort=name", "-X"])
            .args([excluded, "-cf".as_ref(), &archive, "-C".as_ref(), root, ".".as_ref()])
            .run(progress)
            .await?;
        Ok(archive)
    }

    fn host(&self, step: &str, program: &str, bound: Duration) -> HostCommand {
        // The administrator's folders may be missing from root's path.
        let mut path = env::var_os("PATH").unwrap_or_default();
        path.push(":/usr/local/sbin:/usr/sbin:/sbin");
        HostCommand::new(format!("{}: {step}", self.image), program, bound)
            .env("PATH", path)
            .env("LC_ALL", "C")
            .advice(self.advice)
    }

    fn failed(&self, why: String) -> ClusterError {
        ClusterError::Image {
            image: self.image.to_owned(),
            why,
            advice: self.advice.to_owned(),
        }
    }
}

/// apt with a state of its own: fresh lists, and the machine's lists untouched.
struct Apt<'a> {
    root: &'a Root<'a>,
    folder: PathBuf,
    options: Vec<OsString>,
}

impl<'a> Apt<'a> {
    async fn new(root: &'a Root<'a>, work: &TempDir, progress: &dyn Progress) -> Result<Self, ClusterError> {
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
        let apt = Self { root, folder, options };
        // An unrelated source that does not answer is no reason to stop: the needed one is asked next.
        if let Err(error) = apt
            .get("lists of packages")
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
        self.root
            .host(step, "apt-get", FETCH_BOUND)
            .args(&self.options)
            .current_dir(&self.folder)
    }

    /// The mirror of the release: the machine's source of it, else its source of Debian itself, which holds all releases.
    async fn mirror(&self) -> Result<String, ClusterError> {
        let format = "$(ORIGIN) $(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)";
        let targets = self
            .get("asking for the mirror")
            .args(["indextargets", "--format", format])
            .run(&Silent)
            .await?;
        let release = self.root.release;
        mirror_in(&targets, release).ok_or_else(|| {
            self.root.failed(format!(
                "no source of this machine's apt answered for Debian {release}, main"
            ))
        })
    }

    /// Downloads a package into a folder of its own and unpacks it into `target`.
    async fn unpack(&self, package: &str, target: &Path, progress: &dyn Progress) -> Result<(), ClusterError> {
        self.get(&format!("downloading {package}"))
            .args(["download", package])
            .shows_all()
            .run(progress)
            .await?;
        let listed = fs::read_dir(&self.folder).map_err(ClusterError::file("listing", &self.folder))?;
        let mut files = listed.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let file = files.find(|path| path.extension().is_some_and(|ext| ext == "deb"));
        let file = file.ok_or_else(|| {
            self.root
                .failed(format!("apt downloaded no package of the name {package}"))
        })?;
        self.root
            .host(&format!("unpacking {package}"), "dpkg-deb", FETCH_BOUND)
            .args(["-x".as_ref(), file.as_path(), target])
            .run(progress)
            .await
            .map(drop)
    }
}

/// The repository of a release's main component, from apt's list of its sources. A source of another release serves as well if
/// it is Debian's: one repository holds all releases.
fn mirror_in(targets: &str, release: &str) -> Option<String> {
    let of = |is_wanted: &dyn Fn(&str) -> bool| {
        targets
            .lines()
            .find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["Debian", "Packages", codename, "main", uri] if is_wanted(codename) => Some(uri.to_owned()),
                _ => None,
            })
    };
    of(&|codename| codename == release).or_else(|| of(&|codename| !codename.contains('-')))
}

/// The tool that makes a base system in a folder: the machine's, or one unpacked into the cache.
struct Debootstrap {
    program: PathBuf,
    /// Folder of its scripts; `None` for its default.
    scripts: Option<PathBuf>,
}

impl Debootstrap {
    async fn find(cache: &Cache, apt: &Apt<'_>, progress: &dyn Progress) -> Result<Self, ClusterError> {
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
        if found.program.exists() {
            return Ok(found);
        }
        let _lock = cache.lock("debootstrap", BOOTSTRAP_BOUND, progress).await?;
        if !found.program.exists() {
            progress.step("debootstrap is not installed, unpacking it into the cache folder");
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

    async fn run(
        &self,
        wanted: &Root<'_>,
        root: &Path,
        mirror: &str,
        progress: &dyn Progress,
    ) -> Result<(), ClusterError> {
        // Its mounts live in a namespace that ends with it: the folder is then safe to remove.
        let mut command = wanted
            .host("base of Debian's packages", "unshare", BOOTSTRAP_BOUND)
            .args(["--mount"])
            .args([&self.program])
            .args(["--variant=minbase"])
            .args(wanted.package.map(|package| format!("--include={package}")))
            .args([wanted.release])
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
    fn the_mirror_is_the_main_component_of_the_release_else_of_another_release_of_debian() {
        let targets = "Debian Packages bookworm-security main http://security.example/debian-security/\n\
                       Debian DEP-11 bookworm main http://other.example/debian/\n\
                       Debian Packages bookworm contrib http://other.example/debian/\n\
                       Debian Packages bookworm main http://mirror.example/debian/\n";
        for release in ["bookworm", "trixie"] {
            let found = mirror_in(targets, release);
            assert_eq!(found.as_deref(), Some("http://mirror.example/debian/"), "{release}");
        }
        let both = format!("{targets}Debian Packages trixie main http://new.example/debian/\n");
        assert_eq!(
            mirror_in(&both, "trixie").as_deref(),
            Some("http://new.example/debian/")
        );
        for other in [
            "Ubuntu Packages noble main http://mirror.example/ubuntu/\n",
            "Debian Packages bookworm-security main http://security.example/debian-security/\n",
        ] {
            assert_eq!(mirror_in(other, "trixie"), None, "{other}");
        }
    }
}
