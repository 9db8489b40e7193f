//! Toxics that make data or the end of the stream late, and lose nothing.

use std::time::Duration;

use rand::RngExt as _;

use super::behaviour::{Behaviour, Out, ROOM_LATE_BYTES, split};
use super::item::Item;
use crate::model::{Bandwidth, Latency, Slicer, SlowClose};

/// A narrow link sends pieces that take this long.
const PIECE: Duration = Duration::from_millis(10);

/// Latency.
#[derive(Debug)]
pub(super) struct Late(Latency);

impl Late {
    pub(super) fn new(latency: Latency) -> Self {
        Self(latency)
    }

    fn delay(&self, out: &mut Out) -> Duration {
        let Latency { latency, jitter } = self.0;
        let least = latency.saturating_sub(jitter);
        let most = latency.saturating_add(jitter);
        // In microseconds: with whole milliseconds most chunks of a burst would share a due time.
        let micros = out
            .rng
            .random_range(least.saturating_mul(1000)..=most.saturating_mul(1000));
        Duration::from_micros(micros)
    }
}

impl Behaviour for Late {
    fn accept(&mut self, item: Item, out: &mut Out) {
        if let Item::Data(bytes) = &item {
            let due = out.at.saturating_add(self.delay(out));
            if due > out.at {
                out.affected(bytes.len());
            }
            out.pass_at(due, item);
        } else {
            out.pass(item);
        }
    }

    fn room_bytes(&self) -> usize {
        ROOM_LATE_BYTES
    }
}

/// Bandwidth.
#[derive(Debug)]
pub(super) struct Narrow {
    rate: u64,
    /// The time at which the link is free again.
    free: Duration,
}

impl Narrow {
    pub(super) fn new(bandwidth: Bandwidth) -> Self {
        Self {
            rate: bandwidth.rate,
            free: Duration::ZERO,
        }
    }

    /// A kilobyte a second is a byte a millisecond.
    fn time_for(&self, bytes: usize) -> Duration {
        Duration::from_micros((bytes as u64).saturating_mul(1000) / self.rate)
    }
}

impl Behaviour for Narrow {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(mut rest) = item else {
            return out.pass(item);
        };
        out.affected(rest.len());
        if self.rate == 0 {
            return out.keep(Item::Data(rest));
        }
        let piece_bytes = self.rate.saturating_mul(PIECE.as_millis() as u64) as usize;
        while !rest.is_empty() {
            let (piece, after) = split(rest, piece_bytes);
            self.free = self.free.max(out.at) + self.time_for(piece.len());
            out.pass_at(self.free, Item::Data(piece));
            rest = after;
        }
    }
}

/// Slicer.
#[derive(Debug)]
pub(super) struct Sliced {
    slicer: Slicer,
    /// The time at which the next piece may go.
    next: Duration,
}

impl Sliced {
    pub(super) fn new(slicer: Slicer) -> Self {
        Self {
            slicer,
            next: Duration::ZERO,
        }
    }

    fn piece_bytes(&self, out: &mut Out) -> usize {
        let Slicer {
            average_size,
            size_variation,
            ..
        } = self.slicer;
        let least = average_size.saturating_sub(size_variation).max(1);
        let most = average_size.saturating_add(size_variation);
        out.rng.random_range(least..=most) as usize
    }
}

impl Behaviour for Sliced {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(mut rest) = item else {
            return out.pass(item);
        };
        let pause = Duration::from_micros(self.slicer.delay);
        while !rest.is_empty() {
            let size = self.piece_bytes(out);
            let (piece, after) = split(rest, size);
            if !after.is_empty() {
                out.affected(piece.len());
            }
            let due = self.next.max(out.at);
            out.pass_at(due, Item::Data(piece));
            self.next = due.saturating_add(pause);
            rest = after;
        }
    }
}

/// Slow close.
#[derive(Debug)]
pub(super) struct SlowEnd(Duration);

impl SlowEnd {
    pub(super) fn new(slow: SlowClose) -> Self {
        Self(Duration::from_millis(slow.delay))
    }
}

impl Behaviour for SlowEnd {
    fn accept(&mut self, item: Item, out: &mut Out) {
        if item == Item::End {
            out.affected(0);
            out.pass_at(out.at.saturating_add(self.0), item);
        } else {
            out.pass(item);
        }
    }
}
