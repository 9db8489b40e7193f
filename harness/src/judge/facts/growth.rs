//! Growth: descriptors and memory of which a pod's process holds more behind each round of turns.
//!
//! A pool that fills, a cache, and memory that is freed late grow too, but not for ever: growth counts only if it goes on in every round
//! behind the warm-up, and keeps up with the turns.

use std::collections::BTreeMap;

use crate::history::Footprint;
use crate::judge::view::{At, View};

/// Rounds in which a process warms up: its pools fill, and what it needs only once is loaded.
const WARM_UP_ROUNDS: usize = 2;
/// Fewest rounds behind the warm-up, all of which must show growth. Whatever goes up and down has a round without growth among as many.
const GROWN_ROUNDS_MIN: usize = 3;
/// Turns of a pod for which one descriptor more is a leak. A leak of one a turn stays one where the pods share the turns unevenly, and a
/// connection more in a pool is none.
const TURNS_A_DESCRIPTOR: u64 = 2;
/// Memory for each turn of a pod that is a leak, in KiB. Allocators take memory in pieces of this size and do not give each back.
const KIB_A_TURN: u64 = 64;

/// Something of which a pod's process holds more behind each round.
#[derive(Debug)]
pub(crate) struct Growth<'a> {
    pub(crate) pod: &'a str,
    /// The reading behind the last round.
    pub(crate) at: At,
    /// The thing, in the words of a finding.
    pub(crate) what: &'static str,
    /// How much of it there was behind the warm-up, and behind each later round.
    pub(crate) held: Vec<u64>,
    /// Turns of a round, on all pods together.
    pub(crate) turns: u32,
    /// Pods that shared them.
    pub(crate) pods: u64,
}

/// Something that is read of a process, and how much of it is a leak.
struct Kind {
    what: &'static str,
    read: fn(&Footprint) -> Option<u64>,
    /// True if so much more, on so many pods, keeps up with so many turns. A pod's own turns are its share: who ran which is not known of
    /// every system, and a story spreads its turns evenly.
    keeps_up: fn(more: u64, pods: u64, turns: u64) -> bool,
}

const KINDS: [Kind; 2] = [
    Kind {
        what: "descriptors",
        read: |footprint| footprint.descriptors,
        keeps_up: |more, pods, turns| more.saturating_mul(pods).saturating_mul(TURNS_A_DESCRIPTOR) >= turns,
    },
    Kind {
        what: "KiB of memory",
        read: |footprint| Some(footprint.memory_kib),
        keeps_up: |more, pods, turns| more.saturating_mul(pods) >= turns * KIB_A_TURN,
    },
];

impl<'a> View<'a> {
    /// Everything of which a process holds more behind each round. A pod that was started again begins anew.
    pub(crate) fn growths(&self) -> Vec<Growth<'a>> {
        let mut lives: BTreeMap<(&'a str, u32), Vec<(At, &'a Footprint)>> = BTreeMap::new();
        for &(at, seen) in &self.footprints {
            let life = lives.entry((seen.pod.as_str(), seen.process)).or_default();
            life.push((at, seen));
        }
        let grown = lives
            .values()
            .flat_map(|life| KINDS.iter().filter_map(|kind| self.growth(kind, life)));
        grown.collect()
    }

    fn growth(&self, kind: &Kind, life: &[(At, &'a Footprint)]) -> Option<Growth<'a>> {
        let judged = life.get(WARM_UP_ROUNDS - 1..)?;
        let (at, last) = judged.last()?;
        let held = judged.iter().map(|(_, seen)| (kind.read)(seen));
        let held: Vec<u64> = held.collect::<Option<_>>()?;
        let grows = |(rounds, held): (&[(At, &Footprint)], &[u64])| {
            let (before, after) = (rounds[0].1, rounds[1].1);
            let turns = u64::from(after.turns);
            let more = held[1].saturating_sub(held[0]);
            // Behind a round that was not read, nobody knows to how many turns the growth belongs.
            let is_next = after.round == before.round.saturating_add(1);
            is_next && turns > 0 && (kind.keeps_up)(more, self.sharers(after.round), turns)
        };
        let mut pairs = judged.windows(2).zip(held.windows(2));
        let is_leak = judged.len() > GROWN_ROUNDS_MIN && pairs.all(grows);
        is_leak.then(|| Growth {
            pod: last.pod.as_str(),
            at: *at,
            what: kind.what,
            held,
            turns: last.turns,
            pods: self.sharers(last.round),
        })
    }

    /// Number of the pods that were read behind a round.
    fn sharers(&self, round: u32) -> u64 {
        let read = self.footprints.iter().filter(|(_, seen)| seen.round == round);
        read.count().try_into().unwrap_or(u64::MAX)
    }
}
