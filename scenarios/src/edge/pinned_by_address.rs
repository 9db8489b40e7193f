//! Clients are pinned by their address, over kept connections and fresh ones alike. When a pod dies its clients move; when it is back
//! they may move back, and each of them sees whole answers throughout.

use std::net::Ipv4Addr;

use crosspod::plan::Answer;
use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

/// Addresses of clients: enough that not all of them hash to one pod.
const ADDRESSES: u8 = 12;

pub(crate) async fn pinned_by_address(c: &mut Cast) -> Played {
    let entry = c.entry_by(Affinity::Address)?;
    let mut clients = Vec::new();
    for last in 1..=ADDRESSES {
        let client = c.edge_client(&entry)?;
        c.uses_address(&client, Ipv4Addr::new(192, 0, 2, last))?;
        let pod = c.served(&client).await?;
        client.reconnect();
        c.served(&client).await?;
        clients.push((client, pod));
    }
    let (client, pod) = clients.swap_remove(0);
    let several = clients.iter().any(|(_, other)| *other != pod);
    c.evidence("clients of different addresses were led to different pods", several);
    let turn = c.post_by(&client, Answer::tokens(10).gate_after(3)).await?;
    let watcher = c.attach_by(&client, &turn, "by-address").await?;
    watcher.reaches(3).await?;
    c.nemesis().kill_pod(&pod, None).await?;
    let heir = c.re_pinned(&client, &pod).await?;
    c.evidence("the clients of a dead pod were led elsewhere", heir != pod);
    c.come_back_by(&watcher, &turn).await?;
    for (other, _) in &clients {
        c.read_by(other).await;
    }
    c.provider().open_gate(&turn).await?;
    c.settled(&turn).await?;
    // Once the edge must know of the death, nobody may be led to the dead pod.
    c.health_window_passes().await?;
    c.served(&client).await?;
    c.nemesis().start(&pod).await?;
    c.back_in_the_pool(&pod, &entry).await?;
    c.served(&client).await?;
    Ok(())
}
