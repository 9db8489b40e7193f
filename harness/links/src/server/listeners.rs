//! The sockets that proxies listen on. Proxies that tell their clients apart by `from` share one.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::JoinHandle;

use super::connection;
use super::hub::{Hub, Ticket};
use super::peers::Peers;
use crate::model::ApiError;
use crate::request;

/// The rest after `accept` found no descriptor left on the system: that condition has no event to wait for.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(20);

/// The way of one proxy's connections.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// Host name of the clients; `None` for those that no other route of the socket names.
    pub(super) from: Option<Arc<str>>,
    pub(super) upstream: Arc<str>,
    pub(super) hub: Arc<Hub>,
}

impl Route {
    fn is_of(&self, hub: &Arc<Hub>) -> bool {
        Arc::ptr_eq(&self.hub, hub)
    }
}

/// Every socket, by the address that it is bound to.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    sockets: BTreeMap<SocketAddr, Socket>,
    peers: Arc<Peers>,
}

#[derive(Debug, Default)]
struct Socket {
    routes: Arc<Routes>,
    accepting: Option<JoinHandle<()>>,
}

/// The routes of one socket. A closed one stays, so that its clients are not taken for strangers.
#[derive(Debug, Default)]
struct Routes(Mutex<Vec<(Route, bool)>>);

/// The fate of a connection by its peer's address.
enum Fate {
    Served(Arc<str>, Ticket),
    Refused,
    /// It hangs on which of these names the peer has.
    Asked(Vec<Arc<str>>),
}

impl Listeners {
    /// Opens a route on `listen`. Returns the address that is listened on.
    ///
    /// # Errors
    /// The address cannot be listened on, or another proxy listens there for the same clients.
    pub(super) async fn open(&mut self, listen: &str, route: Route) -> Result<SocketAddr, ApiError> {
        let failed = |error: io::Error| request::error(format!("listen tcp {listen}: {error}"), 500);
        let addrs = resolve(listen).await?;
        if let Some(at) = addrs.iter().find(|at| self.sockets.contains_key(at)).copied() {
            let socket = self.sockets.entry(at).or_default();
            if socket.routes.has_another(&route) {
                return Err(failed(io::ErrorKind::AddrInUse.into()));
            }
            if socket.accepting.is_none() {
                let listener = TcpListener::bind(at).await.map_err(failed)?;
                socket.accept_on(listener, &self.peers);
            }
            socket.routes.open(route);
            return Ok(at);
        }
        let listener = TcpListener::bind(&*addrs).await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let socket = self.sockets.entry(at).or_default();
        socket.routes.open(route);
        socket.accept_on(listener, &self.peers);
        Ok(at)
    }

    /// Closes a proxy's route: its clients are refused. Where no other route is open, nobody listens.
    pub(super) async fn close(&mut self, hub: &Arc<Hub>) {
        for socket in self.sockets.values_mut() {
            socket.routes.close(hub);
            socket.stop_if_idle().await;
        }
    }

    /// Removes a proxy's route.
    pub(super) async fn remove(&mut self, hub: &Arc<Hub>) {
        for socket in self.sockets.values_mut() {
            socket.routes.all().retain(|(route, _)| !route.is_of(hub));
            socket.stop_if_idle().await;
        }
        self.sockets.retain(|_, socket| !socket.routes.all().is_empty());
    }
}

impl Socket {
    fn accept_on(&mut self, listener: TcpListener, peers: &Arc<Peers>) {
        let accepting = accept(listener, Arc::clone(&self.routes), Arc::clone(peers));
        self.accepting = Some(tokio::spawn(accepting));
    }

    async fn stop_if_idle(&mut self) {
        if self.routes.all().iter().any(|(_, open)| *open) {
            return;
        }
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _aborted = accepting.await;
        }
    }
}

impl Routes {
    fn all(&self) -> MutexGuard<'_, Vec<(Route, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if another proxy listens for the same clients.
    fn has_another(&self, wanted: &Route) -> bool {
        let routes = self.all();
        let mut open = routes.iter().filter(|(_, open)| *open);
        open.any(|(route, _)| route.from == wanted.from && !route.is_of(&wanted.hub))
    }

    fn open(&self, wanted: Route) {
        let mut routes = self.all();
        routes.retain(|(route, _)| !route.is_of(&wanted.hub));
        routes.push((wanted, true));
    }

    fn close(&self, hub: &Arc<Hub>) {
        for (route, open) in self.all().iter_mut().filter(|(route, _)| route.is_of(hub)) {
            tracing::debug!(from = ?route.from, upstream = %route.upstream, "closed");
            *open = false;
        }
    }

    /// Admits a connection whose peer's name `name_of` may know.
    fn fate(&self, name_of: impl FnOnce(&[Arc<str>]) -> Option<Option<Arc<str>>>) -> Fate {
        let routes = self.all();
        let names: Vec<Arc<str>> = routes.iter().filter_map(|(route, _)| route.from.clone()).collect();
        let from = if names.is_empty() { Some(None) } else { name_of(&names) };
        let Some(from) = from else { return Fate::Asked(names) };
        let open = routes.iter().find(|(route, open)| *open && route.from == from);
        match open {
            Some((route, _)) => Fate::Served(Arc::clone(&route.upstream), route.hub.admit()),
            None => Fate::Refused,
        }
    }
}

async fn accept(listener: TcpListener, routes: Arc<Routes>, peers: Arc<Peers>) {
    loop {
        match listener.accept().await {
            Ok((client, peer)) => admit(client, peer.ip(), &routes, &peers),
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn admit(client: TcpStream, peer: IpAddr, routes: &Arc<Routes>, peers: &Arc<Peers>) {
    let fate = routes.fate(|names| peers.remembered(peer, names).map(Some));
    let Fate::Asked(names) = fate else {
        return settle(client, peer, fate);
    };
    let (routes, peers) = (Arc::clone(routes), Arc::clone(peers));
    drop(tokio::spawn(async move {
        let name = peers.find(peer, &names).await;
        settle(client, peer, routes.fate(|_| Some(name)));
    }));
}

fn settle(client: TcpStream, peer: IpAddr, fate: Fate) {
    match fate {
        Fate::Served(upstream, ticket) => drop(tokio::spawn(connection::serve(client, upstream, ticket))),
        // A socket that others use cannot refuse one peer: a reset at once is the next best.
        Fate::Refused | Fate::Asked(_) => {
            tracing::debug!(%peer, "refused");
            let _gone = client.set_zero_linger();
        }
    }
}

/// The addresses of `host:port`, `:port` (every address of this machine) or nothing (the same, on a free port).
pub(super) async fn resolve(listen: &str) -> Result<Vec<SocketAddr>, ApiError> {
    let failed = |error: io::Error| request::error(format!("listen tcp {listen}: {error}"), 500);
    let port = match listen {
        "" => Some("0"),
        listen => listen.strip_prefix(':'),
    };
    match port {
        // On a machine without IPv6, the second is taken.
        Some(port) => {
            let both = [format!("[::]:{port}"), format!("0.0.0.0:{port}")];
            let parsed = both
                .iter()
                .map(|addr| addr.parse().map_err(|error| failed(io::Error::other(error))));
            parsed.collect()
        }
        None => Ok(lookup_host(listen).await.map_err(failed)?.collect()),
    }
}
