//! Images that runs have built of users' compose files: removed once no container uses them.

use std::collections::BTreeSet;

use bollard::models::{ContainerSummary, ImageSummary};
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions, RemoveImageOptions};

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::images::built::REPOSITORY;
use crate::cluster::lock::cache::Cache;
use crate::cluster::lock::run_lock::is_any_alive;
use crate::cluster::part::error::ClusterError;

/// Removes the images that runs have built of users' compose files and that no container uses. Returns their tags. Removes nothing
/// while a run is alive here: it may have built one that it is yet to start.
///
/// # Errors
/// The engine cannot list images or containers.
pub async fn remove_built_images(engine: &Engine) -> Result<Vec<String>, ClusterError> {
    if is_any_alive(&Cache::locate()?)? {
        return Ok(Vec::new());
    }
    let docker = engine.docker();
    let images = docker.list_images(Some(ListImagesOptions {
        filters: Some([("reference".to_owned(), vec![REPOSITORY.to_owned()])].into()),
        ..Default::default()
    }));
    let containers = docker.list_containers(Some(ListContainersOptions {
        all: true,
        ..Default::default()
    }));
    let found = tokio::try_join!(images, containers);
    let (images, containers) = found.map_err(ClusterError::engine("listing images that runs have built"))?;
    let mut removed = Vec::new();
    for tag in unused(&images, &containers) {
        // Without force the engine keeps an image for which a container was made meanwhile.
        match docker.remove_image(&tag, None::<RemoveImageOptions>, None).await {
            Ok(_) => removed.push(tag),
            Err(error) => tracing::info!(%tag, %error, "the image stays"),
        }
    }
    Ok(removed)
}

/// The tags of images that runs have built, without those of images that a container uses, in order.
fn unused(images: &[ImageSummary], containers: &[ContainerSummary]) -> Vec<String> {
    let used: BTreeSet<&str> = containers
        .iter()
        .flat_map(|container| [&container.image_id, &container.image])
        .filter_map(|image| image.as_deref())
        .collect();
    let ours = |tag: &&String| tag.split(':').next() == Some(REPOSITORY);
    let is_used = |image: &ImageSummary| {
        let names = image.repo_tags.iter().map(String::as_str).chain([image.id.as_str()]);
        names.into_iter().any(|name| used.contains(name))
    };
    let left = images.iter().filter(|image| !is_used(image));
    let tags: BTreeSet<&String> = left.flat_map(|image| image.repo_tags.iter().filter(ours)).collect();
    tags.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(id: &str, tags: &[&str]) -> ImageSummary {
        ImageSummary {
            id: id.to_owned(),
            repo_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn what_a_container_uses_and_what_others_have_named_stays() {
        let images = [
            image("sha256:1", &["crosspod-built:chat-1", "mine:latest"]),
            image("sha256:2", &["crosspod-built:chat-2"]),
            image("sha256:3", &["crosspod-built:chat-3"]),
            image("sha256:4", &["crosspod-built-by-me:1", "chat:latest"]),
        ];
        let by_id = ContainerSummary {
            image_id: Some("sha256:2".to_owned()),
            ..Default::default()
        };
        let by_tag = ContainerSummary {
            image: Some("crosspod-built:chat-3".to_owned()),
            ..Default::default()
        };
        assert_eq!(unused(&images, &[by_id, by_tag]), ["crosspod-built:chat-1"]);
    }
}
