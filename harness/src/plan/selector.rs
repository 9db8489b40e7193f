//! Selectors: the pods that a fault is for. A selector is settled when the fault is fired, from what is known then. Pure.

use rand::seq::IndexedRandom as _;
use serde::{Deserialize, Serialize};

use super::seed::rng;
use crate::history::PodName;

/// A choice of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// The one that owns the thread.
    Owner,
    /// Every one that does not.
    NonOwners,
    /// The `k`-th of those that do not, from 0, in the order of roles.
    Survivor(usize),
    /// The one that answered the turn's post.
    Accepter,
    /// Any one; the plan's seed says which.
    Random,
    /// Every one.
    All,
    /// More than half of them, the owner among them where there is one.
    Majority,
}

/// Facts that a selector is settled from.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// All pods, in the order of their roles.
    pub pods: &'a [PodName],
    /// Owner of the thread as read just now.
    pub owner: Option<&'a PodName>,
    /// Pod that answered the turn's post.
    pub accepter: Option<&'a PodName>,
    /// The plan's seed.
    pub seed: u64,
}

/// Why a selector means no pod.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{selector:?} means no pod: {why}")]
pub struct NoTarget {
    selector: Selector,
    why: &'static str,
}

impl Selector {
    /// True if its meaning depends on the thread's owner.
    pub fn is_by_owner(self) -> bool {
        matches!(self, Self::Owner | Self::NonOwners | Self::Survivor(_) | Self::Majority)
    }

    /// The pods that it means now, at least one.
    ///
    /// # Errors
    /// [`NoTarget`] if it means none: no pod owns the thread, or there are fewer survivors.
    pub fn settle(self, known: &Known<'_>) -> Result<Vec<PodName>, NoTarget> {
        let fail = |why| NoTarget { selector: self, why };
        let owner = known.owner.ok_or_else(|| fail("nobody owns the thread"));
        let others =
            |owner: &PodName| -> Vec<PodName> { known.pods.iter().filter(|pod| *pod != owner).cloned().collect() };
        let chosen = match self {
            Self::Owner => vec![owner?.clone()],
            Self::NonOwners => others(owner?),
            Self::Survivor(k) => others(owner?).into_iter().skip(k).take(1).collect(),
            Self::Accepter => vec![known.accepter.ok_or_else(|| fail("no post was answered"))?.clone()],
            Self::Random => known
                .pods
                .choose(&mut rng(known.seed, "random pod"))
                .cloned()
                .into_iter()
                .collect(),
            Self::All => known.pods.to_vec(),
            Self::Majority => {
                let mut pods = known.pods.to_vec();
                // Stable: the owner first, the others in the order of roles.
                pods.sort_by_key(|pod| Some(pod) != known.owner);
                pods.truncate(known.pods.len() / 2 + 1);
                pods
            }
        };
        if chosen.is_empty() {
            return Err(fail("there are not so many"));
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(selector: Selector, owner: Option<&str>) -> Result<Vec<String>, String> {
        let pods: Vec<PodName> = ["pod-2", "pod-3", "pod-1"].map(PodName::from).to_vec();
        let owner = owner.map(PodName::from);
        let accepter = PodName::from("pod-1");
        let known = Known {
            pods: &pods,
            owner: owner.as_ref(),
            accepter: Some(&accepter),
            seed: 7,
        };
        let settled = selector.settle(&known).map_err(|e| e.to_string())?;
        Ok(settled.iter().map(ToString::to_string).collect())
    }

    fn means(selector: Selector, owner: Option<&str>) -> Vec<String> {
        settle(selector, owner).expect("it means somebody")
    }

    #[test]
    fn each_selector_means_what_it_says() {
        let owner = Some("pod-3");
        assert_eq!(means(Selector::Owner, owner), ["pod-3"]);
        assert_eq!(means(Selector::NonOwners, owner), ["pod-2", "pod-1"]);
        assert_eq!(means(Selector::Survivor(1), owner), ["pod-1"]);
        assert_eq!(means(Selector::Accepter, owner), ["pod-1"]);
        assert_eq!(means(Selector::All, owner), ["pod-2", "pod-3", "pod-1"]);
        assert_eq!(means(Selector::Majority, owner), ["pod-3", "pod-2"]);
        assert_eq!(means(Selector::Majority, None), ["pod-2", "pod-3"]);
        assert_eq!(
            settle(Selector::Random, owner),
            settle(Selector::Random, None),
            "the seed alone says which"
        );
    }

    #[test]
    fn one_that_means_nobody_says_why() {
        let nobody = |selector, owner| settle(selector, owner).expect_err("nobody");
        assert_eq!(
            nobody(Selector::Owner, None),
            "Owner means no pod: nobody owns the thread"
        );
        assert_eq!(
            nobody(Selector::Survivor(2), Some("pod-3")),
            "Survivor(2) means no pod: there are not so many"
        );
    }
}
