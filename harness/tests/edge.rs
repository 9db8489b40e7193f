//! A live cluster with its edge: each entry leads to the pods, a candidate is promoted and rolled back, and everything is undone.
//!
//! Needs an engine, as every story does.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crosspod::cluster::{
    AllowedHosts, Cluster, ClusterSpec, Edge, Engine, Progress, RunLock, Split, State, remove_project,
};
use crosspod::system::System;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Shown with `--nocapture`, and where a test fails.
struct Told;

impl Progress for Told {
    fn step(&self, text: &str) {
        #[expect(clippy::print_stderr, reason = "the test runner captures it")]
        {
            eprintln!("{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_entry_leads_to_the_pods_and_a_candidate_is_promoted_and_rolled_back() {
    let engine = Engine::connect(&AllowedHosts::this_machine()).await.expect("an engine");
    let run = RunLock::begin().expect("a run");
    let spec = ClusterSpec::new(&run, 0, &System::reference()).expect("it names no variable");
    let project = spec.project();
    let played = tokio::spawn({
        let (engine, spec) = (engine.clone(), spec.clone());
        async move {
            let cluster = Cluster::up(&engine, &spec, &Told).await.expect("it comes up");
            check_entries(&cluster).await;
            check_candidate(&cluster).await;
            check_faults(&cluster).await;
        }
    });
    let outcome = played.await;
    // Removed even where a check fails; the panic goes on afterwards.
    remove_project(&engine, &project).await.expect("it goes");
    outcome.expect("the checks");
}

fn edge(cluster: &Cluster) -> &Edge {
    cluster.edge().expect("the reference has an edge")
}

async fn check_entries(cluster: &Cluster) {
    let edge = edge(cluster);
    let at = |name: &str| edge.entry(name).expect("an entry");
    let redirected = ask(at("plain"), "/v1/threads", "").await;
    assert!(redirected.starts_with("http/1.1 301"), "{redirected}");
    assert!(
        redirected.contains("\nlocation: https://localhost:8443/v1/threads"),
        "{redirected}"
    );
    assert!(!redirected.contains("set-cookie"), "{redirected}");

    let pinned = ask(at("discovered"), "/v1/threads", "").await;
    let expected = "set-cookie: __secure-crosspod=";
    let line = pinned
        .lines()
        .find(|line| line.starts_with(expected))
        .unwrap_or_default();
    for attribute in ["path=/v1", "max-age=3", "httponly", "secure", "samesite=lax"] {
        assert!(line.contains(attribute), "{attribute}: {pinned}");
    }
    let public = ask(at("discovered"), "/version", "").await;
    assert!(
        public.starts_with("http/1.1 200") && !public.contains("set-cookie"),
        "{public}"
    );

    let free = [
        ask(at("free"), "/version", "").await,
        ask(at("free"), "/version", "").await,
    ];
    assert_ne!(pod(&free[0]), pod(&free[1]), "{free:?}");
    for client in 1..=3 {
        let from = format!("PROXY TCP4 198.51.100.{client} 127.0.0.1 40000 8002\r\n");
        let one = ask(at("by-address"), "/version", &from).await;
        let again = ask(at("by-address"), "/version", &from).await;
        assert!(one.starts_with("http/1.1 200"), "{one}");
        assert_eq!(pod(&one), pod(&again), "one address is led to one pod");
    }
    let certificate = edge.certificate_pem().expect("a TLS entry");
    assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
}

async fn check_candidate(cluster: &Cluster) {
    let edge = edge(cluster);
    let candidate = edge.candidate().expect("it is described");
    assert!(candidate.handle().is_none(), "nobody has started it");
    let handle = candidate.start().await.expect("it starts beside the pods");
    assert!(handle.address().is_some() && cluster.pod(&"pod-candidate".into()).is_err());
    let seen = answered_by(edge).await;
    assert!(
        !seen.contains(&"pod-candidate".to_owned()),
        "it gets no traffic before it is promoted: {seen:?}"
    );

    edge.split(Split::Both).await.expect("taken");
    leads_to(edge, &["pod-1", "pod-2", "pod-3", "pod-candidate"]).await;
    edge.split(Split::Promoted).await.expect("taken");
    leads_to(edge, &["pod-candidate"]).await;
    edge.split(Split::RolledBack).await.expect("taken");
    leads_to(edge, &["pod-1", "pod-2", "pod-3"]).await;

    edge.split(Split::Promoted).await.expect("taken");
    assert_eq!(cluster.heal().await.expect("it is put right"), []);
    assert!(candidate.handle().is_none(), "a healed cluster has none");
    leads_to(edge, &["pod-1", "pod-2", "pod-3"]).await;
}

async fn check_faults(cluster: &Cluster) {
    let edge = edge(cluster);
    let before = edge.entry("free").expect("an entry");
    edge.part().kill().await.expect("it was running");
    assert!(edge.entry("free").is_err(), "the dead are nowhere");
    let healed = cluster.heal().await.expect("it is put right");
    assert_eq!(healed.len(), 1, "{healed:?}");
    assert_ne!(
        edge.entry("free").expect("an entry"),
        before,
        "ports are looked up after each start"
    );

    edge.part().pause().await.expect("it was running");
    assert_eq!(edge.part().state().await.expect("known"), State::Paused);
    cluster.heal().await.expect("it is put right");

    let pod = cluster.pod(&"pod-2".into()).expect("pod-2");
    pod.kill().await.expect("it was running");
    let around = tokio::time::timeout(Duration::from_secs(8), async {
        while answered_by(edge).await != ["pod-1", "pod-3"] {}
    });
    around.await.expect("the edge leads around a dead pod");
    cluster.heal().await.expect("it is put right");
    leads_to(edge, &["pod-1", "pod-2", "pod-3"]).await;
}

/// Checks that a configuration in force leads to these pods: soon to no other, and to each of them as soon as the edge's health checks
/// have seen it. The edge switches one entry point after the other, so its interface may tell of a configuration before this entry has
/// it. A check that a busy machine answers late leaves a pod out until the next one.
async fn leads_to(edge: &Edge, pods: &[&str]) {
    let (mut reached, mut is_switched) = (BTreeSet::new(), false);
    let all = tokio::time::timeout(Duration::from_secs(8), async {
        while reached.len() < pods.len() {
            let seen = answered_by(edge).await;
            if let Some(other) = seen.iter().find(|pod| !pods.contains(&pod.as_str())) {
                assert!(!is_switched, "{other} answered again, not one of {pods:?}");
            } else {
                is_switched = true;
                reached.extend(seen);
            }
        }
    });
    let in_time = all.await.is_ok();
    assert!(in_time, "of {pods:?} only {reached:?} answered in 8 s");
}

/// The pods that answer at the entry without affinity.
async fn answered_by(edge: &Edge) -> Vec<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..12 {
        let answer = ask(edge.entry("free").expect("an entry"), "/version", "").await;
        assert!(answer.starts_with("http/1.1 200"), "{answer}");
        seen.insert(pod(&answer));
    }
    seen.into_iter().collect()
}

/// The pod that an answer names.
fn pod(answer: &str) -> String {
    let named = answer.lines().find_map(|line| line.strip_prefix("x-pod: "));
    named.unwrap_or_default().to_owned()
}

/// The head of an answer, in lower case.
async fn ask(at: SocketAddr, path: &str, before: &str) -> String {
    let mut socket = TcpStream::connect(at).await.expect("the edge listens");
    let request = format!("{before}GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("answered");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.replace("\r\n", "\n")
}
