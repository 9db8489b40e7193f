//! Failpoints: named places between two steps of a pod at which a task can be held.

use crate::cluster::PartHandle;

/// A place between two steps of a pod, described by the last step done and the next one not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A message is stored; its client has no answer yet.
    AfterInsertBefore202,
    /// A turn is found that may be claimed; it is not claimed.
    AfterLookBeforeClaim,
    /// A turn is claimed; nothing else of the attempt is there.
    AfterClaimBeforeCall,
    /// A piece of the answer is published; it is not stored.
    AfterPublishBeforePersist,
    /// A turn's end is stored; it is not announced.
    AfterCommitBeforeAnnounce,
    /// Readers have dropped the former attempt; its remains are still there.
    InsideTakeover,
    /// Work in flight is ended or dropped; survivors do not know it yet.
    InsideDrain,
    /// Acknowledged feedback is set aside for storing; none of it is stored.
    InsideSpoolDrain,
    /// Feedback that a former life had set aside is stored; it is still set aside.
    InsideSpoolRecovery,
}

impl Failpoint {
    /// The name of the place in the pods' admin API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AfterInsertBefore202 => "after-insert-before-202",
            Self::AfterLookBeforeClaim => "after-look-before-claim",
            Self::AfterClaimBeforeCall => "after-claim-before-call",
            Self::AfterPublishBeforePersist => "after-publish-before-persist",
            Self::AfterCommitBeforeAnnounce => "after-commit-before-announce",
            Self::InsideTakeover => "inside-takeover",
            Self::InsideDrain => "inside-drain",
            Self::InsideSpoolDrain => "inside-spool-drain",
            Self::InsideSpoolRecovery => "inside-spool-recovery",
        }
    }

    /// Returns true if a task held there works for the turn's owner. A message just stored has no owner yet, a turn just
    /// ended has none any more, a pod drains as a whole, and feedback is no turn.
    pub(super) const fn has_owner(self) -> bool {
        matches!(
            self,
            Self::AfterClaimBeforeCall | Self::AfterPublishBeforePersist | Self::InsideTakeover
        )
    }
}

/// A pod that holds at a failpoint or may come to hold there.
#[derive(Debug)]
pub(super) struct Arming {
    pub(super) pod: PartHandle,
    pub(super) point: Failpoint,
    /// True if the order is for the pod's next life: a stopped pod still has such an order.
    pub(super) next_life: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Failpoint; 9] = [
        Failpoint::AfterInsertBefore202,
        Failpoint::AfterLookBeforeClaim,
        Failpoint::AfterClaimBeforeCall,
        Failpoint::AfterPublishBeforePersist,
        Failpoint::AfterCommitBeforeAnnounce,
        Failpoint::InsideTakeover,
        Failpoint::InsideDrain,
        Failpoint::InsideSpoolDrain,
        Failpoint::InsideSpoolRecovery,
    ];

    /// Pod and harness agree on the wire alone: the names are compared here.
    #[test]
    fn the_reference_pod_knows_every_failpoint_by_its_name() {
        let pod = crate::system::load::workspace::workspace_root().join("fixtures/pod/src/failpoints/places.rs");
        let pod = std::fs::read_to_string(pod).expect("the pod's failpoints");
        for point in ALL {
            assert!(pod.contains(&format!("=> \"{}\",", point.name())), "{}", point.name());
        }
        assert_eq!(pod.matches("=> \"").count(), ALL.len());
    }
}
