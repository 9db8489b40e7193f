//! Promise 34: a turn costs one provider call, and one more for each takeover.
//!
//! How long two calls may be live together, and why, is argued in [`provider_calls`].

use std::collections::{BTreeMap, BTreeSet};

use super::view::{Breach, Turn, View};
use super::{Promise, provider_calls};
use crate::history::{Capability, Epoch, TurnKey};

pub(crate) const PROMISE: Promise = Promise {
    number: 34,
    name: "BoundedProviderWork",
    statement: "provider calls for a turn are at most one more than its takeovers, and no two of them are live together for \
                longer than the lease, the time aside in which a call's pod cannot act",
    needs: &[Capability::Ownership, Capability::EveryCommit, Capability::ProviderJournal],
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let mut turns: BTreeMap<&TurnKey, Vec<&Turn<'_>>> = BTreeMap::new();
    for turn in &view.turns {
        if let Some(expect) = turn.expect {
            turns.entry(&expect.key).or_default().push(turn);
        }
    }
    let thread = |key: &TurnKey| turns.get(key).and_then(|turns| turns[0].thread);
    let mut breaches: Vec<Breach> = provider_calls::by_key(view)
        .into_iter()
        .filter_map(|(key, calls)| {
            let attempts: usize = turns.get(key)?.iter().map(|turn| attempts(turn)).sum();
            let extra = calls.get(attempts)?;
            Some(Breach {
                subject: format!("provider calls for `{key}`"),
                thread: thread(key),
                n: extra.started?.n,
                expected: format!("at most {attempts}: one, and one for each takeover"),
                got: format!("{}, the last as ordinal {}", calls.len(), calls.last()?.ordinal),
            })
        })
        .collect();
    breaches.extend(provider_calls::overlaps(view).into_iter().map(|overlap| Breach {
        subject: format!("provider calls for `{}`", overlap.later.key),
        thread: thread(overlap.later.key),
        n: overlap.n,
        expected: format!("two live calls for at most {} ms", view.bounds.lease_ms),
        got: format!(
            "calls {} and {} live together for {} ms",
            overlap.earlier.ordinal, overlap.later.ordinal, overlap.together_ms
        ),
    }));
    breaches
}

/// How often the turn was claimed, its takeovers included; once where the store never told.
fn attempts(turn: &Turn<'_>) -> usize {
    let epochs: BTreeSet<Epoch> = turn.rows.iter().map(|row| row.epoch).filter(|epoch| epoch.0 > 0).collect();
    epochs.len().max(1)
}
