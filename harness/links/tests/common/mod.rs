//! The proxy in this process, and what every test binary here needs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crosspod_links::client::Client;
use crosspod_links::server::Server;
use tokio::time::timeout;

/// Bound of everything that must come at all.
const BOUND: Duration = Duration::from_secs(20);

/// Waits for what must come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {BOUND:?}"))
}

/// An address of this machine that no other test has, and a free port. A port that a proxy gives up for a while would
/// otherwise soon be another test's.
pub(crate) fn own_address() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if !cfg!(target_os = "linux") {
        return "127.0.0.1:0".into();
    }
    let n = std::process::id()
        .wrapping_mul(64)
        .wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
    let [_, a, b, c] = n.to_be_bytes();
    format!("127.{}.{b}.{c}:0", 1 + a % 254)
}

pub(crate) async fn server() -> (Client, SocketAddr) {
    let server = Server::bind("127.0.0.1:0", 7).await.expect("a free port");
    let admin = server.admin;
    tokio::spawn(server.run(std::future::pending()));
    (Client::new(admin), admin)
}
