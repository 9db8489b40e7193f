//! TWO ATTEMPTS: the owner is killed while the provider holds its answer; who goes on, when, and what a client is left with.

use std::time::{Duration, Instant};

use crate::history::{Bound, Capability};
use crate::nemesis::Aim;
use crate::run::cast::turn::Turn;
use crate::run::check::bench::{Bench, HELD_AFTER};
use crate::run::check::section::{Line, Section};
use crate::run::check::steps::death;
use crate::run::check::steps::talk::let_go;
use crate::run::check::wording::attempts::{resets, screen as screen_lines};
use crate::run::check::wording::table::word;
use crate::system::stored::OnDeath;

/// Longest beyond its bound that a takeover is waited for: so that a bound that is too short can be told from none at all.
const BEYOND: Duration = Duration::from_secs(40);

/// TWO ATTEMPTS, if there is another pod and an owner to be killed.
pub(in crate::run) async fn two_attempts(bench: &mut Bench<'_>) -> Option<Section> {
    let mut section = Section::new("TWO ATTEMPTS");
    let system = bench.system();
    let on_death = system.description.owner.as_ref().map(|owner| owner.on_death);
    let missing = match on_death {
        _ if bench.cast.plan.pods.len() < 2 => "there is one pod",
        None => "no [owner] says who is to be killed",
        Some(_) if !system.has(Capability::Owner) => "the owner cannot be read",
        Some(_) => "",
    };
    let (Some(on_death), true) = (on_death, missing.is_empty()) else {
        section.push(Line::info(format!("not tried: {missing}")));
        return Some(section);
    };
    if let Err(why) = tried(bench, on_death, &mut section).await {
        section.push(Line::bad(why).at(bench.place("owner.on_death")));
    }
    Some(section)
}

async fn tried(bench: &mut Bench<'_>, on_death: OnDeath, section: &mut Section) -> Result<(), String> {
    let pod = bench.first();
    let turn = bench.held_turn(&pod).await?;
    let aim = bench.cast.owner_of(&turn).await.map_err(|e| e.to_string())?;
    if !bench.cast.plan.pods.contains(&aim.owner) {
        let_go(bench, &turn).await;
        return Err(format!(
            "the owner {:?} leads to no pod, so nothing is killed",
            aim.owner.as_str()
        ));
    }
    let survivor = bench.next(&aim.owner);
    let watcher = match bench.system().description.calls.attach {
        // A tail that is refused was told of before.
        Some(_) => bench.cast.attach(&survivor, &turn, "survivor").await.ok(),
        None => None,
    };
    if let Some(watcher) = &watcher
        && let Err(e) = watcher.reaches(HELD_AFTER).await
    {
        tracing::debug!(error = %e, "a tail does not show what is held");
    }
    let killed = bench.cast.nemesis().kill(&aim).await;
    let tried = match killed {
        Ok(()) => after(bench, (&turn, &aim), on_death, section).await,
        Err(e) => Err(e.to_string()),
    };
    if let (Some(watcher), Ok(())) = (&watcher, &tried) {
        bench.ends(&watcher.tail, &turn).await;
        let screen = bench.screen_of(watcher.tail.watcher, &turn);
        let tokens = screen.tokens(turn.key.as_str());
        let stream = &bench.system().description.stream;
        section
            .lines
            .extend(screen_lines(&screen, &tokens, resets(stream, bench.places)));
    }
    let_go(bench, &turn).await;
    tried
}

async fn after(
    bench: &mut Bench<'_>,
    (turn, aim): (&Turn, &Aim),
    on_death: OnDeath,
    section: &mut Section,
) -> Result<(), String> {
    let dead = Instant::now();
    let bound = bench.system().within(Bound::Takeover);
    if bench.places.is_open("owner.on_death") {
        let line = death::seen(bench, turn, aim).await?;
        section.push(line);
    } else if on_death == OnDeath::Restart {
        let started = bench.cast.nemesis().start(&aim.owner).await;
        started.map_err(|e| e.to_string())?;
    }
    if matches!(on_death, OnDeath::Survivor | OnDeath::Restart) {
        let heir = bench.cast.taken_over(turn, aim, bound + BEYOND).await;
        let heir = heir.map_err(|e| {
            format!(
                "{} was killed at token {HELD_AFTER}, and nobody claimed its turn: {e}",
                aim.owner
            )
        })?;
        section.push(claimed(bench, aim, &heir, dead.elapsed(), bound));
    }
    let_go(bench, turn).await;
    let ended = bench.cast.settled_within(turn, bound + BEYOND).await;
    let status = ended.map_err(|e| {
        format!(
            "{} was killed at token {HELD_AFTER}, and its turn did not end: {e}",
            aim.owner
        )
    })?;
    let text = format!("the turn is {} {:.1?} after the death", word(status), dead.elapsed());
    let is_promised = match on_death {
        OnDeath::Survivor | OnDeath::Restart => status == crate::history::Status::Completed,
        OnDeath::Fails | OnDeath::Nothing => true,
    };
    section.push(if is_promised {
        Line::ok(text)
    } else {
        Line::bad(text).at(bench.place("owner.on_death"))
    });
    Ok(())
}

fn claimed(bench: &mut Bench<'_>, aim: &Aim, heir: &Aim, took: Duration, bound: Duration) -> Line {
    let text = format!(
        "{} was killed at token {HELD_AFTER}; {} claimed the turn after {took:.1?}",
        aim.owner, heir.owner
    );
    let profile = bench.system().profile.as_deref().unwrap_or_default().to_owned();
    let path = format!("profiles.{profile}.bounds.takeover");
    let place = bench.place(&path);
    death::propose_bounds(bench, took);
    if took <= bound || bench.places.is_open(&path) {
        return Line::ok(text).at(place);
    }
    let text = format!(
        "{text}, and bounds.takeover is {bound:?}: do the variables of profiles.{profile} belong to these bounds?"
    );
    Line::bad(text).at(place)
}
