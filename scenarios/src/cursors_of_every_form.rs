//! Clients come back with cursors of every form: in the address, beside a header that is empty, of another thread, of an attempt that
//! never was, of the far future, as long as a cursor may be, and with what is no cursor at all. A pod that lets the empty header count
//! shows the answer from its start once more, and one that takes another thread's cursor for its own skips what lies before it.
//! Catches: empty-cursor-header-wins, foreign-cursor-taken.

use crosspod::history::CursorForm::{After, AfterBesideEmptyHeader, LastEventId};
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Account, Cast, Played};

/// Length of the longest cursor that is sent, in bytes. The reference pod refuses a longer one, and this one must get its resync.
const LONGEST: usize = 128;

pub(crate) async fn cursors_of_every_form(c: &mut Cast) -> Played {
    let thread = c.another_thread(Pod::second(), Account::Own).await?;
    let other = c
        .post_to(&thread, Pod::second(), Answer::tokens(8).gate_after(4))
        .await?;
    let turn = c.post(Pod::first(), Answer::tokens(8).gate_after(4)).await?;
    let pods = c.pods();
    let there = c.attach(&pods[0], &other, "elsewhere").await?;
    let here = c.attach(&pods[0], &turn, "start").await?;
    there.reaches(4).await?;
    here.reaches(4).await?;
    let own = here.seen().last_id.unwrap_or_default();
    let foreign = there.seen().last_id.unwrap_or_default();
    let mark = own.splitn(3, '-').nth(2).unwrap_or_default();
    let never_was = format!("7779-1-{mark}");
    let far_future = format!("{0}-{0}-{mark}", u64::MAX);
    let digits = LONGEST.saturating_sub("1--".len() + mark.len());
    let longest = format!("1-{}-{mark}", "9".repeat(digits));
    let sent = [
        (own.clone(), LastEventId),
        (own.clone(), After),
        (own.clone(), AfterBesideEmptyHeader),
        (foreign.clone(), LastEventId),
        (foreign, After),
        (never_was, After),
        (far_future, LastEventId),
        ("undefined".to_owned(), LastEventId),
        ("undefined".to_owned(), After),
        (longest, LastEventId),
    ];
    for (place, cursor) in sent.into_iter().enumerate() {
        c.attach_with(cursor, &pods[place % pods.len()], &turn).await?;
    }
    let is_held = here.tokens() == 4 && there.tokens() == 4 && !c.is_over(&turn).await?;
    c.evidence(
        "cursors of every form were answered in the middle of two turns",
        is_held,
    );
    for turn in [&turn, &other] {
        c.provider().open_gate(turn).await?;
        c.settled(turn).await?;
    }
    Ok(())
}
