//! `disk-full`: the volume on which a pod keeps what it has acknowledged and not stored yet has no byte left. Needs: that
//! the volume is bounded, and that the engine can write into a container's folder. Observed: the kernel refuses the filler's
//! next byte (ENOSPC), by the engine's word. Healed by [`Nemesis::free_disk`]: the filler is gone, and something of a good
//! part of the volume's size could be written where it was. The pod's processes are not touched, and a restart of the pod
//! does not heal it.
//!
//! How the volume is full: really. The compose file gives each pod a tmpfs of 1 MiB as a named volume, and the engine
//! unpacks a file of zeros into it until the kernel says no, so that the pod's own writes meet a real ENOSPC, whole or in the
//! middle of a line, on any engine, without a byte of the host's disk, a loop device or a privilege. A tmpfs lives for as long
//! as somebody mounts it: a pod's SIGKILL alone would take its spool away with the mount (so it is with Docker 20.10), which
//! is why the fault proxy's container mounts them all beside the pods. What does not survive is the loss of both at once; and
//! syncing a tmpfs does nothing, so that a power cut is not what these volumes can stand for. Ways not taken: a limit on the
//! size of files gives EFBIG and a signal, a device that is always full cannot be appended to in part, a quota needs the
//! host's file system.

use crate::nemesis::{Nemesis, NemesisError, name, refused, unseen};
use crate::cluster::{ClusterError, PartHandle, Written};
use crate::history::Landing;

/// Its name.
pub(in crate::nemesis) const DISK_FULL: &str = "disk-full";
/// The file that fills a volume. It stays behind, empty, when that is healed.
const FILLER: &str = "crosspod-filler";
/// More than a volume that is meant to be filled has room for, in bytes.
const FILL_BYTES: usize = 4 << 20;
/// What must find room again once it is healed, in bytes.
const ROOM_BYTES: usize = 256 << 10;

/// A pod whose volume is full, and where that is.
#[derive(Debug, Clone)]
pub(in crate::nemesis) struct Full {
    pod: PartHandle,
    folder: String,
}

impl Nemesis {
    /// Fills the volume at `folder` of a pod's container to the last byte.
    ///
    /// # Errors
    /// The engine refuses, or the volume takes more than one that is bounded has room for.
    pub async fn fill_disk(&mut self, pod: &PartHandle, folder: &str) -> Result<Landing, NemesisError> {
        let fault = self.aimed(DISK_FULL, pod, None);
        self.full.push(Full {
            pod: pod.clone(),
            folder: folder.to_owned(),
        });
        let written = pod.write_zeros(folder, FILLER, FILL_BYTES).await;
        match written.map_err(refused(&fault))? {
            Written::NoRoom { said } => self.observed(&fault, &said, None),
            Written::Whole => {
                let seen = format!("{folder} had room for {FILL_BYTES} bytes: it is not bounded");
                return Err(unseen(&fault, seen));
            }
        }
        self.landed(&fault, None).await
    }

    /// Takes the filler away, and sees that there is room again.
    ///
    /// # Errors
    /// The engine refuses, or there is no room.
    pub async fn free_disk(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(DISK_FULL, pod);
        self.mending(&fault);
        let found = self.full.iter().find(|full| name(&full.pod) == fault.target).cloned();
        let Some(Full { folder, .. }) = found else {
            return Err(unseen(&fault, "nobody knows which folder was filled".to_owned()));
        };
        for bytes in [0, ROOM_BYTES, 0] {
            let written = pod.write_zeros(&folder, FILLER, bytes).await;
            let written = written.map_err(refused(&fault))?;
            if written != Written::Whole {
                return Err(unseen(&fault, format!("no room for {bytes} bytes: {written:?}")));
            }
        }
        self.full.retain(|full| name(&full.pod) != fault.target);
        self.mended(&fault);
        Ok(())
    }

    /// Frees every volume that is full by this nemesis' doing.
    ///
    /// # Errors
    /// As for [`Nemesis::free_disk`].
    pub async fn free_disks(&mut self) -> Result<(), NemesisError> {
        for Full { pod, .. } in self.full.clone() {
            self.free_disk(&pod).await?;
        }
        Ok(())
    }
}

/// Takes away what the nemesis of a run that is dead has left in the volume at `folder` of a pod's container.
///
/// # Errors
/// The engine refuses.
pub async fn clear_disk(pod: &PartHandle, folder: &str) -> Result<(), ClusterError> {
    pod.write_zeros(folder, FILLER, 0).await.map(drop)
}
