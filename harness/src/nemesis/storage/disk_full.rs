//! `disk-full`: the volume on which a pod keeps acknowledged but unstored work has no byte left.
//!
//! Needs: a bounded volume, and an engine that can write into a container's folder. Observed: the kernel refuses the filler's
//! next byte (ENOSPC), as the engine reports. Healed by [`Nemesis::free_disk`]: the filler is gone, and there is room for a
//! good part of the volume's size. The pod's processes are not touched, and a restart of the pod does not heal the fault.
//!
//! The volume is a tmpfs of 1 MiB, so that the pod's own writes meet a real ENOSPC, whole or in the middle of a line, on any
//! engine and without a byte of the host's disk. A tmpfs lives while a container mounts it; the fault proxy's container mounts
//! them all, so that they outlive a killed pod. They cannot stand for a power cut: syncing a tmpfs does nothing.

use crate::cluster::{ClusterError, PartHandle, Role, Written};
use crate::history::{Effect, Excuses, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Full, InForce, name, refused, unseen};
use crate::nemesis::kind::{FaultKind, On};
use crate::system::needs::{Need, Power};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "disk-full",
    about: "a volume of a pod has no byte left",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Spool, Need::Power(Power::Volumes)],
    effect: |_| Effect::excusing(Excuses::Nothing),
};
/// Name of the file that fills a volume. It stays behind, empty, after healing.
const FILLER: &str = "crosspod-filler";
/// Size of the filler, in bytes: more than a bounded volume has room for.
const FILL_BYTES: usize = 4 << 20;
/// Room that healing must prove, in bytes.
const ROOM_BYTES: usize = 256 << 10;

impl Nemesis {
    /// Fills the volume at `folder` in a pod's container to the last byte.
    ///
    /// # Errors
    /// The engine refuses, or the volume takes 4 MiB: it is not bounded.
    pub async fn fill_disk(&mut self, pod: &PartHandle, folder: &str) -> Result<Landing, NemesisError> {
        let fault = InForce {
            outlives_restart: true,
            ..self.next(&FAULT, pod)
        };
        let fault = self.begin(fault, None);
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

    /// Removes the filler, and proves that there is room again.
    ///
    /// # Errors
    /// The engine refuses, or there is still no room.
    pub async fn free_disk(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.mending(&fault);
        let found = self.full.iter().find(|full| name(&full.pod) == fault.target).cloned();
        let Some(Full { folder, .. }) = found else {
            return Err(unseen(&fault, "no folder of it was filled".to_owned()));
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

    /// Frees every volume that this nemesis has filled.
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

/// Removes the filler that a dead run has left in the volume at `folder` of a pod's container.
///
/// # Errors
/// The engine refuses.
pub async fn clear_disk(pod: &PartHandle, folder: &str) -> Result<(), ClusterError> {
    pod.write_zeros(folder, FILLER, 0).await.map(drop)
}
