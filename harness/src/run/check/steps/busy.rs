//! BUSY: a second turn while the first is held; and the same message sent twice.

use std::time::Duration;

use crate::history::{Bound, Capability, Outcome, PodName, TurnKey};
use crate::plan::Answer;
use crate::run::check::bench::Bench;
use crate::run::check::proposal::Proposal;
use crate::run::check::section::{Line, Section};
use crate::run::check::steps::talk::let_go;
use crate::run::stopped::Stopped;
use crate::system::talk::Busy;
use crate::wait::{self, Look};

/// Longest that the first turn is held to see what becomes of the second one.
const HELD: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// BUSY: what a thread with a running turn does with the next one.
pub(in crate::run) async fn busy(bench: &mut Bench<'_>) -> Option<Section> {
    if !bench.system().has(Capability::Threads) {
        return None;
    }
    let said = bench.system().description.calls.turn.busy;
    let place = bench.place("calls.turn.busy");
    let is_open = bench.places.is_open("calls.turn.busy");
    let line = match tried(bench).await {
        Ok((seen, how)) if is_open => {
            let how = format!("a second turn, while the first was held, {how}");
            bench.propose(Proposal::text("calls.turn.busy", seen.word(), &how));
            Line::info(how)
        }
        Ok((seen, how)) if Some(seen) == said => {
            Line::ok(format!("a second turn, while the first was held, {how}: {seen}"))
        }
        Ok((seen, how)) => {
            let said = said.map_or_else(|| "nothing".to_owned(), |said| format!("{:?}", said.word()));
            let text = format!(
                "a second turn, while the first was held, {how}: say busy = {:?}; it says {said}",
                seen.word()
            );
            Line::bad(text)
        }
        Err(why) => Line::bad(why),
    };
    Some(Section::of_line("BUSY", line.at(place)))
}

async fn tried(bench: &mut Bench<'_>) -> Result<(Busy, String), String> {
    let pod = bench.first();
    let first = bench.held_turn(&pod).await?;
    let main = std::mem::replace(&mut bench.cast.thread, first.thread.clone());
    let other = bench.next(&pod);
    let second = bench.cast.begin_post(&other, Answer::tokens(2));
    let key = TurnKey::from(format!("{}t{}", bench.cast.nonce, bench.cast.messages));
    bench.cast.thread = main;
    let mut second = second.map_err(|e| e.to_string())?;
    let system = bench.system();
    let limit = system
        .bounds()
        .of(Bound::Progress)
        .map_or(HELD, |ms| HELD.min(Duration::from_millis(ms / 2)));
    let runs = called(bench, &key, limit);
    let seen = tokio::select! {
        biased;
        ran = runs => if ran {
            Ok((Busy::Parallel, "ran at once".to_owned()))
        } else {
            Ok((Busy::Queues, format!("had not begun after {limit:.1?}")))
        },
        refused = refused(&mut second) => refused,
    };
    let_go(bench, &first).await;
    // The second turn is awaited, so that it is none of the next step's.
    let ended = bench.cast.settled(&first).await;
    ended.map_err(|e| e.to_string())?;
    if let Ok((Busy::Queues, how)) = &seen {
        return if called(bench, &key, HELD).await {
            Ok((Busy::Queues, format!("{how} and began after its end")))
        } else {
            Err(format!(
                "a second turn, while the first was held, {how}, and did not begin after its end either"
            ))
        };
    }
    seen
}

/// Until the post is refused; for ever if it is accepted.
async fn refused(post: &mut crate::run::cast::posts::Posting) -> Result<(Busy, String), String> {
    match post.outcome().await {
        Ok(Outcome::Failed { status, .. }) => Ok((Busy::Refuses, format!("was answered {status}"))),
        Ok(Outcome::Unknown { reason }) => Err(format!("a second turn, while the first was held: {reason}")),
        Err(e) => Err(e.to_string()),
        Ok(Outcome::Ok(_)) => std::future::pending().await,
    }
}

/// True if the provider was called for a key within a time.
async fn called(bench: &Bench<'_>, key: &TurnKey, within: Duration) -> bool {
    let provider = &bench.cast.slot.provider;
    let called = wait::until("a call of the second turn", within, LOOK, || async move {
        match provider.calls(key).await {
            Ok(calls) if !calls.is_empty() => Look::Done(()),
            Ok(_) => Look::NotYet("none".to_owned()),
            Err(e) => Look::NotYet(e.to_string()),
        }
    });
    called.await.is_ok()
}

/// SAME MESSAGE TWICE: whether it is one turn.
pub(in crate::run) async fn same_twice(bench: &mut Bench<'_>) -> Option<Section> {
    let said = bench.system().description.calls.turn.idempotent;
    let place = bench.place("calls.turn.idempotent");
    let pod = bench.first();
    let line = match twice(bench, &pod).await {
        Ok(Some(true)) if said => Line::ok("one turn: the second answer names the first one's"),
        Ok(Some(true)) => {
            Line::warn("one turn, and the file does not say so: say idempotent = true to let it be judged")
        }
        Ok(Some(false)) if said => Line::bad("two turns, but idempotent = true says that they are one"),
        Ok(Some(false)) => Line::info("two turns; nothing else is promised"),
        Ok(None) if said => {
            Line::bad("the second one was refused, but idempotent = true says that it is the first one's turn")
        }
        Ok(None) => Line::info("the second one was refused; nothing else is promised"),
        Err(why) => Line::bad(why),
    };
    Some(Section::of_line("SAME MESSAGE TWICE", line.at(place)))
}

/// True if one message that was sent twice is one turn. `None` if the second one is refused.
async fn twice(bench: &mut Bench<'_>, pod: &PodName) -> Result<Option<bool>, String> {
    let thread = bench.thread(pod).await.map_err(|e| e.to_string())?;
    let main = std::mem::replace(&mut bench.cast.thread, thread.clone());
    let done = sent_twice(bench, pod).await;
    bench.cast.thread = main;
    match done {
        Ok(is_same) => Ok(Some(is_same)),
        Err(Stopped::GaveUp(why)) if why.contains("was not accepted: Failed") => Ok(None),
        Err(why) => Err(why.to_string()),
    }
}

async fn sent_twice(bench: &mut Bench<'_>, pod: &PodName) -> Result<bool, Stopped> {
    let mut posting = bench.cast.begin_post(pod, Answer::tokens(2))?;
    let first = match posting.outcome().await? {
        Outcome::Ok(accepted) => accepted.turn,
        other => return Err(Stopped::GaveUp(format!("the first one was not taken: {other:?}"))),
    };
    let other = bench.next(pod);
    let again = bench.cast.post_again(posting, &other).await?;
    let is_same = again.id == first;
    bench.cast.settled(&again).await?;
    Ok(is_same)
}
