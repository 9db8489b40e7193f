//! The images that a described system's own files name: the one that is present, else the registry's, else a stand-in.
//!
//! A compose file and its Dockerfiles run unchanged only under the references that they name, so a stand-in gets the same
//! reference. Its second tag is a hash of its sources: a stand-in of other sources does not pass for it, and a genuine image is
//! never replaced.

mod base;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::TagImageOptionsBuilder;
use futures_util::future::try_join_all;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::build::{Build, LABEL, Source};
use crate::cluster::docker::images::image::{OTHERS_BOUND, Origin, id_of};
use crate::cluster::docker::images::pull::{name_and_tag, pull};
use crate::cluster::docker::images::recipe;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use table::Wanted;

/// An image that a system's files name, on the engine by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemImage {
    /// The reference that the files name.
    pub reference: String,
    /// The way in which it was obtained.
    pub origin: Origin,
    /// Whether it is a stand-in, made here from other packages than the registry's image.
    pub is_stand_in: bool,
}

/// A stand-in that has to be made.
#[derive(Debug)]
struct Missing {
    wanted: Wanted,
    /// Its tag, a hash of its sources.
    tag: String,
}

/// Provides each image of `images.toml` in `folder`, the folder of a system's description.
///
/// # Errors
/// [`ClusterError::Image`] if the table has a fault, or neither a registry nor the stand-in's Dockerfile gives an image.
pub async fn provide_images(
    engine: &Engine,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<Vec<SystemImage>, ClusterError> {
    let wanted = table::read(folder)?;
    let (mut images, missing) = survey(engine, &wanted).await?;
    if missing.is_empty() {
        return Ok(images);
    }
    let cache = Cache::locate()?;
    let _lock = cache.lock("stand-ins", OTHERS_BOUND, progress).await?;
    let (present, missing) = survey(engine, &wanted).await?;
    images = present;
    let mut stand_ins = Vec::new();
    for missing in missing {
        let reference = missing.wanted.reference.clone();
        progress.step(&format!("{reference}: pulling it"));
        match pull(engine, &reference).await {
            Ok(()) => images.push(SystemImage {
                reference,
                origin: Origin::Pulled,
                is_stand_in: false,
            }),
            Err(why) => {
                progress.step(&format!(
                    "{reference}: {why}, building a stand-in of the same name from {}",
                    missing.wanted.folder.display()
                ));
                stand_ins.push(missing);
            }
        }
    }
    images.extend(build_all(engine, &cache, stand_ins, progress).await?);
    Ok(images)
}

/// Tells the images that are on the engine from those that are not.
async fn survey(engine: &Engine, wanted: &[Wanted]) -> Result<(Vec<SystemImage>, Vec<Missing>), ClusterError> {
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for wanted in wanted {
        let tag = tag(wanted)?;
        let found = look(engine, &wanted.reference).await?;
        let ours = id_of(engine, &tag).await?;
        match is_stand_in(found.as_ref(), ours.as_deref()) {
            Some(is_stand_in) => present.push(SystemImage {
                reference: wanted.reference.clone(),
                origin: Origin::Present,
                is_stand_in,
            }),
            None => missing.push(Missing {
                wanted: wanted.clone(),
                tag,
            }),
        }
    }
    Ok((present, missing))
}

/// An image as the engine describes it.
#[derive(Debug)]
struct Found {
    id: String,
    /// Whether it was built here.
    is_ours: bool,
}

/// Returns whether the image under a reference is a stand-in; `None` if none is there, or one of other sources than the stand-in
/// with the id `ours` is made of.
fn is_stand_in(found: Option<&Found>, ours: Option<&str>) -> Option<bool> {
    match found {
        Some(found) if !found.is_ours => Some(false),
        Some(found) if Some(found.id.as_str()) == ours => Some(true),
        _ => None,
    }
}

async fn look(engine: &Engine, reference: &str) -> Result<Option<Found>, ClusterError> {
    let image = match engine.docker().inspect_image(reference).await {
        Ok(image) => image,
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
        Err(error) => return Err(ClusterError::engine(format!("looking for image {reference}"))(error)),
    };
    let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
    Ok(image.id.map(|id| Found {
        id,
        is_ours: labels.contains_key(LABEL),
    }))
}

/// The tag of a stand-in: a hash over its folder and the base that it is made on.
fn tag(wanted: &Wanted) -> Result<String, ClusterError> {
    let base = wanted.debian.as_deref().map(base::tag).transpose()?;
    let name = format!("stand-in-{}", wanted.name);
    recipe::tag(&name, &wanted.folder, &["."], base.as_deref().unwrap_or_default())
}

/// Builds the stand-ins in their order, after the bases of all of them side by side.
async fn build_all(
    engine: &Engine,
    cache: &Cache,
    stand_ins: Vec<Missing>,
    progress: &dyn Progress,
) -> Result<Vec<SystemImage>, ClusterError> {
    let mut releases = BTreeSet::new();
    for missing in &stand_ins {
        if id_of(engine, &missing.tag).await?.is_none() {
            releases.extend(missing.wanted.debian.clone());
        }
    }
    try_join_all(
        releases
            .iter()
            .map(|release| base::provide(engine, cache, release, progress)),
    )
    .await?;
    let mut built = Vec::new();
    for missing in stand_ins {
        built.push(build(engine, cache, missing, progress).await?);
    }
    Ok(built)
}

/// Builds one stand-in, unless one of its sources is there, and gives it the reference that it stands in for.
async fn build(
    engine: &Engine,
    cache: &Cache,
    missing: Missing,
    progress: &dyn Progress,
) -> Result<SystemImage, ClusterError> {
    let Missing { wanted, tag } = missing;
    if id_of(engine, &tag).await?.is_none() {
        let name = format!("stand-in-{}", wanted.name);
        let mut build = Build::of(&name, &tag, context(&wanted.folder)?);
        if let Some(release) = &wanted.debian {
            build = build.argument("DEBIAN", &base::tag(release)?);
        }
        build.run(engine, cache, progress).await?;
    }
    let (name, version) = name_and_tag(&wanted.reference);
    let options = TagImageOptionsBuilder::default().repo(name).tag(version).build();
    let tagged = engine.docker().tag_image(&tag, Some(options)).await;
    tagged.map_err(ClusterError::engine(format!("naming {tag} {}", wanted.reference)))?;
    Ok(SystemImage {
        reference: wanted.reference,
        origin: Origin::Built,
        is_stand_in: true,
    })
}

/// The files of a stand-in's folder. Scripts keep their permission to run.
fn context(folder: &Path) -> Result<Vec<Source>, ClusterError> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).map_err(ClusterError::file("listing", folder))? {
        let path = entry.map_err(ClusterError::file("listing", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_program = path.extension().is_some_and(|ending| ending == "sh");
        sources.push(if is_program {
            Source::program(name, path)
        } else {
            Source::plain(name, path)
        });
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_genuine_image_will_do_and_so_will_a_stand_in_of_the_same_sources() {
        let image = |id: &str, is_ours| Found {
            id: id.to_owned(),
            is_ours,
        };
        assert_eq!(is_stand_in(Some(&image("a", false)), None), Some(false));
        assert_eq!(is_stand_in(Some(&image("a", false)), Some("b")), Some(false));
        assert_eq!(is_stand_in(Some(&image("b", true)), Some("b")), Some(true));
        assert_eq!(is_stand_in(Some(&image("a", true)), Some("b")), None, "other sources");
        assert_eq!(is_stand_in(Some(&image("a", true)), None), None, "its sources are gone");
        assert_eq!(is_stand_in(None, Some("b")), None);
    }

    #[test]
    fn a_stand_in_is_told_from_one_of_other_sources_by_its_tag() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |text: &str| fs::write(folder.path().join("Dockerfile"), text).expect("written");
        let tag_on = |debian: Option<&str>| {
            tag(&Wanted {
                reference: "python:3.12".into(),
                folder: folder.path().to_owned(),
                name: "python".into(),
                debian: debian.map(str::to_owned),
            })
            .expect("readable")
        };
        write("FROM scratch\n");
        let first = tag_on(None);
        assert!(first.starts_with("crosspod-stand-in-python:"), "{first}");
        assert_eq!(tag_on(None), first);
        assert_ne!(tag_on(Some("trixie")), first);
        assert_ne!(tag_on(Some("trixie")), tag_on(Some("bookworm")));
        write("FROM scratch\nCMD [\"x\"]\n");
        assert_ne!(tag_on(None), first);
    }
}
