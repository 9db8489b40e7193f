//! Toxics that end the connection at a certain byte.

use bytes::{Bytes, BytesMut};

use super::behaviour::{Behaviour, Out, split};
use super::item::{Cut, Item};
use crate::model::{CutInside, LimitData};

/// Limit data.
#[derive(Debug)]
pub(super) struct Limited {
    limit: u64,
    passed: u64,
}

impl Limited {
    pub(super) fn new(limit: LimitData, passed: u64) -> Self {
        Self {
            limit: limit.bytes,
            passed,
        }
    }
}

impl Behaviour for Limited {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(bytes) = item else {
            return out.pass(item);
        };
        let left = self.limit.saturating_sub(self.passed);
        let (passes, dropped) = split(bytes, usize::try_from(left).unwrap_or(usize::MAX));
        self.passed += passes.len() as u64;
        if !passes.is_empty() {
            out.pass(Item::Data(passes));
        }
        if self.passed >= self.limit {
            out.cut(Cut::Close, dropped.len());
        }
    }

    fn passed_bytes(&self) -> u64 {
        self.passed
    }
}

/// Cut inside, of either kind.
pub(super) fn inside(cut: &CutInside) -> Box<dyn Behaviour> {
    let how = if cut.reset { Cut::Reset } else { Cut::Close };
    if cut.utf8 {
        return Box::new(InsideCharacter {
            how,
            keep: cut.keep,
            skip: cut.skip,
            to_go: None,
        });
    }
    let pattern = if cut.bytes.is_empty() {
        cut.pattern.as_bytes()
    } else {
        &cut.bytes
    };
    let keep = cut.keep.map_or(pattern.len() / 2, |keep| keep as usize);
    Box::new(InsidePattern {
        how,
        pattern: pattern.into(),
        keep: keep.min(pattern.len()),
        skip: cut.skip,
        begun: 0,
    })
}

/// Cuts inside an occurrence of a pattern.
#[derive(Debug)]
struct InsidePattern {
    how: Cut,
    pattern: Box<[u8]>,
    /// Bytes of the occurrence that still pass.
    keep: usize,
    /// Occurrences that pass whole.
    skip: u64,
    /// Bytes at the end of the stream so far that may begin an occurrence. The first `keep` of them have passed.
    begun: usize,
}

impl InsidePattern {
    fn passed_of_begun(&self) -> usize {
        self.begun.min(self.keep)
    }

    /// The bytes of the stream from the place at which an occurrence may have begun.
    fn text(&self, chunk: &Bytes) -> Bytes {
        if self.begun == 0 {
            return chunk.clone();
        }
        let mut text = BytesMut::with_capacity(self.begun + chunk.len());
        text.extend_from_slice(&self.pattern[..self.begun]);
        text.extend_from_slice(chunk);
        text.freeze()
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        text.windows(self.pattern.len())
            .position(|window| *window == *self.pattern)
    }

    /// Length of the longest end of `text` that is a beginning of the pattern, but not all of it.
    fn beginning_at_end_of(&self, text: &[u8]) -> usize {
        let longest = text.len().min(self.pattern.len() - 1);
        (1..=longest)
            .rev()
            .find(|length| text.ends_with(&self.pattern[..*length]))
            .unwrap_or(0)
    }
}

impl Behaviour for InsidePattern {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(chunk) = item else {
            self.let_go(out);
            return out.pass(item);
        };
        let mut text = self.text(&chunk);
        // The number of bytes of `text` that have passed already.
        let mut passed = self.passed_of_begun();
        let mut pass = |out: &mut Out, bytes: Bytes| {
            let (_, rest) = split(bytes, std::mem::take(&mut passed));
            if !rest.is_empty() {
                out.pass(Item::Data(rest));
            }
        };
        while let Some(found) = self.find(&text) {
            if self.skip == 0 {
                let (before, dropped) = split(text, found + self.keep);
                pass(out, before);
                self.begun = 0;
                return out.cut(self.how, dropped.len());
            }
            self.skip -= 1;
            let (before, after) = split(text, found + self.pattern.len());
            pass(out, before);
            text = after;
        }
        self.begun = self.beginning_at_end_of(&text);
        let held = self.begun - self.passed_of_begun();
        let decided = text.len() - held;
        pass(out, split(text, decided).0);
    }

    fn let_go(&mut self, out: &mut Out) {
        let held = Bytes::copy_from_slice(&self.pattern[self.passed_of_begun()..self.begun]);
        self.begun = 0;
        if !held.is_empty() {
            out.pass(Item::Data(held));
        }
    }
}

/// Cuts inside a multi-byte UTF-8 sequence.
#[derive(Debug)]
struct InsideCharacter {
    how: Cut,
    keep: Option<u64>,
    skip: u64,
    /// Bytes that pass before the cut, once its sequence has begun.
    to_go: Option<usize>,
}

impl InsideCharacter {
    /// Bytes of a chunk that pass before the cut. None if the cut does not lie in it.
    fn cut_in(&mut self, chunk: &[u8]) -> Option<usize> {
        if self.to_go.is_none() {
            let (at, length) = self.begins_in(chunk)?;
            let keep = self.keep.map_or(length / 2, |keep| keep as usize);
            self.to_go = Some(at + keep);
        }
        let to_go = self.to_go?;
        if to_go <= chunk.len() {
            return Some(to_go);
        }
        self.to_go = Some(to_go - chunk.len());
        None
    }

    /// The place in a chunk at which the sequence to cut begins, and its length.
    fn begins_in(&mut self, chunk: &[u8]) -> Option<(usize, usize)> {
        for (at, byte) in chunk.iter().enumerate() {
            let Some(length) = sequence_length(*byte) else { continue };
            if self.skip == 0 {
                return Some((at, length));
            }
            self.skip -= 1;
        }
        None
    }
}

/// Length of the multi-byte sequence that begins with this byte. None if none does.
fn sequence_length(byte: u8) -> Option<usize> {
    match byte {
        0xC2..=0xDF => Some(2),
        0xE0..=0xEF => Some(3),
        0xF0..=0xF4 => Some(4),
        _ => None,
    }
}

impl Behaviour for InsideCharacter {
    fn accept(&mut self, item: Item, out: &mut Out) {
        let Item::Data(chunk) = item else {
            return out.pass(item);
        };
        match self.cut_in(&chunk) {
            None => out.pass(Item::Data(chunk)),
            Some(at) => {
                let (before, dropped) = split(chunk, at);
                if !before.is_empty() {
                    out.pass(Item::Data(before));
                }
                out.cut(self.how, dropped.len());
            }
        }
    }
}
