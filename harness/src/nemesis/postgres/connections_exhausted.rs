//! `connections-exhausted`: the database takes no session more, because somebody else has taken all the places and does nothing
//! with them; the system's own sessions are ended, so that it needs new ones. The pods' links to it are shut while the places
//! are taken: they would be back quicker than they can be kept out. Needs: a database that runs, and the fault proxy. Observed:
//! every place is the harness's, by the database's own books, and one session more is refused with SQLSTATE 53300. Healed by
//! [`Nemesis::release_connections`]: the sessions that do nothing are gone, and one more is taken. Excludes any other fault on the
//! database. The harness's sessions that are there before it begins go on.

use std::time::Duration;

use crosspod_links::client::{Client, ClientError};
use futures_util::future::{join_all, try_join_all};

use crate::nemesis::{InForce, Link, Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::system::owner::DatabaseError;
use crate::system::sessions::{Entry, Occupier, Places, Sessions, enter};
use crate::wait::{self, Look};

/// Its name.
const EXHAUSTED: &str = "connections-exhausted";
/// Longest that it may take to take every place: the system's pods are after them, too.
const TAKING: Duration = Duration::from_secs(40);
/// Longest that the places may take to be free again.
const FREEING: Duration = Duration::from_secs(10);
/// Pause between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(10);
/// Sessions that are begun at once.
const AT_ONCE: usize = 8;

impl Nemesis {
    /// Takes every place for a session that the database at `url` has.
    ///
    /// # Errors
    /// The database refuses for another reason than that it is full, or places are left in the end; or the proxy refuses.
    pub async fn exhaust_connections(
        &mut self,
        links: &Client,
        database: &PartHandle,
        url: &str,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(EXHAUSTED, database, None);
        let sessions = Sessions::open(url).await.map_err(refused(&fault))?;
        let shut = shut(links).await.map_err(refused(&fault))?;
        let taking = take_all(url, &sessions, &mut self.occupiers);
        let last = || "the system's pods have places still".to_owned();
        let taken = wait::within("every place for a session to be taken", TAKING, taking, last).await;
        let opened = try_join_all(shut.iter().map(|proxy| links.enable(proxy, true))).await;
        let proof = taken
            .map_err(|expired| unseen(&fault, expired.to_string()))?
            .map_err(refused(&fault))?;
        // A place like any other: given back now it would be a pod's.
        self.occupiers.push(sessions.into_occupier());
        opened.map_err(refused(&fault))?;
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await
    }

    /// Gives the places back, where they are taken.
    ///
    /// # Errors
    /// The database does not take a session again.
    pub async fn release_connections(&mut self, database: &PartHandle, url: &str) -> Result<(), NemesisError> {
        let fault = self.in_force_on(EXHAUSTED, database);
        self.mending(&fault);
        self.occupiers.clear();
        has_room(url, &fault).await?;
        self.mended(&fault);
        Ok(())
    }

    /// Whether a database is full by this nemesis' doing.
    pub fn holds_connections(&self) -> bool {
        self.has_in_force(EXHAUSTED)
    }
}

/// Shuts every pod's link to the database; their proxies' names.
async fn shut(links: &Client) -> Result<Vec<String>, ClientError> {
    let ending = format!("-{}", Link::Postgres);
    let mut proxies: Vec<String> = links.proxies().await?.into_keys().collect();
    proxies.retain(|proxy| proxy.ends_with(&ending));
    try_join_all(proxies.iter().map(|proxy| links.enable(proxy, false))).await?;
    Ok(proxies)
}

/// Takes places until there is none left and none is the system's; the proof. A session that was there still loses its place.
async fn take_all(url: &str, sessions: &Sessions, occupiers: &mut Vec<Occupier>) -> Result<String, DatabaseError> {
    loop {
        let full = fill(url, occupiers).await?;
        match take_from_system(sessions).await {
            Ok(Some(all)) => {
                let taken = occupiers.len();
                return Ok(format!(
                    "all {all} places are taken, {taken} for nothing; one more: {full}"
                ));
            }
            Ok(None) | Err(DatabaseError::Slow { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends what sessions the system has; how many places there are, where all of them are the harness's.
async fn take_from_system(sessions: &Sessions) -> Result<Option<i64>, DatabaseError> {
    let of_system = sessions.of_system().await?;
    let places = sessions.places().await?;
    if of_system.is_empty() && is_ours(places) {
        return Ok(Some(places.all));
    }
    sessions.end(&of_system).await?;
    Ok(None)
}

/// Begins sessions until one is refused; what the database said to that one.
async fn fill(url: &str, occupiers: &mut Vec<Occupier>) -> Result<String, DatabaseError> {
    loop {
        let mut full = None;
        for entry in join_all((0..AT_ONCE).map(|_| enter(url))).await {
            match entry {
                Ok(Entry::Taken(occupier)) => occupiers.push(occupier),
                Ok(Entry::Full(why)) => full = Some(why),
                // So many who knock at once keep a database busy; whether it is full the next one is told.
                Err(DatabaseError::Slow { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(why) = full {
            return Ok(why);
        }
    }
}

/// Whether no place is left to anybody else, be it one who is only just knocking.
fn is_ours(places: Places) -> bool {
    places.ours >= places.all
}

async fn has_room(url: &str, fault: &InForce) -> Result<(), NemesisError> {
    let freed = wait::until("the database to take a session", FREEING, LOOK, || async move {
        let room = async {
            // Not the one that is about to leave again.
            let sessions = Sessions::open(url).await?;
            sessions.occupied().await
        };
        match room.await {
            Ok(0) => Look::Done(()),
            Ok(left) => Look::NotYet(format!("{left} places are taken for nothing")),
            Err(e) => Look::NotYet(e.to_string()),
        }
    });
    freed.await.map_err(|expired| unseen(fault, expired.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_somebody_else_may_have_is_not_ours() {
        assert!(is_ours(Places { ours: 100, all: 100 }));
        assert!(!is_ours(Places { ours: 99, all: 100 }));
    }
}
