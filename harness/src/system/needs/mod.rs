//! What a system can be judged by: capabilities derived from its description, never declared.
//!
//! A story, a fault and a promise each state what they need; [`available`] decides for all three, and [`Why`] names what is missing and the
//! key that would say it.

use std::fmt;
use std::time::Duration;

use crate::history::{self, Capability, Lack};

use super::file::System;
use super::judging::Profile;
use super::language::{Share, Timespan};
use super::parts::Role;
use super::stored::{OnDeath, OwnerMap, OwnerRule, RowKind, RowRule};
use super::stream::Says;
use super::talk::{Busy, Scope};

/// Something that a story, a fault or a promise needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// A capability of the system.
    Has(Capability),
    /// A bound of time that the system promises.
    Bound(history::Bound),
    /// A bound on the attempts of a turn.
    Attempts,
    /// A bound on the CPU of an idle pod.
    IdleCpu,
    /// A part of a role.
    Part(Role),
    /// A power of the driver that runs the system.
    Power(Power),
    /// So many pods.
    Pods(usize),
    /// The pods' own admin interface.
    Admin,
    /// A version that can be set and is reported.
    Version,
    /// A survivor that goes on with the turn of a dead owner.
    Survivor,
}

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

/// The missing thing, and the key that would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// What is missing, in words.
    pub missing: String,
    /// The key of the description that would say it, if one would.
    pub key: Option<String>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} ({key})", self.missing),
            None => f.write_str(&self.missing),
        }
    }
}

impl std::error::Error for Why {}

fn missing(missing: &str, key: &str) -> Why {
    Why {
        missing: missing.to_owned(),
        key: Some(key.to_owned()),
    }
}

/// Decides whether a system has all of what is needed.
///
/// # Errors
/// The first need that is not met.
pub fn available(needs: &[Need], played: Played<'_>) -> Result<(), Why> {
    needs.iter().try_for_each(|need| meets(*need, played))
}

fn meets(need: Need, played: Played<'_>) -> Result<(), Why> {
    let system = played.system;
    match need {
        Need::Has(capability) => has(system, capability),
        Need::Bound(bound) => bounded(bound, played),
        Need::Attempts | Need::IdleCpu => counted(need, played),
        Need::Part(role) => {
            let is_there = system.parts.iter().any(|(_, part)| part.role == role);
            held(is_there, &format!("no part is a {role}"), "[parts.SERVICE] role")
        }
        Need::Power(power) => {
            let why = Why {
                missing: format!("the driver cannot {}", power.words()),
                key: None,
            };
            played.powers.0.contains(&power).then_some(()).ok_or(why)
        }
        Need::Pods(number) => {
            let there = system.pods.names().len();
            let words = format!("{number} pods are needed, there are {there}");
            held(there >= number, &words, "pods.copies")
        }
        Need::Admin => held(
            system.pods.admin.is_some(),
            "pods have no admin interface",
            "pods.admin",
        ),
        Need::Version => held(
            system.pods.version.is_some(),
            "pods report no version",
            "[pods.version]",
        ),
        Need::Survivor => {
            let survives = system
                .owner
                .as_ref()
                .is_some_and(|owner| owner.on_death == OnDeath::Survivor);
            held(
                survives,
                "no survivor goes on with the turn of a dead owner",
                "owner.on_death",
            )
        }
    }
}

fn held(is_so: bool, words: &str, key: &str) -> Result<(), Why> {
    if is_so { Ok(()) } else { Err(missing(words, key)) }
}

