//! `disk-full`: a volume of bounded size has no byte left: a pod's spool, or the store of the broker.
//!
//! Needs: a volume of bounded size, and an engine that can write into a container's folder.
//!
//! Spool. A pod's acknowledged but unstored work is kept there. Observed: the kernel refuses the filler's next byte (ENOSPC), as the
//! engine reports. Healed by [`Nemesis::free_disk`]: the filler is empty, and there is room for a good part of the volume's size. The
//! pod's processes are not touched, and a restart of the pod does not heal the fault. It excuses nothing: no turn needs the spool.
//!
//! Broker's store. The kernel's refusal is only the beginning: a stream still takes what fits into the last page of its file. Observed,
//! by [`Nemesis::store_refuses`]: the broker says why it stores nothing more in the stream of the log, after the system's own write has
//! failed. JetStream 2.15.1, a single server, then acknowledges no publish to that stream and refuses a purge (error 10051), answers
//! reads and `STREAM.INFO`, and leaves other streams alone; room alone does not end that, a restart does. The fault keeps whatever is new
//! from every reader, so it excuses as a stopped broker does. Healed by [`Nemesis::free_store`] and [`Nemesis::store_serves`]: there is
//! room, the broker was restarted if it still refused, and it acknowledges a message and has nothing against the stream.
//!
//! The volumes are tmpfs, so that writes meet a real ENOSPC, whole or in the middle of a record, on any engine and without a byte of
//! the host's disk. A tmpfs lives while a container mounts it; the sandboxes of pods and the fault proxy do, so that it outlives the
//! part's container. It cannot stand for a power cut: syncing a tmpfs does nothing.

use std::time::Duration;

use crate::cluster::{ClusterError, PartHandle, Role, Written};
use crate::history::{Effect, Excuses, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Full, InForce, name, refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::nats::stream;
use crate::system::needs::{Need, Power};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "disk-full",
    about: "a volume of a part has no byte left",
    on: On::Part(&[Role::Pod, Role::Nats]),
    needs: &[Need::Volume, Need::Power(Power::Volumes)],
    effect: fills,
};

fn fills(site: &FaultSite) -> Effect {
    match site.role {
        Role::Pod => Effect::excusing(Excuses::Nothing),
        _ => Effect {
            refuses_reads: true,
            refuses_writes: true,
            ..site.plain()
        },
    }
}

/// Name of the file that fills a volume. It stays behind, empty, after healing.
const FILLER: &str = "crosspod-filler";
/// Size of the filler, in bytes: more than a bounded volume has room for.
const FILL_BYTES: u64 = 2 << 30;
/// Room that healing must prove, in bytes.
const ROOM_BYTES: u64 = 256 << 10;
/// Longest until the broker refuses what the system writes, and until it takes messages again.
const NOTICING: Duration = Duration::from_secs(5);
/// Grace of a broker that is restarted.
const GRACE: Duration = Duration::from_secs(5);
/// Pause between two questions to the broker.
const LOOK: Duration = Duration::from_millis(10);

impl Nemesis {
    /// Fills the volume at `folder` in a pod's container to the last byte.
    ///
    /// # Errors
    /// The engine refuses, or the volume takes 2 GiB: it is not bounded.
    pub async fn fill_disk(&mut self, pod: &PartHandle, folder: &str) -> Result<Landing, NemesisError> {
        let fault = self.fill(pod, folder).await?;
        self.observed(&fault, &self.kernel_said(&fault), None);
        self.landed(&fault, None).await
    }

    /// Fills the volume at `folder` in the broker's container to the last byte. The fault has landed once
    /// [`Nemesis::store_refuses`] says so.
    ///
    /// # Errors
    /// As for [`Nemesis::fill_disk`].
    pub async fn fill_store(&mut self, broker: &PartHandle, folder: &str) -> Result<(), NemesisError> {
        self.fill(broker, folder).await.map(drop)
    }

