//! A trial: one container is brought up through Compose and taken away, to see that the engine and Compose work together.
//!
//! The image is made on the spot and needs no registry, no compiler and no other image: its one program ends at once.

use std::time::{Duration, Instant};

use bollard::query_parameters::{CreateImageOptionsBuilder, ListContainersOptions, RemoveImageOptionsBuilder};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels;
use crate::cluster::docker::engine::removal::{remove_half_made, remove_project};
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::run_lock::{RunLock, RunTag};
use crate::cluster::lock::written::WrittenFile;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Silent;
use crate::cluster::spec::project_name;

/// Repository of the image; its tag is the run's name.
const IMAGE: &str = "crosspod-trial";
/// Longest until the container has ended.
const END_BOUND: Duration = Duration::from_secs(20);
/// Address at which the program is loaded.
const LOADED_AT: u64 = 0x40_0000;
/// Bytes of the headers before the program's code.
const HEADERS: u16 = 120;

/// Brings the container up, waits for its end and takes everything away. Returns how long that took.
///
/// # Errors
/// The step that failed, with what to do.
pub(in crate::cluster) async fn trial(engine: &Engine, compose: &Compose) -> Result<Duration, ClusterError> {
    let began = Instant::now();
    let program = program(engine.arch()).ok_or_else(|| ClusterError::Spec {
        what: "a trial".to_owned(),
        why: format!("there is no program for the engine's processor, {}", engine.arch()),
    })?;
    let run = RunLock::begin()?;
    let image = format!("{IMAGE}:{}", run.id());
    make_image(engine, &image, &program).await?;
    let project = project_name(run.id().as_str(), 0);
    let file = WrittenFile::write(&Cache::locate()?, &project, &file(run.tag(), &project, &image))?;
    let ended = bring_up(engine, compose, &file).await;
    let removed = match &ended {
        Ok(()) => remove_project(engine, &project).await,
        Err(_) => remove_half_made(engine, &project).await,
    };
    let options = RemoveImageOptionsBuilder::default().force(true).build();
    let forgotten = engine.docker().remove_image(&image, Some(options), None).await;
    ended?;
    removed?;
    forgotten.map_err(ClusterError::engine(format!("removing image {image}")))?;
    Ok(began.elapsed())
}

/// A compose file of one service that ends at once.
fn file(run: &RunTag, project: &str, image: &str) -> Value {
    let labels = labels::of_cluster(run, project, 0, false);
    json!({
        "services": {
            "trial": {
                "image": image, "command": ["/end"], "labels": labels, "restart": "no",
                "ports": ["127.0.0.1::8080"], "volumes": ["trial:/data"],
            },
        },
        "networks": { "default": { "labels": labels } },
        "volumes": { "trial": { "labels": labels } },
    })
}

async fn bring_up(engine: &Engine, compose: &Compose, file: &WrittenFile) -> Result<(), ClusterError> {
    compose.up(engine, file, &["trial".to_owned()], &Silent).await?;
    let options = ListContainersOptions {
        all: true,
        filters: Some(labels::of_project(file.project())),
        ..Default::default()
    };
    let listed = engine.docker().list_containers(Some(options)).await;
    let listed = listed.map_err(ClusterError::engine("listing the trial's container"))?;
    let container = listed.into_iter().find_map(|container| container.id);
    let container = container.ok_or_else(|| ClusterError::Spec {
        what: "a trial".to_owned(),
        why: format!(
            "Compose reported success, and the engine at {} has no container of it: they are not the same engine",
            engine.host()
        ),
    })?;
    let code = tokio::time::timeout(END_BOUND, engine.exited(&container, None)).await;
    match code {
        Ok(Ok(0)) => Ok(()),
        Ok(Ok(code)) => Err(unfit(format!("its container exited with {code} instead of 0"))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(unfit(format!("its container did not end within {END_BOUND:?}"))),
    }
}

fn unfit(why: String) -> ClusterError {
    ClusterError::Spec {
        what: "a trial".to_owned(),
        why,
    }
}

/// Makes an image of one file, without a base and without a builder.
async fn make_image(engine: &Engine, image: &str, program: &[u8]) -> Result<(), ClusterError> {
    let packed = pack(program).map_err(ClusterError::file("packing", "end"))?;
    // The tag stands in the name: Podman's engine takes no notice of one beside it.
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(image).build();
    let body = bollard::body_full(packed.into());
    let mut answers = Box::pin(engine.docker().create_image(Some(options), Some(body), None));
    while let Some(answer) = answers.next().await {
        answer.map_err(ClusterError::engine(format!("importing image {image}")))?;
    }
    Ok(())
}

fn pack(program: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "end", program)?;
    archive.into_inner()
}

/// A Linux program that ends with code 0, for a processor by the engine's name of it.
fn program(arch: &str) -> Option<Vec<u8>> {
    let (machine, code): (u16, &[u8]) = match arch {
        // xor edi, edi; mov eax, 60 (exit); syscall
        "amd64" => (62, &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]),
        // mov x0, 0; mov x8, 93 (exit); svc 0
        "arm64" => (183, &[0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4]),
        _ => return None,
    };
    let bytes = u64::from(HEADERS) + code.len() as u64;
    let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |program: &mut Vec<u8>, values: &[u16]| program.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    let long = |program: &mut Vec<u8>, values: &[u64]| program.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    // An executable file of version 1: where it begins, and where its program header is.
    half(&mut program, &[2, machine, 1, 0]);
    long(&mut program, &[LOADED_AT + u64::from(HEADERS), 64, 0]);
    half(&mut program, &[0, 0, 64, 56, 1, 0, 0, 0]);
    // One segment, readable and executable: the whole file.
    half(&mut program, &[1, 0, 5, 0]);
    long(&mut program, &[0, LOADED_AT, LOADED_AT, bytes, bytes, 0x1_0000]);
    program.extend_from_slice(code);
    Some(program)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_program_ends_with_code_0_on_this_machine() {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let Some(program) = program(arch) else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("end");
        std::fs::write(&path, program).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let status = std::process::Command::new(&path).status().expect("it is a program");
        assert_eq!(status.code(), Some(0));
    }

    #[test]
    fn the_headers_are_as_long_as_they_say() {
        for (arch, code_bytes) in [("amd64", 9), ("arm64", 12)] {
            let program = program(arch).expect("there is one");
            assert_eq!(program.len(), usize::from(HEADERS) + code_bytes);
        }
        assert_eq!(program("riscv64"), None);
    }
}
