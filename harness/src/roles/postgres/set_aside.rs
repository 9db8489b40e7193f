//! An empty database, as a service finds it on its first day: the data is set aside and later put back.
//!
//! Renaming the schema does it, which takes no time however large the data is. No pod may stay connected: its prepared statements
//! name tables that are elsewhere by then.

use std::time::Duration;

use super::connect::{DatabaseError, connect, place};

/// Longest that the renaming may take; it waits for transactions that still use a table.
const RENAMING: Duration = Duration::from_secs(5);

/// Sets everything aside; how many tables are in sight afterwards.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses.
pub async fn set_aside(url: &str) -> Result<i64, DatabaseError> {
    let statements = "begin; alter schema public rename to set_aside; create schema public; commit";
    renamed(url, statements).await
}

/// Puts back what was set aside, and drops what came to be meanwhile; how many tables are in sight afterwards.
///
/// # Errors
/// As [`set_aside`].
pub async fn put_back(url: &str) -> Result<i64, DatabaseError> {
    let statements = "begin; drop schema public cascade; alter schema set_aside rename to public; commit";
    renamed(url, statements).await
}

async fn renamed(url: &str, statements: &str) -> Result<i64, DatabaseError> {
    let unreachable = |source| DatabaseError::Unreachable { at: place(url), source };
    let renaming = async {
        let client = connect(url).await.map_err(unreachable)?;
        client.batch_execute(statements).await.map_err(unreachable)?;
        let count = client
            .query_one("select count(*) from pg_tables where schemaname = 'public'", &[])
            .await
            .map_err(unreachable)?;
        count.try_get(0).map_err(unreachable)
    };
    tokio::time::timeout(RENAMING, renaming)
        .await
        .unwrap_or_else(|_| Err(DatabaseError::Slow { at: place(url) }))
}
