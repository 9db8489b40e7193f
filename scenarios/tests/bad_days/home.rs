//! A test's own corner: a cache folder that marks what its runs bring up, and workspaces that differ in one thing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::bystanders::Shield;
use crate::command::{Ended, Running};

/// Longest that a command may take which needs a whole cluster.
pub(crate) const CLUSTER: Duration = Duration::from_secs(90);
/// Containers of a whole cluster: database, broker, provider, fault proxy, three pods and their sandboxes.
pub(crate) const PARTS: usize = 11;
/// Longest that the very first cluster of a machine may take: its images are made.
const FIRST_CLUSTER: Duration = Duration::from_mins(45);
/// Name of the file by which the folder of the locks is known to whoever shares the engine.
const MARK: &str = "folder-id";
/// Label of everything of ours that holds the path of its run's lock, which is below the run's cache folder.
const LOCK: &str = "dev.crosspod.lock";

/// Tests share one engine and two processors: those that use them take turns.
static ENGINE: Mutex<()> = Mutex::new(());
static IMAGES: Once = Once::new();

/// A test's corner. Dropped, it takes along what a failed test has left on the engine.
pub(crate) struct Home {
    folder: TempDir,
    /// Of a test that uses the engine: its turn there, and that nobody else's cluster is used or removed by it.
    turn: Option<(Shield, MutexGuard<'static, ()>)>,
}

impl Home {
    /// For a test that brings nothing up.
    pub(crate) fn without_engine() -> Self {
        Self::new(None)
    }

    /// For a test that does; waits for its turn.
    pub(crate) fn on_the_engine() -> Self {
        // The turn of a test that failed is over as well.
        let turn = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
        IMAGES.call_once(have_images);
        Self::new(Some((Shield::over_what_is_kept(), turn)))
    }

    fn new(turn: Option<(Shield, MutexGuard<'static, ()>)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, turn }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = crosspod(args);
        command.env("CROSSPOD_CACHE", self.cache());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Running::start(self.command(args)).end(CLUSTER)
    }

    /// Runs a command with one variable of the environment set.
    pub(crate) fn run_with(&self, name: &str, value: &str, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        command.env(name, value);
        Running::start(command).end(CLUSTER)
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(args))
    }

    /// This workspace with one passage of the system's compose file changed; made of links to everything else.
    pub(crate) fn workspace_with(&self, passage: &str, instead: &str) -> PathBuf {
        let real = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("a workspace")
            .to_owned();
        let own = self.path().join("workspace");
        let file = Path::new("fixtures/systems/reference/compose.yml");
        let mut folder = PathBuf::new();
        for entry in file {
            let entry = entry.to_str().expect("a name");
            link_entries(&real.join(&folder), &own.join(&folder), entry);
            folder.push(entry);
        }
        let text = fs::read_to_string(real.join(file)).expect("the compose file");
        assert!(text.contains(passage), "the compose file has no {passage:?}");
        fs::write(own.join(file), text.replace(passage, instead)).expect("written");
        own
    }

    /// A Compose that brings up crosspod's files with whatever matches `passage` in them changed.
    pub(crate) fn compose_with(&self, passage: &str, instead: &str) -> PathBuf {
        let script = self.path().join("compose");
        let files = self.cache().join("compose/files");
        let text = format!(
            "#!/bin/sh\nfor file in '{}'/*.json; do [ -e \"$file\" ] && sed -i 's#{passage}#{instead}#' \"$file\"; done\n\
             docker compose version >/dev/null 2>&1 && exec docker compose \"$@\"\nexec docker-compose \"$@\"\n",
            files.display()
        );
        fs::write(&script, text).expect("written");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
        script
    }

    /// Containers of this test's runs, with `docker ps`' filters besides.
    pub(crate) fn containers(&self, filters: &[&str]) -> Vec<String> {
        self.own(&[&["ps", "--all", "--no-trunc"], filters].concat(), "{{.ID}}")
    }

