//! One proxy: whether, where and for whom it listens, its upstream, and its hub.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::account::{Account, Clock, LiveToxic};
use super::hub::Hub;
use super::listeners::{Listeners, Route, resolve};
use crate::model::{ApiError, Proxy as ProxyAnswer, ProxyChange, ProxySpec, Toxic, ToxicSpec};
use crate::pipeline::ToxicId;
use crate::request;

#[derive(Debug)]
pub(super) struct Proxy {
    spec: ProxySpec,
    hub: Arc<Hub>,
    listeners: Arc<Mutex<Listeners>>,
    /// True if its route is open.
    listens: bool,
}

impl Proxy {
    pub(super) async fn begin(
        spec: ProxySpec,
        clock: Clock,
        seed: u64,
        listeners: Arc<Mutex<Listeners>>,
    ) -> Result<Self, ApiError> {
        let enabled = spec.enabled;
        let mut proxy = Self {
            spec: ProxySpec { enabled: false, ..spec },
            hub: Arc::new(Hub::new(clock, seed)),
            listeners,
            listens: false,
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

    /// True if addresses or clients of `spec` are not the proxy's own.
    pub(super) async fn is_another(&self, spec: &ProxySpec) -> Result<bool, ApiError> {
        Ok(spec.from != self.spec.from || self.differs(&spec.listen, &spec.upstream).await?)
    }

    /// True if these addresses are not the proxy's own.
    async fn differs(&self, listen: &str, upstream: &str) -> Result<bool, ApiError> {
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
            self.leave().await;
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
        self.listen().await?;
        self.spec.enabled = true;
        if self.hub.refuses() {
            self.refuse().await;
        }
        Ok(())
    }

    /// Listens no more, and has no connection when this returns.
    pub(super) async fn stop(&mut self) {
        self.spec.enabled = false;
        self.refuse().await;
        self.hub.stop().await;
    }

    /// As [`Proxy::stop`], and gives up its place among those that share its address.
    pub(super) async fn leave(&mut self) {
        self.stop().await;
        self.listeners.lock().await.remove(&self.hub).await;
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
        } else if self.spec.enabled && !self.listens {
            self.listen().await?;
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), ApiError> {
        let route = Route {
            from: self.spec.from.as_deref().map(Arc::from),
            upstream: Arc::from(self.spec.upstream.as_str()),
            hub: Arc::clone(&self.hub),
        };
        let bound = self.listeners.lock().await.open(&self.spec.listen, route).await?;
        self.spec.listen = bound.to_string();
        self.listens = true;
        tracing::info!(
            proxy = self.spec.name,
            listen = self.spec.listen,
            from = self.spec.from,
            upstream = self.spec.upstream,
            "listening"
        );
        Ok(())
    }

    /// Takes no more connections; those that there are stay.
    async fn refuse(&mut self) {
        self.listens = false;
        self.listeners.lock().await.close(&self.hub).await;
    }
}

pub(super) fn answer(toxic: &LiveToxic) -> Toxic {
    Toxic {
        spec: toxic.spec.clone(),
        effects: Some(toxic.account.read()),
    }
}
