//! Files that the harness writes into a part's container.

use std::io;

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
    /// not run.
    ///
    /// # Errors
    /// The engine refuses for a reason other than a full file system.
    pub async fn write_zeros(&self, folder: &str, name: &str, bytes: usize) -> Result<Written, ClusterError> {
        let doing = format!("writing {bytes} bytes to {folder}/{name} of {}", self.service());
        let packed = pack(name, &vec![0; bytes]).map_err(ClusterError::file("packing", name))?;
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
}

/// An archive of one file.
fn pack(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, bytes)?;
    archive.into_inner()
}
