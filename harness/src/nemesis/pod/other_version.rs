//! `other-version`: in the place of a pod that was told to stop runs one of another version, as after one step of a rolling
//! update. Needs: a pod that is gone, and a target that says which version it is. Observed: the pod serves, and says that it is
//! the other version. Healed by [`Nemesis::roll_back`], which needs it gone again: the version from before serves.
//!
//! The other version is the same program under another name of its version: whatever two versions that differ owe each other is
//! the target's own business, and what an update does to the work in flight is what is judged. It excuses nothing.

use crate::nemesis::admin::{ANSWER, ANSWER_MAX};
use crate::nemesis::{InForce, Nemesis, NemesisError, refused, unseen};
use crate::cluster::{PartHandle, http};
use crate::history::{Landing, PodName};
use crate::system::Release;

/// Its name.
const OTHER_VERSION: &str = "other-version";

impl Nemesis {
    /// Starts another version in the place of a pod that is gone, and waits until it serves.
    ///
    /// # Errors
    /// The engine refuses, the pod does not get ready, or does not say that it is that version.
    pub async fn roll_out(
        &mut self,
        pod: &PartHandle,
        release: &Release,
        version: &str,
    ) -> Result<Landing, NemesisError> {
        let target = crate::nemesis::name(pod);
        self.healing(&target);
        let stopped: Vec<InForce> = self.in_force.iter().filter(|f| f.target == target).cloned().collect();
        let fault = self.aimed(OTHER_VERSION, pod, None);
        let variables = [(release.variable.as_str(), version)];
        pod.replace(&variables).await.map_err(refused(&fault))?;
        pod.start().await.map_err(refused(&fault))?;
        let told = told(pod, release).await.map_err(|seen| unseen(&fault, seen))?;
        if told != version {
            return Err(unseen(
                &fault,
                format!("it says that it is version {told:?}, not {version:?}"),
            ));
        }
        // What ended the version from before is over: one that serves is in its place.
        for ended in &stopped {
            self.mended(ended);
        }
        self.observed(
            &fault,
            &format!("it serves and says that it is version {version}"),
            None,
        );
        self.landed(&fault, None).await
    }

    /// Starts the version from before in the place of another one that is gone, and waits until it serves. Says which it is.
    ///
    /// # Errors
    /// The other version runs, the engine refuses, or the pod does not get ready or says that it is still the other one.
    pub async fn roll_back(&mut self, pod: &PartHandle, release: &Release) -> Result<String, NemesisError> {
        let fault = self.in_force_on(OTHER_VERSION, pod);
        self.healing(&fault.target);
        pod.put_back().await.map_err(refused(&fault))?;
        pod.start().await.map_err(refused(&fault))?;
        let told = told(pod, release).await.map_err(|seen| unseen(&fault, seen))?;
        self.healed(&fault.target);
        Ok(told)
    }

    /// Pods in whose place another version is.
    pub fn of_another_version(&self) -> Vec<PodName> {
        let others = self.in_force.iter().filter(|fault| fault.fault == OTHER_VERSION);
        others.map(|fault| fault.target.clone()).collect()
    }
}

/// Which version a pod says that it is.
async fn told(pod: &PartHandle, release: &Release) -> Result<String, String> {
    let at = pod.address().ok_or_else(|| "it listens nowhere".to_owned())?;
    let client = http::client().timeout(ANSWER).build();
    let url = format!("http://{at}{}", release.route);
    let answer = client.map_err(|e| e.to_string())?.get(&url).send().await;
    let mut answer = answer.map_err(|e| format!("{}: {e}", release.route))?;
    let body = http::body_up_to(&mut answer, ANSWER_MAX).await;
    let (body, is_cut) = body.map_err(|e| format!("{}: {e}", release.route))?;
    if is_cut {
        return Err(format!("{}: more than {ANSWER_MAX} bytes", release.route));
    }
    let body: serde_json::Value = serde_json::from_slice(&body).map_err(|e| format!("{}: {e}", release.route))?;
    let version = body.get(&release.field).and_then(serde_json::Value::as_str);
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("{}: no text {} in {body}", release.route, release.field))
}
