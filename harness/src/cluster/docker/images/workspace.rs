//! The images of the project's own parts: one static binary each, built by this machine's cargo.

use std::env;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Build, Source};
use crate::cluster::docker::images::image::{Image, ImageFor, OTHERS_BOUND, Origin, Wanted};
use crate::cluster::docker::images::recipe;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::system::load::workspace::workspace_root;

/// Longest for a build of all binaries, from nothing, on a slow machine.
const BUILD_BOUND: Duration = Duration::from_mins(30);

/// Number of builds after which changing sources are an error.
const BUILDS_MAX: usize = 5;

/// Package of the binary that people run.
const HARNESS: &str = "scenarios";

/// The program that cargo runs in place of rustc for the workspace's own packages. It links their programs against static libraries.
const STATIC_RUSTC: &str = "compose/images/static-rustc";

/// Beginnings of the names by which cargo tells a program of its package.
const OF_A_PACKAGE: [&str; 5] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_",
];

/// Number of the project's own parts.
const PARTS: usize = 3;

/// One of the project's own parts.
struct Part {
    image: ImageFor,
    /// Name of the package, of its binary, and of the binary in the image.
    program: &'static str,
    /// Folders of its sources: its own, and those of the crates of this workspace that it is built from.
    folders: &'static [&'static str],
}

const OURS: [Part; PARTS] = [
    Part {
        image: ImageFor::MockAi,
        program: "mock-ai",
        folders: &["mock-ai"],
    },
    Part {
        image: ImageFor::Pod,
        program: "pod",
        folders: &["fixtures/pod", "harness/sse"],
    },
    Part {
        image: ImageFor::Links,
        program: "crosspod-links",
        folders: &["harness/links"],
    },
];

/// The references that will do for each part, in their order.
pub(super) fn wanted() -> Result<[Wanted; PARTS], ClusterError> {
    let [mock_ai, pod, links] = OURS.map(|part| {
        let dockerfile = format!("compose/images/{}/Dockerfile", part.image);
        let parts = [part.folders, &["Cargo.lock", "Cargo.toml", STATIC_RUSTC, &dockerfile]].concat();
        let tag = recipe::tag(part.image.name(), &workspace_root(), &parts, env::consts::ARCH)?;
        Ok(Wanted::new(part.image, None, tag))
    });
    Ok([mock_ai?, pod?, links?])
}

