//! Idle pods: stretches in which a pod had no turn and no request, and nothing to show on a tail, and what it used of a CPU meanwhile.
//!
//! Only what is surely idle counts. A stretch is one without any event of a client, a watcher, a store, a pod, the provider, the
//! engine or a fault; it begins a while after the last of these, so that what a pod still does after its work is left out. A tail that
//! is open and shown nothing is no work: a pod that asks for its next frame without a pause is idle all the same. A pod with many of
//! them is left out, since it has to keep them all alive.

use crate::history::Load;
use crate::judge::view::{At, CLEARING_UP_US, LEAST_QUIET_US, Quiet, Turn, View};

/// Open tails of a pod that may still be called idle.
const TAILS_MAX: usize = 4;

/// An idle pod's use of a CPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Idle<'a> {
    pub(crate) pod: &'a str,
    /// First event that tells of the pod's use.
    pub(crate) at: At,
    pub(crate) over_us: u64,
    pub(crate) ran_us: u64,
}

impl Idle<'_> {
    /// Share of a CPU, in thousandths.
    pub(crate) fn permille(&self) -> u64 {
        self.ran_us.saturating_mul(1000) / self.over_us.max(1)
    }
}

impl<'a> View<'a> {
    /// Each stretch in which a pod was idle, and its use of a CPU was read.
    pub(crate) fn idle_stretches(&self) -> Vec<Idle<'a>> {
        let quiet = self.quiet.iter().filter(|quiet| self.has_no_work(quiet));
        quiet.flat_map(|quiet| self.idle_pods(quiet)).collect()
    }

    fn idle_pods(&self, quiet: &Quiet) -> Vec<Idle<'a>> {
        let from_us = quiet.from.us + CLEARING_UP_US;
        let is_within =
            |(at, load): &&(At, &'a Load)| at.us.saturating_sub(load.over_us) >= from_us && at.us <= quiet.until.us;
        let loads: Vec<&(At, &'a Load)> = self.loads.iter().filter(is_within).collect();
        let Some((first, load)) = loads.first() else {
            return Vec::new();
        };
        let pods = load.parts.keys().map(String::as_str);
        let pods = pods.filter(|pod| self.is_pod(pod) && self.is_left_alone(pod, quiet));
        let idle = pods.filter_map(|pod| {
            // A pod that cannot be looked at in between is not there.
            let used = loads
                .iter()
                .map(|(_, load)| Some((load.over_us, load.parts.get(pod)?.ran_us)));
            let used: Option<Vec<(u64, u64)>> = used.collect();
            let (over, ran): (Vec<u64>, Vec<u64>) = used?.into_iter().unzip();
            let over_us = over.iter().sum();
            (over_us >= LEAST_QUIET_US - LEAST_QUIET_US / 10).then(|| Idle {
                pod,
                at: *first,
                over_us,
                ran_us: ran.iter().sum(),
            })
        });
        idle.collect()
    }

    /// True if no turn was in flight and no message on its way.
    fn has_no_work(&self, quiet: &Quiet) -> bool {
        let is_over = |turn: &Turn<'_>| turn.terminal().is_some_and(|row| row.at.n <= quiet.from.n);
        let is_to_come = |turn: &Turn<'_>| turn.asked().is_none_or(|asked| asked.n >= quiet.until.n);
        let mut places = self.turns.iter().enumerate();
        let is_answered = |at: Option<At>| at.is_some_and(|at| at.n <= quiet.from.n);
        places.all(|(place, turn)| is_over(turn) || is_to_come(turn) || self.was_shown_its_end(place, quiet.from))
            && self
                .posts
                .iter()
                .all(|post| post.at.n >= quiet.until.n || is_answered(post.ended.map(|(at, _)| at)))
    }

    /// True if a watcher had been shown the end of a turn by then: not every system has a row that tells.
    fn was_shown_its_end(&self, turn: usize, by: At) -> bool {
        let mut seen = self.watchers.iter().filter_map(|watcher| watcher.turns.get(&turn));
        seen.any(|seen| seen.finishes.iter().any(|finish| finish.at.n <= by.n))
    }

    /// True if no more than a few tails were open on the pod, and nothing was broken.
    fn is_left_alone(&self, pod: &str, quiet: &Quiet) -> bool {
        let is_open = |(opened, closed): (At, Option<At>)| {
            opened.n < quiet.until.n && closed.is_none_or(|closed| closed.n > quiet.from.n)
        };
        let tails = self.watchers.iter().filter(|watcher| watcher.pod.as_str() == pod);
        let tails = tails.map(|watcher| (watcher.opened, watcher.closed.map(|(at, _)| at)));
        tails.filter(|tail| is_open(*tail)).count() <= TAILS_MAX
            && !self.is_broken(Some(pod), quiet.from.us, quiet.until.us)
    }
}
