//! Capabilities, derived from a description.

use crate::history::{self, Capability, Lack};

use super::why::{Why, held};
use crate::system::file::System;
use crate::system::parts::Edge;
use crate::system::stored::{OnDeath, OwnerMap, OwnerRule, RowKind, RowRule};
use crate::system::stream::Says;
use crate::system::talk::{Busy, Scope, StoppedAs, TooLarge};

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
        | Capability::BodyLimit
        | Capability::Cancel
        | Capability::Read
        | Capability::Questions => of_calls(system, capability),
        Capability::Cursor
        | Capability::Dense
        | Capability::Live
        | Capability::ThreadTail
        | Capability::SkipsFinished
        | Capability::Resync
        | Capability::Handover
        | Capability::FrameTurn
        | Capability::MessageIds
        | Capability::KnownKinds
        | Capability::TextsClosed
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
        | Capability::Edge
        | Capability::ColdStart => of_the_rest(system, capability),
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
        Capability::BodyLimit => held(
            calls.turn.too_large.is_some(),
            "nothing is said about messages that are too large",
            "calls.turn.too_large",
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
        Capability::SkipsFinished => held(
            attach.is_some_and(|attach| attach.scope() == Scope::Thread && attach.skips_finished),
            "a tail may begin with turns that were over",
            "calls.attach.skips_finished",
        ),
        Capability::Resync => held(
            says(Says::Resync).next().is_some(),
            "no frame tells a client to start over",
            "stream.frames is = \"resync\"",
        ),
        Capability::Handover => held(
            says(Says::Handover).next().is_some(),
            "no frame tells a client that the pod goes while its turn goes on",
            "stream.frames is = \"handover\"",
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
        Capability::TextsClosed => held(
            stream.texts().is_some(),
            "no frame closes a text",
            "stream.opens and stream.closes",
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
            any(|row| row.is == RowKind::Part),
            "stored text is what pods read back: no row holds it",
            "[[rows]] is = \"part\"",
        ),
    }
}

fn of_the_rest(system: &System, capability: Capability) -> Result<(), Why> {
    let auth = system.auth.as_ref();
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
        Capability::Edge => held(
            system.edge.is_some() && system.pods.answered_by.is_some(),
            "clients reach the pods directly",
            "[edge] and pods.answered_by",
        ),
        _ => {
            let is_said = |edge: &Edge| edge.cold_start.is_some() && edge.lifetime.is_some();
            held(
                system.edge.as_ref().is_some_and(is_said),
                "no answer says that its session was built, or for how long one is kept is not known",
                "edge.cold_start and edge.lifetime",
            )
        }
    }
}

impl System {
    /// The capabilities by which the system can be judged, and those that it lacks with the reason, both in the order of [`Capability`].
    pub fn capabilities(&self) -> (Vec<Capability>, Vec<Lack>) {
        let mut there = Vec::new();
        let mut lacks = Vec::new();
        for capability in Capability::ALL {
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
            stopped_is_completed: self
                .calls
                .cancel
                .as_ref()
                .is_some_and(|cancel| cancel.ends_as == StoppedAs::Completed),
            takes_odd_answers: self.provider.lenient,
            body_limit: self.calls.turn.too_large.as_ref().map(TooLarge::limit),
            texts: self.stream.texts(),
            copies: self.pods.copies.get().try_into().unwrap_or(1),
            ready_needs: Some(self.pods.ready_needs.clone()),
            restarted: Vec::new(),
            edge: self.edge.as_ref().map(Edge::rules),
        }
    }
}
