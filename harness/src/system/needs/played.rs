//! A system as it is played: with a profile, by a driver.

use std::time::Duration;

use crate::history::{self, Capability};

use super::capabilities::has;
use crate::system::file::System;
use crate::system::judging::Profile;
use crate::system::language::{Share, Timespan};

/// A power of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Power {
    /// It freezes and thaws a part.
    Freeze,
    /// It proves a death.
    ProofOfDeath,
    /// It limits memory and CPU.
    Limits,
    /// It limits descriptors.
    Descriptors,
    /// It empties and fills volumes.
    Volumes,
    /// It replaces a pod by another version.
    Replace,
    /// It measures CPU.
    CpuStats,
}

/// The powers of a driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriverPowers(pub Vec<Power>);

/// A system as it is played: with a profile, by a driver.
#[derive(Debug, Clone, Copy)]
pub struct Played<'s> {
    /// The system, as its design has it.
    pub system: &'s System,
    /// The timings, if the description has any.
    pub profile: Option<&'s Profile>,
    /// The powers of the driver.
    pub powers: &'s DriverPowers,
}

impl Power {
    /// Its name for users.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Freeze => "FREEZE",
            Self::ProofOfDeath => "PROOF_OF_DEATH",
            Self::Limits => "LIMITS",
            Self::Descriptors => "DESCRIPTORS",
            Self::Volumes => "VOLUMES",
            Self::Replace => "REPLACE",
            Self::CpuStats => "CPU_STATS",
        }
    }

    /// The work that a driver without it cannot do.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Freeze => "freeze a part",
            Self::ProofOfDeath => "prove a death",
            Self::Limits => "limit memory and CPU",
            Self::Descriptors => "limit descriptors",
            Self::Volumes => "empty or fill a volume",
            Self::Replace => "replace a pod by another version",
            Self::CpuStats => "measure CPU",
        }
    }
}

impl Played<'_> {
    /// The bounds that a history is judged by. `grace` is what the compose file lets a pod stop in, if it says so.
    pub fn bounds(&self, grace: Option<Duration>) -> history::Bounds {
        let Some(profile) = self.profile else {
            return history::Bounds::default();
        };
        let ms = |span: Timespan| u64::try_from(span.get().as_millis()).unwrap_or(u64::MAX);
        let said = &profile.bounds;
        let derived = said.derived(grace);
        let can_revoke = has(self.system, Capability::Revocation).is_ok();
        history::Bounds {
            lease_ms: said.lease.map(ms),
            takeover_ms: said.takeover.map(ms),
            pickup_ms: said.pickup.map(ms),
            progress_ms: said.progress.map(ms),
            turn_ms: said.turn.map(ms),
            drain_ms: Some(ms(derived.drain.get())),
            terminal_ms: Some(ms(derived.terminal.get())),
            shown_ms: said.shown.map(ms),
            stored_ms: said.stored.map(ms),
            revocation_ms: can_revoke.then(|| ms(derived.revocation.get())),
            silence_ms: said.silence.map(ms),
            attempts: said.attempts.and_then(|attempts| attempts.get().try_into().ok()),
            idle_cpu_permille: said.idle_cpu.map(permille),
        }
    }
}

/// A share in thousandths.
fn permille(share: Share) -> u32 {
    let thousandths = (share.percent() * 10.0).round() as i64;
    thousandths.try_into().unwrap_or(u32::MAX)
}
