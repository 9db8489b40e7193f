//! Puts a cluster's parts right after a story, and verifies that they are ready.

use futures_util::future::try_join_all;

use crate::cluster::docker::cluster::Cluster;
use crate::cluster::docker::handle::PartHandle;
use crate::cluster::part::awaited::Awaited;
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::state::Healed;

impl Cluster {
    /// Starts dead parts, unfreezes frozen ones, lifts limits, and waits until every part is ready and the edge, with its own
    /// configuration, leads to every pod. Returns the remedies.
    ///
    /// # Errors
    /// The first part that could not be put right, with the reason.
    pub async fn heal(&self) -> Result<Vec<Healed>, ClusterError> {
        let remedies = try_join_all(self.parts().map(PartHandle::put_right)).await?;
        let healed = self.parts().zip(remedies).filter_map(|(part, remedy)| {
            remedy.map(|remedy| Healed {
                service: part.service().to_owned(),
                remedy,
            })
        });
        let healed = healed.collect();
        try_join_all(
            self.parts()
                .map(|part| part.ready("while the cluster was healed", self.ready_bound())),
        )
        .await?;
        if let Some(edge) = self.edge() {
            edge.restore().await?;
        }
        self.entries_ready(&Awaited::default()).await?;
        Ok(healed)
    }
}
