//! The parts of a pipeline's stream: bytes, ends, and what a toxic did to them.

use std::time::Duration;

use bytes::Bytes;

/// The id of a toxic, unique within the process: a name may be used again, an id never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ToxicId(pub(crate) u64);

/// One item in a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Bytes of the stream.
    Data(Bytes),
    /// The stream's end: the sender will send no more.
    End,
    /// The connection's end, in both directions.
    Cut(Cut),
}

impl Item {
    /// Bytes of the stream in it.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::End | Self::Cut(_) => 0,
        }
    }
}

/// The way in which a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both sides see the end of the stream.
    Close,
    /// Both sides are reset.
    Reset,
}

/// The next step of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Do this, then ask again.
    Do(Item),
    /// Wait until more is put in, or until this time.
    Wait(Option<Duration>),
}

/// The effects of one toxic since the last call of [`super::Pipeline::take_tallies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Number of effects.
    pub(crate) times: u64,
    /// Bytes that it touched.
    pub(crate) bytes: u64,
    /// The times of the first and the last effect.
    pub(crate) span: Option<(Duration, Duration)>,
    /// True if the first of them is the first on this connection.
    pub(crate) first_here: bool,
}
