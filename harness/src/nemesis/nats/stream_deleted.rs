//! `stream-deleted`: the stream that the log is kept in is deleted, while the broker runs on. Needs: that there is one. Observed: the
//! broker says that there is none of that name, or one that was made later. Healed at once: the broker takes a stream of that
//! name, and to make it is the pods' business.

use crate::nemesis::{Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::system::Log;
use crate::system::log_store::{self, Made};

/// Its name.
const DELETED: &str = "stream-deleted";

impl Nemesis {
    /// Deletes the log's stream at `url`; when the stream that is gone was made.
    ///
    /// # Errors
    /// There is none, or the broker refuses or still has it.
    pub async fn delete_stream(&mut self, broker: &PartHandle, url: &str, log: &Log) -> Result<Made, NemesisError> {
        let fault = self.aimed(DELETED, broker, None);
        let before = log_store::held(url, log).await.map_err(refused(&fault))?;
        let Some(before) = before else {
            return Err(unseen(&fault, format!("there was no stream {}", log.stream)));
        };
        log_store::delete(url, log).await.map_err(refused(&fault))?;
        let proof = match log_store::held(url, log).await.map_err(refused(&fault))? {
            Some(now) if now.made == before.made => {
                return Err(unseen(&fault, format!("stream {} is still there", log.stream)));
            }
            Some(_) => "made anew by the time that it was asked for".to_owned(),
            None => "the broker knows it no more".to_owned(),
        };
        let proof = format!("stream {} with {} messages: {proof}", log.stream, before.messages);
        self.observed(&fault, &proof, None);
        self.landed(&fault, None).await?;
        self.mending(&fault);
        self.mended(&fault);
        Ok(before.made)
    }
}
