//! Sessions of the database: the system's and the harness's, room for further ones, and read-only mode.
//!
//! Each session of the harness has a name of its own, so every other session is the system's. All queries use one connection that
//! is opened before anything is broken: afterwards there may be no further one.

use std::time::Duration;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::connect::{DatabaseError, OURS, connect, connect_as, place};

/// Name of the sessions that do nothing but take up a place.
const OCCUPIER: &str = "crosspod-occupier";
/// Longest that one question to the database may take.
const ONE_QUESTION: Duration = Duration::from_secs(2);

/// A connection from which the database's sessions are seen and acted on.
pub struct Sessions {
    client: Client,
    url: String,
}

/// One session of the system under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pid: i32,
    /// When it began, as the database writes it: process ids come again.
    since: String,
    /// The name that it gives itself.
    pub name: String,
}

/// The places for sessions that the harness could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// How many the harness has, those that do nothing included.
    pub ours: i64,
    /// How many there are for this role.
    pub all: i64,
}

/// A session that takes up a place until it is dropped.
pub struct Occupier {
    _client: Client,
}

/// The result of an attempt to open one more session.
pub enum Entry {
    /// There was a place.
    Taken(Occupier),
    /// There was none: what the database said.
    Full(String),
}

impl Sessions {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// It cannot be reached, or is slow.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        let client = bounded(url, connect(url)).await?;
        let url = url.to_owned();
        Ok(Self { client, url })
    }

    /// Asks nothing more, and keeps the place that was needed for it.
    pub fn into_occupier(self) -> Occupier {
        Occupier { _client: self.client }
    }

    /// The system's sessions, those that have just begun left out.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn of_system(&self) -> Result<Vec<Session>, DatabaseError> {
        // One without a state has not told its name yet.
        let sql = "select pid, backend_start::text, application_name from pg_stat_activity
                   where backend_type = 'client backend' and datname = current_database() and state is not null
                     and application_name <> all($1) order by pid";
        let ours: &[&str] = &[OURS, OCCUPIER];
        let rows = bounded(&self.url, self.client.query(sql, &[&ours])).await?;
        let session = |row: &tokio_postgres::Row| Session {
            pid: row.get(0),
            since: row.get(1),
            name: row.get(2),
        };
        Ok(rows.iter().map(session).collect())
    }

    /// How many of the system's sessions have begun a transaction and do nothing in it.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn idle_in_transaction(&self) -> Result<i64, DatabaseError> {
        let sql = "select count(*) from pg_stat_activity
                   where backend_type = 'client backend' and datname = current_database()
                     and state like 'idle in transaction%' and application_name <> all($1)";
        let ours: &[&str] = &[OURS, OCCUPIER];
        let row = bounded(&self.url, self.client.query_one(sql, &[&ours])).await?;
        Ok(row.get(0))
    }

    /// Tells sessions to end, with whatever they are at; how many were told.
    ///
    /// # Errors
    /// The database cannot be asked, or refuses.
    pub async fn end(&self, sessions: &[Session]) -> Result<i64, DatabaseError> {
        let sql = "select count(*) from (select pg_terminate_backend(a.pid) as ended from pg_stat_activity a
                   join unnest($1::int[], $2::text[]) as s(pid, since) on a.pid = s.pid and a.backend_start::text = s.since) t
                   where ended";
        self.count_of(sql, sessions).await
    }

    /// How many of these sessions are still there.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn left_of(&self, sessions: &[Session]) -> Result<i64, DatabaseError> {
        let sql = "select count(*) from pg_stat_activity a
                   join unnest($1::int[], $2::text[]) as s(pid, since) on a.pid = s.pid and a.backend_start::text = s.since";
        self.count_of(sql, sessions).await
    }

    async fn count_of(&self, sql: &str, sessions: &[Session]) -> Result<i64, DatabaseError> {
        let pids: Vec<i32> = sessions.iter().map(|session| session.pid).collect();
        let since: Vec<&str> = sessions.iter().map(|session| session.since.as_str()).collect();
        let row = bounded(&self.url, self.client.query_one(sql, &[&pids, &since])).await?;
        Ok(row.get(0))
    }

    /// How many places there are, and how many of them are the harness's.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn places(&self) -> Result<Places, DatabaseError> {
        let sql = "select count(*) filter (where application_name = any($1)),
                          current_setting('max_connections')::bigint
                          - case when (select rolsuper from pg_roles where rolname = current_user) then 0
                            else current_setting('superuser_reserved_connections')::bigint
                                 + coalesce(current_setting('reserved_connections', true)::bigint, 0) end
                   from pg_stat_activity where backend_type = 'client backend'";
        let ours: &[&str] = &[OURS, OCCUPIER];
        let row = bounded(&self.url, self.client.query_one(sql, &[&ours])).await?;
        Ok(Places {
            ours: row.get(0),
            all: row.get(1),
        })
    }

    /// How many sessions take up a place and do nothing.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn occupied(&self) -> Result<i64, DatabaseError> {
        let sql = "select count(*) from pg_stat_activity where application_name = $1";
        let row = bounded(&self.url, self.client.query_one(sql, &[&OCCUPIER])).await?;
        Ok(row.get(0))
    }

    /// Lets every session that does not say otherwise only read from now on, or write again. Sessions take notice of it one by
    /// one, within moments.
    ///
    /// # Errors
    /// The database cannot be asked, or refuses.
    pub async fn set_read_only(&self, read_only: bool) -> Result<(), DatabaseError> {
        let word = if read_only { "set" } else { "reset" };
        let value = if read_only { " = on" } else { "" };
        let altered = format!("alter system {word} default_transaction_read_only{value}");
        // Not as one text: that would be one transaction, in which it is refused.
        for sql in [altered.as_str(), "select pg_reload_conf()"] {
            bounded(&self.url, self.client.batch_execute(sql)).await?;
        }
        Ok(())
    }
}

