//! Claims: numbers the claims of each turn or thread where rows carry no epoch, and gives each turn its own line of owners
//! where rows of turns name them.
//!
//! An attempt that rows tell apart is a claim of its own, whoever holds the row: a sweeper that takes a dead owner's lock
//! under the same attempt claims nothing. Where nothing tells attempts apart, each time that a row comes to be held counts.

use crate::history::{Attempt, Capability, Epoch, PodName, Status};
use crate::judge::view::View;
use crate::judge::view::entities::thread::Owned;

/// Numbers claims, and ties owners to turns.
pub(in crate::judge::view) fn settle(view: &mut View<'_>) {
    let rows = view.turns.iter().flat_map(|turn| &turn.rows);
    view.owned_by_turns = rows.into_iter().any(|row| row.owner.is_some());
    if !view.can(Capability::Epoch) {
        number(view);
    }
    if !view.owned_by_turns {
        return;
    }
    for turn in &mut view.turns {
        let owned = turn.rows.iter().map(|row| Owned {
            at: row.at,
            owner: row.owner,
            attempt: row.attempt,
            epoch: row.epoch,
            status: row.status,
        });
        turn.owners = owned.collect();
    }
}

fn number(view: &mut View<'_>) {
    let needs_owner = view.owned_by_turns;
    for thread in &mut view.threads {
        let mut claims = Claims::default();
        for owned in &mut thread.owners {
            owned.epoch = claims.take(owned.status, owned.owner, owned.attempt, true);
        }
    }
    for turn in &mut view.turns {
        let mut claims = Claims::default();
        for row in &mut turn.rows {
            row.epoch = claims.take(row.status, row.owner, row.attempt, needs_owner);
        }
    }
}

/// The claims of one row so far.
#[derive(Default)]
struct Claims<'a> {
    count: u64,
    /// The newest claim's.
    attempt: Option<&'a Attempt>,
    owner: Option<&'a PodName>,
    /// True if the row is held now.
    is_held: bool,
}

impl<'a> Claims<'a> {
    /// Takes in the row after a change; gives the number of its newest claim, 0 before the first.
    fn take(
        &mut self,
        status: Status,
        owner: Option<&'a PodName>,
        attempt: Option<&'a Attempt>,
        needs_owner: bool,
    ) -> Epoch {
        let is_held = status == Status::InProgress && (owner.is_some() || !needs_owner);
        if is_held {
            let is_new = match (self.attempt, attempt) {
                (Some(before), Some(now)) => before != now,
                _ => !self.is_held || self.owner != owner,
            };
            self.count += u64::from(is_new || self.count == 0);
            (self.owner, self.attempt) = (owner, attempt.or(self.attempt));
        }
        self.is_held = is_held;
        Epoch(self.count)
    }
}