impl Power {
    fn words(self) -> &'static str {
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

fn bounded(bound: history::Bound, played: Played<'_>) -> Result<(), Why> {
    let is_said = played.bounds(None).of(bound).is_some();
    let key = format!("profiles.NAME.bounds.{}", bound.name());
    held(is_said, &format!("no bound on {}", bound.name()), &key)
}

fn counted(need: Need, played: Played<'_>) -> Result<(), Why> {
    let bounds = played.bounds(None);
    let (is_said, name) = match need {
        Need::Attempts => (bounds.attempts.is_some(), "attempts"),
        _ => (bounds.idle_cpu_permille.is_some(), "idle_cpu"),
    };
    held(
        is_said,
        &format!("no bound on {name}"),
        &format!("profiles.NAME.bounds.{name}"),
    )
}

/// Decides whether a system has a capability.
///
/// # Errors
/// The missing thing, and the key that would say it.
pub fn has(system: &System, capability: Capability) -> Result<(), Why> {
    match capability {
        Capability::Threads
        | Capability::Serial
        | Capability::Queue
        | Capability::Idempotent
        | Capability::Cancel
        | Capability::Read
        | Capability::Questions => of_calls(system, capability),
        Capability::Cursor
        | Capability::Dense
        | Capability::Live
        | Capability::ThreadTail
        | Capability::Resync
        | Capability::FrameTurn
        | Capability::MessageIds
        | Capability::KnownKinds
        | Capability::StreamLog => of_streams(system, capability),
        Capability::Owner
        | Capability::Attempt
        | Capability::Epoch
        | Capability::EveryCommit
        | Capability::StoredText => of_stores(system, capability),
        Capability::Tenants
        | Capability::Revocation
        | Capability::ProviderJournal
        | Capability::Conversation
        | Capability::Feedback
        | Capability::Ready
        | Capability::Complaint
        | Capability::Gauges
        | Capability::Edge => of_the_rest(system, capability),
    }
}

fn of_calls(system: &System, capability: Capability) -> Result<(), Why> {
    let calls = &system.calls;
    let has_threads = calls.thread.is_some() || calls.turn.request.uses("thread");
    match capability {
        Capability::Threads => held(has_threads, "each turn stands alone", "[calls.thread]"),
        Capability::Serial => held(
            has_threads && calls.turn.busy != Some(Busy::Parallel),
            "a thread runs turns side by side",
            "calls.turn.busy",
        ),
        Capability::Queue => held(
            has_threads && calls.turn.busy == Some(Busy::Queues),
            "no turn waits for the one before it",
            "calls.turn.busy",
        ),
        Capability::Idempotent => held(
            calls.turn.idempotent,
            "no message id is promised",
            "calls.turn.idempotent",
        ),
        Capability::Cancel => held(calls.cancel.is_some(), "no turn can be stopped", "[calls.cancel]"),
        Capability::Read => held(calls.read.is_some(), "no answer can be read back", "[calls.read]"),
        _ => {
            let question = calls.read.as_ref().and_then(|read| read.question.as_ref());
            held(
                question.is_some(),
                "no question can be read back",
                "calls.read.question",
            )
        }
    }
}

fn of_streams(system: &System, capability: Capability) -> Result<(), Why> {
    let attach = system.calls.attach.as_ref();
    let stream = &system.stream;
    let says = |says: Says| stream.frames.iter().filter(move |rule| rule.says == says);
    match capability {
        Capability::Cursor => {
            let resumes = attach.is_some_and(|attach| !attach.resume.is_empty());
            held(
                resumes && stream.cursor.is_some(),
                "no tail can be resumed",
                "calls.attach.resume and [stream.cursor]",
            )
        }
        Capability::Dense => {
            let is_dense = stream.cursor.as_ref().is_some_and(|cursor| cursor.dense);
            held(is_dense, "cursors may leave numbers out", "stream.cursor.dense")
        }
        Capability::Live => held(
            attach.is_some_and(|attach| attach.live.is_some()),
            "no tail shows only what comes",
            "calls.attach.live",
        ),
        Capability::ThreadTail => held(
            attach.is_some_and(|attach| attach.scope() == Scope::Thread),
            "a tail shows one turn",
            "calls.attach without {turn}",
        ),
        Capability::Resync => held(
            says(Says::Resync).next().is_some(),
            "no frame tells a client to start over",
            "stream.frames is = \"resync\"",
        ),
        Capability::FrameTurn => {
            let names = says(Says::Start)
                .chain(says(Says::Text))
                .any(|rule| rule.turn.is_some());
            held(names, "no frame names its turn", "stream.frames turn")
        }
        Capability::MessageIds => held(
            says(Says::Start).any(|rule| rule.message.is_some()),
            "no start names the message that a client shows",
            "stream.frames message",
        ),
        Capability::KnownKinds => held(
            stream.complete,
            "unknown kinds of frames are passed over",
            "stream.complete",
        ),
        _ => held(system.log.is_some(), "no log carries the frames", "[log]"),
    }
}

fn of_stores(system: &System, capability: Capability) -> Result<(), Why> {
    let any = |has: fn(&RowRule) -> bool| system.rows.iter().any(has);
    let is_poster = system
        .owner
        .as_ref()
        .is_some_and(|owner| owner.map() == OwnerMap::Poster);
    match capability {
        Capability::Owner => held(
            system.owner.is_some() && (is_poster || any(|row| row.owner.is_some())),
            "the owner of a turn cannot be read",
            "[owner] and [[rows]] owner",
        ),
        Capability::Attempt => held(
            any(|row| row.attempt.is_some()),
            "claims change no value beside the owner: they are counted",
            "[[rows]] attempt",
        ),
        Capability::Epoch => held(
            any(|row| row.epoch.is_some()),
            "no epoch rises over a thread",
            "[[rows]] epoch",
        ),
        Capability::EveryCommit => held(!system.rows.is_empty(), "no table is followed", "[[rows]]"),
        _ => held(
            any(|row| row.is == RowKind::Part || (row.is == RowKind::Turn && row.text.is_some())),
            "stored text is what pods read back: no row holds it",
            "[[rows]] is = \"part\"",
        ),
    }
}

fn of_the_rest(system: &System, capability: Capability) -> Result<(), Why> {
    let auth = system.auth.as_ref();
    let has_role = |role| system.parts.iter().any(|(_, part)| part.role == role);
    match capability {
        Capability::Tenants => held(
            auth.is_some_and(|auth| auth.accounts.stranger.is_some()),
            "no second account",
            "auth.accounts.stranger",
        ),
        Capability::Revocation => held(
            auth.is_some_and(|auth| auth.revoke.is_some()),
            "no sign-in can be ended",
            "auth.revoke",
        ),
        Capability::ProviderJournal => Ok(()),
        Capability::Conversation => held(
            system.provider.conversation,
            "the model is not shown the thread's earlier turns",
            "provider.conversation",
        ),
        Capability::Feedback => held(system.feedback.is_some(), "no feedback is taken", "[feedback]"),
        Capability::Ready => held(
            system.pods.ready.is_some(),
            "no pod says that it can serve",
            "pods.ready",
        ),
        Capability::Complaint => held(
            system.pods.complaint.is_some(),
            "no log line is known as a complaint",
            "pods.complaint",
        ),
        Capability::Gauges => {
            let gauges = system.metrics.as_ref().map(|metrics| &metrics.gone_at_the_end);
            held(
                gauges.is_some_and(|gauges| !gauges.is_empty()),
                "no gauge counts what is open",
                "metrics.gone_at_the_end",
            )
        }
        _ => held(
            has_role(Role::Edge),
            "clients reach the pods directly",
            "[parts.SERVICE] role = \"edge\"",
        ),
    }
}

/// Every capability, in its order.
const EVERY: [Capability; 30] = [
    Capability::Threads,
    Capability::Serial,
    Capability::Queue,
    Capability::Idempotent,
    Capability::Cancel,
    Capability::Read,
    Capability::Questions,
    Capability::Cursor,
    Capability::Dense,
    Capability::Live,
    Capability::ThreadTail,
    Capability::Resync,
    Capability::FrameTurn,
    Capability::MessageIds,
    Capability::KnownKinds,
    Capability::StreamLog,
    Capability::Owner,
    Capability::Attempt,
    Capability::Epoch,
    Capability::EveryCommit,
    Capability::StoredText,
    Capability::Tenants,
    Capability::Revocation,
    Capability::ProviderJournal,
    Capability::Conversation,
    Capability::Feedback,
    Capability::Ready,
    Capability::Complaint,
    Capability::Gauges,
    Capability::Edge,
];

impl System {
    /// What the system can be judged by, and what it lacks with the reason, both in the order of [`Capability`].
    pub fn capabilities(&self) -> (Vec<Capability>, Vec<Lack>) {
        let mut there = Vec::new();
        let mut lacks = Vec::new();
        for capability in EVERY {
            match has(self, capability) {
                Ok(()) => there.push(capability),
                Err(why) => lacks.push(Lack {
                    capability,
                    why: why.to_string(),
                }),
            }
        }
        (there, lacks)
    }

    /// The rules that promises go by. Pods that Compose starts again are known once the compose file is resolved.
    pub fn rules(&self) -> history::Rules {
        let on_death = |owner: &OwnerRule| match owner.on_death {
            OnDeath::Survivor => history::OnDeath::Survivor,
            OnDeath::Restart => history::OnDeath::Restart,
            OnDeath::Fails => history::OnDeath::Fails,
            OnDeath::Nothing => history::OnDeath::Nothing,
        };
        history::Rules {
            client_retries: self.provider.client_retries,
            on_death: self.owner.as_ref().map(on_death),
            owner_is_kept: self.owner.as_ref().is_some_and(|owner| owner.kept),
            copies: self.pods.copies.get().try_into().unwrap_or(1),
            ready_needs: Some(self.pods.ready_needs.clone()),
            restarted: Vec::new(),
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

#[cfg(test)]
mod tests;
