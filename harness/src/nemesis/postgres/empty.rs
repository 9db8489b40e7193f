//! `empty`: the database holds nothing, as on a service's first day. Needs: that no pod runs. Observed: no table is in sight.
//! Healed by [`Nemesis::refill`]: the tables are back. Excludes any other fault on the database.

use crate::nemesis::{Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::Landing;
use crate::system::aside;

/// Its name.
const EMPTY: &str = "empty";

impl Nemesis {
    /// Sets aside what the database at `url` holds.
    ///
    /// # Errors
    /// The database refuses, or still shows tables.
    pub async fn empty(&mut self, database: &PartHandle, url: &str) -> Result<Landing, NemesisError> {
        let fault = self.aimed(EMPTY, database, None);
        match aside::set_aside(url).await.map_err(refused(&fault))? {
            0 => self.observed(&fault, "no table is in sight", None),
            tables => return Err(unseen(&fault, format!("{tables} tables are still in sight"))),
        }
        self.landed(&fault, None).await
    }

    /// Puts back what was set aside.
    ///
    /// # Errors
    /// The database refuses, or shows no tables.
    pub async fn refill(&mut self, database: &PartHandle, url: &str) -> Result<(), NemesisError> {
        let fault = self.in_force_on(EMPTY, database);
        self.healing(&fault.target);
        if aside::put_back(url).await.map_err(refused(&fault))? == 0 {
            return Err(unseen(&fault, "no table is back".to_owned()));
        }
        self.healed(&fault.target);
        Ok(())
    }

    /// Whether a database is empty by this nemesis' doing.
    pub fn holds_a_database_empty(&self) -> bool {
        self.in_force.iter().any(|fault| fault.fault == EMPTY)
    }
}
