//! The database dies in the middle of an answer, the model goes on talking, and the database comes back. Nothing that was
//! acknowledged is lost, nobody takes a turn from an owner that only could not say that it lives, and every pod serves.

use crosspod::nemesis::Role;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

pub(crate) async fn postgres_restarted_mid_turn(c: &mut Cast) -> Played {
    const TOKENS: u32 = 16;
    let turn = c.post(Pod::first(), Answer::tokens(TOKENS).gate_after(4)).await?;
    let tails = c.attach_on_every_pod(&turn).await?;
    tails.each_reach(4).await?;
    c.nemesis().crash(Role::Postgres).await?;
    c.provider().open_gate(&turn).await?;
    c.provider().sent(&turn, 1, TOKENS).await?;
    c.evidence("the model said the rest while the database was gone", true);
    c.nemesis().mend(Role::Postgres).await?;
    c.settled(&turn).await?;
    c.every_pod_serves().await?;
    Ok(())
}
