//! `other-version`: another version runs in the place of a stopped pod, as after one step of a rolling update.
//!
//! Needs: a pod that has stopped, and a system that reports its version. Observed: the pod serves and reports the other
//! version. Healed by [`Nemesis::roll_back`], which needs it stopped again: the former version serves. The other version is
//! the same program under another name of its version: compatibility of two real versions is the system's own business, and
//! only the effect of an update on work in flight is judged. It excuses nothing.

use crate::cluster::{Difference, PartHandle, Role};
use crate::history::{Effect, Excuses, Landing, PodName};
use crate::nemesis::Nemesis;
use crate::nemesis::admin::{ANSWER, ANSWER_MAX};
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{InForce, name, refused, unseen};
use crate::nemesis::kind::{FaultKind, On};
use crate::system::needs::{Need, Power};
use crate::system::parts::Version;
use crate::wire::http;

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "other-version",
    about: "another version of the system runs in a pod's place",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Version, Need::Power(Power::Replace)],
    effect: |_| Effect::excusing(Excuses::Nothing),
};

impl Nemesis {
    /// Starts another version in the place of a stopped pod, and waits until it serves.
    ///
    /// # Errors
    /// The engine refuses, the pod does not become ready, or it reports a different version.
    pub async fn roll_out(
        &mut self,
        pod: &PartHandle,
        release: &Version,
        version: &str,
    ) -> Result<Landing, NemesisError> {
        let target = name(pod);
        self.healing(&target);
        let stopped: Vec<InForce> = self.in_force.iter().filter(|f| f.target == target).cloned().collect();
        let fault = self.aimed(&FAULT, pod, None);
        let variables = [(release.variable.as_str(), version)];
        let difference = Difference {
            variables: &variables,
            ..Difference::default()
        };
        pod.replace(&difference).await.map_err(refused(&fault))?;
        pod.start().await.map_err(refused(&fault))?;
        let reported = reported_version(pod, release).await;
        let reported = reported.map_err(|seen| unseen(&fault, seen))?;
        if reported != version {
            return Err(unseen(
                &fault,
                format!("it reports version {reported:?}, not {version:?}"),
            ));
        }
        // The fault that stopped the former version is over: a pod that serves is in its place.
        for ended in &stopped {
            self.mended(ended);
        }
        self.observed(&fault, &format!("it serves and reports version {version}"), None);
        self.landed(&fault, None).await
    }

    /// Starts the former version in the place of the other one, which has stopped, and waits until it serves. Returns the version
    /// that it reports.
    ///
    /// # Errors
    /// The other version runs, the engine refuses, or the pod does not become ready or report a version.
    pub async fn roll_back(&mut self, pod: &PartHandle, release: &Version) -> Result<String, NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.healing(&fault.target);
        pod.put_back().await.map_err(refused(&fault))?;
        pod.start().await.map_err(refused(&fault))?;
        let reported = reported_version(pod, release).await;
        let reported = reported.map_err(|seen| unseen(&fault, seen))?;
        self.healed(&fault.target);
        Ok(reported)
    }

    /// Pods that run another version.
    pub fn of_another_version(&self) -> Vec<PodName> {
        let others = self.in_force.iter().filter(|fault| fault.fault == FAULT.name);
        others.map(|fault| fault.target.clone()).collect()
    }
}

/// Asks a pod for its version.
async fn reported_version(pod: &PartHandle, release: &Version) -> Result<String, String> {
    let at = pod.address().ok_or_else(|| "the pod publishes no port".to_owned())?;
    let client = http::client().timeout(ANSWER).build();
    let url = format!("http://{at}{}", release.path);
    let answer = client.map_err(|e| e.to_string())?.get(&url).send().await;
    let mut answer = answer.map_err(|e| format!("{}: {e}", release.path))?;
    let body = http::body_up_to(&mut answer, ANSWER_MAX).await;
    let (body, is_cut) = body.map_err(|e| format!("{}: {e}", release.path))?;
    if is_cut {
        return Err(format!("{}: more than {ANSWER_MAX} bytes", release.path));
    }
    let body: serde_json::Value = serde_json::from_slice(&body).map_err(|e| format!("{}: {e}", release.path))?;
    let version = release.at.find(&body);
    let version = version.as_ref().and_then(serde_json::Value::as_str);
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("{}: no text at {} in {body}", release.path, release.at))
}
