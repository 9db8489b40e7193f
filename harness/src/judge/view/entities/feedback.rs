//! Feedback: posts of items, their outcomes, and the rows that the store has held of them.

use std::collections::{BTreeMap, HashMap};

use crate::history::{FeedbackId, OpId, Outcome, PodName, Row};
use crate::judge::view::at::At;

/// A piece of feedback on its way to a pod, and what came of it.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) pod: &'a PodName,
    pub(crate) ended: Option<(At, &'a Outcome<()>)>,
}

/// One item.
#[derive(Debug, Default)]
pub(crate) struct Item<'a> {
    pub(crate) posts: Vec<Sent<'a>>,
    /// Its rows as they came to be, and as they went (`false`), in commit order.
    pub(crate) rows: Vec<(At, bool)>,
}

impl<'a> Item<'a> {
    /// Each acknowledgement of it: when, and by which pod.
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (At, &'a PodName)> {
        self.posts.iter().filter_map(|post| match post.ended {
            Some((at, Outcome::Ok(()))) => Some((at, post.pod)),
            _ => None,
        })
    }

    /// True if every post of it was refused: then nothing may be stored of it.
    pub(crate) fn is_refused(&self) -> bool {
        let refused = |post: &Sent<'_>| matches!(post.ended, Some((_, Outcome::Failed { .. })));
        !self.posts.is_empty() && self.posts.iter().all(refused)
    }

    /// How many rows of it are stored, as the history knows at `us`.
    pub(crate) fn stored_by(&self, us: u64) -> u64 {
        let rows = self.rows.iter().filter(|(at, _)| at.us <= us);
        rows.fold(0, |stored, (_, came)| {
            if *came {
                stored + 1
            } else {
                u64::saturating_sub(stored, 1)
            }
        })
    }
}

/// A pod's count of stored items.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) at: At,
    pub(crate) pod: &'a PodName,
    pub(crate) count: u64,
}

/// All feedback of a run.
#[derive(Debug, Default)]
pub(crate) struct Feedback<'a> {
    pub(crate) items: BTreeMap<&'a FeedbackId, Item<'a>>,
    pub(crate) counts: Vec<Counted<'a>>,
    /// The item, and the place among its posts.
    ops: HashMap<OpId, (&'a FeedbackId, usize)>,
}

impl<'a> Feedback<'a> {
    pub(in crate::judge::view) fn posted(&mut self, op: OpId, pod: &'a PodName, item: &'a FeedbackId) {
        let posts = &mut self.items.entry(item).or_default().posts;
        self.ops.insert(op, (item, posts.len()));
        posts.push(Sent { pod, ended: None });
    }

    pub(in crate::judge::view) fn ended(&mut self, at: At, op: OpId, outcome: &'a Outcome<()>) {
        if let Some((item, place)) = self.ops.get(&op)
            && let Some(item) = self.items.get_mut(item)
        {
            item.posts[*place].ended = Some((at, outcome));
        }
    }

    pub(in crate::judge::view) fn counted(&mut self, at: At, pod: &'a PodName, count: u64) {
        self.counts.push(Counted { at, pod, count });
    }

    pub(in crate::judge::view) fn row(&mut self, at: At, row: &'a Row) {
        if let Row::Feedback { item } | Row::FeedbackGone { item } = row {
            let came = matches!(row, Row::Feedback { .. });
            self.items.entry(item).or_default().rows.push((at, came));
        }
    }
}
