//! A queue that forgets its oldest entries once there are too many of them, or once they weigh too much together.

use std::collections::VecDeque;

/// Bounds of a [`Kept`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) entries_max: usize,
    pub(super) weight_max_bytes: usize,
}

#[derive(Debug)]
pub(super) struct Kept<T> {
    bounds: Bounds,
    entries: VecDeque<(T, usize)>,
    weight_bytes: usize,
}

impl<T> Kept<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            entries: VecDeque::new(),
            weight_bytes: 0,
        }
    }

    pub(super) fn push(&mut self, entry: T, weight_bytes: usize) {
        self.entries.push_back((entry, weight_bytes));
        self.weight_bytes += weight_bytes;
    }

    /// Takes out the oldest entry if the bounds are exceeded; called until it returns nothing.
    pub(super) fn evict(&mut self) -> Option<T> {
        let within = self.entries.len() <= self.bounds.entries_max && self.weight_bytes <= self.bounds.weight_max_bytes;
        if within {
            return None;
        }
        let (entry, weight_bytes) = self.entries.pop_front()?;
        self.weight_bytes -= weight_bytes;
        Some(entry)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let weight_bytes = &mut self.weight_bytes;
        self.entries.retain(|(entry, weight)| {
            let kept = keep(entry);
            *weight_bytes -= if kept { 0 } else { *weight };
            kept
        });
    }

    /// The entries from the first that `before` does not hold for; the entries must be ordered by it.
    pub(super) fn from(&self, mut before: impl FnMut(&T) -> bool) -> impl Iterator<Item = &T> {
        let start = self.entries.partition_point(|(entry, _)| before(entry));
        self.entries.range(start..).map(|(entry, _)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bounds: Bounds) -> (Vec<u32>, Vec<u32>) {
        let mut kept = Kept::new(bounds);
        let mut evicted = Vec::new();
        for n in 1..=5 {
            kept.push(n, 10);
            evicted.extend(std::iter::from_fn(|| kept.evict()));
        }
        (evicted, kept.from(|_| false).copied().collect())
    }

    #[test]
    fn the_oldest_go_first_by_number_and_by_weight() {
        let by_number = Bounds {
            entries_max: 3,
            weight_max_bytes: 1000,
        };
        assert_eq!(filled(by_number), (vec![1, 2], vec![3, 4, 5]));
        let by_weight = Bounds {
            entries_max: 100,
            weight_max_bytes: 25,
        };
        assert_eq!(filled(by_weight), (vec![1, 2, 3], vec![4, 5]));
    }

    #[test]
    fn what_is_taken_out_weighs_no_more() {
        let mut kept = Kept::new(Bounds {
            entries_max: 9,
            weight_max_bytes: 10,
        });
        kept.push(1, 10);
        kept.retain(|_| false);
        kept.push(2, 10);
        assert_eq!(kept.evict(), None);
        assert_eq!(kept.from(|n| *n < 2).count(), 1);
    }
}
