//! The images of what is ours: one static binary each, built by this machine's cargo.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use super::super::cache::Cache;
use super::super::command::HostCommand;
use super::super::engine::Engine;
use super::super::error::ClusterError;
use super::super::progress::{Progress, Silent};
use super::super::workspace_root;
use super::build::{Source, build};
use super::{Image, ImageFor, OTHERS_BOUND, Origin, Wanted, recipe};

/// How long a build of both binaries may take, from nothing, on a slow machine.
const BUILD_BOUND: Duration = Duration::from_mins(30);

/// How often the sources may change under a build.
const BUILDS_MAX: usize = 5;

/// Our two parts: the package and binary, and the folder of its sources.
const OURS: [(ImageFor, &str); 2] = [(ImageFor::MockAi, "mock-ai"), (ImageFor::Pod, "fixtures/pod")];

/// What would do for the provider and for the pod, in this order.
pub(super) fn wanted() -> Result<[Wanted; 2], ClusterError> {
    let [mock_ai, pod] = OURS.map(|(part, folder)| {
        let dockerfile = format!("compose/images/{part}/Dockerfile");
        let parts = [folder, "Cargo.lock", "Cargo.toml", &dockerfile];
        let tag = recipe::tag(part.name(), &workspace_root(), &parts, env::consts::ARCH)?;
        Ok(Wanted::new(part, None, tag))
    });
    Ok([mock_ai?, pod?])
}

/// The provider's image and the pod's, in this order: present, or built from the workspace.
pub(super) async fn provide(
    engine: &Engine,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<[Image; 2], ClusterError> {
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
    progress.step("pod, mock-ai: no image of these sources, building static binaries with cargo");
    let (wanted, artefacts) = compile_what_is_named(wanted, progress).await?;
    let [mock_ai, pod] = &wanted;
    Ok([
        image(engine, cache, mock_ai, &artefacts, progress).await?,
        image(engine, cache, pod, &artefacts, progress).await?,
    ])
}

/// Builds the binaries of exactly the sources that the tags name: where those change meanwhile, it builds again.
async fn compile_what_is_named(
    mut named: [Wanted; 2],
    progress: &dyn Progress,
) -> Result<([Wanted; 2], String), ClusterError> {
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
        progress.step("pod, mock-ai: the sources changed under the build, building again");
        named = now;
    }
    let [_, pod] = named;
    Err(pod.failed(format!("its sources changed during each of {BUILDS_MAX} builds")))
}

async fn all_present(engine: &Engine, wanted: &[Wanted; 2]) -> Result<Option<[Image; 2]>, ClusterError> {
    let [mock_ai, pod] = wanted;
    Ok(mock_ai
        .present(engine)
        .await?
        .zip(pod.present(engine).await?)
        .map(|(mock_ai, pod)| [mock_ai, pod]))
}

/// One of the two: present after all, or made of its binary.
async fn image(
    engine: &Engine,
    cache: &Cache,
    wanted: &Wanted,
    artefacts: &str,
    progress: &dyn Progress,
) -> Result<Image, ClusterError> {
    if let Some(image) = wanted.present(engine).await? {
        return Ok(image);
    }
    if let Some(forced) = &wanted.forced {
        return Err(wanted.failed(format!("{forced} is not on the engine")));
    }
    let name = wanted.part.name();
    let binary = executable(artefacts, name)
        .ok_or_else(|| wanted.failed(format!("cargo built no binary of the name `{name}`")))?;
    let dockerfile = workspace_root().join(format!("compose/images/{name}/Dockerfile"));
    let sources = vec![Source::plain("Dockerfile", dockerfile), Source::program(name, binary)];
    let id = build(engine, cache, wanted.part, &wanted.built, sources, progress).await?;
    Ok(wanted.image(&wanted.built, id, Origin::Built))
}

/// Builds both binaries; returns cargo's account of what it made.
async fn compile(progress: &dyn Progress) -> Result<String, ClusterError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let said = HostCommand::new("asking cargo for the host", &cargo, Duration::from_secs(30))
        .args(["-vV"])
        .advice("install Rust, or set CROSSPOD_IMAGE_POD and CROSSPOD_IMAGE_MOCK_AI to images that are present")
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
            advice: "build it on Linux and name it in CROSSPOD_IMAGE_POD and CROSSPOD_IMAGE_MOCK_AI".into(),
        });
    }
    HostCommand::new("building pod and mock-ai", &cargo, BUILD_BOUND)
        // Naming the target keeps the flags from build scripts and macros, and its output apart from other builds.
        .args(["build", "--profile", "image", "--target", triple, "-p", "pod", "-p", "mock-ai"])
        .args(["--message-format", "json-render-diagnostics"])
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(&workspace_root())
        .advice("mend the build: `cargo check -p pod -p mock-ai`")
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
        let [mock_ai, pod] = wanted().expect("the sources are there");
        let [again, _] = wanted().expect("the sources are there");
        assert_eq!(mock_ai.built, again.built);
        assert!(mock_ai.built.starts_with("crosspod-mock-ai:") && pod.built.starts_with("crosspod-pod:"));
    }
}
