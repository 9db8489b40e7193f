//! The fate of the turn of a killed owner, where the description does not say it.

use std::time::{Duration, Instant};

use crate::history::Status;
use crate::nemesis::Aim;
use crate::run::cast::turn::Turn;
use crate::run::check::bench::Bench;
use crate::run::check::proposal::Proposal;
use crate::run::check::section::Line;
use crate::run::check::wording::table::word;
use crate::system::stored::OnDeath;
use crate::wait::{self, Look};

/// Longest until a survivor goes on with the turn: beyond the half minute that leases of real systems take.
const SURVIVOR: Duration = Duration::from_secs(45);
/// Longest until the owner goes on with the turn once it is started again.
const RESTARTED: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Sees what becomes of the turn of a killed owner, proposes it for `owner.on_death`, and tells it.
///
/// # Errors
/// The owner could not be started again.
pub(in crate::run) async fn seen(bench: &mut Bench<'_>, turn: &Turn, aim: &Aim) -> Result<Line, String> {
    let begun = Instant::now();
    let (on_death, what) = match goes_on(bench, turn, SURVIVOR).await {
        Some(Next::Called) => (OnDeath::Survivor, "a survivor called the provider for its turn"),
        Some(Next::Ended(status)) => return Ok(ended(bench, aim, status, begun.elapsed())),
        None => {
            bench
                .cast
                .nemesis()
                .start(&aim.owner)
                .await
                .map_err(|e| e.to_string())?;
            match goes_on(bench, turn, RESTARTED).await {
                Some(Next::Called) => (
                    OnDeath::Restart,
                    "it called the provider for its turn once it was started again",
                ),
                Some(Next::Ended(status)) => return Ok(ended(bench, aim, status, begun.elapsed())),
                None => (OnDeath::Nothing, "nobody went on with its turn, and it did not end"),
            }
        }
    };
    let took = begun.elapsed();
    let text = format!("{} was killed; {what}: seen after {took:.1?}", aim.owner);
    bench.propose(Proposal::text("owner.on_death", on_death.word(), &text));
    if on_death == OnDeath::Survivor {
        propose_bounds(bench, took);
    }
    Ok(Line::info(text).at(bench.place("owner.on_death")))
}

/// Proposes bounds by the time that one takeover took.
pub(in crate::run) fn propose_bounds(bench: &mut Bench<'_>, took: Duration) {
    let profile = bench.system().profile.clone().unwrap_or_default();
    for (bound, than) in [("lease", "less"), ("takeover", "more")] {
        let path = format!("profiles.{profile}.bounds.{bound}");
        let seen =
            format!("one takeover took {took:.1?}, so it is {than} than that: say the time that the pods are set to");
        bench.propose(Proposal::hint(path, seen));
    }
}

fn ended(bench: &mut Bench<'_>, aim: &Aim, status: Status, took: Duration) -> Line {
    let text = format!(
        "{} was killed; its turn was {} after {took:.1?}",
        aim.owner,
        word(status)
    );
    bench.propose(Proposal::text("owner.on_death", OnDeath::Fails.word(), &text));
    Line::info(text).at(bench.place("owner.on_death"))
}

/// The next event of a turn.
enum Next {
    /// The provider was called for it once more.
    Called,
    /// The turn ended.
    Ended(Status),
}

async fn goes_on(bench: &Bench<'_>, turn: &Turn, bound: Duration) -> Option<Next> {
    let (cast, provider) = (&bench.cast, &bench.cast.slot.provider);
    let next = wait::until("another call for the turn, or its end", bound, LOOK, || async move {
        let calls = provider.calls(&turn.key).await.map_or(0, |calls| calls.len());
        match cast.status_of(turn).await {
            _ if calls > 1 => Look::Done(Next::Called),
            Ok(Some(status)) if status.is_terminal() => Look::Done(Next::Ended(status)),
            Ok(status) => Look::NotYet(format!("{calls} calls, {status:?}")),
            Err(e) => Look::NotYet(e.to_string()),
        }
    });
    next.await.ok()
}
