//! Long stories: minutes of work, played only if a filter begins with `long::`.

mod spool_outlives_fifty_kills;

use crosspod::run::Story;
use crosspod::system::needs::Need;

/// Every long story.
pub(crate) fn stories() -> Vec<Story> {
    vec![Story {
        name: "long::spool_outlives_fifty_kills",
        about: "10,000 items of feedback are acknowledged while their pods are killed 50 times at random moments",
        needs: &[Need::Spool],
        faults: &["kill"],
        catches: &[],
        evidence: &["10000 items were acknowledged over 50 kills"],
        play: |cast| Box::pin(spool_outlives_fifty_kills::spool_outlives_fifty_kills(cast)),
    }]
}
