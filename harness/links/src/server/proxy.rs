//! One proxy: whether and where it listens, its upstream, and its hub.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};
use tokio::task::JoinHandle;

use super::account::{Account, Clock, LiveToxic};
use super::connection;
use super::hub::Hub;
use crate::model::{ApiError, Proxy as ProxyAnswer, ProxyChange, ProxySpec, Toxic, ToxicSpec};
use crate::pipeline::ToxicId;
use crate::request;

/// The rest after `accept` found no descriptor left on the system: that condition has no event to wait for.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Proxy {
    spec: ProxySpec,
    hub: Arc<Hub>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(super) async fn begin(spec: ProxySpec, clock: Clock, seed: u64) -> Result<Self, ApiError> {
        let enabled = spec.enabled;
        let mut proxy = Self {
            spec: ProxySpec { enabled: false, ..spec },
            hub: Arc::new(Hub::new(clock, seed)),
            accepting: None,
        };
        if enabled {
            proxy.start().await?;
        }
        Ok(proxy)
    }

    pub(super) fn spec(&self) -> &ProxySpec {
        &self.spec
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn answer(&self) -> ProxyAnswer {
        ProxyAnswer {
            spec: self.spec.clone(),
            toxics: self.toxics(),
        }
    }

    pub(super) fn toxics(&self) -> Vec<Toxic> {
        self.hub.toxics().iter().map(|toxic| answer(toxic)).collect()
    }

    pub(super) fn toxic(&self, name: &str) -> Result<Arc<LiveToxic>, ApiError> {
        self.hub.toxic(name).ok_or_else(request::toxic_not_found)
    }

    /// True if these addresses are not the proxy's own.
    pub(super) async fn differs(&self, listen: &str, upstream: &str) -> Result<bool, ApiError> {
        let same = listen == self.spec.listen
            || resolve(listen)
                .await?
                .iter()
                .any(|addr| addr.to_string() == self.spec.listen);
        Ok(!same || upstream != self.spec.upstream)
    }

    pub(super) async fn change(&mut self, change: ProxyChange) -> Result<(), ApiError> {
        let listen = change.listen.unwrap_or_else(|| self.spec.listen.clone());
        let upstream = change.upstream.unwrap_or_else(|| self.spec.upstream.clone());
        let enabled = change.enabled.unwrap_or(self.spec.enabled);
        if self.differs(&listen, &upstream).await? {
            self.stop().await;
            self.spec.listen = listen;
            self.spec.upstream = upstream;
        }
        match (self.spec.enabled, enabled) {
            (false, true) => self.start().await,
            (true, false) => {
                self.stop().await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Listens, if it does not yet.
    pub(super) async fn start(&mut self) -> Result<(), ApiError> {
        if self.spec.enabled {
            return Ok(());
        }
        let listener = self.bind().await?;
        self.spec.enabled = true;
        if !self.hub.refuses() {
            self.accept_on(listener);
        }
        Ok(())
    }

    /// Listens no more, and has no connection when this returns.
    pub(super) async fn stop(&mut self) {
        self.spec.enabled = false;
        self.refuse().await;
        self.hub.stop().await;
    }

    pub(super) async fn add_toxic(&mut self, id: ToxicId, spec: ToxicSpec) -> Result<Toxic, ApiError> {
        let account = Arc::new(Account::default());
        self.set(LiveToxic { id, spec, account }).await
    }

    pub(super) async fn change_toxic(&mut self, name: &str, body: &[u8]) -> Result<Toxic, ApiError> {
        let toxic = self.toxic(name)?;
        let spec = request::changed_toxic(&toxic.spec, body)?;
        let account = Arc::clone(&toxic.account);
        self.set(LiveToxic {
            id: toxic.id,
            spec,
            account,
        })
        .await
    }

    pub(super) async fn remove_toxic(&mut self, name: &str) -> Result<(), ApiError> {
        let toxic = self.toxic(name)?;
        self.hub.remove(&toxic).await;
        self.listen_or_refuse().await
    }

    pub(super) async fn remove_toxics(&mut self) -> Result<(), ApiError> {
        for toxic in self.hub.toxics() {
            self.hub.remove(&toxic).await;
        }
        self.listen_or_refuse().await
    }

    async fn set(&mut self, toxic: LiveToxic) -> Result<Toxic, ApiError> {
        let toxic = Arc::new(toxic);
        self.hub.set(Arc::clone(&toxic)).await;
        self.listen_or_refuse().await?;
        Ok(answer(&toxic))
    }

    /// Opens or closes the listener as the toxics demand.
    async fn listen_or_refuse(&mut self) -> Result<(), ApiError> {
        if self.hub.refuses() {
            self.refuse().await;
        } else if self.spec.enabled && self.accepting.is_none() {
            let listener = self.bind().await?;
            self.accept_on(listener);
        }
        Ok(())
    }

    async fn bind(&mut self) -> Result<TcpListener, ApiError> {
        let failed = |error| request::error(format!("listen tcp {}: {error}", self.spec.listen), 500);
        let addrs = resolve(&self.spec.listen).await?;
        let listener = TcpListener::bind(&*addrs).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        self.spec.listen = bound.to_string();
        tracing::info!(
            proxy = self.spec.name,
            listen = self.spec.listen,
            upstream = self.spec.upstream,
            "listening"
        );
        Ok(listener)
    }

    fn accept_on(&mut self, listener: TcpListener) {
        let upstream = Arc::from(self.spec.upstream.as_str());
        self.accepting = Some(tokio::spawn(accept(listener, upstream, Arc::clone(&self.hub))));
    }

    /// Closes the listener; connections stay.
    async fn refuse(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _aborted = accepting.await;
        }
    }
}

async fn accept(listener: TcpListener, upstream: Arc<str>, hub: Arc<Hub>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(connection::serve(
                client,
                Arc::clone(&upstream),
                hub.admit(),
            ))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

pub(super) fn answer(toxic: &LiveToxic) -> Toxic {
    Toxic {
        spec: toxic.spec.clone(),
        effects: Some(toxic.account.read()),
    }
}

/// The addresses of `host:port`, `:port` (every address of this machine) or nothing (the same, on a free port).
async fn resolve(listen: &str) -> Result<Vec<SocketAddr>, ApiError> {
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
