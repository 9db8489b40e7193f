//! The log of a part.

use std::time::SystemTime;

use crate::cluster::docker::engine::log_records::LogLine;
use crate::cluster::docker::engine::logs;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::error::ClusterError;

impl PartHandle {
    /// The whole log, across restarts, in the order of writing.
    pub async fn logs(&self) -> Result<Vec<LogLine>, ClusterError> {
        self.logs_from(logs::From::Beginning).await
    }

    /// The lines since a moment, across restarts, to the second.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn logs_after(&self, since: SystemTime) -> Result<Vec<LogLine>, ClusterError> {
        self.logs_from(logs::From::Moment(since)).await
    }

    /// The newest line; `None` if the log is empty.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn newest_line(&self) -> Result<Option<LogLine>, ClusterError> {
        Ok(self.logs_from(logs::From::Newest).await?.pop())
    }

    /// The lines after a `line`, across restarts; the whole log without one.
    ///
    /// # Errors
    /// The engine does not answer.
    pub async fn logs_behind(&self, line: Option<&LogLine>) -> Result<Vec<LogLine>, ClusterError> {
        let from = line.map_or(logs::From::Beginning, |line| logs::From::Behind(line.at.clone()));
        self.logs_from(from).await
    }

    /// Time of the latest start, by the engine's clock, as the engine writes it. `None` if the part does not run.
    pub fn started_at(&self) -> Option<String> {
        Some(self.alive()?.started_at.clone())
    }

    /// The lines since the latest start.
    pub async fn logs_since_start(&self) -> Result<Vec<LogLine>, ClusterError> {
        let started_at = match self.alive() {
            Some(life) => life.started_at.clone(),
            None => self.inspected().await?.started_at,
        };
        self.logs_from(logs::From::Instant(started_at)).await
    }

    async fn logs_from(&self, from: logs::From) -> Result<Vec<LogLine>, ClusterError> {
        let containers = self.containers().all();
        logs::read(&self.0.engine, &containers, &from).await
    }
}
