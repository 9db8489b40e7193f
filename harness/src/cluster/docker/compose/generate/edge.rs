//! The edge's configuration: a folder that the user mounts becomes a volume of the cluster, so that its files can be changed while
//! the edge runs. The files themselves are copied once the volume is there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::cluster::docker::compose::generate::ground::{Ground, OWN};
use crate::cluster::docker::compose::resolved::Fields;

/// A mount of a service, as one of the two ways to write it says.
#[derive(Debug, PartialEq, Eq)]
struct Mount<'m> {
    source: &'m str,
    target: &'m str,
}

impl Ground<'_> {
    /// Replaces the mounted folder with the edge's configuration by a volume. Returns the folder; `None` if no folder of the user's is
    /// mounted there.
    pub(super) fn copy_edge_config(&self, services: &mut BTreeMap<String, Fields>) -> Option<PathBuf> {
        let edge = self.wanted.edge.as_ref()?;
        let config = edge.config.as_deref()?;
        let volumes = services.get_mut(&edge.part)?.get_mut("volumes")?.as_array_mut()?;
        let is_it = |mount: &Mount<'_>| mount.target.trim_end_matches('/') == config.trim_end_matches('/');
        let mounted = volumes
            .iter_mut()
            .find(|volume| mount(volume).is_some_and(|mount| is_it(&mount)))?;
        let folder = PathBuf::from(mount(mounted)?.source);
        *mounted = format!("{OWN}{}-config:{config}", edge.part).into();
        Some(folder)
    }
}

/// Reads a mount of a folder or file of the host.
fn mount(volume: &Value) -> Option<Mount<'_>> {
    match volume {
        Value::String(short) => {
            let mut words = short.split(':');
            let (source, target) = (words.next()?, words.next()?);
            source.starts_with('/').then_some(Mount { source, target })
        }
        Value::Object(long) if long.get("type")? == "bind" => Some(Mount {
            source: long.get("source")?.as_str()?,
            target: long.get("target")?.as_str()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mount_is_read_as_both_composes_write_it() {
        let expected = Some(Mount {
            source: "/a/config",
            target: "/etc/edge",
        });
        assert_eq!(mount(&json!("/a/config:/etc/edge:ro")), expected);
        let long = json!({ "type": "bind", "source": "/a/config", "target": "/etc/edge", "read_only": true });
        assert_eq!(mount(&long), expected);
        for other in [
            json!("named:/etc/edge"),
            json!("/etc/edge"),
            json!({ "type": "volume", "source": "a", "target": "/b" }),
        ] {
            assert_eq!(mount(&other), None, "{other}");
        }
    }
}
