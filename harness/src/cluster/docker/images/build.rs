//! Builds an image from a few files and a Dockerfile, through the engine's own builder.
//!
//! The Dockerfiles of the project's own parts and stores copy files and run nothing: their builds need neither network nor a
//! base image. Those of a described system's stand-ins may run anything.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::query_parameters::{BuildImageOptionsBuilder, ListImagesOptions, RemoveImageOptions};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::image::id_of;
use crate::cluster::lock::cache::Cache;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Size of a piece of the context on its way to the engine, in bytes.
const CHUNK_BYTES: usize = 1 << 18;

/// Label of the images that are built here; its value names the part.
pub(super) const LABEL: &str = "dev.crosspod.image";
/// Number of images of one name that are kept: enough for several checkouts of the workspace side by side.
const IMAGES_KEPT: usize = 8;

/// Longest silence of a build: a step that compiles or fetches says nothing meanwhile.
const SILENCE_BOUND: Duration = Duration::from_mins(10);
/// Number of a failed build's last lines that its error quotes.
const TAIL_LINES: usize = 12;

/// A file of the build context.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name in the Dockerfile.
    pub(super) name: String,
    /// Its path.
    pub(super) path: PathBuf,
    /// Its permission bits in the image.
    pub(super) mode: u32,
}

impl Source {
    pub(super) fn plain(name: impl Into<String>, path: PathBuf) -> Self {
        Self {
            name: name.into(),
            path,
            mode: 0o644,
        }
    }

    pub(super) fn program(name: impl Into<String>, path: PathBuf) -> Self {
        Self {
            mode: 0o755,
            ..Self::plain(name, path)
        }
    }
}

/// An image that is to be built.
#[derive(Debug)]
pub(super) struct Build<'a> {
    name: &'a str,
    tag: &'a str,
    sources: Vec<Source>,
    arguments: HashMap<String, String>,
}

impl<'a> Build<'a> {
    /// `name` is that of the part; the images of one name replace each other in time.
    pub(super) fn of(name: &'a str, tag: &'a str, sources: Vec<Source>) -> Self {
        Self {
            name,
            tag,
            sources,
            arguments: HashMap::new(),
        }
    }

    /// Sets an `ARG` of the Dockerfile.
    pub(super) fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Builds the image and returns its content address.
    pub(super) async fn run(
        self,
        engine: &Engine,
        cache: &Cache,
        progress: &dyn Progress,
    ) -> Result<String, ClusterError> {
        let Self {
            name,
            tag,
            sources,
            arguments,
        } = self;
        progress.step(&format!("{name}: making image {tag}"));
        let folder = cache.folder("build")?;
        let packed = tokio::task::spawn_blocking(move || pack(&folder, &sources)).await;
        let context = packed.map_err(|error| failed(name, &format!("packing its files: {error}")))??;
        let labels = [(LABEL.to_owned(), name.to_owned())].into();
        let options = BuildImageOptionsBuilder::default()
            .t(tag)
            .rm(true)
            .forcerm(true)
            .labels(&labels)
            .buildargs(&arguments)
            .build();
        let body = bollard::body_try_stream(chunks(context));
        let mut said = Box::pin(engine.docker().build_image(options, None, Some(body)));
        let mut tail = VecDeque::new();
        while let Some(line) = next(&mut said, name).await? {
            let line = line.map_err(ClusterError::engine(format!("building image {tag}")))?;
            if let Some(error) = line.error_detail {
                let why = error.message.unwrap_or_default();
                return Err(failed(name, &format!("{why}{}", quoted(&tail))));
            }
            let text = plain(&line.stream.unwrap_or_default());
            if !text.is_empty() {
                progress.detail(&format!("{name}: {text}"));
                tail.push_back(text);
                tail.drain(..tail.len().saturating_sub(TAIL_LINES));
            }
        }
        forget_old(engine, name).await;
        id_of(engine, tag)
            .await?
            .ok_or_else(|| failed(name, &format!("{tag} is not on the engine after its build")))
    }
}

/// The next item of a build; an error after too long a silence.
async fn next<T>(said: &mut (impl Stream<Item = T> + Unpin), name: &str) -> Result<Option<T>, ClusterError> {
    tokio::time::timeout(SILENCE_BOUND, said.next())
        .await
        .map_err(|_| failed(name, &format!("the engine said nothing for {SILENCE_BOUND:?}")))
}

/// The build context, piece by piece.
fn chunks(context: File) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let chunks = futures_util::stream::try_unfold(tokio::fs::File::from_std(context), |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    });
    chunks.into_stream()
}

/// A line of a build without the colours that the engine gives to errors of a step.
fn plain(line: &str) -> String {
    line.replace("\u{1b}[91m", "")
        .replace("\u{1b}[0m", "")
        .trim()
        .to_owned()
}

/// The last lines of a failed build, as the end of a message.
fn quoted(tail: &VecDeque<String>) -> String {
    if tail.is_empty() {
        return String::new();
    }
    let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
    format!("; its last words:\n    {}", lines.join("\n    "))
}

/// Removes the oldest images of one name: each change of its sources makes another one. Images in use stay.
async fn forget_old(engine: &Engine, name: &str) {
    let filters = [("label".to_owned(), vec![format!("{LABEL}={name}")])].into();
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

fn failed(name: &str, why: &str) -> ClusterError {
    let advice = "see the engine's log, and check that its disk is not full".to_owned();
    ClusterError::Image {
        image: name.to_owned(),
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
            .append_data(&mut header, &source.name, content)
            .map_err(err("packing"))?;
    }
    let mut file = archive
        .into_inner()
        .map_err(ClusterError::file("packing into", folder))?;
    file.rewind().map_err(ClusterError::file("packing into", folder))?;
    Ok(file)
}
