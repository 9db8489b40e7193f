//! Faults of the database and the broker while they run, or of their data and their disk, and their mending.

use super::{NemesisSide, STOP, database, part_of};
use crate::nemesis::Role;
use crate::roles::nats::stream::{self, Made};
use crate::run::cast::Cast;
use crate::run::cast::turn::{BEGIN, LOOK};
use crate::run::stopped::Stopped;
use crate::system::stored::{RowRule, Tables};
use crate::wait::{self, Look};

/// The stream log that was lost with all that it held.
#[derive(Debug, Clone, Copy)]
pub struct LostLog {
    made: Made,
}

impl NemesisSide<'_> {
    /// Ends every session that the system has in the database; they are gone when this returns. How many there were.
    pub async fn terminate_backends(self) -> Result<usize, Stopped> {
        let (handle, url) = (part_of(self.cast, Role::Postgres)?, database(self.cast)?);
        Ok(self.cast.nemesis.terminate_backends(&handle, &url).await?)
    }

    /// Takes every place for a session that the database has; the system has none when this returns.
    pub async fn exhaust_connections(self) -> Result<(), Stopped> {
        let (handle, url) = (part_of(self.cast, Role::Postgres)?, database(self.cast)?);
        let links = self.cast.slot.links();
        self.cast.nemesis.exhaust_connections(&links, &handle, &url).await?;
        Ok(())
    }

    /// Gives the places for sessions back.
    pub async fn release_connections(self) -> Result<(), Stopped> {
        let (handle, url) = (part_of(self.cast, Role::Postgres)?, database(self.cast)?);
        self.cast.nemesis.release_connections(&handle, &url).await?;
        self.cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Lets the database only be read.
    pub async fn forbid_writes(self) -> Result<(), Stopped> {
        let (handle, url) = (part_of(self.cast, Role::Postgres)?, database(self.cast)?);
        let table = written(&self.cast.slot.api.system().tables());
        self.cast.nemesis.forbid_writes(&handle, &url, &table).await?;
        Ok(())
    }

    /// Lets the database take writes again.
    pub async fn let_write(self) -> Result<(), Stopped> {
        let (handle, url) = (part_of(self.cast, Role::Postgres)?, database(self.cast)?);
        let table = written(&self.cast.slot.api.system().tables());
        self.cast.nemesis.let_write(&handle, &url, &table).await?;
        self.cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Stops the broker and empties its storage; it is gone when this returns, and is started by [`NemesisSide::mend`].
    pub async fn wipe_broker(self) -> Result<LostLog, Stopped> {
        let cast = self.cast;
        let lost = cast.log_held().await?;
        let (broker, tools) = (part_of(cast, Role::Nats)?, part_of(cast, Role::Postgres)?);
        let nemesis = &mut cast.nemesis;
        let wiping = Box::pin(nemesis.wipe_storage(&broker, &tools, STOP));
        cast.slot.with_log_unread(wiping).await?;
        Ok(lost)
    }

    /// Deletes the stream that the log is kept in; it is gone when this returns.
    pub async fn delete_stream(self) -> Result<LostLog, Stopped> {
        let cast = self.cast;
        let (url, name) = stream_of(cast)?;
        let broker = part_of(cast, Role::Nats)?;
        let deleting = Box::pin(cast.nemesis.delete_stream(&broker, &url, &name));
        let made = cast.slot.with_log_unread(deleting).await?;
        Ok(LostLog { made })
    }

    /// Fills the broker's disk to the last byte. The fault has landed once [`NemesisSide::broker_refuses`] says so.
    pub async fn fill_broker(self) -> Result<(), Stopped> {
        let broker = part_of(self.cast, Role::Nats)?;
        let part = self.cast.slot.api.system().description.parts.get(broker.service());
        let folder = part.and_then(|part| part.volume.clone());
        let folder =
            folder.ok_or_else(|| Stopped::GaveUp("no parts.SERVICE.volume of the broker is said".to_owned()))?;
        // Nothing that was seen before sets off a fault that comes later.
        self.cast.last_seen.take();
        Ok(self.cast.nemesis.fill_store(&broker, &folder).await?)
    }

    /// Waits until the broker with the full disk stores nothing more of what the system publishes, by its own word. The system must
    /// publish more than a page: that much may still fit into the file at hand.
    pub async fn broker_refuses(self) -> Result<(), Stopped> {
        let (url, stream) = stream_of(self.cast)?;
        let broker = part_of(self.cast, Role::Nats)?;
        self.cast.nemesis.store_refuses(&broker, (&url, &stream)).await?;
        Ok(())
    }

    /// Takes away what fills the broker's disk, and sees the broker store messages again; where room is not enough for that, the broker
    /// is restarted.
    pub async fn free_broker(self) -> Result<(), Stopped> {
        let cast = self.cast;
        let broker = part_of(cast, Role::Nats)?;
        let (url, stream) = stream_of(cast)?;
        cast.nemesis.free_store(&broker, (&url, &stream)).await?;
        let found = cast.slot.find_again().await;
        found.map_err(|e| Stopped::Harness(e.to_string()))?;
        let (url, _) = stream_of(cast)?;
        cast.nemesis.store_serves(&broker, (&url, &stream)).await?;
        cast.poll_healthy_pods().await;
        Ok(())
    }

    /// Deletes every key of the Redis store; they are gone when this returns.
    pub async fn flush(self) -> Result<(), Stopped> {
        let cast = self.cast;
        let store = part_of(cast, Role::Redis)?;
        let at = store.address();
        let at = at.ok_or_else(|| Stopped::Harness(format!("{} listens nowhere", store.service())))?;
        let url = format!("redis://{at}");
        let flushing = Box::pin(cast.nemesis.flush(&store, &url));
        cast.slot.with_log_unread(flushing).await?;
        Ok(())
    }

    /// Frees every volume that a story has left full.
    pub(in crate::run) async fn free_volumes(self) -> Result<(), Stopped> {
        let cast = self.cast;
        cast.nemesis.free_disks().await?;
        if cast.nemesis.fills_a_store() {
            Box::pin(cast.nemesis().free_broker()).await?;
        }
        Ok(())
    }

    /// Mends what a story has left of faults of the running database.
    pub(in crate::run) async fn mend_database(self) -> Result<(), Stopped> {
        let cast = self.cast;
        if cast.nemesis.holds_connections() {
            cast.nemesis().release_connections().await?;
        }
        if cast.nemesis.forbids_writes() {
            cast.nemesis().let_write().await?;
        }
        Ok(())
    }
}

impl Cast {
    /// Waits until the broker has the log again, which only the pods make.
    pub async fn log_is_made_anew(&self, lost: LostLog) -> Result<(), Stopped> {
        let (url, name) = stream_of(self)?;
        let (url, name) = (&url, &name);
        let anew = wait::until("the pods to make the log anew", BEGIN, LOOK, || async move {
            match stream::held(url, name).await {
                Ok(Some(held)) if held.made != lost.made => Look::Done(()),
                Ok(held) => Look::NotYet(format!("{held:?}")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        Ok(anew.await?)
    }

    async fn log_held(&self) -> Result<LostLog, Stopped> {
        let (url, name) = stream_of(self)?;
        match stream::held(&url, &name).await {
            Ok(Some(held)) => Ok(LostLog { made: held.made }),
            Ok(None) => Err(Stopped::GaveUp(format!("there is no stream {name}"))),
            Err(e) => Err(Stopped::Harness(e.to_string())),
        }
    }
}

/// The table that is written to, for proof that writes are refused.
fn written(tables: &Tables) -> String {
    tables.rules.first().map_or_else(String::new, RowRule::quoted_table)
}

/// URL of the broker that holds the stream log, and the name of its stream.
fn stream_of(cast: &Cast) -> Result<(String, String), Stopped> {
    let log = cast.slot.api.system().description.log.as_ref();
    let name = log.and_then(|log| log.stream.clone());
    let name = name.ok_or_else(|| Stopped::Harness("no broker holds a stream log of the system".to_owned()))?;
    Ok((cast.slot.log_url()?, name))
}
