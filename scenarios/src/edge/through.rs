//! Stories of every other kind, played through the edge: the user's posts, tails and cancels take an entry of it, whatever pod the play
//! names, and each further watcher is a client of its own. What must hold is what must hold without an edge.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crosspod::history::Capability::Edge;
use crosspod::run::{Cast, Played, Story};
use crosspod::system::needs::Need;
use crosspod::system::parts::Affinity;

/// Every way of an entry to pin clients.
const PINNED: [Affinity; 3] = [Affinity::Cookie, Affinity::Address, Affinity::None];

/// The needs of each story with those of the edge, by the story's name and how its entry pins.
type Needs = BTreeMap<(&'static str, Affinity), Vec<Need>>;

fn needs(straight: &[Story]) -> Needs {
    let each = straight.iter().flat_map(|story| PINNED.map(|pins| (story, pins)));
    each.map(|(story, pins)| {
        let of_edge = [Need::Has(Edge), Need::PinsBy(pins)];
        ((story.name, pins), [story.needs, &of_edge].concat())
    })
    .collect()
}

/// The same story through an entry that pins so.
macro_rules! through {
    (($straight:expr, $needs:expr), $pins:ident, $prefix:literal, [$($play:ident),* $(,)?]) => {
        vec![$(Story {
            name: concat!("edge::", $prefix, "::", stringify!($play)),
            needs: $needs
                .get(&(stringify!($play), Affinity::$pins))
                .map(Vec::as_slice)
                .unwrap_or_default(),
            // The effect of a defect on the straight way is told by the story that goes straight.
            catches: &[],
            play: |cast| {
                Box::pin(async move {
                    enter(cast, Affinity::$pins)?;
                    let played: Played = crate::$play::$play(cast).await;
                    cast.go_straight();
                    played
                })
            },
            ..straight($straight, stringify!($play))
        }),*]
    };
}

/// The stories through the edge.
pub(super) fn stories(straight: &[Story]) -> Vec<Story> {
    // A story's needs live as long as the program, and are the same each time.
    static NEEDS: OnceLock<Needs> = OnceLock::new();
    let needs = NEEDS.get_or_init(|| needs(straight));
    let pinned = through!(
        (straight, needs),
        Cookie,
        "through",
        [
            cluster_smoke,
            attach_cross_pod,
            turns_on_one_tail,
            quiet_answer,
            large_answers,
            message_queued_mid_answer,
            owner_killed_mid_answer,
            owner_paused_past_its_lease,
            rolling_restart_mid_answer,
            acknowledged_then_killed,
            killed_inside_drain,
            killed_inside_takeover,
            killed_after_commit_before_announce,
            answer_breaks_off,
            empty_answer,
            postgres_restarted_mid_turn,
        ]
    );
    let unpinned = through!(
        (straight, needs),
        None,
        "through_unpinned",
        [
            attach_cross_pod,
            turns_on_one_tail,
            owner_killed_mid_answer,
            rolling_restart_mid_answer,
            quiet_answer,
        ]
    );
    let by_address = through!(
        (straight, needs),
        Address,
        "through_by_address",
        [attach_cross_pod, owner_killed_mid_answer, rolling_restart_mid_answer,]
    );
    [pinned, unpinned, by_address].concat()
}

/// Lets the story's user go through an entry that pins so. The play ends if there is none.
fn enter(c: &mut Cast, affinity: Affinity) -> Played {
    let entry = c.entry_by(affinity)?;
    c.enter_by(&entry)
}

fn straight(stories: &[Story], name: &str) -> Story {
    let found = stories.iter().find(|story| story.name == name);
    *found.unwrap_or_else(|| panic!("no story {name} goes straight"))
}
