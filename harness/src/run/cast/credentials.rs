//! Credentials that are revoked, and requests with credentials that a pod must refuse.

use super::{Cast, FIRST_SESSION};
use crate::history::{ClientEvent, Credential, Outcome, PodName, TenantId};
use crate::plan::Pod;
use crate::run::stopped::Stopped;

impl Cast {
    /// Revokes the play's session through a pod. What the play does after this it does with another one of its tenant's.
    pub async fn revoke_session(&mut self, role: Pod) -> Result<(), Stopped> {
        let pod = self.pod(role);
        let at = self.slot.address(&pod)?;
        match self.slot.api.revoke(at, &self.session).await {
            Outcome::Ok(()) => {
                let tenant: TenantId = self.session.tenant.clone();
                let session = Some(FIRST_SESSION);
                self.recorder.record(ClientEvent::Revoked { tenant, pod, session });
                self.revoked = true;
                Ok(())
            }
            refused => Err(Stopped::GaveUp(format!(
                "the session's revocation on {pod} was not taken: {refused:?}"
            ))),
        }
    }

    /// Tries one route of the play's thread on a pod with a credential that is to be judged; the answer's status.
    pub async fn try_access(
        &mut self,
        pod: &PodName,
        credential: Credential,
        route: &str,
    ) -> Result<Option<u16>, Stopped> {
        let at = self.slot.address(pod)?;
        let session = if credential == Credential::Foreign {
            &self.stranger
        } else {
            &self.session
        };
        let turn = self
            .turns
            .iter()
            .rfind(|turn| turn.thread == self.thread)
            .map(|turn| &turn.id);
        let (status, body) = self.slot.api.try_access(at, session, route, &self.thread, turn).await;
        let (pod, thread, route) = (pod.clone(), self.thread.clone(), route.to_owned());
        self.recorder.record(ClientEvent::Access {
            pod,
            credential,
            thread,
            route,
            status,
            body,
        });
        Ok(status)
    }
}
