//! `out-of-memory`: a pod is limited to the memory that it has, and is ordered over its admin port to allocate more.
//!
//! Needs: an engine that can limit the memory of a running container, and a pod with such a port. Without the order the kernel
//! may satisfy a pod's small requests from the page cache for a long time, and the pod crawls and does not die. Observed: the
//! process ended with SIGKILL's code though nobody sent one, and the engine reports that it was out of memory. Healed: the
//! engine reports no limit, and the pod was restarted and is ready; no pod is ever started with a limit.

use std::future::pending;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::cluster::{PartHandle, Role};
use crate::history::{Ends, FaultStep, Landing, MachineEvent, What};
use crate::nemesis::Nemesis;
use crate::nemesis::admin::ask;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, InForce, refused, unseen};
use crate::nemesis::kind::{FaultKind, On};
use crate::system::needs::{Need, Power};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "out-of-memory",
    about: "a pod gets no more memory, and the kernel ends it when it wants more",
    on: On::Part(&[Role::Pod]),
    needs: &[
        Need::Admin,
        Need::Power(Power::Limits),
        Need::Power(Power::ProofOfDeath),
    ],
    effect: |site| site.ended(Ends::AtOnce),
};
/// Exit code of a container after SIGKILL.
const KILLED: i64 = 137;
/// Memory that the pod is ordered to allocate, in MiB: more than the page cache that it could give up.
const MORE_MIB: u32 = 64;
/// Longest until the engine reports the reason after the process is gone.
const WORD: Duration = Duration::from_secs(3);
/// Pause between two questions to the engine.
const LOOK: Duration = Duration::from_millis(10);

impl Nemesis {
    /// Limits a pod to the memory that it has. The fault has landed only when [`Nemesis::runs_out_of_memory`] returns.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn limit_memory(&mut self, pod: &PartHandle, aim: Option<&Aim>) -> Result<(), NemesisError> {
        let fault = self.aimed(&FAULT, pod, aim);
        let bytes = pod.limit_memory().await.map_err(refused(&fault))?;
        tracing::debug!(pod = %fault.target, bytes, "memory is limited");
        Ok(())
    }

    /// Orders a pod to allocate more memory than its limit; the pod is dead when this returns.
    ///
    /// # Errors
    /// The pod still runs after `bound`, or ended for another reason.
    pub async fn runs_out_of_memory(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        bound: Duration,
    ) -> Result<Landing, NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        let order = json!({ "mib": MORE_MIB });
        let exit = tokio::select! {
            exit = pod.wait_exit(bound) => exit.map_err(refused(&fault))?,
            answer = answered(pod, &order, bound) => {
                return Err(unseen(&fault, format!("it was ordered to allocate {MORE_MIB} MiB more, and answered {answer}")));
            }
        };
        let source = wait::until("the engine to report why it ended", WORD, LOOK, || {
            let (fault, has_event) = (&fault, self.has_out_of_memory_event(&fault));
            async move {
                match pod.was_out_of_memory().await {
                    Ok(true) => Look::Done("its state"),
                    Ok(false) if has_event => Look::Done("an event"),
                    Ok(false) => Look::NotYet(format!("{} ended with code {}", fault.target, exit.code)),
                    Err(e) => Look::NotYet(e.to_string()),
                }
            }
        });
        let source = source.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        if exit.code != KILLED {
            return Err(unseen(&fault, format!("it ended with code {}", exit.code)));
        }
        let proof = format!(
            "out of memory, as the engine reports by {source}, with code {}",
            exit.code
        );
        self.observed(&fault, &proof, None);
        self.landed(&fault, aim).await
    }

    /// Returns true if the engine has sent the event since the fault was aimed. The event comes even if the engine wrote its
    /// record of the container before the kernel's notice arrived.
    fn has_out_of_memory_event(&self, fault: &InForce) -> bool {
        let mut is_aimed = false;
        let found = self.recorder.find(0, |event| match &event.what {
            What::Fault(other) if other.id == fault.id => {
                is_aimed |= matches!(other.step, FaultStep::Aimed { .. });
                None
            }
            What::Machine(MachineEvent::Engine { service, action, .. })
                if is_aimed && *service == fault.target.as_str() && action == "oom" =>
            {
                Some(())
            }
            _ => None,
        });
        found.is_some()
    }
}

/// Waits for a pod's answer to `order`; waits for ever if the pod dies first.
async fn answered(pod: &PartHandle, order: &Value, bound: Duration) -> Value {
    match ask(pod, Method::PUT, "memory", Some(order), bound).await {
        Ok(answer) => answer.body,
        Err(broken) => {
            tracing::debug!(%broken, "no answer to the order to allocate memory");
            pending().await
        }
    }
}
