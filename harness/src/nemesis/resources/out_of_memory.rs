//! `out-of-memory`: a pod may have no more memory than it has, and is told over its admin port to hold more. Needs: an engine
//! that can limit the memory of what runs, and a pod with such a port: what a pod wants of its own accord the kernel may
//! still find for it, page by page among its copies of files, until it hardly moves and does not die. Observed: its process is
//! gone with SIGKILL's code though nobody sent one, and the engine says that it was for want of memory. Healed: the limit is
//! lifted, as the engine says, and it is started again and ready; no pod is ever started with one.

use std::future::pending;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::nemesis::admin::ask;
use crate::nemesis::{Aim, InForce, Nemesis, NemesisError, refused, unseen};
use crate::cluster::PartHandle;
use crate::history::{FaultStep, Landing, What};
use crate::wait::{self, Look};

/// Its name; the judge knows by it that a process ends.
const OUT_OF_MEMORY: &str = "out-of-memory";
/// The code of a container whose process was ended by SIGKILL.
const KILLED: i64 = 137;
/// What it is told to hold, in MiB: more than there are copies of files to give up.
const MORE_MIB: u32 = 64;
/// How long the engine's word of the reason may take once the process is gone.
const WORD: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(10);

impl Nemesis {
    /// Leaves a pod no more memory than it has. It has landed only when [`Nemesis::runs_out_of_memory`] says so.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn limit_memory(&mut self, pod: &PartHandle, aim: Option<&Aim>) -> Result<(), NemesisError> {
        let fault = self.aimed(OUT_OF_MEMORY, pod, aim);
        let bytes = pod.limit_memory().await.map_err(refused(&fault))?;
        tracing::debug!(pod = %fault.target, bytes, "no more memory");
        Ok(())
    }

    /// Tells a pod to hold more memory than it may have, and waits until it has run out of it; it is dead when this returns.
    ///
    /// # Errors
    /// It still runs after `bound`, or ended for another reason.
    pub async fn runs_out_of_memory(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        bound: Duration,
    ) -> Result<Landing, NemesisError> {
        let fault = self.in_force_on(OUT_OF_MEMORY, pod);
        let order = json!({ "mib": MORE_MIB });
        let exit = tokio::select! {
            exit = pod.wait_exit(bound) => exit.map_err(refused(&fault))?,
            answer = answered(pod, &order, bound) => {
                return Err(unseen(&fault, format!("it was told to hold {MORE_MIB} MiB more, and says {answer}")));
            }
        };
        let said = wait::until("the engine to say why it ended", WORD, LOOK, || {
            let (fault, told) = (&fault, self.engine_says_out_of_memory(&fault));
            async move {
                match pod.was_out_of_memory().await {
                    Ok(true) => Look::Done("its state"),
                    Ok(false) if told => Look::Done("an event"),
                    Ok(false) => Look::NotYet(format!("{} ended with code {}", fault.target, exit.code)),
                    Err(e) => Look::NotYet(e.to_string()),
                }
            }
        });
        let said = said.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        if exit.code != KILLED {
            return Err(unseen(&fault, format!("it ended with code {}", exit.code)));
        }
        let proof = format!("out of memory, as the engine says by {said}, with code {}", exit.code);
        self.observed(&fault, &proof, None);
        self.landed(&fault, aim).await
    }

    /// Whether the engine has told of the pod since the fault was aimed. An event comes also where the engine's record of the
    /// container was written before the kernel's notice had reached it.
    fn engine_says_out_of_memory(&self, fault: &InForce) -> bool {
        let mut is_aimed = false;
        let told = self.recorder.find(0, |event| match &event.what {
            What::Fault(told) if told.id == fault.id => {
                is_aimed |= matches!(told.step, FaultStep::Aimed { .. });
                None
            }
            What::Engine { service, action, .. }
                if is_aimed && *service == fault.target.as_str() && action == "oom" =>
            {
                Some(())
            }
            _ => None,
        });
        told.is_some()
    }
}

/// What a pod says to `order`, once it says anything.
async fn answered(pod: &PartHandle, order: &Value, bound: Duration) -> Value {
    match ask(pod, Method::PUT, "memory", Some(order), bound).await {
        Ok(answer) => answer.body,
        Err(broken) => {
            tracing::debug!(%broken, "no answer to the order to hold memory");
            pending().await
        }
    }
}
