//! What a part may use of its machine: memory and processor time, through the engine; descriptors, through the kernel.
//!
//! All of it is in force until it is lifted, beyond the end of whoever set it. Lifting is therefore part of putting a part
//! right and of each start, by what engine and kernel say, not by what this process remembers.

use bollard::models::{ContainerStatsResponse, ContainerUpdateBody, HostConfig};
use bollard::query_parameters::StatsOptionsBuilder;
use futures_util::StreamExt;

use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::error::ClusterError;

/// The span in which a quota of processor time is spent, in microseconds: the kernel's own default.
const CPU_PERIOD_US: i64 = 100_000;
/// How engines say that a quota is lifted; zero would leave it as it is.
const NO_QUOTA: i64 = -1;
/// The kernel's word for as much memory as there is: the largest multiple of a page.
const NO_MEMORY_LIMIT: i64 = i64::MAX - 4095;
/// The least memory that engines let a container have, in bytes.
const MEMORY_MIN: i64 = 6 * 1024 * 1024;

/// What a part may have beyond what it holds, in bytes: what that is changes while the limit is set.
const MEMORY_MARGIN: i64 = 64 * 1024;
/// How often a limit is tried while what the part holds changes.
const MEMORY_TRIES: u32 = 6;

/// What the engine holds a container to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Limits {
    /// Bytes of memory, where they are limited.
    memory: Option<i64>,
    /// Microseconds of processor time in each period, where they are limited.
    cpu_quota_us: Option<i64>,
}

impl Limits {
    pub(in crate::cluster) fn of(host: &HostConfig) -> Self {
        let set = |value: Option<i64>| value.filter(|value| *value > 0);
        Self {
            memory: set(host.memory).filter(|bytes| *bytes < NO_MEMORY_LIMIT),
            cpu_quota_us: set(host.cpu_quota),
        }
    }

    fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl PartHandle {
    /// Leaves a part no more memory than it holds, or the least that engines allow where it holds less, and a little. Says how
    /// many bytes it has.
    ///
    /// # Errors
    /// The engine refuses, as where what the part holds grows from one try to the next.
    pub async fn limit_memory(&self) -> Result<i64, ClusterError> {
        let mut tries = 0;
        let limits = loop {
            // Less, and the kernel would take from the part its program's own pages again and again, and it would not even die.
            let bytes = MEMORY_MIN.max(self.memory_held().await?) + MEMORY_MARGIN;
            let body = ContainerUpdateBody {
                memory: Some(bytes),
                memory_swap: Some(bytes),
                ..ContainerUpdateBody::default()
            };
            tries += 1;
            match self.update("limiting the memory of", body).await {
                Ok(limits) => break limits,
                // The kernel may refuse a limit below what is held; elsewhere it ends the process at once.
                Err(ClusterError::Engine { .. }) if tries < MEMORY_TRIES => {}
                Err(refused) => return Err(refused),
            }
        };
        match limits.memory {
            Some(bytes) => Ok(bytes),
            None => Err(self.not_so("a limit of its memory", limits).await),
        }
    }

    /// Bytes that a part holds now.
    async fn memory_held(&self) -> Result<i64, ClusterError> {
        let held = self.statistics().await?.and_then(|stats| stats.memory_stats?.usage);
        Ok(held.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or_default())
    }

    /// Leaves a part so many hundredths of one processor, at least one.
    ///
    /// # Errors
    /// The engine refuses, or does not say that it is so.
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

    /// Lifts what the engine holds a part to, if anything. Returns once the engine says that it is so; whether there was
    /// anything.
    ///
    /// # Errors
    /// The engine refuses, or says otherwise.
    pub async fn lift_limits(&self) -> Result<bool, ClusterError> {
        let found = self.inspected_alone().await?.limits;
        self.lift(found).await
    }

    /// The same, of what the engine has just been found to hold it to.
    pub(in crate::cluster) async fn lift(&self, found: Limits) -> Result<bool, ClusterError> {
        if found.is_none() {
            return Ok(false);
        }
        let body = ContainerUpdateBody {
            memory: found.memory.map(|_| NO_MEMORY_LIMIT),
            // Not the engines' own word for no limit, which they do not pass on: the kernel would then refuse more memory than
            // memory and swap together.
            memory_swap: found.memory.map(|_| NO_MEMORY_LIMIT),
            cpu_quota: found.cpu_quota_us.map(|_| NO_QUOTA),
            ..ContainerUpdateBody::default()
        };
        let limits = self.update("lifting the limits of", body).await?;
        if limits.is_none() {
            return Ok(true);
        }
        Err(self.not_so("no limit", limits).await)
    }

    /// In how many periods the kernel has kept the part from running because its quota was spent, since its start.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn throttled_periods(&self) -> Result<u64, ClusterError> {
        let stats = self.statistics().await?;
        let throttling = stats.and_then(|stats| stats.cpu_stats?.throttling_data);
        Ok(throttling.and_then(|data| data.throttled_periods).unwrap_or_default())
    }

    /// Whether the engine says of a part that has ended that the kernel ended it for want of memory.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn was_out_of_memory(&self) -> Result<bool, ClusterError> {
        Ok(self.inspected_alone().await?.out_of_memory)
    }

    async fn statistics(&self) -> Result<Option<ContainerStatsResponse>, ClusterError> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let doing = format!("reading the statistics of {}", self.service());
        let container = self.container();
        let mut told = Box::pin(self.engine().docker().stats(&container, Some(options)));
        told.next().await.transpose().map_err(ClusterError::engine(doing))
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lifted_and_what_was_never_set_is_no_limit() {
        let host = |memory, cpu_quota| {
            Limits::of(&HostConfig {
                memory,
                cpu_quota,
                ..HostConfig::default()
            })
        };
        assert!(host(None, None).is_none());
        assert!(host(Some(0), Some(0)).is_none());
        assert!(host(Some(NO_MEMORY_LIMIT), Some(NO_QUOTA)).is_none());
        let limited = host(Some(MEMORY_MIN), Some(1000));
        assert_eq!((limited.memory, limited.cpu_quota_us), (Some(MEMORY_MIN), Some(1000)));
    }
}