    /// Waits until the broker at `url` stores nothing more in a stream, because a write of the system's has failed.
    ///
    /// # Errors
    /// The system writes nothing, or the broker does not answer.
    pub async fn store_refuses(
        &mut self,
        broker: &PartHandle,
        (url, stream): (&str, &str),
    ) -> Result<Landing, NemesisError> {
        let fault = self.in_force_on(&FAULT, broker);
        let refuses = wait::until("the broker to refuse a write", NOTICING, LOOK, || async move {
            match stream::refusal(url, stream).await {
                Ok(Some(said)) => Look::Done(said),
                Ok(None) => Look::NotYet(format!("stream {stream} takes writes")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let said = refuses.await.map_err(|expired| NemesisError::NoTraffic {
            fault: fault.fault.clone(),
            target: fault.target.clone(),
            seen: expired.to_string(),
        })?;
        let proof = format!("{}; the broker: {said}", self.kernel_said(&fault));
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await
    }

    /// Removes the filler from a pod's volume, and proves that there is room again.
    ///
    /// # Errors
    /// The engine refuses, or there is still no room.
    pub async fn free_disk(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.free(&fault).await?;
        self.freed(&fault);
        Ok(())
    }

    /// Removes the filler from the broker's volume, and restarts the broker if it still refuses writes to the stream. Its address may
    /// change. [`Nemesis::store_serves`] sees it heal.
    ///
    /// # Errors
    /// The engine refuses, there is still no room, or the broker does not start.
    pub async fn free_store(&mut self, broker: &PartHandle, (url, stream): (&str, &str)) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, broker);
        self.free(&fault).await?;
        match Box::pin(stream::refusal(url, stream)).await {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Box::pin(restart(broker)).await.map_err(refused(&fault)),
        }
    }

    /// Waits until the broker at `url`, whose volume has room again, acknowledges a message and takes writes to the stream.
    ///
    /// # Errors
    /// It does not.
    pub async fn store_serves(&mut self, broker: &PartHandle, (url, stream): (&str, &str)) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, broker);
        let serves = wait::until("the broker to store messages", NOTICING, LOOK, || async move {
            let both = async {
                stream::store_one(url).await?;
                stream::refusal(url, stream).await
            };
            match both.await {
                Ok(None) => Look::Done(()),
                Ok(Some(said)) => Look::NotYet(said),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        serves.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        self.freed(&fault);
        Ok(())
    }

    /// Frees every pod's volume that this nemesis has filled.
    ///
    /// # Errors
    /// As for [`Nemesis::free_disk`].
    pub async fn free_disks(&mut self) -> Result<(), NemesisError> {
        for Full { part, .. } in self.full.clone() {
            if part.is_pod() {
                self.free_disk(&part).await?;
            }
        }
        Ok(())
    }

    /// Returns true while this nemesis keeps the broker's volume full.
    pub fn fills_a_store(&self) -> bool {
        self.full.iter().any(|full| !full.part.is_pod())
    }

    /// Fills the volume at `folder` in a part's container. The fault is in force from here on.
    async fn fill(&mut self, part: &PartHandle, folder: &str) -> Result<InForce, NemesisError> {
        let fault = InForce {
            outlives_restart: true,
            ..self.next(&FAULT, part)
        };
        let fault = self.begin(fault, None);
        self.full.push(Full {
            part: part.clone(),
            folder: folder.to_owned(),
            said: String::new(),
        });
        let written = part.write_zeros(folder, FILLER, FILL_BYTES).await;
        match written.map_err(refused(&fault))? {
            Written::NoRoom { said } => {
                let full = self.full.iter_mut().filter(|full| name(&full.part) == fault.target);
                full.for_each(|full| full.said.clone_from(&said));
                Ok(fault)
            }
            Written::Whole => {
                // Two gigabytes of somebody's disk.
                clear_disk(part, folder).await.map_err(refused(&fault))?;
                let seen = format!("{folder} had room for {FILL_BYTES} bytes: it is not bounded");
                Err(unseen(&fault, seen))
            }
        }
    }

    /// Empties the filler in the volume of the fault, and proves that there is room.
    async fn free(&self, fault: &InForce) -> Result<(), NemesisError> {
        self.mending(fault);
        let Some(Full { part, folder, .. }) = self.full_of(fault) else {
            return Err(unseen(fault, "no folder of it was filled".to_owned()));
        };
        for bytes in [0, ROOM_BYTES, 0] {
            let written = part.write_zeros(folder, FILLER, bytes).await;
            let written = written.map_err(refused(fault))?;
            if written != Written::Whole {
                return Err(unseen(fault, format!("no room for {bytes} bytes: {written:?}")));
            }
        }
        Ok(())
    }

    fn freed(&mut self, fault: &InForce) {
        self.full.retain(|full| name(&full.part) != fault.target);
        self.mended(fault);
    }

    fn full_of(&self, fault: &InForce) -> Option<&Full> {
        self.full.iter().find(|full| name(&full.part) == fault.target)
    }

    /// The kernel's refusal of the filler's next byte.
    fn kernel_said(&self, fault: &InForce) -> String {
        self.full_of(fault).map(|full| full.said.clone()).unwrap_or_default()
    }
}

/// Removes the filler that a dead run has left in the volume at `folder` of a part's container.
///
/// # Errors
/// The engine refuses.
pub async fn clear_disk(part: &PartHandle, folder: &str) -> Result<(), ClusterError> {
    part.write_zeros(folder, FILLER, 0).await.map(drop)
}

/// Removes the filler that a dead run has left in the volume at `folder` of the broker's container, and restarts the broker at `url` if
/// it says that it takes no writes to the stream.
///
/// # Errors
/// The engine refuses, or the broker does not start.
pub async fn clear_store(broker: &PartHandle, folder: &str, (url, stream): (&str, &str)) -> Result<(), ClusterError> {
    clear_disk(broker, folder).await?;
    match Box::pin(stream::refusal(url, stream)).await {
        Ok(Some(_)) => Box::pin(restart(broker)).await,
        Ok(None) | Err(_) => Ok(()),
    }
}

async fn restart(broker: &PartHandle) -> Result<(), ClusterError> {
    match broker.terminate(Some(GRACE)).await {
        Ok(_) | Err(ClusterError::NotRunning { .. }) => broker.start().await.map(drop),
        Err(error) => Err(error),
    }
}
