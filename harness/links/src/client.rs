//! A typed client of the admin interface, ours or Toxiproxy's. It sends one request for each call and waits for nothing
//! else: to know that a fault has landed, ask [`Client::effects`] until it has.

use std::collections::BTreeMap;

use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::model::{ApiError, Attributes, Proxy, ProxyChange, ProxyEffects, ProxySpec, Toxic, ToxicSpec, Version};

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There was no answer, or none that can be read.
    #[error("{what}: {source}")]
    Http {
        /// Method and path.
        what: String,
        /// The cause.
        source: reqwest::Error,
    },
    /// The request was refused.
    #[error("{what}: {refusal}")]
    Refused {
        /// Method and path.
        what: String,
        /// Why.
        refusal: ApiError,
    },
}

/// A client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

#[derive(serde::Deserialize)]
struct Populated {
    proxies: Vec<Proxy>,
}

type Done<T> = Result<T, ClientError>;

impl Client {
    /// A client of the admin interface at `host:port`.
    ///
    /// # Panics
    /// No HTTP client can be set up on this machine.
    pub fn new(admin: impl std::fmt::Display) -> Self {
        // A proxy from the environment or a redirect would lead to another host than the named one.
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        let http = http.expect("an HTTP client without TLS and proxies needs nothing of the machine");
        Self {
            http,
            base: base(admin),
        }
    }

    /// True if this is a client of the admin interface at `host:port`.
    pub fn is_of(&self, admin: impl std::fmt::Display) -> bool {
        self.base == base(admin)
    }

    /// The version of Toxiproxy that is spoken.
    pub async fn version(&self) -> Done<String> {
        let version: Version = self.get("/version").await?;
        Ok(version.version)
    }

    /// Every proxy, by name.
    pub async fn proxies(&self) -> Done<BTreeMap<String, Proxy>> {
        self.get("/proxies").await
    }

    /// One proxy.
    pub async fn proxy(&self, proxy: &str) -> Done<Proxy> {
        self.get(&format!("/proxies/{proxy}")).await
    }

    /// Makes a proxy; refused with 409 if there is one of its name.
    pub async fn create(&self, proxy: &ProxySpec) -> Done<Proxy> {
        self.send(Method::POST, "/proxies", proxy).await
    }

    /// Makes proxies. Replaces a proxy of the same name whose addresses differ.
    pub async fn populate(&self, proxies: &[ProxySpec]) -> Done<Vec<Proxy>> {
        let populated: Populated = self.send(Method::POST, "/populate", proxies).await?;
        Ok(populated.proxies)
    }

    /// Changes a proxy.
    pub async fn change(&self, proxy: &str, change: &ProxyChange) -> Done<Proxy> {
        self.send(Method::POST, &format!("/proxies/{proxy}"), change).await
    }

    /// Takes a proxy down (closing its connections and its listener) or up again.
    pub async fn enable(&self, proxy: &str, enabled: bool) -> Done<Proxy> {
        let change = ProxyChange {
            enabled: Some(enabled),
            ..ProxyChange::default()
        };
        self.change(proxy, &change).await
    }

    /// Removes a proxy, closing its connections.
    pub async fn delete(&self, proxy: &str) -> Done<()> {
        self.bare(Method::DELETE, &format!("/proxies/{proxy}")).await
    }

    /// Enables every proxy and removes every toxic.
    pub async fn reset(&self) -> Done<()> {
        self.bare(Method::POST, "/reset").await
    }

    /// The toxics of a proxy.
    pub async fn toxics(&self, proxy: &str) -> Done<Vec<Toxic>> {
        self.get(&format!("/proxies/{proxy}/toxics")).await
    }

    /// One toxic.
    pub async fn toxic(&self, proxy: &str, toxic: &str) -> Done<Toxic> {
        self.get(&format!("/proxies/{proxy}/toxics/{toxic}")).await
    }

    /// Adds a toxic. It is in force on every live connection when this returns.
    pub async fn add_toxic(&self, proxy: &str, toxic: &ToxicSpec) -> Done<Toxic> {
        self.send(Method::POST, &format!("/proxies/{proxy}/toxics"), toxic)
            .await
    }

    /// Gives a toxic other attributes of its type, and another toxicity.
    pub async fn change_toxic(&self, proxy: &str, toxic: &str, to: &Attributes, toxicity: f32) -> Done<Toxic> {
        let mut body = serde_json::to_value(to).unwrap_or_default();
        body["toxicity"] = json!(toxicity);
        let path = format!("/proxies/{proxy}/toxics/{toxic}");
        self.send(Method::POST, &path, &body).await
    }

    /// Removes a toxic. Every live connection is rid of it when this returns.
    pub async fn remove_toxic(&self, proxy: &str, toxic: &str) -> Done<()> {
        self.bare(Method::DELETE, &format!("/proxies/{proxy}/toxics/{toxic}"))
            .await
    }

    /// The effects of a proxy's toxics. Ours: Toxiproxy refuses it with 404.
    pub async fn effects(&self, proxy: &str) -> Done<ProxyEffects> {
        self.get(&format!("/proxies/{proxy}/effects")).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Done<T> {
        let what = format!("GET {path}");
        let answer = self.http.get(format!("{}{path}", self.base)).send().await;
        read(what, answer).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: &(impl Serialize + ?Sized)) -> Done<T> {
        let what = format!("{method} {path}");
        let request = self.http.request(method, format!("{}{path}", self.base));
        read(what, request.json(body).send().await).await
    }

    async fn bare(&self, method: Method, path: &str) -> Done<()> {
        let what = format!("{method} {path}");
        let request = self.http.request(method, format!("{}{path}", self.base));
        checked(&what, request.send().await).await.map(drop)
    }
}

fn base(admin: impl std::fmt::Display) -> String {
    format!("http://{admin}")
}

async fn checked(what: &str, answer: reqwest::Result<Response>) -> Done<Response> {
    let http = |source| ClientError::Http {
        what: what.to_owned(),
        source,
    };
    let answer = answer.map_err(http)?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(http)?;
    let refusal = serde_json::from_str(&text).unwrap_or(ApiError { error: text, status });
    Err(ClientError::Refused {
        what: what.to_owned(),
        refusal,
    })
}

async fn read<T: DeserializeOwned>(what: String, answer: reqwest::Result<Response>) -> Done<T> {
    let answer = checked(&what, answer).await?;
    answer.json().await.map_err(|source| ClientError::Http { what, source })
}
