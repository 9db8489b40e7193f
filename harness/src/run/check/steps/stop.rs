//! STOP: a turn that is stopped on another pod while the provider holds its answer.

use std::time::{Duration, Instant};

use crate::history::{Bound, Status};
use crate::run::check::bench::Bench;
use crate::run::check::section::{Line, Section};
use crate::run::check::steps::talk::let_go;
use crate::run::check::wording::open::untried;
use crate::run::check::wording::table::word;
use crate::system::talk::StoppedAs;
use crate::wait::{self, Look};

/// Longest until the provider sees its caller go.
const GONE: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// STOP, if the description says how.
pub(in crate::run) async fn stop(bench: &mut Bench<'_>) -> Option<Section> {
    if let Some(untried) = untried("STOP", bench.places, &["calls.cancel"]) {
        return Some(untried);
    }
    bench.system().description.calls.cancel.as_ref()?;
    let place = bench.place("calls.cancel");
    let mut section = Section::new("STOP");
    match stopped(bench, &mut section).await {
        Ok(()) => {}
        Err(why) => section.push(Line::bad(why).at(place)),
    }
    Some(section)
}

async fn stopped(bench: &mut Bench<'_>, section: &mut Section) -> Result<(), String> {
    let pod = bench.first();
    let turn = bench.held_turn(&pod).await?;
    let other = bench.next(&pod);
    let begun = Instant::now();
    bench.cast.cancel(&other, &turn).await.map_err(|e| e.to_string())?;
    let bound = bench.system().within(Bound::Terminal) + Duration::from_secs(3);
    let ended = bench.cast.settled_within(&turn, bound).await;
    let took = begun.elapsed();
    let left = left(bench, &turn).await;
    let_go(bench, &turn).await;
    let status = ended.map_err(|e| format!("{other}  the stop was taken, and the turn did not end: {e}"))?;
    section.push(outcome(bench, status, took, other.as_str()));
    section.push(if left {
        Line::ok("the provider saw its caller go")
    } else {
        Line::warn(format!(
            "the provider's call goes on {GONE:?} after the stop: is it paid for to its end?"
        ))
    });
    Ok(())
}

fn outcome(bench: &Bench<'_>, status: Status, took: Duration, pod: &str) -> Line {
    let statuses = &bench.system().description.statuses;
    let ends_as = bench
        .system()
        .description
        .calls
        .cancel
        .as_ref()
        .map(|cancel| cancel.ends_as);
    let text = format!("{pod}  the turn is {} after {took:.1?}", word(status));
    match status {
        Status::Completed if ends_as == Some(StoppedAs::Completed) => {
            Line::ok(text).at(bench.place("calls.cancel.ends_as"))
        }
        Status::Completed => {
            let text = format!(
                "{text}, as one that was not stopped: if the system has no other word for it, say ends_as = \"completed\" in \
                 [calls.cancel]"
            );
            Line::bad(text).at(bench.place("calls.cancel"))
        }
        Status::Cancelled => Line::ok(text).at(bench.place("calls.cancel")),
        Status::Lost => {
            let words = statuses.lost.join(", ");
            let text = format!(
                "{text}: {words:?} is listed as lost, but it came after a stop and no pod had died: cancelled?"
            );
            Line::bad(text).at(bench.place("statuses.lost"))
        }
        Status::Failed => {
            let words = statuses.failed.join(", ");
            let text = format!("{text}; of {words:?} one came after a stop: cancelled?");
            Line::warn(text).at(bench.place("statuses.failed"))
        }
        _ => Line::bad(text).at(bench.place("statuses")),
    }
}

/// True if the provider saw the caller of the turn's first call go.
async fn left(bench: &Bench<'_>, turn: &crate::run::cast::turn::Turn) -> bool {
    let (provider, key) = (&bench.cast.slot.provider, &turn.key);
    let gone = wait::until("the provider's caller to go", GONE, LOOK, || async move {
        match provider.is_abandoned(key, 1).await {
            Ok(true) => Look::Done(()),
            Ok(false) => Look::NotYet("it is there".to_owned()),
            Err(e) => Look::NotYet(e.to_string()),
        }
    });
    gone.await.is_ok()
}
