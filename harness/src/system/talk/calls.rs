//! `[calls]`: the requests that a client of the system makes.

use super::attach::AttachCall;
use super::reading::ReadCall;
use super::request::Request;
use crate::history::BodyLimit;
use crate::system::language::PointerList;
use crate::system::table::{Number, table, words};

table! {
    /// The requests that a client of the system makes.
    pub Calls = "[calls]" {
        /// Makes a thread and captures `thread`. Without it the client makes the id where `{thread}` is used; where it is not used, each
        /// turn stands alone.
        thread: Option<Request>,
        /// Sends a message, which begins a turn.
        turn: TurnCall,
        /// Shows a turn or a thread as it runs.
        attach: Option<AttachCall>,
        /// Stops the turn, or the thread's turn. Without it nothing about stopping is applicable.
        cancel: Option<CancelCall>,
        /// Reads what is stored.
        read: Option<ReadCall>,
        /// Reads a turn's status where `read` does not tell it.
        status: Option<StatusCall>,
    }
}

words! {
    /// What a thread with a running turn does with the next one.
    pub Busy {
        /// It waits for the end of the one before.
        Queues = "queues",
        /// It is refused.
        Refuses = "refuses",
        /// It runs at once.
        Parallel = "parallel",
    }
}

table! {
    /// Sends a message: `{text}` are the user's words, `{message}` is the client's id of the message. Captures `turn`.
    pub TurnCall = "[calls.turn]" {
        +
        /// The request.
        request: Request,
        /// True: the answer is itself a tail from the start. The turn is acknowledged with the first event that has `turn`.
        streams: bool = false,
        /// True: the same `{message}` sent again is the same turn.
        idempotent: bool = false,
        /// What a thread with a running turn does with the next one. It must be said if there are threads.
        busy: Option<Busy>,
        /// How a message is refused whose body is larger than the system takes. Without it nobody sends one.
        too_large: Option<TooLarge>,
    }
}

table! {
    /// How a message is refused whose body is larger than the system takes.
    pub TooLarge = "[calls.turn.too_large]" {
        /// Size of the largest body that is taken, in bytes.
        bytes: Number<1, 67_108_864>,
        /// Status of the refusal, 413 say.
        status: Number<400, 499>,
    }
}

impl TooLarge {
    /// The limit as histories tell it.
    pub fn limit(&self) -> BodyLimit {
        BodyLimit {
            bytes: self.bytes.get().unsigned_abs(),
            status: self.status.get().try_into().unwrap_or(u16::MAX),
        }
    }
}

words! {
    /// How a turn ends that was stopped.
    pub StoppedAs {
        /// With a word of its own, one of `statuses.cancelled`.
        Cancelled = "cancelled",
        /// With the word of a turn that completed.
        Completed = "completed",
    }
}

table! {
    /// Stops the turn, or the thread's turn.
    pub CancelCall = "[calls.cancel]" {
        +
        /// The request.
        request: Request,
        /// How a turn ends that was stopped. `completed`: the system says *done* of it, as of any other; then it need not be whole.
        ends_as: StoppedAs = StoppedAs::Cancelled => "\"cancelled\"",
    }
}

table! {
    /// Reads a turn's status.
    pub StatusCall = "[calls.status]" {
        +
        /// The request.
        request: Request,
        /// Pointer to the status, a word of `[statuses]`.
        status: PointerList,
        /// Pointer to the error that a person reads.
        error: Option<PointerList>,
    }
}
