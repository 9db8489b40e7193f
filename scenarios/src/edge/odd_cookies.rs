//! Clients send cookies that no edge gave: of a server that is no more, of another service, too long, twice, without a value, garbled.
//! Each of them is served as a new client is, and what it sends reaches nobody else.

use crosspod::plan::Answer;
use crosspod::run::{Cast, OddCookie, Played};
use crosspod::system::parts::Affinity;

const ODD: [OddCookie; 6] = [
    OddCookie::UnknownServer,
    OddCookie::AnotherService,
    OddCookie::Oversized { bytes: 4000 },
    OddCookie::Repeated,
    OddCookie::Empty,
    OddCookie::Garbled,
];

pub(crate) async fn odd_cookies(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Cookie)?;
    let plain = c.edge_client(&entry)?;
    c.served(&plain).await?;
    let mut served = 0;
    for odd in ODD {
        let client = c.edge_client(&entry)?;
        client.browser().send_oddly(Some(odd));
        let answered = c.read_by(&client).await;
        served += usize::from(answered.is_some_and(|answered| answered.is_served()));
        let turn = c.post_by(&client, Answer::tokens(2)).await?;
        let watcher = c.attach_by(&client, &turn, "odd-cookie").await?;
        c.settled(&turn).await?;
        drop(watcher);
        // With its own cookie again it is an ordinary client.
        client.browser().send_oddly(None);
        c.served(&client).await?;
        c.served(&plain).await?;
    }
    c.evidence(
        "clients with cookies of every odd form were served",
        served == ODD.len(),
    );
    Ok(())
}