/// Tries to have one session more, as the role of the URL, which is the system's.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses for another reason than that it has no place left.
pub async fn enter(url: &str) -> Result<Entry, DatabaseError> {
    let entering = async {
        let mut config: Config = url.parse()?;
        connect_as(config.application_name(OCCUPIER)).await
    };
    match bounded(url, entering).await {
        Ok(client) => Ok(Entry::Taken(Occupier { _client: client })),
        Err(DatabaseError::Unreachable { source, .. }) if source.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            Ok(Entry::Full(refusal_text(&source)))
        }
        Err(error) => Err(error),
    }
}

/// A session like the system's own: nothing lets it write where the system may not.
pub struct Writer {
    client: Client,
    url: String,
}

impl Writer {
    /// Connects to the database at `url`.
    ///
    /// # Errors
    /// It cannot be reached, or is slow.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        let opening = async {
            let mut config: Config = url.parse()?;
            connect_as(config.application_name(OURS)).await
        };
        Ok(Self {
            client: bounded(url, opening).await?,
            url: url.to_owned(),
        })
    }

    /// Tries a write into `table` that changes nothing. Returns the refusal if the database takes no writes.
    ///
    /// # Errors
    /// The database cannot be asked, or refuses for another reason.
    pub async fn refusal(&self, table: &str) -> Result<Option<String>, DatabaseError> {
        let sql = format!("delete from {table} where false");
        let written = bounded(&self.url, self.client.simple_query(&sql)).await;
        match written {
            Ok(_messages) => Ok(None),
            Err(DatabaseError::Unreachable { source, .. })
                if source.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) =>
            {
                Ok(Some(refusal_text(&source)))
            }
            Err(error) => Err(error),
        }
    }
}

/// `message (SQLSTATE)`.
fn refusal_text(error: &tokio_postgres::Error) -> String {
    let said = error.as_db_error();
    said.map_or_else(
        || error.to_string(),
        |said| format!("{} ({})", said.message(), said.code().code()),
    )
}

async fn bounded<T>(
    url: &str,
    asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(ONE_QUESTION, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(DatabaseError::Unreachable { at: place(url), source }),
        Err(_) => Err(DatabaseError::Slow { at: place(url) }),
    }
}
