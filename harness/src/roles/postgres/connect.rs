//! Connections to PostgreSQL: the name of the harness's sessions, and the errors of every query.

use std::time::Duration;

use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// Name of the harness's own sessions. Every other session is the system's.
pub(crate) const OURS: &str = "crosspod-harness";

/// Longest that one question to the database may take.
pub(super) const ONE_QUESTION: Duration = Duration::from_secs(2);

/// The database did not answer as described.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached, or the connection broke.
    #[error("postgres at {at}: {}", said(source))]
    Unreachable {
        /// Host and port.
        at: String,
        /// The error of the client library.
        source: tokio_postgres::Error,
    },
    /// It took too long.
    #[error("postgres at {at} did not answer within {ONE_QUESTION:?}")]
    Slow {
        /// Host and port.
        at: String,
    },
    /// A value is not of the described shape.
    #[error("postgres at {at}: {what}")]
    Shape {
        /// Host and port.
        at: String,
        /// The unexpected value.
        what: String,
    },
}

/// An error of the client library in words: of what the database itself said, severity, code and text.
fn said(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(
        || error.to_string(),
        |said| format!("{} {}: {}", said.severity(), said.code().code(), said.message()),
    )
}

/// Opens a connection of the harness's own, by its name, which goes on writing where the system may only read.
pub(super) async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config: Config = url.parse()?;
    config
        .application_name(OURS)
        .options("-c default_transaction_read_only=off");
    connect_as(&config).await
}

/// Opens a connection and keeps it running in the background until the client is dropped.
pub(super) async fn connect_as(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(e) = connection.await {
            tracing::debug!(error = %e, "database connection ended");
        }
    });
    Ok(client)
}

/// Where a database is: what an error may print, since the rest of its address holds a password.
pub(super) fn place(url: &str) -> String {
    let Ok(config) = url.parse::<Config>() else {
        return "an address that cannot be read".to_owned();
    };
    match (config.get_hosts().first(), config.get_ports().first()) {
        (Some(Host::Tcp(host)), port) => format!("{host}:{}", port.unwrap_or(&5432)),
        (Some(Host::Unix(folder)), _) => folder.display().to_string(),
        (None, _) => "no host".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_never_print_a_password() {
        let cases = [
            ("postgres://crosspod:secret@127.0.0.1:5433/db", "127.0.0.1:5433"),
            ("host=/run/postgresql user=crosspod password=secret", "/run/postgresql"),
            ("postgres://crosspod:secret@", "no host"),
            ("secret", "an address that cannot be read"),
        ];
        for (url, shown) in cases {
            assert_eq!(place(url), shown);
        }
    }
}
