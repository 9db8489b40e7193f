//! `backends-terminated`: the database ends every session of the system, whatever the session does.
//!
//! Needs: a system with sessions; the harness's own sessions, which bear its name, are spared. Observed: none of the sessions
//! is left. Healed at once: the database takes the next session, and opening one is up to the pods.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::{PartHandle, Role};
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::postgres::sessions::{Entry, Session, Sessions, enter};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "backends-terminated",
    about: "the database ends every session of the system, and takes new ones",
    on: On::Part(&[Role::Postgres]),
    needs: &[],
    effect: FaultSite::plain,
};
/// Longest that sessions may take to end: none does anything that cannot be interrupted.
const ENDING: Duration = Duration::from_secs(5);
/// Pause between two looks at the sessions that are left.
const LOOK: Duration = Duration::from_millis(2);

impl Nemesis {
    /// Ends the system's sessions in the database at `url`; they are gone when this returns. Returns their number.
    ///
    /// # Errors
    /// The system has no session, a session does not end, or the database refuses.
    pub async fn terminate_backends(&mut self, database: &PartHandle, url: &str) -> Result<usize, NemesisError> {
        let fault = self.aimed(&FAULT, database, None);
        let sessions = Sessions::open(url).await.map_err(refused(&fault))?;
        let ended = sessions.of_system().await.map_err(refused(&fault))?;
        if ended.is_empty() {
            return Err(unseen(&fault, "the system has no session".to_owned()));
        }
        sessions.end(&ended).await.map_err(refused(&fault))?;
        let (sessions, ended) = (&sessions, &ended);
        let gone = wait::until("the sessions to be gone", ENDING, LOOK, || async move {
            match sessions.left_of(ended).await {
                Ok(0) => Look::Done(()),
                Ok(left) => Look::NotYet(format!("{left} of {}", ended.len())),
                Err(e) => Look::NotYet(e.to_string()),
            }
        });
        gone.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        self.observed(
            &fault,
            &format!("{}; none of them is left", describe_sessions(ended)),
            None,
        );
        self.landed(&fault, None).await?;
        self.mending(&fault);
        match enter(url).await.map_err(refused(&fault))? {
            Entry::Taken(_) => self.mended(&fault),
            Entry::Full(why) => return Err(unseen(&fault, format!("the database takes no session: {why}"))),
        }
        Ok(ended.len())
    }
}

/// The number of sessions under each application name.
fn describe_sessions(sessions: &[Session]) -> String {
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for session in sessions {
        *by_name.entry(session.name.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = by_name
        .iter()
        .map(|(name, count)| format!("{count} of {}", if name.is_empty() { "no name" } else { name }))
        .collect();
    format!("{} sessions ended: {}", sessions.len(), counts.join(", "))
}