    /// How many containers' first processes are stopped, by whomever.
    pub(crate) fn frozen(&self) -> usize {
        let ids = self.containers(&["--filter", "status=running"]);
        let stopped = ids.iter().filter(|id| {
            let pid = docker(&["inspect", "--format", "{{.State.Pid}}", id.as_str()]);
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            // Behind the command's name stands the state.
            stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T")))
        });
        stopped.count()
    }

    /// What there is on the engine of this test's runs.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let networks = self.own(&["network", "ls"], "{{.Name}}");
        let volumes = self.own(&["volume", "ls"], "{{.Name}}");
        [self.containers(&[]), networks, volumes].concat()
    }

    /// Compose projects of this test's runs of which there is anything.
    pub(crate) fn projects(&self) -> Vec<String> {
        let mut projects = self.own(&["volume", "ls"], "{{.Label \"dev.crosspod.project\"}}");
        projects.extend(self.own(&["ps", "--all"], "{{.Label \"dev.crosspod.project\"}}"));
        projects.sort();
        projects.dedup();
        projects
    }

    /// Everything that is there of this test's runs, on the engine or as locks in their cache. The mark by which the folder
    /// of the locks is known belongs to the folder and stays.
    pub(crate) fn traces(&self) -> Vec<String> {
        let locks = ["runs", "slots"].map(|folder| fs::read_dir(self.cache().join(folder)));
        let locks = locks.into_iter().flatten().flatten();
        let paths = locks.map(|entry| entry.expect("an entry").path());
        let locks = paths.filter(|path| !path.ends_with(MARK));
        let locks = locks.map(|path| path.display().to_string());
        self.left_behind().into_iter().chain(locks).collect()
    }

    /// Asserts that nothing is left of this test's runs, on the engine or in their cache.
    pub(crate) fn is_clean(&self) {
        assert_eq!(self.traces(), Vec::<String>::new(), "left behind");
    }

    fn own(&self, list: &[&str], name: &str) -> Vec<String> {
        let format = format!("{name} {{{{.Label \"{LOCK}\"}}}}");
        let filter = format!("label={LOCK}");
        let listed = docker(&[list, &["--filter", &filter, "--format", &format]].concat());
        let cache = self.cache();
        let named = listed.lines().filter_map(|line| line.split_once(' '));
        named
            .filter(|(_, lock)| Path::new(lock).starts_with(&cache))
            .map(|(name, _)| name.to_owned())
            .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.turn.is_none() {
            return;
        }
        let remove = |what: &[&str], names: Vec<String>| {
            if !names.is_empty() {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                // A test has failed already where there is something to remove; its message is what counts.
                let _ = Command::new("docker").args(what).args(names).output();
            }
        };
        remove(&["rm", "--force", "--volumes"], self.containers(&[]));
        remove(&["network", "rm"], self.own(&["network", "ls"], "{{.Name}}"));
        remove(&["volume", "rm"], self.own(&["volume", "ls"], "{{.Name}}"));
    }
}

/// Asks the engine through its own command.
pub(crate) fn docker(args: &[&str]) -> String {
    let output = Command::new("docker")
        .args(args)
        .output()
        .expect("the docker command is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "docker {}: {said}", args.join(" "));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn crosspod(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspod"));
    command.args(args).env_remove("RUST_LOG");
    command
}

/// Makes the images where they are not there, so that no test's bound has to allow for it.
fn have_images() {
    let found = Running::start(crosspod(&["doctor"])).end(CLUSTER);
    assert_eq!(
        found.code(),
        Some(0),
        "nothing here works without an engine\n{}",
        found.all()
    );
    if found.stdout.contains("the first run") {
        let first = Running::start(crosspod(&["run", "cluster_smoke"])).end(FIRST_CLUSTER);
        assert_eq!(first.code(), Some(0), "the first run\n{}", first.all());
    }
}

/// A folder of links to the entries of another, without one of them.
fn link_entries(real: &Path, own: &Path, but: &str) {
    fs::create_dir_all(own).expect("a folder");
    for entry in fs::read_dir(real).expect("a folder of the workspace") {
        let name = entry.expect("an entry").file_name();
        if name != but {
            symlink(real.join(&name), own.join(&name)).expect("a link");
        }
    }
}
