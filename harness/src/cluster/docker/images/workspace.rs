//! The images of the project's own parts: one static binary each, built by this machine's cargo.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Source, build};
use crate::cluster::docker::images::image::{Image, ImageFor, OTHERS_BOUND, Origin, Wanted};
use crate::cluster::docker::images::recipe;
use crate::cluster::linux::command::HostCommand;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::{Progress, Silent};
use crate::cluster::workspace::workspace_root;

/// Longest for a build of all binaries, from nothing, on a slow machine.
const BUILD_BOUND: Duration = Duration::from_mins(30);

/// Number of builds after which changing sources are an error.
const BUILDS_MAX: usize = 5;

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
        let parts = [part.folders, &["Cargo.lock", "Cargo.toml", &dockerfile]].concat();
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
    Ok([image(0).await?, image(1).await?, image(2).await?])
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
    let dockerfile = workspace_root().join(format!("compose/images/{}/Dockerfile", wanted.part));
    let sources = vec![
        Source::plain("Dockerfile", dockerfile),
        Source::program(program, binary),
    ];
    let id = build(engine, cache, wanted.part, &wanted.built, sources, progress).await?;
    Ok(wanted.image(&wanted.built, id, Origin::Built))
}

/// Builds all binaries. Returns cargo's messages.
async fn compile(progress: &dyn Progress) -> Result<String, ClusterError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let said = HostCommand::new("asking cargo for the host", &cargo, Duration::from_secs(30))
        .args(["-vV"])
        .advice("install Rust, or set CROSSPOD_IMAGE_POD, CROSSPOD_IMAGE_MOCK_AI and CROSSPOD_IMAGE_LINKS to images that are present")
        .run(&Silent)
        .await?;
    let triple = said
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    if !triple.contains("-linux-") {
        return Err(ClusterError::Image {
            image: ImageFor::Pod.name(),
            why: format!("a program built for `{triple}` does not run in a Linux container"),
            advice:
                "build it on Linux and name it in CROSSPOD_IMAGE_POD, CROSSPOD_IMAGE_MOCK_AI and CROSSPOD_IMAGE_LINKS"
                    .into(),
        });
    }
    HostCommand::new("building pod, mock-ai and links", &cargo, BUILD_BOUND)
        // Naming the target keeps the flags from build scripts and macros, and its output apart from other builds.
        .args(["build", "--profile", "image", "--target", triple])
        .args(OURS.iter().flat_map(|part| ["-p", part.program]))
        .args(["--message-format", "json-render-diagnostics"])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(&workspace_root())
        .advice("mend the build: `cargo check -p pod -p mock-ai -p crosspod-links`")
        .run(progress)
        .await
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
