//! Toxics that let nothing, or not everything, through.

use std::time::Duration;

use rand::RngExt as _;

use super::behaviour::{Behaviour, Out, ROOM_LATE_BYTES};
use super::item::{Cut, Item};
use crate::model::{PacketLoss, ResetPeer, Timeout};

/// Timeout: data that comes in is dropped.
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

    /// Closes the connection: a stream in which bytes are missing must not go on.
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

    /// Closes the connection, but only if bytes are missing already.
    fn leave(&mut self, out: &mut Out) {
        if self.dropped > 0 {
            out.pass(Item::Cut(Cut::Close));
        }
    }
}

/// Packet loss.
#[derive(Debug)]
pub(super) struct Lossy {
    loss: PacketLoss,
    /// True if the chunk before was dropped.
    dropped: bool,
}

impl Lossy {
    pub(super) fn new(loss: PacketLoss) -> Self {
        Self { loss, dropped: false }
    }
}

impl Behaviour for Lossy {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(bytes) = item else {
            return out.pass(item);
        };
        let more = if self.dropped { self.loss.correlation } else { 0.0 };
        let chance = (self.loss.loss_rate + more).clamp(0.0, 1.0);
        self.dropped = out.rng.random_bool(chance);
        if self.dropped {
            out.affected(bytes.len());
        } else {
            out.pass(Item::Data(bytes));
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

    /// Keeps an item that was on its way when the silence began.
    fn accept(&mut self, item: Item, out: &mut Out) {
        out.keep(item);
    }

    fn holds(&self) -> bool {
        true
    }
}

/// Hold: everything is taken and kept.
#[derive(Debug)]
pub(super) struct HeldBack;

impl Behaviour for HeldBack {
    fn accept(&mut self, item: Item, out: &mut Out) {
        if let Item::Data(bytes) = &item {
            out.affected(bytes.len());
        }
        out.keep(item);
    }

    fn holds_back(&self) -> bool {
        true
    }

    fn room_bytes(&self) -> usize {
        ROOM_LATE_BYTES
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

    /// Closes the connection: the receiver has seen the end, which cannot be taken back.
    fn leave(&mut self, out: &mut Out) {
        out.pass(Item::Cut(Cut::Close));
    }
}
