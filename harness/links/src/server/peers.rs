//! The names of peers: which of the names that proxies give in `from` an address belongs to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longest for looking a name up. A peer whose name is not known by then has none.
const LOOKUP_BOUND: Duration = Duration::from_secs(2);

/// Addresses by which peers are known. Kept: a container's address stays while its network does.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: Mutex<BTreeMap<IpAddr, Arc<str>>>,
}

impl Peers {
    fn known(&self) -> MutexGuard<'_, BTreeMap<IpAddr, Arc<str>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of `names` that has the address, by what is known already.
    pub(super) fn remembered(&self, peer: IpAddr, names: &[Arc<str>]) -> Option<Arc<str>> {
        let known = self.known();
        let name = known.get(&peer.to_canonical())?;
        names.contains(name).then(|| Arc::clone(name))
    }

    /// The one of `names` that has the address. Unless it is known, every name is looked up anew; a name that has no address
    /// is nobody's.
    pub(super) async fn find(&self, peer: IpAddr, names: &[Arc<str>]) -> Option<Arc<str>> {
        if let Some(name) = self.remembered(peer, names) {
            return Some(name);
        }
        let mut lookups: JoinSet<_> = names.iter().map(|name| look_up(Arc::clone(name))).collect();
        while let Some(looked_up) = lookups.join_next().await {
            let Ok((name, addresses)) = looked_up else { continue };
            let mut known = self.known();
            known.retain(|_, of| *of != name);
            known.extend(addresses.into_iter().map(|address| (address, Arc::clone(&name))));
        }
        self.remembered(peer, names)
    }
}

async fn look_up(name: Arc<str>) -> (Arc<str>, Vec<IpAddr>) {
    let found = match timeout(LOOKUP_BOUND, lookup_host((&*name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
        Ok(Err(error)) => {
            tracing::debug!(%name, %error, "no address");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!(%name, bound = ?LOOKUP_BOUND, "its address was not found in time");
            Vec::new()
        }
    };
    (name, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    #[tokio::test]
    async fn an_address_leads_to_the_one_name_that_has_it() {
        let peers = Peers::default();
        let names = names(&["127.0.0.2", "no-such-host.invalid", "localhost"]);
        let at = |address: &str| address.parse::<IpAddr>().expect("an address");
        assert_eq!(peers.remembered(at("127.0.0.2"), &names), None, "nothing was asked yet");
        assert_eq!(peers.find(at("127.0.0.2"), &names).await.as_deref(), Some("127.0.0.2"));
        let mapped = peers.find(at("::ffff:127.0.0.2"), &names).await;
        assert_eq!(
            mapped.as_deref(),
            Some("127.0.0.2"),
            "as a socket of both families shows it"
        );
        assert_eq!(peers.find(at("127.0.0.1"), &names).await.as_deref(), Some("localhost"));
        assert_eq!(peers.find(at("127.0.0.3"), &names).await, None);
    }

    #[tokio::test]
    async fn a_name_that_is_not_asked_for_is_nobodys() {
        let peers = Peers::default();
        let address = "127.0.0.2".parse().expect("an address");
        assert!(peers.find(address, &names(&["127.0.0.2"])).await.is_some());
        assert_eq!(peers.find(address, &names(&["127.0.0.3"])).await, None);
    }
}
