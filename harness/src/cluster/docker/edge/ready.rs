//! Whether each entry of the edge leads to the pods.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::cluster::docker::edge::api::Servers;
use crate::cluster::docker::edge::ask::{Answer, Question};
use crate::cluster::docker::edge::{Edge, api};
use crate::cluster::edge_wanted::WantedEntry;
use crate::cluster::part::error::ClusterError;
use crate::system::parts::Affinity;

/// Longest until the edge has put its routers together, once its entries lead to the pods.
const SOUND: Duration = Duration::from_secs(5);
/// Time until an edge whose entries do not lead to each pod is made to look again: four looks of the suite's health check.
const REMINDED: Duration = Duration::from_secs(2);
/// Questions of a round for each pod. The turns of an edge's round robin are not strict.
const PER_POD: usize = 5;
/// Pause between two rounds of questions.
const INTERVAL: Duration = Duration::from_millis(50);

impl Edge {
    /// Waits until each entry leads to each of the pods, and an entry that only redirects does that.
    ///
    /// # Errors
    /// [`ClusterError::NotReady`] with the entry, its last answer and what the edge knows of it.
    pub(in crate::cluster) async fn entries_ready(&self, pods: &[String], bound: Duration) -> Result<(), ClusterError> {
        let servers = self.servers().await;
        let whole = || self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.is_some() && *whole() == servers {
            // As when each entry led to each pod: nothing has to be asked again.
            return Ok(());
        }
        let entries = self.wanted.entries.iter();
        let ready = try_join_all(entries.map(|(name, entry)| self.entry_ready(name, entry, pods, bound)));
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

    async fn entry_ready(
        &self,
        name: &str,
        entry: &WantedEntry,
        pods: &[String],
        bound: Duration,
    ) -> Result<(), ClusterError> {
        let began = Instant::now();
        loop {
            let seen = match self.part.published(entry.port) {
                None => format!("port {} is not published", entry.port),
                Some(at) => match self.round(entry, at, pods).await {
                    Ok(()) => return Ok(()),
                    Err(seen) => seen,
                },
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

    /// Asks several times as often as there are pods, as clients without a cookie: an entry without affinity leads to each of them. The
    /// error is what was seen instead.
    async fn round(&self, entry: &WantedEntry, at: SocketAddr, pods: &[String]) -> Result<(), String> {
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
    ) -> Result<(), String> {
        let ask = |number: usize| {
            let question = Question {
                path,
                answered_by: self.wanted.answered_by.as_deref(),
                tls: self.tls.as_ref(),
                from: Ipv4Addr::new(203, 0, 113, u8::try_from(number).unwrap_or(u8::MAX)),
            };
            question.ask(entry, at)
        };
        let answers = try_join_all((1..=PER_POD * pods.len().max(1)).map(ask)).await?;
        let knows_pods = self.wanted.answered_by.is_some();
        let judged = judge(entry, &answers, if knows_pods { pods } else { &[] }, wanted);
        judged.map_err(|seen| format!("{path}: {seen}"))
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
