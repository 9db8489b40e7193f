//! Needs of stories, faults and promises, and whether a system meets them.

use std::fmt;

use crate::history::{self, Capability};

use super::capabilities::has;
use super::played::{Played, Power};
use super::why::{Why, held};
use crate::system::file::System;
use crate::system::judging::Feedback;
use crate::system::parts::{Affinity, Entry, Role};
use crate::system::stored::{OnDeath, RowKind};

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
    /// Somebody who goes on with the turn of a dead owner: a survivor, or the owner itself once it is started again.
    Resumes,
    /// An end of the turn of a dead owner that is not started again: a survivor goes on with it, or it fails.
    Ends,
    /// Rows that say where a turn stands.
    Status,
    /// A tail that can be attached to a turn or thread.
    Attach,
    /// A part of this role without which no pod may say that it can serve.
    ReadyNeeds(Role),
    /// A stream log that a part of this role keeps.
    LogIn(Role),
    /// A volume of a pod that keeps what is acknowledged and not stored, and the pod's words about it.
    Spool,
    /// A volume of bounded size, of a pod or of a part.
    Volume,
    /// A volume of bounded size on which a part of this role stores its data.
    VolumeOf(Role),
    /// Pods that may all boot at the same moment, on an empty database too.
    BootsTogether,
    /// An acknowledgement of a message that waits for the turn before it.
    AcceptsWaiting,
    /// An entry of the edge that pins clients by this.
    PinsBy(Affinity),
    /// An entry of the edge that only leads to another one.
    Redirects,
    /// A lifetime of the cookie that pins a client.
    CookieLifetime,
    /// An edge that can be told to pin nobody.
    Unpins,
    /// A release that can be started beside the pods.
    Candidate,
    /// Answers that say how long their session took to be built.
    ColdStart,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Has(capability) => f.write_str(&word(*capability)),
            Self::Bound(bound) => write!(f, "bounds.{}", bound.name()),
            Self::Attempts => f.write_str("bounds.attempts"),
            Self::IdleCpu => f.write_str("bounds.idle_cpu"),
            Self::Part(role) => write!(f, "part {role}"),
            Self::Power(power) => f.write_str(power.name()),
            Self::Pods(number) => write!(f, "{number} pods"),
            Self::Admin => f.write_str("admin"),
            Self::Version => f.write_str("version"),
            Self::Survivor => f.write_str("survivor"),
            Self::Resumes => f.write_str("survivor or restart"),
            Self::Ends => f.write_str("survivor or failure"),
            Self::Status => f.write_str("status"),
            Self::Attach => f.write_str("attach"),
            Self::ReadyNeeds(role) => write!(f, "ready needs {role}"),
            Self::LogIn(role) => write!(f, "log in {role}"),
            Self::Spool => f.write_str("spool"),
            Self::Volume => f.write_str("volume"),
            Self::VolumeOf(role) => write!(f, "volume of {role}"),
            Self::BootsTogether => f.write_str("boots together"),
            Self::AcceptsWaiting => f.write_str("accepts what waits"),
            Self::PinsBy(affinity) => write!(f, "pins by {}", affinity.word()),
            Self::Redirects => f.write_str("redirects"),
            Self::CookieLifetime => f.write_str("cookie lifetime"),
            Self::Unpins => f.write_str("pins nobody"),
            Self::Candidate => f.write_str("candidate"),
            Self::ColdStart => f.write_str("cold start"),
        }
    }
}

/// A capability's name in histories.
fn word(capability: Capability) -> String {
    let word = serde_json::to_value(capability).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str);
    word.expect("a capability is written as a word").to_owned()
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
            held(
                is_there,
                &format!("no part has role \"{role}\""),
                "[parts.SERVICE] role",
            )
        }
        Need::Power(power) => powered(power, played),
        Need::Pods(number) => {
            let there = system.pods.names().len();
            let words = format!("{number} pods are needed, there are {there}");
            held(there >= number, &words, "pods.copies")
        }
        Need::Admin | Need::Version => of_pods(need, system),
        Need::Survivor | Need::Resumes | Need::Ends => of_owners(need, system),
        Need::Status => {
            let mut turns = system.rows.iter().filter(|row| row.is == RowKind::Turn);
            let is_said = turns.any(|row| row.status.is_some());
            held(
                is_said,
                "no row says where a turn stands",
                "[[rows]] is = \"turn\", status",
            )
        }
        Need::Attach => held(
            system.calls.attach.is_some(),
            "no tail can be attached",
            "[calls.attach]",
        ),
        Need::ReadyNeeds(role) => ready_needs(role, system),
        Need::LogIn(role) => {
            let log = system.log.as_ref();
            let is_so = log.is_some_and(|log| is(&log.part, role, system));
            held(
                is_so,
                &format!("no part of role \"{role}\" keeps the stream log"),
                "log.part",
            )
        }
        Need::Spool => spooled(system),
        Need::Volume | Need::VolumeOf(_) => bounded_volume(need, system),
        Need::BootsTogether => held(
            !system.pods.first_alone,
            "on an empty database one pod boots before the others",
            "pods.first_alone",
        ),
        Need::AcceptsWaiting => held(
            !system.calls.turn.streams,
            "a message that waits is acknowledged with the first event of its answer",
            "calls.turn.streams",
        ),
        Need::PinsBy(_) | Need::Redirects | Need::CookieLifetime | Need::Unpins | Need::Candidate | Need::ColdStart => {
            of_the_edge(need, system)
        }
    }
}

