//! `backends-terminated`: the database ends every session of the system, with whatever it is at. Needs: that the system has
//! sessions; the harness's own, which bear its name, are spared. Observed: none of the sessions that there were is left. Healed at
//! once: the database takes the next session, and to begin one is the pods' business.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::nemesis::{Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::system::sessions::{Entry, Session, Sessions, enter};
use crate::wait::{self, Look};

/// Its name.
const TERMINATED: &str = "backends-terminated";
/// Longest that sessions may take to end: none is at anything that cannot be broken off.
const ENDING: Duration = Duration::from_secs(5);
/// Pause between two looks at what is left of them.
const LOOK: Duration = Duration::from_millis(2);

impl Nemesis {
    /// Ends the system's sessions in the database at `url`; they are gone when this returns. How many there were.
    ///
    /// # Errors
    /// There is none, one does not end, or the database refuses.
    pub async fn terminate_backends(&mut self, database: &PartHandle, url: &str) -> Result<usize, NemesisError> {
        let fault = self.aimed(TERMINATED, database, None);
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
        self.observed(&fault, &format!("{}; none of them is left", told(ended)), None);
        self.landed(&fault, None).await?;
        self.mending(&fault);
        match enter(url).await.map_err(refused(&fault))? {
            Entry::Taken(_) => self.mended(&fault),
            Entry::Full(why) => return Err(unseen(&fault, format!("no session can be had: {why}"))),
        }
        Ok(ended.len())
    }
}

/// How many sessions each of those had that they call themselves after.
pub(in crate::nemesis) fn told(sessions: &[Session]) -> String {
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    for session in sessions {
        *by_name.entry(session.name.as_str()).or_default() += 1;
    }
    let told: Vec<String> = by_name
        .iter()
        .map(|(name, count)| format!("{count} of {}", if name.is_empty() { "no name" } else { name }))
        .collect();
    format!("{} sessions ended: {}", sessions.len(), told.join(", "))
}
