//! `empty`: the database has no tables, as on a service's first day.
//!
//! Needs: that no pod runs. Observed: no table is visible. Healed by [`Nemesis::refill`]: the tables are back. Excludes any other
//! fault on the database.

use crate::cluster::{PartHandle, Role};
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::postgres::set_aside;

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "empty",
    about: "the database has no tables, as on a service's first day",
    on: On::Part(&[Role::Postgres]),
    needs: &[],
    effect: FaultSite::plain,
};

impl Nemesis {
    /// Sets aside the tables of the database at `url`.
    ///
    /// # Errors
    /// The database refuses, or still shows tables.
    pub async fn empty(&mut self, database: &PartHandle, url: &str) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, database, None);
        match set_aside::set_aside(url).await.map_err(refused(&fault))? {
            0 => self.observed(&fault, "no table is visible", None),
            tables => return Err(unseen(&fault, format!("{tables} tables are still visible"))),
        }
        self.landed(&fault, None).await
    }

    /// Puts the tables back.
    ///
    /// # Errors
    /// The database refuses, or shows no tables.
    pub async fn refill(&mut self, database: &PartHandle, url: &str) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, database);
        self.healing(&fault.target);
        if set_aside::put_back(url).await.map_err(refused(&fault))? == 0 {
            return Err(unseen(&fault, "no table is back".to_owned()));
        }
        self.healed(&fault.target);
        Ok(())
    }

    /// Returns true while this nemesis keeps a database empty.
    pub fn holds_a_database_empty(&self) -> bool {
        self.has_in_force(&FAULT)
    }
}
