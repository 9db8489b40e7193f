//! One user has two browsers, pinned to two pods, and writes in both: there are two ways to the thread and one history of it.

use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn two_browsers_of_one_user(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let (one, other) = (c.pod(Pod::first()), c.pod(Pod::second()));
    let desk = c.client_on(&one, &entry).await?;
    let phone = c.client_on(&other, &entry).await?;
    let first = c.post_by(&desk, Answer::tokens(8).gate_after(3)).await?;
    let at_desk = c.attach_by(&desk, &first, "desk").await?;
    let on_phone = c.attach_by(&phone, &first, "phone").await?;
    at_desk.reaches(3).await?;
    on_phone.reaches(3).await?;
    c.evidence(
        "two browsers of one user were served by two pods",
        at_desk.pod() != on_phone.pod(),
    );
    let second = c.post_by(&phone, Answer::tokens(5)).await?;
    c.provider().open_gate(&first).await?;
    c.settled(&first).await?;
    c.settled(&second).await?;
    let third = c.post_by(&desk, Answer::tokens(4)).await?;
    let again = c.attach_by(&phone, &third, "phone").await?;
    c.settled(&third).await?;
    drop(again);
    Ok(())
}
