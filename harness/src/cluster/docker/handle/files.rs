//! Files that the harness writes into a part's container.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bollard::errors::Error as EngineError;
use bollard::query_parameters::UploadToContainerOptionsBuilder;

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::error::ClusterError;

/// The engines' words for a full file system, which are the kernel's own.
const NO_ROOM: &str = "no space left on device";

/// The outcome of writing a file into a part's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The whole file is there.
    Whole,
    /// The file system had room for a part of the file only.
    NoRoom {
        /// The engine's message.
        said: String,
    },
}

impl PartHandle {
    /// Writes a file of `bytes` zero bytes into a folder of the part's container, and replaces a file of that name. The part need
    /// not run. The bytes are made by the engine and need no memory here.
    ///
    /// # Errors
    /// The engine refuses for a reason other than a full file system.
    pub async fn write_zeros(&self, folder: &str, name: &str, bytes: u64) -> Result<Written, ClusterError> {
        let doing = format!("writing {bytes} bytes to {folder}/{name} of {}", self.service());
        let packed = pack_hole(name, bytes).map_err(ClusterError::file("packing", name))?;
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let (docker, body) = (self.0.engine.docker(), bollard::body_full(packed.into()));
        match docker.upload_to_container(&self.container(), Some(options), body).await {
            Ok(()) => Ok(Written::Whole),
            Err(EngineError::DockerResponseServerError { message, .. }) if message.contains(NO_ROOM) => {
                Ok(Written::NoRoom { said: message })
            }
            Err(error) => Err(ClusterError::engine(doing)(error)),
        }
    }

    /// Writes files into a folder of the part's container, in the order of their paths, and replaces those of the same paths. The part
    /// need not run.
    ///
    /// # Errors
    /// A path is not below the folder, or the engine refuses.
    pub(in crate::cluster) async fn upload(
        &self,
        folder: &str,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ClusterError> {
        let names = files.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let below = files.iter().map(|(path, bytes)| {
            let name = Path::new(path).strip_prefix(folder).ok().and_then(Path::to_str);
            let outside = || io::Error::other(format!("{path} is not below {folder}"));
            Ok((name.ok_or_else(outside)?, &bytes[..]))
        });
        let packed = below.collect::<io::Result<Vec<_>>>().and_then(pack);
        let packed = packed.map_err(ClusterError::file("packing", &names))?;
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let (docker, body) = (self.0.engine.docker(), bollard::body_full(packed.into()));
        let uploaded = docker.upload_to_container(&self.container(), Some(options), body).await;
        uploaded.map_err(ClusterError::engine(format!("writing {names} of {}", self.service())))
    }
}

/// An archive of one file that is a hole of `bytes` bytes, in GNU's sparse format 0.1. The archive is small whatever the size: who
/// unpacks it as engines do, with Go's reader, is handed zeros and writes them all.
fn pack_hole(name: &str, bytes: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let (size, map) = (bytes.to_string(), format!("{bytes},0"));
    archive.append_pax_extensions([
        ("GNU.sparse.size", size.as_bytes()),
        ("GNU.sparse.numblocks", b"1"),
        ("GNU.sparse.map", map.as_bytes()),
    ])?;
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, io::empty())?;
    archive.into_inner()
}

/// An archive of files, in their order.
fn pack<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes)?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_of_gigabytes_is_a_small_archive_that_names_its_size() {
        let packed = pack_hole("filler", 3 << 30).expect("an archive");
        assert!(packed.len() <= 4096, "{} bytes", packed.len());
        let mut archive = tar::Archive::new(&packed[..]);
        let mut entry = archive.entries().expect("entries").next().expect("one").expect("read");
        assert_eq!(entry.path().expect("a path").to_str(), Some("filler"));
        let extensions = entry.pax_extensions().expect("readable").expect("some");
        let extensions: BTreeMap<_, _> = extensions
            .map(|extension| extension.expect("one"))
            .map(|one| {
                (
                    one.key().expect("a key").to_owned(),
                    one.value().expect("a value").to_owned(),
                )
            })
            .collect();
        let of = |key: &str| extensions.get(key).map(String::as_str);
        assert_eq!(of("GNU.sparse.size"), Some("3221225472"));
        assert_eq!(
            of("GNU.sparse.map"),
            Some("3221225472,0"),
            "no byte of it is in the archive"
        );
    }
}
