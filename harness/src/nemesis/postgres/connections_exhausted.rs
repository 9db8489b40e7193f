//! `connections-exhausted`: idle sessions take every place of the database, and the system's own sessions are ended, so that it
//! needs new ones.
//!
//! The pods' links to the database are shut while the places are taken: pods reconnect faster than they can be kept out.
//! Needs: a running database, and the fault proxy. Observed: by the database's own books the harness has every place, and one
//! session more is refused with SQLSTATE 53300. Healed by [`Nemesis::release_connections`]: the idle sessions are gone, and one
//! more is taken. Excludes any other fault on the database. Sessions that the harness had before go on.

use std::time::Duration;

use crosspod_links::client::{Client, ClientError};
use futures_util::future::{join_all, try_join_all};

use crate::cluster::{PartHandle, Role};
use crate::history::{Effect, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{InForce, refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::postgres::connect::DatabaseError;
use crate::roles::postgres::sessions::{Entry, Occupier, Places, Sessions, enter};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "connections-exhausted",
    about: "the database has no place left for a session of the system",
    on: On::Part(&[Role::Postgres]),
    needs: &[],
    effect: refuses_all,
};

fn refuses_all(site: &FaultSite) -> Effect {
    Effect {
        refuses_reads: true,
        refuses_writes: true,
        ..site.plain()
    }
}

/// Longest that taking every place may last: the pods compete for them.
const TAKING: Duration = Duration::from_secs(40);
/// Longest that the places may take to be free again.
const FREEING: Duration = Duration::from_secs(10);
/// Pause between two looks at the places.
const LOOK: Duration = Duration::from_millis(10);
/// Number of sessions that are begun at once.
const AT_ONCE: usize = 8;

impl Nemesis {
    /// Takes every place for a session in the database at `url`.
    ///
    /// # Errors
    /// The proxy refuses, the database refuses for another reason than being full, or places are left after 40 s.
    pub async fn exhaust_connections(
        &mut self,
        links: &Client,
        database: &PartHandle,
        url: &str,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, database, None);
        let sessions = Sessions::open(url).await.map_err(refused(&fault))?;
        let shut = shut(links, database.service()).await.map_err(refused(&fault))?;
        let taking = take_all(url, &sessions, &mut self.occupiers);
        let last = || "the pods still have places".to_owned();
        let taken = wait::within("every place for a session to be taken", TAKING, taking, last).await;
        let opened = try_join_all(shut.iter().map(|proxy| links.enable(proxy, true))).await;
        let proof = taken
            .map_err(|expired| unseen(&fault, expired.to_string()))?
            .map_err(refused(&fault))?;
        // A place like any other: if it were given back now, a pod would take it.
        self.occupiers.push(sessions.into_occupier());
        opened.map_err(refused(&fault))?;
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await
    }

    /// Gives the places back.
    ///
    /// # Errors
    /// The database takes no session within 10 s.
    pub async fn release_connections(&mut self, database: &PartHandle, url: &str) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, database);
        self.mending(&fault);
        self.occupiers.clear();
        has_room(url, &fault).await?;
        self.mended(&fault);
        Ok(())
    }

    /// Returns true while this nemesis holds every place of a database.
    pub fn holds_connections(&self) -> bool {
        self.has_in_force(&FAULT)
    }
}

/// Shuts every pod's link to the database. Returns the names of the proxies.
async fn shut(links: &Client, database: &str) -> Result<Vec<String>, ClientError> {
    let ending = format!("-{database}");
    let mut proxies: Vec<String> = links.proxies().await?.into_keys().collect();
    proxies.retain(|proxy| proxy.ends_with(&ending));
    try_join_all(proxies.iter().map(|proxy| links.enable(proxy, false))).await?;
    Ok(proxies)
}

/// Takes places until none is left and the system has none. Returns the proof. A session of the system that is still there
/// loses its place.
async fn take_all(url: &str, sessions: &Sessions, occupiers: &mut Vec<Occupier>) -> Result<String, DatabaseError> {
    loop {
        let full = fill(url, occupiers).await?;
        match take_from_system(sessions).await {
            Ok(Some(all)) => {
                let taken = occupiers.len();
                return Ok(format!(
                    "all {all} places are taken, {taken} of them by idle sessions; one more: {full}"
                ));
            }
            Ok(None) | Err(DatabaseError::Slow { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends the system's sessions. Returns the number of places once the harness has all of them.
async fn take_from_system(sessions: &Sessions) -> Result<Option<i64>, DatabaseError> {
    let of_system = sessions.of_system().await?;
    let places = sessions.places().await?;
    if of_system.is_empty() && is_ours(places) {
        return Ok(Some(places.all));
    }
    sessions.end(&of_system).await?;
    Ok(None)
}

/// Begins sessions until one is refused. Returns the database's refusal.
async fn fill(url: &str, occupiers: &mut Vec<Occupier>) -> Result<String, DatabaseError> {
    loop {
        let mut full = None;
        for entry in join_all((0..AT_ONCE).map(|_| enter(url))).await {
            match entry {
                Ok(Entry::Taken(occupier)) => occupiers.push(occupier),
                Ok(Entry::Full(why)) => full = Some(why),
                // Many sessions at once keep a database busy; the next attempt sees if it is full.
                Err(DatabaseError::Slow { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(why) = full {
            return Ok(why);
        }
    }
}

/// Returns true if no place is left to anybody else, including a session that is being opened.
fn is_ours(places: Places) -> bool {
    places.ours >= places.all
}

async fn has_room(url: &str, fault: &InForce) -> Result<(), NemesisError> {
    let freed = wait::until("the database to take a session", FREEING, LOOK, || async move {
        let room = async {
            // An idle session that is about to end does not count as room.
            let sessions = Sessions::open(url).await?;
            sessions.occupied().await
        };
        match room.await {
            Ok(0) => Look::Done(()),
            Ok(left) => Look::NotYet(format!("{left} places are taken by idle sessions")),
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
