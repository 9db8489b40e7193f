//! A turn that cannot succeed runs beside others that can: in another thread of its tenant, and in another tenant's if there are
//! tenants. It fails alone, with an error that can be read, and its own thread takes the next message.

use crosspod::history::Capability;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Account, Cast, Played};
use crosspod::system::needs::Need;

pub(crate) async fn poison_beside_good(c: &mut Cast) -> Played {
    let own = c.another_thread(Pod::second(), Account::Own).await?;
    let has_tenants = c.can(&[Need::Has(Capability::Tenants)]);
    let whose = if has_tenants { Account::Stranger } else { Account::Own };
    let neighbours = c.another_thread(Pod::nth(2), whose).await?;
    let good = c.post_to(&own, Pod::second(), Answer::tokens(10).gate_after(3)).await?;
    let foreign = c
        .post_to(&neighbours, Pod::nth(2), Answer::tokens(10).gate_after(3))
        .await?;
    let poison = c.post(Pod::first(), Answer::tokens(10).broken_off_after(2)).await?;
    for turn in [&good, &foreign, &poison] {
        c.attach_on_every_pod(turn).await?;
    }
    c.settled(&poison).await?;
    let beside = !c.is_over(&good).await? && !c.is_over(&foreign).await?;
    c.evidence("others ran while the bad turn failed", beside);
    let next = c.post(Pod::second(), Answer::tokens(5)).await?;
    c.settled(&next).await?;
    for turn in [&good, &foreign] {
        c.provider().open_gate(turn).await?;
        c.settled(turn).await?;
    }
    Ok(())
}
