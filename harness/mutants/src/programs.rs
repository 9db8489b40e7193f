//! The programs that do the work: cargo-mutants lists, cargo compiles, crosspod plays.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::mutant::Listed;
use crate::verdict::Report;

/// Version of cargo-mutants. Another one may list other changes.
const LISTER: &str = "27.1.0";
/// The package whose sources are changed.
const POD: &str = "pod";
/// The pod's files that decide what is delivered and who owns a turn.
const FILES: [&str; 11] = [
    "fixtures/pod/src/app/**",
    "fixtures/pod/src/delivery/**",
    "fixtures/pod/src/feedback.rs",
    "fixtures/pod/src/http/**",
    "fixtures/pod/src/life/**",
    "fixtures/pod/src/process/health.rs",
    "fixtures/pod/src/provider/**",
    "fixtures/pod/src/runner/**",
    "fixtures/pod/src/spool/**",
    "fixtures/pod/src/store/**",
    "fixtures/pod/src/tail/**",
];
/// Files among them that serve the tests of the harness alone.
const LEFT_OUT: [&str; 2] = ["fixtures/pod/src/http/admin.rs", "fixtures/pod/src/http/sickness.rs"];

/// The changes that cargo-mutants can make.
///
/// # Errors
/// It cannot be installed, or says something else than a list.
pub(crate) fn listed(workspace: &Path) -> anyhow::Result<Vec<Listed>> {
    let tools = workspace.join("target/tools");
    let program = tools.join("bin/cargo-mutants");
    if !program.is_file() {
        let mut install = cargo(workspace);
        install.args([
            "install",
            "--quiet",
            "--locked",
            "cargo-mutants",
            "--version",
            LISTER,
            "--root",
        ]);
        succeeds(install.arg(&tools).env_remove("CARGO_TARGET_DIR"))?;
    }
    let mut list = Command::new(program);
    list.args(["mutants", "--list", "--json", "--package", POD])
        .current_dir(workspace);
    list.args(FILES.iter().flat_map(|files| ["--file", files]));
    list.args(LEFT_OUT.iter().flat_map(|files| ["--exclude", files]));
    let output = list.stderr(Stdio::inherit()).output().with_context(|| shown(&list))?;
    if !output.status.success() {
        bail!("{} ended with {}", shown(&list), output.status);
    }
    let listed: Vec<Listed> = serde_json::from_slice(&output.stdout).with_context(|| shown(&list))?;
    if listed.is_empty() {
        bail!("{} lists nothing", shown(&list));
    }
    Ok(listed)
}

/// The crosspod binary of the workspace.
///
/// # Errors
/// It does not compile.
pub(crate) fn crosspod(workspace: &Path) -> anyhow::Result<PathBuf> {
    succeeds(cargo(workspace).args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "scenarios",
        "--bin",
        "crosspod",
    ]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(target.join("debug/crosspod"))
}

/// Returns true if the pod of a tree compiles.
///
/// # Errors
/// Cargo cannot be started.
pub(crate) fn compiles(tree: &Path, built: &Path) -> anyhow::Result<bool> {
    let mut check = cargo(tree);
    check
        .args(["check", "--quiet", "--locked", "--package", POD])
        .env("CARGO_TARGET_DIR", built);
    let output = check.output().with_context(|| shown(&check))?;
    Ok(output.status.success())
}

/// The needs of a play of stories.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plays<'p> {
    /// The binary.
    pub(crate) crosspod: &'p Path,
    /// The tree with the changed pod.
    pub(crate) tree: &'p Path,
    /// Folder for what is compiled of it.
    pub(crate) built: &'p Path,
    pub(crate) seed: u64,
    pub(crate) slots: usize,
}

/// Some of the stories.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Set<'s> {
    /// Those with these names.
    Named(&'s [String]),
    /// One of so many parts of all.
    Part(usize, usize),
}

impl Plays<'_> {
    /// Plays some of the stories on a design of the pod until a promise breaks.
    ///
    /// # Errors
    /// The run was interrupted, or gave no report.
    pub(crate) fn of(self, design: &str, set: Set<'_>) -> anyhow::Result<Report> {
        let mut run = Command::new(self.crosspod);
        run.args(["run", "--format", "json", "--fail-fast", "--design", design]);
        match set {
            Set::Named(names) => run.arg(names.join(",")),
            Set::Part(part, of) => run.arg("--shard").arg(format!("{part}/{of}")),
        };
        run.args(["--seed", &self.seed.to_string(), "--slots", &self.slots.to_string()])
            .env("CROSSPOD_WORKSPACE", self.tree)
            .env("CARGO_TARGET_DIR", self.built)
            .current_dir(self.tree)
            .stderr(Stdio::null());
        let output = run.output().with_context(|| shown(&run))?;
        if output.status.code().is_none_or(|code| code > 3) {
            bail!("{} ended with {}", shown(&run), output.status);
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("{}: no report", shown(&run)))
    }
}

/// Tags of the pod's images. Without a docker client nobody can tell.
pub(crate) fn pod_images() -> Vec<String> {
    let mut list = Command::new("docker");
    list.args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "crosspod-pod"]);
    let output = list.stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Removes images, of which none is used any more.
pub(crate) fn remove_images(tags: &[String]) {
    if !tags.is_empty() {
        let removed = Command::new("docker")
            .args(["image", "rm"])
            .args(tags)
            .stdout(Stdio::null())
            .status();
        drop(removed);
    }
}

/// The commit of the sources.
///
/// # Errors
/// Git does not tell.
pub(crate) fn commit(workspace: &Path) -> anyhow::Result<String> {
    let mut ask = Command::new("git");
    ask.args(["rev-parse", "--short=10", "HEAD"]).current_dir(workspace);
    let output = ask.output().with_context(|| shown(&ask))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if said.is_empty() {
        bail!("{}: {}", shown(&ask), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(said)
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

fn succeeds(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| shown(command))?;
    if status.success() {
        Ok(())
    } else {
        bail!("{} ended with {status}", shown(command))
    }
}

/// A command for a message.
fn shown(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
