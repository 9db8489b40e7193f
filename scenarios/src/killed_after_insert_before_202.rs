//! A pod dies between storing a message and saying so: its client has no answer, and the turn is there all the same. The
//! client sends the message again, elsewhere; it must stand for one turn, answered once.

use crosspod::history::Outcome;
use crosspod::nemesis::Failpoint;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn killed_after_insert_before_202(c: &mut Cast) -> Played {
    let (pod, survivor) = (c.pod(Pod::first()), c.pod(Pod::second()));
    let thread = c.thread().clone();
    let armed = c
        .nemesis()
        .arm(
            std::slice::from_ref(&pod),
            Failpoint::AfterInsertBefore202,
            Some(&thread),
        )
        .await?;
    let mut posting = c.begin_post(&pod, Answer::tokens(8).gate_after(3))?;
    let held = c.nemesis().holds(armed).await?;
    c.nemesis().kill_held(&held).await?;
    let outcome = posting.outcome().await?;
    c.evidence(
        "the pod held at after-insert-before-202 and died there",
        matches!(outcome, Outcome::Unknown { .. }),
    );
    let turn = c.post_again(posting, &survivor).await?;
    c.attach(&survivor, &turn, "after-death").await?.reaches(3).await?;
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    Ok(())
}
