//! The cast: everything that a story can say.
//!
//! Stories drive and promises judge, so nothing here asserts. A wait that runs out ends the play and names what was awaited.
//! [`Cast`] holds the actors of one play; each file beside it holds one kind of sentence.

pub(in crate::run) mod answer_tails;
pub(in crate::run) mod clients;
pub(in crate::run) mod credentials;
pub(in crate::run) mod edge;
pub(in crate::run) mod faults;
pub(in crate::run) mod feedback;
pub(in crate::run) mod last_seen;
pub(in crate::run) mod posts;
pub(in crate::run) mod probes;
pub(in crate::run) mod promised;
pub(in crate::run) mod provider;
pub(in crate::run) mod turn;
pub(in crate::run) mod waits;
pub(in crate::run) mod watchers;

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::RwLock;

use super::leftovers::Counts;
use super::slot::Slot;
use crate::history::writer::Recorder;
use crate::history::{FeedbackId, PodName, RunEvent, SessionNo, ThreadId, WatcherId};
use crate::nemesis::{Aim, Nemesis};
use crate::plan::{Manner, Plan, Pod};
use crate::workload::{Attach, EdgeClient, EventSource, Session, Tail, TailFrom, Way};
use answer_tails::AnswerTails;
use last_seen::LastSeen;
use turn::{Account, Turn};

/// The sessions of a play, by their numbers in the history.
const FIRST_SESSION: SessionNo = SessionNo(NonZeroU8::MIN);
pub(in crate::run) const READER_SESSION: SessionNo = SessionNo(NonZeroU8::MIN.saturating_add(1));
const STRANGER_SESSION: SessionNo = SessionNo(NonZeroU8::MIN.saturating_add(2));

/// The actors and props of one play.
pub struct Cast {
    pub(in crate::run) slot: Arc<Slot>,
    pub(in crate::run) plan: Plan,
    pub(in crate::run) recorder: Recorder,
    pub(in crate::run) nemesis: Nemesis,
    pub(in crate::run) session: Session,
    /// A second session of the same tenant, which no story revokes: the final state is read with it.
    pub(in crate::run) reader: Session,
    /// Another tenant, in good standing, who is owed nothing.
    pub(in crate::run) stranger: Session,
    pub(in crate::run) revoked: bool,
    pub(in crate::run) thread: ThreadId,
    /// Further threads of the story, each with its tenant's account.
    pub(in crate::run) others: Vec<(ThreadId, Account)>,
    pub(in crate::run) turns: Vec<Turn>,
    /// Feedback that was given, and whether it was acknowledged.
    pub(in crate::run) feedback: Vec<(FeedbackId, bool)>,
    pub(in crate::run) tails: Vec<Arc<Tail>>,
    /// Clients that keep a stream open by themselves.
    pub(in crate::run) sources: Vec<EventSource>,
    /// Tails that are the answers to messages.
    pub(in crate::run) answers: AnswerTails,
    pub(in crate::run) last_seen: LastSeen,
    /// Makes keys and message ids of this play unlike those of any other on the same cluster.
    pub(in crate::run) nonce: String,
    pub(in crate::run) messages: u32,
    pub(in crate::run) ops: u32,
    pub(in crate::run) watchers: u32,
    /// The way of the story's own user, while it leads through the edge.
    pub(in crate::run) door: Option<Way>,
    /// Clients of the edge: one that is started again listens elsewhere.
    pub(in crate::run) edge_clients: Vec<EdgeClient>,
    /// How often each pod had stepped down before the play; nothing of one that was started since.
    pub(in crate::run) superseded_before: BTreeMap<PodName, u64>,
    /// The count before the play of each thing that can be left.
    pub(in crate::run) counted_before: Counts,
    /// Held for reading by each visit of a background watcher, and for writing by a story that nobody may disturb.
    pub(in crate::run) visits: Arc<RwLock<()>>,
    /// When each terminated pod got SIGTERM.
    pub(in crate::run) stopping_since: Vec<(PodName, Instant)>,
}

impl Cast {
    /// The pod that plays a role.
    pub fn pod(&self, role: Pod) -> PodName {
        self.plan.pod(role).clone()
    }

    /// All pods, in the order of their roles.
    pub fn pods(&self) -> Vec<PodName> {
        self.plan.pods.clone()
    }

    /// The pods that are not `owner`, in the order of their roles.
    pub fn survivors_of(&self, owner: &Aim) -> Vec<PodName> {
        self.plan.pods.iter().filter(|p| **p != owner.owner).cloned().collect()
    }

    /// The first pod that is not `owner`.
    pub fn survivor_of(&self, owner: &Aim) -> PodName {
        self.survivors_of(owner).swap_remove(0)
    }

    /// The thread that the play's turns go to.
    pub fn thread(&self) -> &ThreadId {
        &self.thread
    }
    pub(in crate::run) fn whose(&self, thread: &ThreadId) -> Account {
        self.others
            .iter()
            .find(|(id, _)| id == thread)
            .map_or(Account::Own, |(_, whose)| *whose)
    }

    /// An order to watch a turn from its start, for the newest watcher.
    pub(in crate::run) fn attach_order(&self, way: &Way, turn: &Turn, role: &str) -> Attach {
        Attach {
            watcher: WatcherId(self.watchers),
            pod: way.asked.clone(),
            at: way.at,
            session: self.session_of(self.whose(&turn.thread)).clone(),
            session_no: self.session_no_of(self.whose(&turn.thread)),
            thread: turn.thread.clone(),
            turn: Some(turn.id.clone()),
            from: TailFrom::Start,
            role: role.to_owned(),
            patience: None,
            manner: Manner::Eager,
        }
    }

    /// The session that a thread's own tenant uses.
    pub(in crate::run) fn session_of(&self, whose: Account) -> &Session {
        match whose {
            Account::Own if self.revoked => &self.reader,
            Account::Own => &self.session,
            Account::Stranger => &self.stranger,
        }
    }

    fn session_no_of(&self, whose: Account) -> SessionNo {
        match whose {
            Account::Own if self.revoked => READER_SESSION,
            Account::Own => FIRST_SESSION,
            Account::Stranger => STRANGER_SESSION,
        }
    }

    /// A session that is good, and not for a thread of theirs.
    pub(in crate::run) fn strangers_session(&self, whose: Account) -> &Session {
        match whose {
            Account::Own => &self.stranger,
            Account::Stranger => &self.reader,
        }
    }
    /// States whether a mark was reached without which a pass would mean nothing.
    pub fn evidence(&self, mark: &str, reached: bool) {
        self.recorder.record(RunEvent::Evidence {
            mark: mark.to_owned(),
            reached,
        });
    }
}
