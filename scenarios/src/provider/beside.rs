//! How these stories are played: odd answers, one after the other and on each pod in turn, beside a healthy one.

use std::time::Duration;

use crosspod::history::Status;
use crosspod::plan::{Answer, Oddity, Pod};
use crosspod::run::{Account, Cast, Played, Stopped, Turn};

use crate::common::tails_for;

/// Evidence: the provider followed its script.
pub(super) const SENT: &str = "the provider sent each oddity";
/// Evidence: sound answers were completed by their first call, or have ended where a client of the provider need not take them.
pub(super) const WHOLE: &str = "each odd answer was completed, or refused by a client that may";
/// Evidence: each unreadable answer failed by its first call, or has ended where a client of the provider may call again.
pub(super) const FAILED: &str = "each odd answer failed, or ended at a client that may call again";
/// Evidence: a turn beside them ran on.
pub(super) const BESIDE: &str = "a healthy turn ran beside them";

/// An odd answer's number of tokens.
const TOKENS: u32 = 6;

/// An answer of the provider with its oddities.
pub(super) struct Odd {
    oddities: Vec<Oddity>,
    /// Pause before each token.
    pause: Duration,
}

impl Odd {
    /// An answer whose tokens come this far apart.
    pub(super) fn paced(oddities: Vec<Oddity>, pause: Duration) -> Self {
        Self { oddities, pause }
    }

    fn answer(&self) -> Answer {
        let answer = self.oddities.iter().fold(Answer::tokens(TOKENS), Answer::odd);
        if self.pause.is_zero() {
            answer
        } else {
            answer.paced(self.pause)
        }
    }
}

impl From<Vec<Oddity>> for Odd {
    fn from(oddities: Vec<Oddity>) -> Self {
        Self::paced(oddities, Duration::ZERO)
    }
}

/// Plays answers that are sound, each with its oddities.
pub(super) async fn sound(c: &mut Cast, answers: Vec<impl Into<Odd>>) -> Played {
    play(c, answers, Status::Completed, WHOLE).await
}

/// Plays answers that nobody can read, each with its oddities.
pub(super) async fn unsound(c: &mut Cast, answers: Vec<impl Into<Odd>>) -> Played {
    play(c, answers, Status::Failed, FAILED).await
}

async fn play(c: &mut Cast, answers: Vec<impl Into<Odd>>, end: Status, mark: &str) -> Played {
    let beside = c.another_thread(Pod::second(), Account::Own).await?;
    let healthy = c
        .post_to(&beside, Pod::second(), Answer::tokens(10).gate_after(3))
        .await?;
    c.attach_on_every_pod(&healthy).await?.each_reach(3).await?;
    // One tail on each pod for all answers: a tail that is opened behind a quick answer is shown nothing of it.
    let before = c.post(Pod::first(), Answer::tokens(1)).await?;
    c.settled(&before).await?;
    let tails = c.attach_on_every_pod(&before).await?;
    for tail in tails.iter() {
        tail.opens().await?;
    }
    let (mut all_sent, mut all_ended) = (true, true);
    for (n, odd) in answers.into_iter().map(Into::into).enumerate() {
        let odd: Odd = odd;
        let turn = c.post(Pod::nth(n % 3), odd.answer()).await?;
        tails_for(c, &tails, &turn).await?;
        let is_strict = c.settled(&turn).await? == end && c.provider().calls(&turn).await? == 1;
        all_ended &= is_strict || !c.takes_odd_answers();
        all_sent &= were_sent(c, &turn, &odd.oddities).await?;
    }
    c.evidence(SENT, all_sent);
    c.evidence(mark, all_ended);
    c.evidence(BESIDE, !c.is_over(&healthy).await?);
    let next = c.post(Pod::nth(2), Answer::tokens(4)).await?;
    c.settled(&next).await?;
    c.provider().open_gate(&healthy).await?;
    c.settled(&healthy).await?;
    Ok(())
}

async fn were_sent(c: &Cast, turn: &Turn, oddities: &[Oddity]) -> Result<bool, Stopped> {
    for oddity in oddities {
        if !c.provider().has_sent(turn, oddity).await? {
            return Ok(false);
        }
    }
    Ok(true)
}
