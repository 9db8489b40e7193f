//! Short turns in rounds, each watched on every pod, and a rest behind each round in which nothing of it is left. What a process then holds
//! more than behind the round before, round after round, leaks: a descriptor that nobody closes, a buffer that nobody frees.
//! Catches: leaks-descriptor-per-turn, leaks-memory-per-turn.

use crosspod::history::ThreadId;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Account, Cast, Played};

/// The least that growth can be judged by: two rounds for processes to warm up, and three in which a leak must show.
const ROUNDS: u32 = 5;
/// Turns of a round that are posted to each pod. Enough that a leak of one descriptor a turn is more than a connection in a pool.
const TURNS_A_POD: usize = 4;

pub(crate) async fn turns_in_rounds(c: &mut Cast) -> Played {
    // A thread for each pod, so that every pod is asked and each turn finds its thread free.
    let mut threads = vec![c.thread().clone()];
    for pod in 1..c.pods().len() {
        threads.push(c.another_thread(Pod::nth(pod), Account::Own).await?);
    }
    let turns = u32::try_from(TURNS_A_POD * threads.len()).unwrap_or(u32::MAX);
    let mut is_read = true;
    for round in 1..=ROUNDS {
        for _ in 0..TURNS_A_POD {
            a_turn_on_each(c, &threads).await?;
        }
        is_read &= c.rest_after_round(round, turns).await;
    }
    c.evidence("what each pod's process holds was read behind every round", is_read);
    Ok(())
}

/// Lets each pod take a turn, and every pod show each of them to a client that leaves at its end.
async fn a_turn_on_each(c: &mut Cast, threads: &[ThreadId]) -> Played {
    let (mut turns, mut watchers) = (Vec::new(), Vec::new());
    for (pod, thread) in threads.iter().enumerate() {
        let turn = c
            .post_to(thread, Pod::nth(pod), Answer::tokens(3).gate_after(1))
            .await?;
        for pod in c.pods() {
            watchers.push(c.attach(&pod, &turn, "round").await?);
        }
        turns.push(turn);
    }
    for turn in &turns {
        c.provider().open_gate(turn).await?;
    }
    for turn in &turns {
        c.settled(turn).await?;
    }
    for watcher in watchers {
        c.leave(watcher).await?;
    }
    Ok(())
}
