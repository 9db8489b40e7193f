//! The edge itself goes away in the middle of an answer, in good order or by a kill. Its clients come back to where they were once it
//! is there again, with cookies that still lead to their pods, and the turn has taken no notice.

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played, Stopped, Turn, Watcher};
use crosspod::system::parts::Affinity;

pub(crate) async fn edge_restarted_mid_stream(c: &mut Cast) -> Played {
    let (turn, watcher) = mid_answer(c).await?;
    c.edge().stop().await?;
    c.evidence(
        "the edge was restarted while it carried a stream",
        !c.is_over(&turn).await?,
    );
    returns(c, &turn, &watcher).await
}

pub(crate) async fn edge_killed_mid_stream(c: &mut Cast) -> Played {
    let (turn, watcher) = mid_answer(c).await?;
    c.edge().kill().await?;
    c.evidence("the edge died while it carried a stream", !c.is_over(&turn).await?);
    returns(c, &turn, &watcher).await
}

async fn mid_answer(c: &mut Cast) -> Result<(Turn, Watcher), Stopped> {
    let entry = c.entry_by(Affinity::Cookie)?;
    let client = c.edge_client(&entry)?;
    let turn = c.post_by(&client, Answer::tokens(12).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "through-the-edge").await?;
    watcher.reaches(3).await?;
    Ok((turn, watcher))
}

async fn returns(c: &mut Cast, turn: &Turn, watcher: &Watcher) -> Played {
    watcher.ends(c.health_window()? * 10).await?;
    c.edge().start().await?;
    let again = c.come_back_by(watcher, turn).await?;
    c.evidence("the client came back through the edge", again.seen().open);
    c.provider().open_gate(turn).await?;
    c.settled(turn).await?;
    Ok(())
}
