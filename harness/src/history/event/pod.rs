//! Events of pods: answers to questions, looks at their processes, and lines of their logs.

use serde::{Deserialize, Serialize};

use crate::history::{PodName, ReadAnswer, ReadQuestion, Status, ThreadId, TurnId};

/// An answer of a pod, a count on it, a look at its process, or a line of its log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PodEvent {
    /// A thread, or one turn of it, read through a pod's API.
    ThreadRead {
        /// Pod asked.
        pod: PodName,
        /// Thread asked for.
        thread: ThreadId,
        /// The turn asked for, if the API returns one turn at a time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        /// Status of the thread as the pod tells it, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Status>,
        /// The user's messages, oldest first. `None` if the API does not return them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        questions: Option<Box<[ReadQuestion]>>,
        /// The answers it holds, oldest first.
        answers: Vec<ReadAnswer>,
    },
    /// The status of one turn, read through a pod's API.
    StatusRead {
        /// Pod asked.
        pod: PodName,
        /// Thread of the turn.
        thread: ThreadId,
        /// Turn asked for.
        turn: TurnId,
        /// Its status, by the pod's word.
        status: Status,
        /// The error that a user is shown, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// How many pieces of feedback of the play's tenant are stored, by a pod's word.
    FeedbackCounted {
        /// Pod asked.
        pod: PodName,
        /// Its answer.
        count: u64,
    },
    /// A pod was asked whether it can serve.
    ReadyPolled {
        /// The pod.
        pod: PodName,
        /// True if it said that it can.
        ready: bool,
        /// HTTP status of the answer; none where there was none.
        status: Option<u16>,
        /// First bytes of the answer's body, or what was seen instead of an answer.
        detail: String,
    },
    /// A small piece of a client's work was tried on one pod: what a pod that says that it is ready must be able to do.
    Served {
        /// The pod.
        pod: PodName,
        /// True if the whole of it was done.
        ok: bool,
        /// The attempted work, and its error if there was one.
        detail: String,
    },
    /// Counted after everything was over: what is left of something that the play made the system open or start.
    LeftAfter {
        /// Where it was counted; none for what belongs to no one pod.
        pod: Option<PodName>,
        /// The counted thing: `open tails`, `running turns`, `consumers`, ...
        what: String,
        /// How many there are, over what was there before the play.
        count: u64,
    },
    /// Read from the kernel behind a round of turns, once nothing of the round was left on any pod. Only on the engine's own machine.
    Footprint(Footprint),
    /// A pod logged a line at a level that a healthy pod does not use (WARN or ERROR).
    LogLine {
        /// The pod.
        pod: PodName,
        /// `WARN` or `ERROR`.
        level: String,
        /// The line.
        line: String,
    },
}

/// Descriptors and memory of a pod's process and its children behind a round of turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// The pod.
    pub pod: PodName,
    /// Number of its process. Another number is another process: the pod was started again.
    pub process: u32,
    /// Number of the round in its play, from 1.
    pub round: u32,
    /// Number of the round's turns, on all pods together.
    pub turns: u32,
    /// Open descriptors. `None` if the kernel does not show them to the harness's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u64>,
    /// Memory that no file backs, in RAM or swapped out, in KiB.
    pub memory_kib: u64,
}