fn of_pods(need: Need, system: &System) -> Result<(), Why> {
    let pods = &system.pods;
    match need {
        Need::Admin => held(pods.admin.is_some(), "pods have no admin interface", "pods.admin"),
        _ => held(pods.version.is_some(), "pods report no version", "[pods.version]"),
    }
}

fn of_the_edge(need: Need, system: &System) -> Result<(), Why> {
    has(system, Capability::Edge)?;
    let Some(edge) = &system.edge else { return Ok(()) };
    let entry = |is_so: &dyn Fn(&Entry) -> bool| edge.entries.iter().any(|(_, entry)| is_so(entry));
    let (is_so, words, key) = match need {
        Need::PinsBy(affinity) => (
            entry(&|entry| entry.affinity == affinity && !entry.redirects),
            "no entry of the edge pins clients so",
            "edge.entries.NAME.affinity",
        ),
        Need::Redirects => (
            entry(&|entry| entry.redirects),
            "no entry of the edge leads to another one",
            "edge.entries.NAME.redirects",
        ),
        Need::CookieLifetime => (
            edge.lifetime.is_some(),
            "no lifetime of a cookie is said",
            "edge.lifetime",
        ),
        Need::Unpins => (
            edge.unpinned.is_some(),
            "the edge cannot be told to pin nobody",
            "edge.unpinned",
        ),
        Need::Candidate => (
            edge.candidate.is_some(),
            "no release can be started beside the pods",
            "[edge.candidate]",
        ),
        _ => (
            edge.cold_start.is_some(),
            "no answer says how long its session took to be built",
            "edge.cold_start",
        ),
    };
    held(is_so, words, key)
}

/// True if the part of that name has a role.
fn is(part: &str, role: Role, system: &System) -> bool {
    system.parts.get(part).is_some_and(|part| part.role == role)
}

fn powered(power: Power, played: Played<'_>) -> Result<(), Why> {
    let why = Why {
        missing: format!("the driver cannot {}", power.words()),
        key: None,
    };
    played.powers.0.contains(&power).then_some(()).ok_or(why)
}

fn ready_needs(role: Role, system: &System) -> Result<(), Why> {
    let pods = &system.pods;
    let is_so = pods.ready.is_some() && pods.ready_needs.iter().any(|part| is(part, role, system));
    let words = format!("pods do not say whether they can serve without a part of role \"{role}\"");
    held(is_so, &words, "pods.ready and pods.ready_needs")
}

fn of_owners(need: Need, system: &System) -> Result<(), Why> {
    let on_death = system.owner.as_ref().map(|owner| owner.on_death);
    let (enough, words): (&[OnDeath], &str) = match need {
        Need::Survivor => (
            &[OnDeath::Survivor],
            "no survivor goes on with the turn of a dead owner",
        ),
        Need::Resumes => (
            &[OnDeath::Survivor, OnDeath::Restart],
            "nobody goes on with the turn of a dead owner",
        ),
        _ => (
            &[OnDeath::Survivor, OnDeath::Fails],
            "the turn of a dead owner does not come to an end",
        ),
    };
    let is_so = on_death.is_some_and(|on_death| enough.contains(&on_death));
    held(is_so, words, "owner.on_death")
}

fn spooled(system: &System) -> Result<(), Why> {
    has(system, Capability::Feedback)?;
    let said = |key: fn(&Feedback) -> bool| system.feedback.as_ref().is_some_and(key);
    held(
        said(|feedback| feedback.spool.is_some()),
        "no volume of a pod keeps feedback",
        "feedback.spool",
    )?;
    held(
        said(|feedback| feedback.spooled.is_some()),
        "no gauge counts the feedback that a pod keeps",
        "feedback.spooled",
    )?;
    held(
        said(|feedback| feedback.no_room.is_some()),
        "a refusal for want of room is not known",
        "feedback.no_room",
    )
}

fn bounded_volume(need: Need, system: &System) -> Result<(), Why> {
    let mut parts = system.parts.iter().filter(|(_, part)| part.volume.is_some());
    let is_of_pod = system
        .feedback
        .as_ref()
        .is_some_and(|feedback| feedback.spool.is_some());
    match need {
        Need::VolumeOf(role) => held(
            parts.any(|(_, part)| part.role == role),
            &format!("no part of role \"{role}\" says its volume of bounded size"),
            "parts.SERVICE.volume",
        ),
        _ => held(
            is_of_pod || parts.next().is_some(),
            "neither a pod nor a part says its volume of bounded size",
            "feedback.spool or parts.SERVICE.volume",
        ),
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
