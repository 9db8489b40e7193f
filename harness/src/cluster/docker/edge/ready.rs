//! Whether each entry of the edge leads to the pods.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::cluster::docker::edge::api::Servers;
use crate::cluster::docker::edge::ask::{Answer, Question};
use crate::cluster::docker::edge::{Edge, api};
use crate::cluster::edge_wanted::WantedEntry;
use crate::cluster::part::awaited::Awaited;
use crate::cluster::part::error::ClusterError;
use crate::system::parts::Affinity;

/// Longest until the edge has put its routers together, once its entries lead to the pods.
const SOUND: Duration = Duration::from_secs(5);
/// Time until an edge whose entries do not lead to each pod is made to look again: four looks of the suite's health check.
const REMINDED: Duration = Duration::from_secs(2);
/// Questions of a round for each pod. The turns of an edge's round robin are not strict.
const PER_POD: usize = 5;
/// Time for which an entry's port must be seen closed while the edge's others are open, until the entry is taken for a mistake. A
/// server opens its ports one behind the other, before it answers at any.
const CLOSED: Duration = Duration::from_secs(2);
/// Pause between two rounds of questions.
const INTERVAL: Duration = Duration::from_millis(50);

impl Edge {
    /// Waits until each entry leads to each of the pods, and an entry that only redirects does that.
    ///
    /// # Errors
    /// [`ClusterError::NotReady`] with the entry, its last answer and what the edge knows of it; early for an entry at whose port nothing
    /// listens while another one answers.
    pub(in crate::cluster) async fn entries_ready(
        &self,
        pods: &[String],
        bound: Duration,
        awaited: &Awaited,
    ) -> Result<(), ClusterError> {
        let servers = self.servers().await;
        let whole = || self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.is_some() && *whole() == servers {
            // As when each entry led to each pod: nothing has to be asked again.
            return Ok(());
        }
        let entries = self.wanted.entries.iter();
        let answering = OnceLock::new();
        let ready = entries.map(|(name, entry)| {
            let ready = self.entry_ready((name, entry), pods, bound, &answering);
            awaited.during(format!("the entry {name} of {}", self.part.service()), ready)
        });
        let ready = try_join_all(ready);
        tokio::select! {
            ready = ready => drop(ready?),
            refused = self.reminded() => return Err(refused),
        }
        self.routers_sound().await?;
        let servers = self.servers().await;
        *whole() = servers;
        Ok(())
    }

    /// Makes the edge look at the containers again, for as long as its entries are awaited. Traefik leaves out a container that was frozen
    /// while another one started or ended, and goes on without it until the next one does. Returns if the engine refuses.
    async fn reminded(&self) -> ClusterError {
        loop {
            tokio::time::sleep(REMINDED).await;
            if let Err(refused) = self.part.show_a_start().await {
                return refused;
            }
        }
    }

