//! The proxy as a server: proxies, their connections, and the HTTP interface.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use crosspod_links::server::Server;
//!
//! let server = Server::bind("127.0.0.1:8474", 1).await?;
//! println!("admin interface on {}", server.admin);
//! server.run(std::future::pending()).await
//! # }
//! ```

mod account;
mod api;
mod connection;
mod flow;
mod hub;
mod listeners;
mod peers;
mod proxy;
mod registry;
mod transfer;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use registry::Registry;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::Mutex;

use crate::model::{ApiError, Proxy};
use crate::request;

/// The admin interface, bound, and the proxies made so far.
#[derive(Debug)]
pub struct Server {
    /// Address of the admin interface.
    pub admin: SocketAddr,
    listener: TcpListener,
    registry: Arc<Mutex<Registry>>,
}

impl Server {
    /// Binds the admin interface. All chance (toxicity, jitter, sizes of slices) comes from the seed, the order in which
    /// proxies are made, and the order in which they accept connections.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn bind(admin: impl ToSocketAddrs, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(admin).await?;
        Ok(Self {
            admin: listener.local_addr()?,
            listener,
            registry: Arc::new(Mutex::new(Registry::new(seed))),
        })
    }

    /// Makes proxies of a configuration: the same JSON array as the body of `POST /populate`.
    ///
    /// # Errors
    /// It cannot be read, or a proxy cannot listen; those before that one are made.
    pub async fn populate(&self, json: &[u8]) -> Result<Vec<Proxy>, ApiError> {
        let specs = request::population(json)?;
        match self.registry.lock().await.populate(specs).await {
            (proxies, None) => Ok(proxies),
            (_, Some(error)) => Err(error),
        }
    }

    /// Serves until `shutdown` is over; then every proxy is stopped and its connections are closed.
    ///
    /// # Errors
    /// The admin interface's socket fails.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let routes = api::routes(Arc::clone(&self.registry));
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(shutdown)
            .await?;
        self.registry.lock().await.stop().await;
        Ok(())
    }
}
