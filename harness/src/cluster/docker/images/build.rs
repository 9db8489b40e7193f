//! Builds an image from a few files and a Dockerfile, through the engine's own builder.
//!
//! The Dockerfiles copy files and run nothing: a build needs neither network nor a base image.

use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};

use bollard::query_parameters::{BuildImageOptionsBuilder, ListImagesOptions, RemoveImageOptions};
use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::{ImageFor, id_of};
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Size of a piece of the context on its way to the engine, in bytes.
const CHUNK_BYTES: usize = 1 << 18;

/// Label of the images that are built here; its value names the part.
const LABEL: &str = "dev.crosspod.image";
/// Number of images of one part that are kept: enough for several checkouts of the workspace side by side.
const IMAGES_KEPT: usize = 8;

/// A file of the build context.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name in the Dockerfile.
    pub(super) name: &'static str,
    /// Its path.
    pub(super) path: PathBuf,
    /// Its permission bits in the image.
    pub(super) mode: u32,
}

impl Source {
    pub(super) fn plain(name: &'static str, path: PathBuf) -> Self {
        Self {
            name,
            path,
            mode: 0o644,
        }
    }

    pub(super) fn program(name: &'static str, path: PathBuf) -> Self {
        Self {
            name,
            path,
            mode: 0o755,
        }
    }
}

/// Builds an image and returns its content address.
pub(super) async fn build(
    engine: &Engine,
    cache: &Cache,
    part: ImageFor,
    tag: &str,
    sources: Vec<Source>,
    progress: &dyn Progress,
) -> Result<String, ClusterError> {
    progress.step(&format!("{part}: making image {tag}"));
    let folder = cache.folder("build")?;
    let packed = tokio::task::spawn_blocking(move || pack(&folder, &sources)).await;
    let context = packed.map_err(|error| failed(part, &format!("packing its files: {error}")))??;
    let labels = [(LABEL.to_owned(), part.name().to_owned())].into();
    let options = BuildImageOptionsBuilder::default()
        .t(tag)
        .rm(true)
        .forcerm(true)
        .labels(&labels)
        .build();
    let body = futures_util::stream::try_unfold(tokio::fs::File::from_std(context), |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = file.read_buf(&mut chunk).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (chunk.freeze(), file)))
    });
    let body = bollard::body_try_stream(body.into_stream());
    let mut said = Box::pin(engine.docker().build_image(options, None, Some(body)));
    while let Some(line) = said.next().await {
        let line = line.map_err(ClusterError::engine(format!("building image {tag}")))?;
        if let Some(error) = line.error_detail {
            return Err(failed(part, &error.message.unwrap_or_default()));
        }
        if let Some(text) = line.stream {
            let text = text.trim();
            if !text.is_empty() {
                progress.detail(&format!("{part}: {text}"));
            }
        }
    }
    forget_old(engine, part).await;
    id_of(engine, tag)
        .await?
        .ok_or_else(|| failed(part, &format!("{tag} is not on the engine after its build")))
}

/// Removes the oldest images of one part: each change of the pod makes another one. Images in use stay.
async fn forget_old(engine: &Engine, part: ImageFor) {
    let filters = [("label".to_owned(), vec![format!("{LABEL}={part}")])].into();
    let options = ListImagesOptions {
        filters: Some(filters),
        ..Default::default()
    };
    let mut images = engine.docker().list_images(Some(options)).await.unwrap_or_default();
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    for image in images.into_iter().skip(IMAGES_KEPT) {
        let removed = engine
            .docker()
            .remove_image(&image.id, None::<RemoveImageOptions>, None)
            .await;
        tracing::debug!(tags = ?image.repo_tags, removed = removed.is_ok(), "old image");
    }
}

fn failed(part: ImageFor, why: &str) -> ClusterError {
    let advice = "see the engine's log, and check that its disk is not full".to_owned();
    ClusterError::Image {
        image: part.name(),
        why: format!("building it: {}", why.trim()),
        advice,
    }
}

/// Packs the context into an unnamed file, which disappears when it is closed.
fn pack(folder: &Path, sources: &[Source]) -> Result<File, ClusterError> {
    let file = tempfile::tempfile_in(folder).map_err(ClusterError::file("making a file in", folder))?;
    let mut archive = tar::Builder::new(file);
    for source in sources {
        let err = |doing| ClusterError::file(doing, &source.path);
        let content = File::open(&source.path).map_err(err("opening"))?;
        let size = content.metadata().map_err(err("reading"))?.len();
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(source.mode);
        archive
            .append_data(&mut header, source.name, content)
            .map_err(err("packing"))?;
    }
    let mut file = archive
        .into_inner()
        .map_err(ClusterError::file("packing into", folder))?;
    file.rewind().map_err(ClusterError::file("packing into", folder))?;
    Ok(file)
}