/// Provides the images of the parts, in their order: present, or built from the workspace.
pub(super) async fn provide(
    engine: &Engine,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<[Image; PARTS], ClusterError> {
    let wanted = wanted()?;
    if let Some(images) = all_present(engine, &wanted).await? {
        return Ok(images);
    }
    let _lock = cache.lock("workspace", OTHERS_BOUND, progress).await?;
    if let Some(images) = all_present(engine, &wanted).await? {
        return Ok(images);
    }
    if !engine.runs_this_machines_programs() {
        return Err(wanted[1].failed("the engine's processor is of another kind than this machine's".into()));
    }
    progress.step("pod, mock-ai, links: no image of these sources, building static binaries with cargo");
    let (wanted, artefacts) = compile_what_is_named(wanted, progress).await?;
    let image = |n: usize| image(engine, cache, &wanted[n], OURS[n].program, &artefacts, progress);
    let (mock_ai, pod, links) = tokio::try_join!(Box::pin(image(0)), Box::pin(image(1)), Box::pin(image(2)))?;
    Ok([mock_ai, pod, links])
}

/// Builds the binaries of exactly the sources that the tags name. If the sources change meanwhile, it builds again.
async fn compile_what_is_named(
    mut named: [Wanted; PARTS],
    progress: &dyn Progress,
) -> Result<([Wanted; PARTS], String), ClusterError> {
    for _ in 0..BUILDS_MAX {
        let artefacts = compile(progress).await?;
        let now = wanted()?;
        if named
            .iter()
            .zip(&now)
            .all(|(before, after)| before.built == after.built)
        {
            return Ok((named, artefacts));
        }
        progress.step("pod, mock-ai, links: the sources changed under the build, building again");
        named = now;
    }
    Err(named[1].failed(format!("its sources changed during each of {BUILDS_MAX} builds")))
}

async fn all_present(engine: &Engine, wanted: &[Wanted; PARTS]) -> Result<Option<[Image; PARTS]>, ClusterError> {
    let [mock_ai, pod, links] = wanted;
    let (mock_ai, pod, links) = (
        mock_ai.present(engine).await?,
        pod.present(engine).await?,
        links.present(engine).await?,
    );
    Ok(mock_ai
        .zip(pod)
        .zip(links)
        .map(|((mock_ai, pod), links)| [mock_ai, pod, links]))
}

/// Provides one image: present by now, or built from its binary.
async fn image(
    engine: &Engine,
    cache: &Cache,
    wanted: &Wanted,
    program: &'static str,
    artefacts: &str,
    progress: &dyn Progress,
) -> Result<Image, ClusterError> {
    if let Some(image) = wanted.present(engine).await? {
        return Ok(image);
    }
    if let Some(forced) = &wanted.forced {
        return Err(wanted.failed(format!("{forced} is not on the engine")));
    }
    let binary = executable(artefacts, program)
        .ok_or_else(|| wanted.failed(format!("cargo built no binary of the name `{program}`")))?;
    if !is_static(&binary).map_err(ClusterError::file("reading", &binary))? {
        let why = format!(
            "{} is linked against libraries that its image does not hold",
            binary.display()
        );
        return Err(wanted.failed(why));
    }
    let dockerfile = workspace_root().join(format!("compose/images/{}/Dockerfile", wanted.part));
    let sources = vec![
        Source::plain("Dockerfile", dockerfile),
        Source::program(program, binary),
    ];
    let id = Build::of(wanted.part.name(), &wanted.built, sources)
        .run(engine, cache, progress)
        .await?;
    Ok(wanted.image(&wanted.built, id, Origin::Built))
}

/// Builds all binaries. Returns cargo's messages.
async fn compile(progress: &dyn Progress) -> Result<String, ClusterError> {
    if !cfg!(target_os = "linux") {
        return Err(ClusterError::Image {
            image: ImageFor::Pod.name().to_owned(),
            why: format!(
                "a program built on {} does not run in a Linux container",
                env::consts::OS
            ),
            advice:
                "build it on Linux and name it in CROSSPOD_IMAGE_POD, CROSSPOD_IMAGE_MOCK_AI and CROSSPOD_IMAGE_LINKS"
                    .into(),
        });
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = HostCommand::new("pod, mock-ai, links", &cargo, BUILD_BOUND)
        // With the package that the harness's own build names, each dependency has the same features here and there, and is
        // compiled once for both.
        .args(["build", "--package", HARNESS])
        .args(OURS.iter().flat_map(|part| ["--package", part.program, "--bin", part.program]))
        .args(["--message-format", "json-render-diagnostics"])
        .env("RUSTC_WORKSPACE_WRAPPER", workspace_root().join(STATIC_RUSTC))
        .current_dir(&workspace_root())
        .shows_errors()
        .advice(
            "mend the build (`cargo check -p pod -p mock-ai -p crosspod-links`), or set CROSSPOD_IMAGE_POD, \
             CROSSPOD_IMAGE_MOCK_AI and CROSSPOD_IMAGE_LINKS to images that are present",
        );
    // `cargo run` and `cargo test` say in the environment what they run; a build script that reads it would run again.
    for (name, _) in env::vars_os() {
        if let Some(name) = name.to_str().filter(|name| is_of_the_running_package(name)) {
            command = command.env_remove(name);
        }
    }
    command.run(progress).await
}

/// Returns true for a variable that cargo sets for the package that it runs, and that means nothing to the build of another.
fn is_of_the_running_package(name: &str) -> bool {
    OF_A_PACKAGE.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns true if a program needs no library of its system: an ELF file without an interpreter.
fn is_static(program: &Path) -> io::Result<bool> {
    /// Type of the segment that names the interpreter.
    const INTERPRETER: u32 = 3;
    let mut header = [0; 64];
    let mut file = File::open(program)?;
    file.read_exact(&mut header)?;
    if !header.starts_with(b"\x7fELF") {
        return Ok(false);
    }
    let word = |bytes: &[u8], at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    // Where the segments are described, how long a description is, and how many there are.
    let mut at = [0; 8];
    at.copy_from_slice(&header[0x20..0x28]);
    let (size, count) = (word(&header, 0x36), word(&header, 0x38));
    file.seek(SeekFrom::Start(u64::from_le_bytes(at)))?;
    for _ in 0..count {
        let mut segment = vec![0; usize::from(size)];
        file.read_exact(&mut segment)?;
        if segment.starts_with(&INTERPRETER.to_le_bytes()) {
            return Ok(false);
        }
    }
    Ok(count > 0)
}

/// Path of the binary of that name, from cargo's messages, one JSON object a line.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| {
            let is_it = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
            is_it
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_binary_is_found_among_the_messages_and_the_library_of_its_name_is_not() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"mock-ai"},"executable":null}"#,
            "\nnot json\n",
            r#"{"reason":"compiler-artifact","target":{"name":"mock-ai"},"executable":"/t/image/mock-ai"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages, "mock-ai"), Some(PathBuf::from("/t/image/mock-ai")));
        assert_eq!(executable(messages, "pod"), None);
    }

    #[test]
    fn a_program_that_needs_a_library_of_its_system_is_told_from_one_that_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let build = |name: &str, flags: &[&str]| {
            let program = folder.path().join(name);
            let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let mut compiler = Command::new(rustc)
                .args(flags)
                .args(["--crate-name", name, "--crate-type", "bin", "-o"])
                .arg(&program)
                .arg("-")
                .stdin(Stdio::piped())
                .spawn()
                .expect("rustc is there");
            let mut source = compiler.stdin.take().expect("a pipe");
            source.write_all(b"fn main() {}").expect("it reads");
            drop(source);
            assert!(compiler.wait().expect("it ends").success());
            program
        };
        let usual = is_static(&build("usual", &["-Ctarget-feature=-crt-static"]));
        assert!(!usual.expect("readable"), "it names an interpreter");
        let alone = is_static(&build("alone", &["-Ctarget-feature=+crt-static"]));
        assert!(alone.expect("readable"));
        let text = folder.path().join("text");
        std::fs::write(&text, [b'x'; 100]).expect("written");
        assert!(!is_static(&text).expect("readable"), "no program at all");
    }

    /// The stand-in for rustc must pass on questions of cargo and builds of libraries unchanged.
    #[test]
    fn programs_alone_are_linked_against_static_libraries() {
        let given = |args: &[&str]| {
            let said = Command::new(workspace_root().join(STATIC_RUSTC))
                .arg("echo")
                .args(args)
                .output();
            String::from_utf8(said.expect("it starts").stdout).expect("UTF-8")
        };
        let program = [
            "--crate-name",
            "pod",
            "src/main.rs",
            "--crate-type",
            "bin",
            "-Copt-level=1",
        ];
        assert_eq!(
            given(&program).trim_end(),
            format!("{} -C target-feature=+crt-static", program.join(" "))
        );
        for other in [
            &[
                "--crate-name",
                "___",
                "--crate-type",
                "bin",
                "--crate-type",
                "proc-macro",
            ][..],
            &["--crate-name", "mock_ai", "--crate-type", "lib"],
            &["-vV"],
        ] {
            assert_eq!(given(other).trim_end(), other.join(" "));
        }
    }

    #[test]
    fn what_cargo_says_of_the_running_package_is_not_passed_on() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_EXE_pod"] {
            assert!(is_of_the_running_package(name), "{name}");
        }
        for name in [
            "CARGO",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_NET_OFFLINE",
            "RUSTFLAGS",
            "PATH",
        ] {
            assert!(!is_of_the_running_package(name), "{name}");
        }
    }

    #[test]
    fn tags_are_stable_and_differ_by_part() {
        let first = wanted().expect("the sources are there");
        let again = wanted().expect("the sources are there");
        for (n, name) in ["mock-ai", "pod", "links"].into_iter().enumerate() {
            assert_eq!(first[n].built, again[n].built);
            assert!(
                first[n].built.starts_with(&format!("crosspod-{name}:")),
                "{}",
                first[n].built
            );
        }
    }
}
