//! Checks whether this machine can run a cluster.

use std::path::Path;

use crate::cluster::docker::compose::Compose;
use crate::cluster::docker::compose::grace::short_graces;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::client_settings::ClientSettings;
use crate::cluster::docker::engine::guard::AllowedHosts;
use crate::cluster::docker::images;
use crate::cluster::docker::images::image::ImageFor;
use crate::cluster::docker::trial;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::wanted::Wanted;
use crate::system::load::reference;
use crate::system::load::workspace::workspace_root;
use crate::system::{Choice, System};

/// Room for images, stores and logs of one run, in bytes.
const DISK_NEEDED_BYTES: u64 = 3 << 30;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name of the thing.
    pub name: &'static str,
    /// Its suitability.
    pub state: CheckState,
    /// The finding, with advice if the thing is not good.
    pub found: String,
}

/// The suitability of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// A run works.
    Good,
    /// A run works, but slower or with an additional step.
    Fair,
    /// A run would fail.
    Bad,
}

impl Engine {
    /// Checks everything that a run needs. The first check is the engine; without one, its images are not checked.
    pub async fn doctor(allowed: &AllowedHosts) -> Vec<Check> {
        let engine = match Self::connect(allowed).await {
            Ok(engine) => engine,
            Err(error) => {
                return vec![
                    check("engine", CheckState::Bad, error.to_string()),
                    settings(),
                    compose(None).await,
                    pidfd(),
                ];
            }
        };
        let found = format!(
            "{} at {}, API {}",
            engine.version(),
            engine.host(),
            engine.api_version()
        );
        let mut checks = vec![
            check("engine", CheckState::Good, found),
            settings(),
            compose(Some(&engine)).await,
            graces().await,
            pidfd(),
            disk(),
        ];
        checks.extend(images(&engine).await);
        checks
    }
}

fn check(name: &'static str, state: CheckState, found: impl Into<String>) -> Check {
    Check {
        name,
        state,
        found: found.into(),
    }
}

/// The user's settings that have no influence on a run, for whoever set them with a purpose.
fn settings() -> Check {
    let left_aside = ClientSettings::read().left_aside();
    let found = if left_aside.is_empty() {
        "none that a run leaves aside".to_owned()
    } else {
        format!("a run leaves these aside: {}", left_aside.join(", "))
    };
    check("settings", CheckState::Good, found)
}

/// The Compose command; with an engine, a container is brought up through it and taken away.
async fn compose(engine: Option<&Engine>) -> Check {
    let compose = match Compose::find().await {
        Ok(compose) => compose,
        Err(error) => return check("compose", CheckState::Bad, error.to_string()),
    };
    let found = format!("`{}` {}", compose.command(), compose.version());
    let Some(engine) = engine else {
        return check("compose", CheckState::Good, found);
    };
    match trial::trial(engine, &compose).await {
        Ok(took) => check(
            "compose",
            CheckState::Good,
            format!("{found}; a container came up through it and was removed, in {took:.1?}"),
        ),
        Err(error) => check(
            "compose",
            CheckState::Bad,
            format!("{found}; no container could be brought up through it: {error}"),
        ),
    }
}

/// The time that the reference pod's compose file lets a pod stop in, against its drain in each profile.
async fn graces() -> Check {
    match short_graces_of_reference().await {
        Ok(short) if short.is_empty() => check("grace", CheckState::Good, "each pod may drain for as long as it says"),
        Ok(short) => check("grace", CheckState::Bad, short.join("; ")),
        Err(error) => check("grace", CheckState::Bad, error),
    }
}

async fn short_graces_of_reference() -> Result<Vec<String>, String> {
    let compose = Compose::find().await.map_err(|error| error.to_string())?;
    let (described, mut short) = (reference::described(), Vec::new());
    for (profile, _) in System::reference().description.profiles.iter() {
        let choice = Choice {
            profile: Some(profile.to_owned()),
            ..Choice::default()
        };
        let place = workspace_root().join(reference::PLACE);
        let system = System::of(&choice, &place, &described).map_err(|error| error.to_string())?;
        let wanted = Wanted::of(&system).map_err(|error| error.to_string())?;
        let resolved = compose.resolve(&wanted.compose, &wanted.compose_variables).await;
        let resolved = resolved.map_err(|error| error.to_string())?;
        let of_profile = short_graces(&resolved, &wanted);
        short.extend(
            of_profile
                .into_iter()
                .map(|short| format!("profile {profile}: {short}")),
        );
    }
    Ok(short)
}

fn pidfd() -> Check {
    match Pidfd::of_self().and_then(|own| own.is_dead()) {
        Ok(false) => check("pidfd", CheckState::Good, "kills and their proof go through the kernel"),
        Ok(true) => check(
            "pidfd",
            CheckState::Fair,
            "the kernel calls a live process dead; kills go through the engine",
        ),
        Err(error) => check(
            "pidfd",
            CheckState::Fair,
            format!("{error}; kills go through the engine, some 20 ms each"),
        ),
    }
}

fn disk() -> Check {
    let free = Cache::locate().and_then(|cache| {
        let place = cache
            .path()
            .ancestors()
            .find(|path| path.exists())
            .unwrap_or(Path::new("/"))
            .to_owned();
        let stat =
            rustix::fs::statvfs(&place).map_err(|error| ClusterError::file("measuring", &place)(error.into()))?;
        Ok((place, stat.f_bavail * stat.f_frsize))
    });
    match free {
        Ok((place, bytes)) => {
            let found = format!(
                "{:.1} GiB free at {}",
                bytes as f64 / f64::from(1 << 30),
                place.display()
            );
            if bytes >= DISK_NEEDED_BYTES {
                return check("disk", CheckState::Good, found);
            }
            let needed = DISK_NEEDED_BYTES >> 30;
            check(
                "disk",
                CheckState::Fair,
                format!("{found}; a run may need {needed} GiB, free some"),
            )
        }
        Err(error) => check("disk", CheckState::Bad, error.to_string()),
    }
}

async fn images(engine: &Engine) -> Vec<Check> {
    let stores = [ImageFor::Postgres, ImageFor::Nats, ImageFor::Traefik].map(ImageFor::in_compose_files);
    let named = stores.into_iter().flatten().map(str::to_owned).collect();
    let found = match images::survey(engine, &named).await {
        Ok(found) => found,
        Err(error) => return vec![check("image", CheckState::Bad, error.to_string())],
    };
    let checks = found.into_iter().map(|(image, present)| match present {
        Some(reference) => check("image", CheckState::Good, format!("{image}: {reference} is present")),
        None => check(
            "image",
            CheckState::Fair,
            format!("{image}: the first run {}", image.how_it_is_obtained()),
        ),
    });
    checks.collect()
}
