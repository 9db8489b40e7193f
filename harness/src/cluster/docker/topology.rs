//! The compose file of a spec: the user's file is resolved, and the one that is brought up is made of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cluster::docker::compose::generate::ground::Frame;
use crate::cluster::docker::compose::generate::{Generated, generate};
use crate::cluster::docker::compose::grace::{ShortGrace, short_graces};
use crate::cluster::docker::compose::resolved::Resolved;
use crate::cluster::docker::compose::{Compose, THIS_PROJECT};
use crate::cluster::docker::edge::files;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::client_settings::hex;
use crate::cluster::docker::engine::labels;
use crate::cluster::docker::images::image::Images;
use crate::cluster::docker::images::{self, built};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;
use crate::cluster::spec::ClusterSpec;

/// Hexadecimal digits of a file's hash.
const HASH_DIGITS: usize = 16;

/// The file of a spec, and its hash, by which a kept cluster of the same file is known.
#[derive(Debug)]
pub(in crate::cluster) struct Topology {
    pub(in crate::cluster) generated: Generated,
    pub(in crate::cluster) hash: String,
    pub(in crate::cluster) short_graces: Vec<ShortGrace>,
}

/// The user's file, resolved, and the tags of the images that it builds.
#[derive(Debug)]
pub(in crate::cluster) struct Source {
    resolved: Resolved,
    built: BTreeMap<String, String>,
}

impl Source {
    /// Reads the system's compose files, and hashes what they build.
    ///
    /// # Errors
    /// Compose refuses the files, or a build context cannot be read.
    pub(in crate::cluster) async fn read(compose: &Compose, spec: &ClusterSpec) -> Result<Self, ClusterError> {
        let resolved = compose
            .resolve(&spec.system.compose, &spec.system.compose_variables)
            .await?;
        let built = built::tags(&resolved)?;
        Ok(Self { resolved, built })
    }

    /// The images that the compose files name.
    pub(in crate::cluster) fn named(&self) -> BTreeSet<String> {
        let services = self.resolved.services.values();
        services
            .filter_map(|service| service.text("image"))
            .map(str::to_owned)
            .collect()
    }

    /// Provides the images that a cluster of the spec needs.
    ///
    /// # Errors
    /// An image is neither present nor can it be pulled or built.
    pub(in crate::cluster) async fn images(
        &self,
        engine: &Engine,
        spec: &ClusterSpec,
        progress: &dyn Progress,
    ) -> Result<Images, ClusterError> {
        let (named, stand_ins) = (self.named(), spec.system.stand_ins.as_deref());
        Box::pin(images::provide(engine, (&named, stand_ins), progress)).await
    }

    /// Makes the file.
    ///
    /// # Errors
    /// All that cannot be brought up, each with what to change; or a folder of files for the edge that do not fit its configuration.
    pub(in crate::cluster) fn topology(
        &self,
        engine: &Engine,
        spec: &ClusterSpec,
        images: &Images,
    ) -> Result<Topology, ClusterError> {
        let mut system = spec.rendered();
        system.images.extend(images.instead());
        let frame = spec.frame(engine, images, self.built.clone());
        let make = |frame: &Frame| {
            generate(&self.resolved, &system, frame).map_err(|problems| ClusterError::Unfit {
                files: spec.system.compose.clone(),
                problems,
            })
        };
        // Of the labels and the port that differ from cluster to cluster the hash knows nothing.
        let bare = Frame {
            labels: BTreeMap::new(),
            postgres_port: None,
            ..frame.clone()
        };
        let digest = hex(&Sha256::digest(make(&bare)?.file.to_string().as_bytes()));
        let hash = digest[..HASH_DIGITS].to_owned();
        let mut frame = frame;
        frame.labels.insert(labels::FILE.to_owned(), hash.clone());
        let mut generated = make(&frame)?;
        if let Some(wanted) = &spec.system.edge {
            // Looked at before anything is started. The edge's handle reads the files that it uses by itself.
            files::configured(wanted, generated.edge_config.as_deref(), &spec.defects)?;
        }
        name_project(&mut generated.file, &spec.project());
        Ok(Topology {
            short_graces: short_graces(&self.resolved, &system),
            generated,
            hash,
        })
    }
}

/// Puts the project's name wherever the user's file asks for it.
fn name_project(value: &mut Value, project: &str) {
    match value {
        Value::String(text) if text.contains(THIS_PROJECT) => *text = text.replace(THIS_PROJECT, project),
        Value::Array(items) => items.iter_mut().for_each(|item| name_project(item, project)),
        Value::Object(fields) => fields.values_mut().for_each(|field| name_project(field, project)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_that_asks_for_its_project_is_told_it() {
        let mut file = json!({ "command": [format!("--only={THIS_PROJECT}"), "crosspod", 7] });
        name_project(&mut file, "crosspod-r1-0");
        assert_eq!(file, json!({ "command": ["--only=crosspod-r1-0", "crosspod", 7] }));
    }
}
