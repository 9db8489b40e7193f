//! The server: the provider's endpoints on one address, the admin interface on another.
//!
//! ```no_run
//! # async fn example() -> Result<(), mock_ai::server::BindError> {
//! let server = mock_ai::server::Server::bind("127.0.0.1:0", "127.0.0.1:0").await?;
//! println!("provider on {}, admin on {}", server.listen, server.admin);
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! Endpoints: `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{id}`, `GET /health`. Absent: TLS, HTTP/2,
//! CORS, and any other part of the OpenAI interface; a request for one is answered 404.

mod app;
mod chat;
mod models;
mod stamp;
mod walk;
mod wire;

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Json, Router, middleware,
    routing::{get, post},
};
use futures_util::future::join_all;
use serde_json::json;
use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};
use tokio_util::sync::CancellationToken;

pub use self::app::Settings;
use self::app::{App, Caller};
use crate::{admin, refusal, state::World};

/// Both sockets, bound, so that the addresses are known before anything is served.
#[derive(Debug)]
pub struct Server {
    /// Address of the provider's endpoints.
    pub listen: SocketAddr,
    /// Address of the admin interface.
    pub admin: SocketAddr,
    settings: Settings,
    provider_socket: TcpListener,
    admin_socket: TcpListener,
    callers: Vec<(Caller, TcpListener)>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} for the {interface}, choose another address, or port 0 for a free one")]
pub struct BindError {
    addr: String,
    interface: &'static str,
    source: io::Error,
}

impl Server {
    /// Binds both addresses; port 0 picks a free port.
    ///
    /// # Errors
    /// An address that does not resolve, or that cannot be bound.
    pub async fn bind<A>(listen: A, admin: A) -> Result<Self, BindError>
    where
        A: ToSocketAddrs + std::fmt::Debug,
    {
        let (provider_socket, listen) = bind(listen, "provider").await?;
        let (admin_socket, admin) = bind(admin, "admin interface").await?;
        Ok(Self {
            listen,
            admin,
            settings: Settings::default(),
            provider_socket,
            admin_socket,
            callers: Vec::new(),
        })
    }

    /// Binds one more address of the provider. Calls that come there are the caller's, by the journal. Returns the address.
    ///
    /// # Errors
    /// An address that does not resolve, or that cannot be bound.
    pub async fn bind_for<A>(&mut self, caller: &str, addr: A) -> Result<SocketAddr, BindError>
    where
        A: ToSocketAddrs + std::fmt::Debug,
    {
        let (socket, bound) = bind(addr, "provider").await?;
        self.callers.push((Caller(caller.into()), socket));
        Ok(bound)
    }

    /// Changes what the provider insists on.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Serves until `shutdown` completes, then closes every connection at once, the streams on them as they are.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let world = World::new();
        let app = Arc::new(App {
            world: Arc::clone(&world),
            settings: self.settings,
        });
        let stop = CancellationToken::new();
        let provider = provider(app);
        let of_callers = self.callers.into_iter().map(|(caller, socket)| {
            let provider = provider.clone().layer(Extension(caller));
            wire::serve(socket, provider, stop.clone())
        });
        let of_callers = join_all(of_callers);
        let serving = async {
            tokio::join!(
                of_callers,
                wire::serve(self.provider_socket, provider, stop.clone()),
                wire::serve(self.admin_socket, admin::router(Arc::clone(&world)), stop.clone()),
            )
        };
        let stopping = async {
            shutdown.await;
            world.stop();
            stop.cancel();
        };
        tokio::join!(serving, stopping);
    }
}

async fn bind<A>(addr: A, interface: &'static str) -> Result<(TcpListener, SocketAddr), BindError>
where
    A: ToSocketAddrs + std::fmt::Debug,
{
    let name = format!("{addr:?}");
    let bound = async {
        let addr = lookup_host(addr).await?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let socket = wire::listen(addr)?;
        let bound = socket.local_addr()?;
        Ok((socket, bound))
    };
    bound.await.map_err(|source| BindError {
        addr: name,
        interface,
        source,
    })
}

fn provider(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat::create))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::find))
        .route("/health", get(|| async { Json(json!({"status": "ok"})) }))
        .fallback(refusal::no_such_route)
        .method_not_allowed_fallback(refusal::no_such_method)
        .layer(middleware::from_fn(stamp::stamp))
        .with_state(app)
}
