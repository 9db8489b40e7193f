//! Toxics that let nothing through.

use std::time::Duration;

use super::stage::{Behaviour, Out};
use super::{Cut, Item};
use crate::model::{ResetPeer, Timeout};

/// Timeout: what comes in is gone.
#[derive(Debug)]
pub(super) struct BlackHole {
    timeout: Duration,
    closes: Option<Duration>,
}

impl BlackHole {
    pub(super) fn new(timeout: Timeout) -> Self {
        Self {
            timeout: Duration::from_millis(timeout.timeout),
            closes: None,
        }
    }
}

impl Behaviour for BlackHole {
    fn begin(&mut self, out: &mut Out) {
        self.closes = (self.timeout > Duration::ZERO).then(|| out.at.saturating_add(self.timeout));
    }

    fn accept(&mut self, item: Item, out: &mut Out) {
        match item {
            Item::Data(bytes) => out.affected(bytes.len()),
            Item::End | Item::Cut(_) => out.pass(item),
        }
    }

    fn alarm(&self) -> Option<Duration> {
        self.closes
    }

    fn ring(&mut self, out: &mut Out) {
        self.closes = None;
        out.cut_now(Cut::Close, 0);
    }

    /// A stream in which bytes are missing must not go on.
    fn leave(&mut self, out: &mut Out) {
        out.pass(Item::Cut(Cut::Close));
    }
}

/// Reset peer.
#[derive(Debug)]
pub(super) struct Reset {
    timeout: Duration,
    resets: Option<Duration>,
    dropped: usize,
}

impl Reset {
    pub(super) fn new(reset: ResetPeer) -> Self {
        Self {
            timeout: Duration::from_millis(reset.timeout),
            resets: None,
            dropped: 0,
        }
    }
}

impl Behaviour for Reset {
    fn begin(&mut self, out: &mut Out) {
        self.resets = Some(out.at.saturating_add(self.timeout));
    }

    fn accept(&mut self, item: Item, _out: &mut Out) {
        if let Item::Data(bytes) = item {
            self.dropped += bytes.len();
        }
    }

    fn alarm(&self) -> Option<Duration> {
        self.resets
    }

    fn ring(&mut self, out: &mut Out) {
        self.resets = None;
        out.cut_now(Cut::Reset, self.dropped);
    }

    /// As a black hole: only where something is missing already.
    fn leave(&mut self, out: &mut Out) {
        if self.dropped > 0 {
            out.pass(Item::Cut(Cut::Close));
        }
    }
}

/// Half-open: neither read nor written, and kept.
#[derive(Debug)]
pub(super) struct Silence;

impl Behaviour for Silence {
    fn begin(&mut self, out: &mut Out) {
        out.affected(0);
    }

    /// What was on its way when it began.
    fn accept(&mut self, item: Item, out: &mut Out) {
        out.keep(item);
    }

    fn holds(&self) -> bool {
        true
    }
}

/// Down: the direction has ended.
#[derive(Debug)]
pub(super) struct Ended;

impl Behaviour for Ended {
    fn begin(&mut self, out: &mut Out) {
        out.affected(0);
        out.pass(Item::End);
    }

    fn accept(&mut self, item: Item, out: &mut Out) {
        match item {
            Item::Data(bytes) => out.affected(bytes.len()),
            Item::End => {}
            Item::Cut(_) => out.pass(item),
        }
    }

    /// The end was told and cannot be taken back.
    fn leave(&mut self, out: &mut Out) {
        out.pass(Item::Cut(Cut::Close));
    }
}
