//! All proxies, by name. Requests that change something are carried out one at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::account::Clock;
use super::listeners::Listeners;
use super::proxy::Proxy;
use crate::model::{ApiError, Proxy as ProxyAnswer, ProxyChange, ProxySpec, Toxic};
use crate::pipeline::ToxicId;
use crate::request;

#[derive(Debug)]
pub(super) struct Registry {
    proxies: BTreeMap<String, Proxy>,
    listeners: Arc<Mutex<Listeners>>,
    clock: Clock,
    seed: u64,
    /// Proxies and toxics made so far: the next id. A name may be used again.
    made: u64,
}

impl Registry {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            proxies: BTreeMap::new(),
            listeners: Arc::default(),
            clock: Clock::begin(),
            seed,
            made: 0,
        }
    }

    pub(super) fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.proxies.values()
    }

    pub(super) fn proxy(&self, name: &str) -> Result<&Proxy, ApiError> {
        self.proxies.get(name).ok_or_else(request::proxy_not_found)
    }

    fn proxy_mut(&mut self, name: &str) -> Result<&mut Proxy, ApiError> {
        self.proxies.get_mut(name).ok_or_else(request::proxy_not_found)
    }

    fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(super) async fn create(&mut self, spec: ProxySpec) -> Result<ProxyAnswer, ApiError> {
        if self.proxies.contains_key(&spec.name) {
            return Err(request::proxy_already_exists());
        }
        self.insert(spec).await
    }

    /// Creates the proxies; one that is there by its name and addresses stays as it is, with its toxics. Those before
    /// the first that fails are made.
    pub(super) async fn populate(&mut self, specs: Vec<ProxySpec>) -> (Vec<ProxyAnswer>, Option<ApiError>) {
        let mut made = Vec::new();
        for spec in specs {
            match self.create_or_replace(spec).await {
                Ok(proxy) => made.push(proxy),
                Err(error) => return (made, Some(error)),
            }
        }
        (made, None)
    }

    async fn create_or_replace(&mut self, spec: ProxySpec) -> Result<ProxyAnswer, ApiError> {
        if let Some(present) = self.proxies.get_mut(&spec.name) {
            if !present.is_another(&spec).await? {
                return Ok(present.answer());
            }
            present.leave().await;
        }
        self.insert(spec).await
    }

    async fn insert(&mut self, spec: ProxySpec) -> Result<ProxyAnswer, ApiError> {
        let seed = self.seed ^ self.next().rotate_left(32);
        let name = spec.name.clone();
        let proxy = Proxy::begin(spec, self.clock, seed, Arc::clone(&self.listeners)).await?;
        let answer = proxy.answer();
        self.proxies.insert(name, proxy);
        Ok(answer)
    }

    pub(super) async fn change(&mut self, name: &str, change: ProxyChange) -> Result<ProxyAnswer, ApiError> {
        let proxy = self.proxy_mut(name)?;
        proxy.change(change).await?;
        Ok(proxy.answer())
    }

    pub(super) async fn delete(&mut self, name: &str) -> Result<(), ApiError> {
        self.proxy_mut(name)?.leave().await;
        self.proxies.remove(name);
        Ok(())
    }

    /// Enables every proxy and removes every toxic.
    pub(super) async fn reset(&mut self) -> Result<(), ApiError> {
        for proxy in self.proxies.values_mut() {
            proxy.start().await?;
            proxy.remove_toxics().await?;
        }
        Ok(())
    }

    pub(super) async fn stop(&mut self) {
        for proxy in self.proxies.values_mut() {
            proxy.stop().await;
        }
    }

    pub(super) async fn add_toxic(&mut self, proxy: &str, body: &[u8]) -> Result<Toxic, ApiError> {
        let id = ToxicId(self.next());
        let proxy = self.proxy_mut(proxy)?;
        let spec = request::new_toxic(body, |name| proxy.toxic(name).is_ok())?;
        proxy.add_toxic(id, spec).await
    }

    pub(super) async fn change_toxic(&mut self, proxy: &str, toxic: &str, body: &[u8]) -> Result<Toxic, ApiError> {
        self.proxy_mut(proxy)?.change_toxic(toxic, body).await
    }

    pub(super) async fn remove_toxic(&mut self, proxy: &str, toxic: &str) -> Result<(), ApiError> {
        self.proxy_mut(proxy)?.remove_toxic(toxic).await
    }
}
