//! Limits of a part: memory and CPU time, through the engine; descriptors, through the kernel.
//!
//! A limit is in force until it is lifted, even after the process that set it has ended. Putting a part right and starting it
//! therefore lift every limit that engine and kernel report, and rely on nothing that this process remembers.

use bollard::models::{ContainerStatsResponse, ContainerUpdateBody};
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;

use crate::cluster::docker::engine::inspected::{Limits, NO_MEMORY_LIMIT};
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::ClusterError;

/// The period of a CPU quota, in microseconds: the kernel's own default.
const CPU_PERIOD_US: i64 = 100_000;
/// The engines' value for no quota; zero would leave the quota as it is.
const NO_QUOTA: i64 = -1;
/// The smallest limit that engines accept, in bytes.
const MEMORY_MIN: i64 = 6 * 1024 * 1024;

/// Memory that a limit leaves beyond the present use, in bytes: the use changes while the limit is set.
const MEMORY_MARGIN: i64 = 64 * 1024;
/// Number of attempts to set a limit while the use changes.
const MEMORY_TRIES: u32 = 6;

impl PartHandle {
    /// Limits a part to a little more than the memory that it uses, at least to the smallest limit that engines accept.
    /// Returns the limit in bytes.
    ///
    /// # Errors
    /// The engine refuses, for example because the use grows from one attempt to the next.
    pub async fn limit_memory(&self) -> Result<i64, ClusterError> {
        let mut tries = 0;
        let limits = loop {
            // With less the kernel would evict the program's own pages again and again, and the part would not even die.
            let bytes = MEMORY_MIN.max(self.memory_held().await?) + MEMORY_MARGIN;
            let body = ContainerUpdateBody {
                memory: Some(bytes),
                memory_swap: Some(bytes),
                ..ContainerUpdateBody::default()
            };
            tries += 1;
            match self.update("limiting the memory of", body).await {
                Ok(limits) => break limits,
                // Some kernels refuse a limit below the present use; others end the process at once.
                Err(ClusterError::Engine { .. }) if tries < MEMORY_TRIES => {}
                Err(refused) => return Err(refused),
            }
        };
        match limits.memory {
            Some(bytes) => Ok(bytes),
            None => Err(self.not_so("a limit of its memory", limits).await),
        }
    }

    /// Memory that a part uses now, in bytes.
    async fn memory_held(&self) -> Result<i64, ClusterError> {
        let held = self.statistics().await?.and_then(|stats| stats.memory_stats?.usage);
        Ok(held.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or_default())
    }

    /// Limits a part to `percent` hundredths of one processor, at least one.
    ///
    /// # Errors
    /// The engine refuses, or reports no quota afterwards.
    pub async fn limit_cpu(&self, percent: u8) -> Result<(), ClusterError> {
        let body = ContainerUpdateBody {
            cpu_period: Some(CPU_PERIOD_US),
            cpu_quota: Some(CPU_PERIOD_US / 100 * i64::from(percent.max(1))),
            ..ContainerUpdateBody::default()
        };
        let limits = self.update("throttling", body).await?;
        match limits.cpu_quota_us {
            Some(_) => Ok(()),
            None => Err(self.not_so("a quota of processor time", limits).await),
        }
    }

    /// Puts the limits of memory and CPU back to what the part's user has set, mostly none. Returns true if they were others,
    /// once the engine reports the right ones.
    ///
    /// # Errors
    /// The engine refuses, or still reports another limit.
    pub async fn lift_limits(&self) -> Result<bool, ClusterError> {
        let found = self.inspected_alone().await?.limits;
        self.lift(found).await
    }

    /// As [`PartHandle::lift_limits`], with the limits that the engine has just reported.
    pub(in crate::cluster) async fn lift(&self, found: Limits) -> Result<bool, ClusterError> {
        let own = Limits {
            memory: self.part().memory,
            cpu_quota_us: self.part().cpu_quota_us,
        };
        if found == own {
            return Ok(false);
        }
        let limits = self.update("lifting the limits of", back_to(own, found)).await?;
        if limits == own {
            return Ok(true);
        }
        Err(self.not_so(&format!("{own:?}"), limits).await)
    }

