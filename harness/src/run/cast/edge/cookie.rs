//! The affinity cookie's life, the addresses of clients, and the sessions that they meet, cold or warm.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::history::{ClientEvent, What};
use crate::run::cast::Cast;
use crate::run::stopped::Stopped;
use crate::workload::EdgeClient;

/// How much longer than the lifetime it takes until a cookie is surely over: lifetimes are counted in whole seconds from an answer's
/// head.
const BEYOND: Duration = Duration::from_millis(300);
/// How the answer to a post says that it is accepted: its method.
const POST: &str = "POST";

impl Cast {
    /// Lets the lifetime of the affinity cookie pass: time itself is what is waited for.
    pub async fn cookie_lifetime_passes(&self) -> Result<(), Stopped> {
        tokio::time::sleep(self.said_lifetime()? + BEYOND).await;
        Ok(())
    }

    /// Lets a part of the affinity cookie's lifetime pass, of which there are `parts`: time itself is what is waited for.
    pub async fn part_of_the_cookie_lifetime_passes(&self, parts: u32) -> Result<(), Stopped> {
        tokio::time::sleep(self.said_lifetime()? / parts.max(1)).await;
        Ok(())
    }

    /// Gives a client an address in the edge's eyes; the play ends if its entry takes no client's word for it.
    pub fn uses_address(&self, client: &EdgeClient, address: Ipv4Addr) -> Result<(), Stopped> {
        client.at_address(address).map_err(Stopped::GaveUp)
    }

    /// Messages until now whose answers said that a session was built for them, and those whose answers did not.
    pub fn cold_and_warm_starts(&self) -> (usize, usize) {
        let (mut cold, mut warm) = (0, 0);
        self.recorder.find(0, |event| {
            if let What::Client(ClientEvent::Routed(routed)) = &event.what
                && routed.method == POST
                && routed.status.is_some_and(|status| (200..300).contains(&status))
            {
                match routed.cold_start_ms {
                    Some(_) => cold += 1,
                    None => warm += 1,
                }
            }
            None::<()>
        });
        (cold, warm)
    }

    fn said_lifetime(&self) -> Result<Duration, Stopped> {
        let lifetime = self.cookie_lifetime()?;
        lifetime.ok_or_else(|| Stopped::GaveUp("edge.lifetime is not said".to_owned()))
    }
}