    /// Waits until the edge finds no mistake in any of its routers. Without an interface nobody can tell.
    async fn routers_sound(&self) -> Result<(), ClusterError> {
        let began = Instant::now();
        loop {
            let Some(at) = self.wanted.api.and_then(|port| self.part.published(port)) else {
                return Ok(());
            };
            let seen = match api::get(at, "/api/http/routers").await {
                Ok(routers) => api::broken(&routers.unwrap_or_default()).join("; "),
                Err(error) => error,
            };
            if seen.is_empty() {
                return Ok(());
            }
            if began.elapsed() > SOUND {
                let awaited = "routers without a mistake in a label or file";
                return Err(self.part.late(awaited, SOUND, &seen).await);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The servers that the edge knows, with their states. Returns `None` if nobody can tell.
    async fn servers(&self) -> Option<Servers> {
        let at = self.part.published(self.wanted.api?)?;
        let services = api::get(at, "/api/http/services").await.ok().flatten()?;
        Some(api::servers(&services))
    }

    /// Waits until an entry leads to the pods. `answering` is the name of the first entry that has answered at all.
    async fn entry_ready(
        &self,
        (name, entry): (&String, &WantedEntry),
        pods: &[String],
        bound: Duration,
        answering: &OnceLock<String>,
    ) -> Result<(), ClusterError> {
        let began = Instant::now();
        let mut closed_since = None;
        loop {
            let asked = match self.part.published(entry.port) {
                None => Err(Unready::Silent(format!("port {} is not published", entry.port))),
                Some(at) => self.round(entry, at, pods).await,
            };
            if !matches!(asked, Err(Unready::Silent(_))) {
                answering.get_or_init(|| name.clone());
                closed_since = None;
            }
            let seen = match asked {
                Ok(()) => return Ok(()),
                Err(Unready::Answers(seen)) => seen,
                Err(Unready::Silent(seen)) => {
                    if let Some(other) = answering.get() {
                        self.may_listen((name, entry), other, &mut closed_since).await?;
                    }
                    seen
                }
            };
            if began.elapsed() > bound {
                let last = match self.explained(entry.port).await {
                    Some(explained) => format!("{seen}; {explained}"),
                    None => seen,
                };
                let leads = if entry.redirects {
                    "lead to another entry".to_owned()
                } else {
                    format!("lead to {}", pods.join(", "))
                };
                let awaited = format!("the entry {name} (port {}) to {leads}", entry.port);
                return Err(self.part.late(&awaited, bound, &last).await);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Refuses an entry at whose port nothing has listened for a while, although the edge's other ports are open and another entry
    /// answers. `closed_since` is the time from which on that was seen.
    async fn may_listen(
        &self,
        (name, entry): (&String, &WantedEntry),
        other: &str,
        closed_since: &mut Option<Instant>,
    ) -> Result<(), ClusterError> {
        let Some(seen) = closed(entry.port, &self.open_ports().await) else {
            *closed_since = None;
            return Ok(());
        };
        let closed_for = closed_since.get_or_insert_with(Instant::now).elapsed();
        if closed_for < CLOSED {
            return Ok(());
        }
        let port = entry.port;
        let awaited = format!("a listener at port {port} for the entry {name} ({other} answers already)");
        Err(self.part.late(&awaited, closed_for, &seen).await)
    }

    /// Asks several times as often as there are pods, as clients without a cookie: an entry without affinity leads to each of them. The
    /// error is what was seen instead.
    async fn round(&self, entry: &WantedEntry, at: SocketAddr, pods: &[String]) -> Result<(), Unready> {
        self.asked_as_often(entry, at, pods, &self.wanted.asked, Wanted::Success)
            .await?;
        match &self.wanted.pinned {
            // The paths on which clients are pinned may be led by other rules.
            Some(path) if self.wanted.answered_by.is_some() && !entry.redirects => {
                self.asked_as_often(entry, at, pods, path, Wanted::Answer).await
            }
            _ => Ok(()),
        }
    }

    async fn asked_as_often(
        &self,
        entry: &WantedEntry,
        at: SocketAddr,
        pods: &[String],
        path: &str,
        wanted: Wanted,
    ) -> Result<(), Unready> {
        let ask = |number: usize| {
            let question = Question {
                path,
                answered_by: self.wanted.answered_by.as_deref(),
                tls: self.tls.as_ref(),
                from: Ipv4Addr::new(203, 0, 113, u8::try_from(number).unwrap_or(u8::MAX)),
            };
            question.ask(entry, at)
        };
        let answers = try_join_all((1..=PER_POD * pods.len().max(1)).map(ask)).await;
        let answers = answers.map_err(Unready::Silent)?;
        let knows_pods = self.wanted.answered_by.is_some();
        let judged = judge(entry, &answers, if knows_pods { pods } else { &[] }, wanted);
        judged.map_err(|seen| Unready::Answers(format!("{path}: {seen}")))
    }

    /// Ports of its container at which the edge listens for clients: by the kernel, else by its own interface. Empty if nobody tells.
    async fn open_ports(&self) -> BTreeSet<u16> {
        let mut open = self.part.open_ports();
        if let (true, Some(at)) = (
            open.is_empty(),
            self.wanted.api.and_then(|port| self.part.published(port)),
        ) {
            let points = api::get(at, "/api/entrypoints").await.ok().flatten();
            open = points.as_ref().map(api::ports).unwrap_or_default();
        }
        open.retain(|port| self.wanted.api != Some(*port));
        open
    }

    /// The edge's own knowledge of the entry at a port.
    async fn explained(&self, port: u16) -> Option<String> {
        let at = self.part.published(self.wanted.api?)?;
        let known = |path| async move { api::get(at, path).await.ok().flatten().unwrap_or(Value::Null) };
        let points = known("/api/entrypoints").await;
        let (routers, services) = (known("/api/http/routers").await, known("/api/http/services").await);
        Some(api::explain(port, &points, &routers, &services))
    }
}

/// The answer that is wanted of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A 2xx, or the redirect of an entry that redirects.
    Success,
    /// Any answer of a pod.
    Answer,
}

/// An entry that did not give the wanted answers, and what was seen instead.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Unready {
    /// A question without an answer.
    Silent(String),
    /// Other answers.
    Answers(String),
}

/// Says that nothing listens at a port. Returns `None` if it is open, or if no port is known to be.
fn closed(port: u16, open: &BTreeSet<u16>) -> Option<String> {
    if open.is_empty() || open.contains(&port) {
        return None;
    }
    let open: Vec<String> = open.iter().map(u16::to_string).collect();
    Some(format!(
        "nothing listens at port {port} of its container, where {} are open; name one of them as the entry's port, or let the edge \
         listen there",
        open.join(", ")
    ))
}

/// Decides whether the answers are those of an entry that works. The error is what was seen instead.
fn judge(entry: &WantedEntry, answers: &[Answer], pods: &[String], wanted: Wanted) -> Result<(), String> {
    let is_right = |answer: &Answer| match wanted {
        Wanted::Success if entry.redirects => (300..400).contains(&answer.status),
        Wanted::Success => (200..300).contains(&answer.status),
        Wanted::Answer => answer.pod.is_some(),
    };
    if let Some(wrong) = answers.iter().find(|answer| !is_right(answer)) {
        let by = wrong.pod.as_deref().unwrap_or("the edge itself");
        return Err(format!("{} {} (by {by})", wrong.status, wrong.said).replace("  ", " "));
    }
    if entry.redirects {
        let leads = answers.iter().all(|answer| answer.location.is_some());
        return if leads {
            Ok(())
        } else {
            Err("a redirect without a Location".to_owned())
        };
    }
    let seen: BTreeSet<&str> = answers.iter().filter_map(|answer| answer.pod.as_deref()).collect();
    let missing = pods.iter().filter(|pod| !seen.contains(pod.as_str()));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    // Clients that are told apart by their address may all be led to one pod.
    let enough = missing.is_empty() || entry.affinity == Affinity::Address && !seen.is_empty();
    if enough {
        return Ok(());
    }
    let seen: Vec<&str> = seen.into_iter().collect();
    Err(format!(
        "answers of [{}], none of {}",
        seen.join(", "),
        missing.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(redirects: bool, by_address: bool) -> WantedEntry {
        WantedEntry {
            port: 1,
            tls: false,
            redirects,
            proxy_protocol: false,
            affinity: if by_address { Affinity::Address } else { Affinity::None },
        }
    }

    fn answers(all: &[(u16, &str)]) -> Vec<Answer> {
        let answer = |&(status, pod): &(u16, &str)| Answer {
            status,
            pod: Some(pod.to_owned()).filter(|pod| !pod.is_empty()),
            ..Answer::default()
        };
        all.iter().map(answer).collect()
    }

    #[test]
    fn a_port_at_which_nothing_listens_is_closed_once_others_are_open() {
        let open = BTreeSet::from([8000, 8443]);
        let said = closed(8009, &open).expect("it is closed");
        assert!(
            said.starts_with("nothing listens at port 8009 of its container, where 8000, 8443 are open; "),
            "{said}"
        );
        assert_eq!(closed(8443, &open), None);
        assert_eq!(
            closed(8009, &BTreeSet::new()),
            None,
            "nobody tells, or it has not begun"
        );
    }

    #[test]
    fn an_entry_works_once_it_leads_to_every_pod() {
        let pods = ["a", "b"].map(str::to_owned);
        let of =
            |by_address, all: &[(u16, &str)]| judge(&entry(false, by_address), &answers(all), &pods, Wanted::Success);
        assert_eq!(of(false, &[(200, "b"), (200, "a")]), Ok(()));
        assert_eq!(
            of(false, &[(200, "b"), (200, "b")]),
            Err("answers of [b], none of a".to_owned())
        );
        assert_eq!(of(true, &[(200, "b"), (200, "b")]), Ok(()));
        assert_eq!(of(true, &[(200, "")]), Err("answers of [], none of a, b".to_owned()));
        assert_eq!(of(false, &[(404, "")]), Err("404 (by the edge itself)".to_owned()));
        assert_eq!(of(false, &[(200, "a"), (503, "b")]), Err("503 (by b)".to_owned()));
        let pinned = |all: &[(u16, &str)]| judge(&entry(false, false), &answers(all), &pods, Wanted::Answer);
        assert_eq!(pinned(&[(401, "b"), (404, "a")]), Ok(()));
        assert_eq!(pinned(&[(404, "")]), Err("404 (by the edge itself)".to_owned()));
    }

    #[test]
    fn a_redirect_leads_somewhere() {
        let mut redirect = answers(&[(301, "")]);
        let unled = judge(&entry(true, false), &redirect, &[], Wanted::Success);
        assert_eq!(unled, Err("a redirect without a Location".to_owned()));
        redirect[0].location = Some("https://localhost/".to_owned());
        assert_eq!(judge(&entry(true, false), &redirect, &[], Wanted::Success), Ok(()));
        assert!(judge(&entry(true, false), &answers(&[(200, "a")]), &[], Wanted::Success).is_err());
    }
}