    /// Number of periods since its start in which the kernel has throttled the part.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn throttled_periods(&self) -> Result<u64, ClusterError> {
        let stats = self.statistics().await?;
        let throttling = stats.and_then(|stats| stats.cpu_stats?.throttling_data);
        Ok(throttling.and_then(|data| data.throttled_periods).unwrap_or_default())
    }

    /// Returns true if the kernel ended the part because it was out of memory, by the engine's record.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn was_out_of_memory(&self) -> Result<bool, ClusterError> {
        Ok(self.inspected_alone().await?.out_of_memory)
    }

    async fn statistics(&self) -> Result<Option<ContainerStatsResponse>, ClusterError> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let doing = format!("reading the statistics of {}", self.service());
        let container = self.container();
        let mut stats = Box::pin(self.engine().docker().stats(&container, Some(options)));
        stats.next().await.transpose().map_err(ClusterError::engine(doing))
    }

    async fn update(&self, doing: &str, body: ContainerUpdateBody) -> Result<Limits, ClusterError> {
        let doing = format!("{doing} {}", self.service());
        let updated = self.engine().docker().update_container(&self.container(), body).await;
        updated.map_err(ClusterError::engine(doing))?;
        Ok(self.inspected_alone().await?.limits)
    }

    async fn not_so(&self, awaited: &str, limits: Limits) -> ClusterError {
        self.late(awaited, std::time::Duration::ZERO, &format!("{limits:?}"))
            .await
    }

    /// Allows a part's process no descriptor beyond its open ones. Stricter than a limit that is reached: closing a descriptor
    /// makes no room. Returns the limit that the kernel reports.
    ///
    /// # Errors
    /// [`ClusterError::Process`] if the process is on another machine or another user's, or the kernel refuses.
    pub fn allow_no_more_descriptors(&self) -> Result<u64, ClusterError> {
        self.with_process("taking its descriptors", Pidfd::allow_no_more_descriptors)
    }

    /// Allows a part's process as many descriptors as before. Returns the limit that the kernel reports.
    ///
    /// # Errors
    /// As for [`PartHandle::allow_no_more_descriptors`].
    pub fn allow_descriptors_again(&self) -> Result<u64, ClusterError> {
        self.with_process("giving its descriptors back", Pidfd::allow_descriptors_again)
    }
}

/// The order that puts the limits that the engine has reported back to a user's own.
fn back_to(own: Limits, found: Limits) -> ContainerUpdateBody {
    let memory = (found.memory != own.memory).then(|| own.memory.unwrap_or(NO_MEMORY_LIMIT));
    let quota = (found.cpu_quota_us != own.cpu_quota_us).then(|| own.cpu_quota_us.unwrap_or(NO_QUOTA));
    ContainerUpdateBody {
        memory,
        // Not the engines' own value for no limit: they do not pass it on, and the kernel would refuse more memory than
        // memory and swap together.
        memory_swap: memory.map(|bytes| bytes.saturating_mul(2).min(NO_MEMORY_LIMIT)),
        cpu_period: quota.filter(|quota| *quota > 0).map(|_| CPU_PERIOD_US),
        cpu_quota: quota,
        ..ContainerUpdateBody::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_goes_back_to_the_users_own_and_to_none_where_there_was_none() {
        let fault = Limits {
            memory: Some(9 << 20),
            cpu_quota_us: Some(1000),
        };
        let none = back_to(Limits::default(), fault);
        assert_eq!(
            (none.memory, none.memory_swap),
            (Some(NO_MEMORY_LIMIT), Some(NO_MEMORY_LIMIT))
        );
        assert_eq!((none.cpu_quota, none.cpu_period), (Some(NO_QUOTA), None));
        let own = Limits {
            memory: Some(1 << 30),
            cpu_quota_us: Some(1000),
        };
        let back = back_to(own, fault);
        // As the engine itself does where only memory is limited.
        assert_eq!(
            (back.memory, back.memory_swap, back.cpu_quota),
            (Some(1 << 30), Some(2 << 30), None)
        );
    }
}
