//! Names lead to pods as logs say them.

use std::sync::{Arc, Mutex};

use super::*;
use crate::system::load::load_alone;

/// The pods of a test: name, life, and the lines since its start.
type Pods = Arc<Mutex<Vec<(&'static str, Option<u32>, Vec<String>)>>>;

/// Names by the logs of `pods`, and how often a log was read.
fn names(pods: &Pods) -> (OwnerNames, Arc<Mutex<u32>>) {
    let read = Arc::new(Mutex::new(0));
    let (of_lives, of_logs, count) = (pods.clone(), pods.clone(), read.clone());
    let logs = PodLogs {
        lives: Box::new(move || {
            let pods = of_lives.lock().expect("no panic");
            let lives = pods
                .iter()
                .map(|(pod, life, _)| ((*pod).into(), life.map(|life| life.to_string())));
            lives.collect()
        }),
        since_start: Box::new(move |pod| {
            *count.lock().expect("no panic") += 1;
            let pods = of_logs.lock().expect("no panic");
            let of_pod = pods.iter().find(|(name, ..)| *name == pod.as_str());
            let lines = of_pod.map(|(_, _, lines)| lines.clone()).unwrap_or_default();
            Box::pin(std::future::ready(lines))
        }),
    };
    (OwnerNames::new(Some(&rule()), logs), read)
}

/// The owner rule of a description whose pods say in their logs who they are.
fn rule() -> OwnerRule {
    const TEXT: &str = include_str!("../../../tests/descriptions/streamed-answers.toml");
    let described = load_alone("system.toml", TEXT).expect("a sound description");
    described.designs[0].system.owner.clone().expect("an owner")
}

fn says(worker: &str) -> Vec<String> {
    vec![
        "INFO: Application startup complete.".to_owned(),
        format!("Job queue worker started: worker=worker-{worker}"),
    ]
}

fn pods(pods: &[(&'static str, Option<u32>, &str)]) -> Pods {
    let pods = pods.iter().map(|(pod, life, worker)| (*pod, *life, says(worker)));
    Arc::new(Mutex::new(pods.collect()))
}

#[tokio::test]
async fn a_name_leads_to_the_pod_that_logs_it() {
    let pods = pods(&[("chat-1", Some(1), "0000000a"), ("chat-2", Some(1), "0000000b")]);
    let (names, read) = names(&pods);
    for _ in 0..3 {
        assert_eq!(names.pod_of("worker-0000000b".into()).await, "chat-2".into());
        assert_eq!(names.pod_of("worker-0000000a".into()).await, "chat-1".into());
    }
    assert_eq!(*read.lock().expect("no panic"), 2, "each life's log is read once");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_logged_later_is_waited_for() {
    let pods = pods(&[("chat-1", Some(1), "0000000a")]);
    let (names, _) = names(&pods);
    let later = async {
        tokio::time::sleep(SAID / 2).await;
        pods.lock().expect("no panic")[0].2 = says("0000000c");
    };
    let (pod, ()) = tokio::join!(names.pod_of("worker-0000000c".into()), later);
    assert_eq!(pod, "chat-1".into());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_log_says_stands_as_it_is_and_is_waited_for_once() {
    let pods = pods(&[("chat-1", Some(1), "0000000a")]);
    let (names, _) = names(&pods);
    let begun = tokio::time::Instant::now();
    assert_eq!(names.pod_of("worker-0000000d".into()).await.as_str(), "worker-0000000d");
    let waited = begun.elapsed();
    assert!(waited > SAID / 2, "{waited:?}");
    assert_eq!(names.pod_of("worker-0000000d".into()).await.as_str(), "worker-0000000d");
    assert_eq!(begun.elapsed(), waited);
    pods.lock().expect("no panic")[0].2 = says("0000000d");
    assert_eq!(names.pod_of("worker-0000000d".into()).await, "chat-1".into());
}

/// F12.
#[tokio::test]
async fn a_name_belongs_to_the_newest_life_that_says_it() {
    let pods = pods(&[("chat-1", Some(1), "0000000a"), ("chat-2", Some(1), "0000000b")]);
    let (names, _) = names(&pods);
    names.learn().await;
    pods.lock().expect("no panic")[0] = ("chat-1", None, Vec::new());
    assert_eq!(
        names.pod_of("worker-0000000a".into()).await,
        "chat-1".into(),
        "its owner is dead"
    );
    pods.lock().expect("no panic")[0] = ("chat-1", Some(2), says("0000000e"));
    assert_eq!(names.pod_of("worker-0000000e".into()).await, "chat-1".into());
    assert_eq!(names.pod_of("worker-0000000a".into()).await, "chat-1".into());
    pods.lock().expect("no panic")[1] = ("chat-2", Some(2), says("0000000a"));
    assert_eq!(names.pod_of("worker-0000000a".into()).await, "chat-2".into());
}

#[tokio::test]
async fn without_such_a_rule_a_name_stands_as_it_is() {
    let pod: PodName = "pod-1".into();
    assert_eq!(OwnerNames::plain().pod_of(pod.clone()).await, pod);
}
