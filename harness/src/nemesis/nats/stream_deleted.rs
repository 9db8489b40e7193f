//! `stream-deleted`: the stream of the log is deleted while the broker runs on.
//!
//! Needs: that the stream exists. Observed: the broker reports no stream of that name, or one that was made later. Healed at
//! once: the broker takes a stream of that name, and making it is up to the pods.

use crate::cluster::{PartHandle, Role};
use crate::history::Effect;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::roles::nats::stream::{self, Made};
use crate::system::needs::Need;
use crate::system::parts::Role as Described;

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "stream-deleted",
    about: "the stream of the log is deleted while the broker runs on",
    on: On::Part(&[Role::Nats]),
    needs: &[Need::LogIn(Described::Nats)],
    effect: loses_log,
};

fn loses_log(site: &FaultSite) -> Effect {
    Effect {
        loses_log: true,
        ..site.plain()
    }
}

impl Nemesis {
    /// Deletes the stream `name` from the broker at `url`. Returns the time at which the deleted stream was made.
    ///
    /// # Errors
    /// There is no such stream, or the broker refuses or still has it.
    pub async fn delete_stream(&mut self, broker: &PartHandle, url: &str, name: &str) -> Result<Made, NemesisError> {
        let fault = self.aimed(&FAULT, broker, None);
        let before = stream::held(url, name).await.map_err(refused(&fault))?;
        let Some(before) = before else {
            return Err(unseen(&fault, format!("there was no stream {name}")));
        };
        stream::delete(url, name).await.map_err(refused(&fault))?;
        let proof = match stream::held(url, name).await.map_err(refused(&fault))? {
            Some(now) if now.made == before.made => {
                return Err(unseen(&fault, format!("stream {name} is still there")));
            }
            Some(_) => "made anew before the broker was asked again".to_owned(),
            None => "the broker has no stream of that name".to_owned(),
        };
        let proof = format!("stream {name} with {} messages: {proof}", before.messages);
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await?;
        self.mending(&fault);
        self.mended(&fault);
        Ok(before.made)
    }
}
