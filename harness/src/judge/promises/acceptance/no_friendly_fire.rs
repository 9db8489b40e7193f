//! Promise 17: a pod that starts, sweeps or reaps leaves the work of a live peer alone.
//!
//! A peer is alive as long as neither it nor anything that it depends on is broken. [`unjustified_takeovers`]
//! says what else justifies a takeover.

use crate::history::{Capability, PodName, Status};
use crate::judge::facts::unjustified_takeovers;
use crate::judge::view::{Breach, Turn, View};
use crate::judge::{Need, Promise};

pub(crate) const PROMISE: Promise = Promise {
    number: 17,
    name: "NoFriendlyFire",
    statement: "no pod claims or ends a turn in progress whose owner is alive and that moves: start-up, sweeps \
                and reapers touch only turns that are dead or stand still",
    needs: &[Need::Can(Capability::Owner), Need::Can(Capability::EveryCommit)],
    clauses: &[],
    has_more: true,
    judge,
};

fn judge(view: &View<'_>) -> Vec<Breach> {
    let taken = unjustified_takeovers::by_a_peer(view)
        .into_iter()
        .map(|takeover| Breach {
            subject: format!("turn {}", takeover.turn.id),
            thread: Some(takeover.thread),
            n: takeover.to.at.n,
            expected: format!("{} to keep the turn, being alive and at work", takeover.from.label()),
            got: format!("taken by {}", takeover.to.label()),
        });
    taken
        .chain(view.turns.iter().filter_map(|turn| lost(view, turn)))
        .collect()
}

/// A turn that was ended as lost although its owner was at work on it.
fn lost<'a>(view: &View<'a>, turn: &Turn<'a>) -> Option<Breach> {
    let ended = turn.terminal().filter(|row| row.status == Status::Lost)?;
    let owners = view.owners(turn);
    let before = owners.partition_point(|owned| owned.at.n < ended.at.n);
    let owned = owners[..before]
        .iter()
        .rev()
        .find(|owned| owned.status == Status::InProgress)?;
    let pod = owned.owner.filter(|_| owned.epoch == ended.epoch)?;
    if unjustified_takeovers::may_be_taken(
        view,
        Some(pod),
        ended.at.us,
        unjustified_takeovers::still_us(turn, ended.at.us),
    ) {
        return None;
    }
    Some(Breach {
        subject: format!("turn {}", turn.id),
        thread: turn.thread,
        n: ended.at.n,
        expected: format!("{} to keep the turn, being alive and at work", PodName::as_str(pod)),
        got: "ended as lost".into(),
    })
}

#[cfg(test)]
mod tests {
    use crate::history::{FaultStep, Status, StoreEvent, What};
    use crate::judge::testing::{FRIENDLY, Play, aimed, fault, observed, taken_from_a_live_owner, takeover, turn_row};

    const NAME: &str = "NoFriendlyFire";

    #[test]
    fn a_takeover_from_the_dead_is_accepted() {
        takeover().keeps(NAME);
    }

    #[test]
    fn a_takeover_from_the_living_is_found() {
        let finding = taken_from_a_live_owner(FRIENDLY).breaks(NAME);
        assert_eq!(
            finding.expected,
            "pod-1 at epoch 1 to keep the turn, being alive and at work"
        );
        assert_eq!(finding.got, "taken by pod-2 at epoch 2");
    }

    #[test]
    fn an_interruption_of_the_living_is_found() {
        let lost = |play: &mut Play| {
            play.turn_into(
                &turn_row(99, "turn-1", 2, Status::Completed),
                turn_row(99, "turn-1", 2, Status::Lost),
            );
        };
        let mut play = takeover();
        lost(&mut play);
        assert_eq!(play.breaks(NAME).got, "ended as lost");
        play.put(1230, fault(2, "kill", "pod-2", aimed()));
        play.keeps(NAME);
    }

    #[test]
    fn a_turn_that_stands_still_a_broken_dependency_and_the_pod_itself_are_reasons() {
        taken_from_a_live_owner(3_000).keeps(NAME);

        let mut play = taken_from_a_live_owner(FRIENDLY);
        play.put(30, fault(2, "cut", "postgres", observed()))
            .put(31, fault(2, "cut", "postgres", FaultStep::Healed));
        play.keeps(NAME);

        let mut play = taken_from_a_live_owner(FRIENDLY);
        let own = |what: &What| matches!(what, What::Store(StoreEvent::Row { row: crate::history::Row::Thread { epoch: Some(epoch), .. }, .. }) if epoch.0 == 2);
        play.without(own);
        play.put(
            40 + FRIENDLY,
            crate::judge::testing::thread_row(40, Some("pod-1"), 2, Status::InProgress),
        );
        play.keeps(NAME);
    }
}
