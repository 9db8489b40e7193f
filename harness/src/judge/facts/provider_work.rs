//! The provider's work: the calls for each turn, the claims that explain them, and how often a system says that it tries a turn.
//!
//! A client of the provider may call again, within one attempt, if it got no byte of an answer: such a call does not count. A message
//! that is posted twice may become two turns of one key, and a post without an answer a turn that no row is known of.

use std::collections::{BTreeMap, BTreeSet};

use super::overlapping_calls;
use super::unjustified_takeovers::ONE_TRANSACTION_US;
use crate::history::{Capability, Epoch, Outcome, PodName, Status, TurnKey};
use crate::judge::Need;
use crate::judge::view::{At, Call, Turn, View};

/// Number of attempts of a system that says nothing about it: the most generous default among common job queues, once and 25 times
/// again.
const UNSAID_ATTEMPTS: usize = 26;

/// Needs without which the claims of a turn are unknown.
pub(in crate::judge) const CLAIMS: [Need; 2] = [Need::Can(Capability::Owner), Need::Can(Capability::EveryCommit)];

/// The provider's work for one key.
pub(in crate::judge) struct Work<'v, 'a> {
    view: &'v View<'a>,
    key: &'a TurnKey,
    /// The known turns of that key.
    pub(in crate::judge) turns: Vec<&'v Turn<'a>>,
    /// The calls that count.
    pub(in crate::judge) calls: Vec<&'v Call<'a>>,
    /// Posts of the key that no answer has named a turn of.
    open_posts: usize,
}

/// A claim of a turn.
#[derive(Debug, Clone, Copy)]
pub(in crate::judge) struct Claim<'a> {
    pub(in crate::judge) at: At,
    pub(in crate::judge) owner: Option<&'a PodName>,
}

/// The work for each key that the provider was called for.
pub(in crate::judge) fn by_key<'v, 'a>(view: &'v View<'a>) -> Vec<Work<'v, 'a>> {
    let mut turns: BTreeMap<&TurnKey, Vec<&Turn<'_>>> = BTreeMap::new();
    for turn in &view.turns {
        if let Some(expect) = turn.expect {
            turns.entry(&expect.key).or_default().push(turn);
        }
    }
    let mut open_posts: BTreeMap<&TurnKey, usize> = BTreeMap::new();
    let is_open = |outcome: &Outcome<_>| matches!(outcome, Outcome::Unknown { .. });
    for post in &view.posts {
        if post.ended.is_none_or(|(_, outcome)| is_open(outcome)) {
            *open_posts.entry(&post.expect.key).or_default() += 1;
        }
    }
    let work = overlapping_calls::by_key(view).into_iter();
    let work = work.map(|(key, calls)| Work {
        view,
        key,
        turns: turns.remove(key).unwrap_or_default(),
        calls: counted(view, &calls),
        open_posts: open_posts.get(key).copied().unwrap_or_default(),
    });
    work.collect()
}

/// True if the rows tell how often a turn was claimed.
pub(in crate::judge) fn tells_claims(view: &View<'_>) -> bool {
    CLAIMS.into_iter().all(|need| view.has(need))
}

/// How often the system tries a turn.
pub(in crate::judge) fn attempts(view: &View<'_>) -> usize {
    let said = view.promised.attempts.map(|attempts| attempts.max(1) as usize);
    said.unwrap_or(UNSAID_ATTEMPTS)
}

/// The words for the source of that number.
pub(in crate::judge) fn attempts_source(view: &View<'_>) -> &'static str {
    match view.promised.attempts {
        Some(_) => " (bounds.attempts)",
        None => ", as bounds.attempts says nothing",
    }
}

impl Work<'_, '_> {
    /// ``provider calls for `key-1` ``.
    pub(in crate::judge) fn subject(&self) -> String {
        format!("provider calls for `{}`", self.key)
    }

    /// The thread's place, if a turn of the key is known.
    pub(in crate::judge) fn thread(&self) -> Option<usize> {
        self.turns.first().and_then(|turn| turn.thread)
    }

    /// The calls in words, for a breach.
    pub(in crate::judge) fn count(&self) -> String {
        let last = self.calls.last().map_or(0, |call| call.ordinal);
        format!("{}, the last as ordinal {last}", self.calls.len())
    }

    /// Counts the turns that there may be and that no answer to a post has named.
    pub(in crate::judge) fn unknown_turns(&self) -> usize {
        match (self.turns.len(), self.open_posts) {
            (0, open) => open.max(1),
            // The message's own id ties the two posts to one turn.
            (_, _) if self.view.can(Capability::Idempotent) => 0,
            (_, open) => open,
        }
    }
}

/// The claims of a turn, takeovers included, in their order.
pub(in crate::judge) fn claims<'a>(view: &View<'a>, turn: &Turn<'a>) -> Vec<Claim<'a>> {
    let rows = turn.rows.iter().filter(|row| row.epoch.0 > 0);
    let owner = |epoch: Epoch| {
        let mut rows = view.owners(turn).iter().filter(|owned| owned.epoch == epoch);
        rows.find_map(|owned| owned.owner)
    };
    let own = first_of_each(rows.map(|row| (row.at, row.epoch)), owner);
    if !turn.owners.is_empty() || view.can(Capability::Epoch) {
        return own;
    }
    let of_thread = claims_of_its_thread(view, turn);
    if of_thread.len() > own.len() { of_thread } else { own }
}

/// The claims of the turn's thread while the turn was in progress. Where threads have owners and nothing numbers their claims, a takeover
/// need not change the turn's row.
fn claims_of_its_thread<'a>(view: &View<'a>, turn: &Turn<'a>) -> Vec<Claim<'a>> {
    let Some(began) = turn.rows.iter().find(|row| row.status == Status::InProgress) else {
        return Vec::new();
    };
    let until_us = turn.terminal().map_or(u64::MAX, |row| row.at.us);
    let during = began.at.us.saturating_sub(ONE_TRANSACTION_US)..=until_us;
    let rows = view.owners(turn).iter();
    let held: Vec<_> = rows
        .filter(|owned| owned.status == Status::InProgress && during.contains(&owned.at.us))
        .collect();
    let owner = |epoch: Epoch| held.iter().find(|owned| owned.epoch == epoch)?.owner;
    first_of_each(held.iter().map(|owned| (owned.at, owned.epoch)), owner)
}

fn first_of_each<'a>(
    rows: impl Iterator<Item = (At, Epoch)>,
    owner: impl Fn(Epoch) -> Option<&'a PodName>,
) -> Vec<Claim<'a>> {
    let mut seen = BTreeSet::new();
    let first = rows.filter(|(_, epoch)| seen.insert(*epoch));
    first
        .map(|(at, epoch)| Claim {
            at,
            owner: owner(epoch),
        })
        .collect()
}

/// The calls of one key that count.
fn counted<'v, 'a>(view: &View<'a>, calls: &[&'v Call<'a>]) -> Vec<&'v Call<'a>> {
    let mut again = 0;
    let mut before: Option<&'v Call<'a>> = None;
    let count = |call: &&'v Call<'a>| {
        let is_retry = before.is_some_and(|before| before.pod == call.pod && got_nothing(before))
            && again < view.rules.client_retries;
        (before, again) = (Some(*call), if is_retry { again + 1 } else { 0 });
        !is_retry
    };
    calls.iter().copied().filter(count).collect()
}

/// True if the provider ended a call by itself before it had sent anything.
fn got_nothing(call: &Call<'_>) -> bool {
    call.tokens == 0
        && call
            .cause
            .is_some_and(|cause| cause != "client_gone" && cause != "complete")
}
