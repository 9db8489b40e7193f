//! `read-only`: the database takes no writes, as a replica before its promotion or a database with a full disk.
//!
//! Connections stay and reads are answered. Needs: a running database. Observed: a write is refused with SQLSTATE 25006, in a
//! session from before and in a new one. Healed by [`Nemesis::let_write`]: a write is taken in a new session. Excludes any other
//! fault on the database. The harness's own sessions go on writing.

use std::time::Duration;

use crate::cluster::{PartHandle, Role};
use crate::history::{Capability, Effect, Landing};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{InForce, refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::postgres::connect::DatabaseError;
use crate::roles::postgres::sessions::{Sessions, Writer};
use crate::system::needs::Need;
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "read-only",
    about: "the database takes no writes, and answers reads",
    on: On::Part(&[Role::Postgres]),
    needs: &[Need::Has(Capability::EveryCommit)],
    effect: refuses_writes,
};

fn refuses_writes(site: &FaultSite) -> Effect {
    Effect {
        refuses_writes: true,
        ..site.plain()
    }
}

/// Longest that sessions may take to notice the change.
const NOTICING: Duration = Duration::from_secs(5);
/// Pause between two looks at the sessions.
const LOOK: Duration = Duration::from_millis(5);

impl Nemesis {
    /// Makes the database at `url` read-only; writes are tried, without effect, on `table`.
    ///
    /// # Errors
    /// The database refuses, or still takes writes.
    pub async fn forbid_writes(
        &mut self,
        database: &PartHandle,
        url: &str,
        table: &str,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, database, None);
        let before = Writer::open(url).await.map_err(refused(&fault))?;
        let sessions = Sessions::open(url).await.map_err(refused(&fault))?;
        sessions.set_read_only(true).await.map_err(refused(&fault))?;
        let before = &before;
        let shut = wait::until("writes to be refused", NOTICING, LOOK, || async move {
            let both = async {
                let new = Writer::open(url).await?;
                Ok::<_, DatabaseError>((before.refusal(table).await?, new.refusal(table).await?))
            };
            match both.await {
                Ok((Some(before), Some(_))) => Look::Done(before),
                Ok((before, new)) => Look::NotYet(format!("a session from before: {before:?}; a new one: {new:?}")),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        let why = shut.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        let proof = format!("a session from before and a new one may not write: {why}");
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await
    }

    /// Lets the database take writes again.
    ///
    /// # Errors
    /// The database refuses, or still takes no writes.
    pub async fn let_write(&mut self, database: &PartHandle, url: &str, table: &str) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, database);
        self.mending(&fault);
        let sessions = Sessions::open(url).await.map_err(refused(&fault))?;
        sessions.set_read_only(false).await.map_err(refused(&fault))?;
        takes_writes(url, table, &fault).await?;
        self.mended(&fault);
        Ok(())
    }

    /// Returns true while this nemesis keeps a database read-only.
    pub fn forbids_writes(&self) -> bool {
        self.has_in_force(&FAULT)
    }
}

async fn takes_writes(url: &str, table: &str, fault: &InForce) -> Result<(), NemesisError> {
    let open = wait::until("writes to be taken", NOTICING, LOOK, || async move {
        let writing = async { Writer::open(url).await?.refusal(table).await };
        match writing.await {
            Ok(None) => Look::Done(()),
            Ok(Some(why)) => Look::NotYet(why),
            Err(e) => Look::NotYet(e.to_string()),
        }
    });
    open.await.map_err(|expired| unseen(fault, expired.to_string()))
}
