//! `descriptors-exhausted`: a pod's process may open no more descriptors: it accepts and makes no connection; open ones stay.
//!
//! Needs: an engine on this machine, and permission to set the process's limits. Observed: the kernel reports the limit, the
//! pod's log has the error, and a client's request gets no answer. Healed by [`Nemesis::give_descriptors_back`]: the kernel
//! reports the former limit, and a request is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster::{PartHandle, Role};
use crate::history::Landing;
use crate::nemesis::Nemesis;
use crate::nemesis::error::NemesisError;
use crate::nemesis::in_force::{Aim, refused, unseen};
use crate::nemesis::kind::{FaultKind, FaultSite, On};
use crate::system::needs::{Need, Power};
use crate::wait::{self, Look};

/// The fault.
pub(in crate::nemesis) const FAULT: FaultKind = FaultKind {
    name: "descriptors-exhausted",
    about: "a pod can open no more descriptors: it accepts and makes no connection",
    on: On::Part(&[Role::Pod]),
    needs: &[Need::Power(Power::Descriptors)],
    effect: FaultSite::plain,
};
/// The words of every runtime for EMFILE; the case of the letters differs.
const COMPLAINT: &str = "too many open files";
/// Longest until the pod logs the error, and until it answers again: a server that could not accept may rest for a second.
const BOUND: Duration = Duration::from_secs(4);
/// Pause between two looks at the log.
const LOOK: Duration = Duration::from_millis(20);

impl Nemesis {
    /// Takes all unused descriptors from a pod.
    ///
    /// # Errors
    /// The kernel refuses, the pod logs no such error, or it still answers.
    pub async fn exhaust_descriptors(
        &mut self,
        pod: &PartHandle,
        aim: Option<&Aim>,
        trigger: Option<Instant>,
    ) -> Result<Landing, NemesisError> {
        let fault = self.aimed(&FAULT, pod, aim);
        let newest = pod.newest_line().await.map_err(refused(&fault))?;
        let allowed = pod.allow_no_more_descriptors().map_err(refused(&fault))?;
        let asked = ask(pod).await;
        let mut asked = asked.map_err(|seen| unseen(&fault, format!("no request could be sent: {seen}")))?;
        let what = format!("{} to log that it has no descriptors", fault.target);
        let complaint = wait::until(&what, BOUND, LOOK, || {
            let newest = newest.as_ref();
            async move {
                match pod.logs_behind(newest).await {
                    Ok(lines) => {
                        let complaint = lines
                            .into_iter()
                            .find(|line| line.text.to_ascii_lowercase().contains(COMPLAINT));
                        complaint.map_or_else(
                            || Look::NotYet("no such line in its log".to_owned()),
                            |line| Look::Done(line.text),
                        )
                    }
                    Err(e) => Look::NotYet(e.to_string()),
                }
            }
        });
        let complaint = complaint.await.map_err(|expired| unseen(&fault, expired.to_string()))?;
        let mut byte = [0];
        if let Ok(count @ 1..) = asked.try_read(&mut byte) {
            return Err(unseen(&fault, format!("a request was answered with {count} bytes")));
        }
        drop(asked.shutdown().await);
        let proof = format!(
            "the kernel allows {allowed} more descriptors, a request is not answered, the log says: {complaint}"
        );
        self.observed(&fault, &proof, trigger);
        self.landed(&fault, aim).await
    }

    /// Allows a pod as many descriptors as before, and waits until it answers.
    ///
    /// # Errors
    /// The kernel refuses, or the pod does not answer.
    pub async fn give_descriptors_back(&mut self, pod: &PartHandle) -> Result<(), NemesisError> {
        let fault = self.in_force_on(&FAULT, pod);
        self.mending(&fault);
        let allowed = pod.allow_descriptors_again().map_err(refused(&fault))?;
        if allowed == 0 {
            return Err(unseen(&fault, "the kernel still allows no descriptor".to_owned()));
        }
        let answered = async {
            let mut asked = ask(pod).await?;
            asked.read_u8().await
        };
        match tokio::time::timeout(BOUND, answered).await {
            Ok(Ok(_first_byte)) => {}
            Ok(Err(seen)) => return Err(unseen(&fault, format!("a request is not answered: {seen}"))),
            Err(_) => return Err(unseen(&fault, format!("a request is not answered within {BOUND:?}"))),
        }
        self.mended(&fault);
        Ok(())
    }
}

/// Sends a pod a request over a new connection. Any answer proves that the pod accepted it.
async fn ask(pod: &PartHandle) -> std::io::Result<TcpStream> {
    let at: Option<SocketAddr> = pod.address();
    let at = at.ok_or_else(|| std::io::Error::other("the pod publishes no port"))?;
    let mut connection = TcpStream::connect(at).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}
