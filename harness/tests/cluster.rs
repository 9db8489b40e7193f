//! A live cluster, from nothing to nothing: what it says of itself, what can be done to it, and that it leaves nothing.
//!
//! Needs an engine, as every story does. The stories exercise the rest; here are the promises that they stand on.

use std::collections::HashMap;
use std::fs::File;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::RemoveVolumeOptions;
use crosspod::cluster::{
    AllowedHosts, Cluster, ClusterError, ClusterSpec, Engine, Events, Fate, Healed, PartHandle, Progress, Proof,
    Remedy, Removed, RunLock, RunTag, Silent, State, leftovers, remove_leftovers, remove_project,
};
use crosspod::history::PodName;
use crosspod::roles::postgres::sessions::Sessions;
use crosspod::system::System;
use tokio_postgres::NoTls;

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

fn spec(run: &RunLock, slot: u16) -> ClusterSpec {
    ClusterSpec::new(run, slot, &System::reference()).expect("it names no variable")
}

async fn engine() -> Engine {
    Engine::connect(&AllowedHosts::this_machine()).await.expect("an engine")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_comes_up_is_broken_and_healed_and_leaves_nothing() {
    let engine = engine().await;
    let run = RunLock::begin().expect("a run");
    let spec = spec(&run, 0).with_pods(2);
    let cluster = match Cluster::up(&engine, &spec, &Told).await {
        Ok(cluster) => cluster,
        Err(error) => {
            let removed = remove_project(&engine, &spec.project()).await;
            panic!("{error}; removed: {removed:?}");
        }
    };
    // Removed even where a check fails; the panic goes on afterwards.
    let checks = tokio::spawn(async move {
        checks_on(&cluster).await;
        cluster
    });
    let outcome = checks.await;
    let removed = remove_project(&engine, &spec.project()).await.expect("it goes");
    let cluster = outcome.expect("the checks");
    // Five parts, two pods and their sandboxes; the volumes of two stores, two pods and the edge.
    let whole = Removed {
        containers: 9,
        networks: 1,
        volumes: 5,
    };
    assert_eq!(removed, whole);
    let again = cluster.down().await.expect("a second time is no error");
    assert_eq!(again, Removed::default(), "nothing was left to remove");
    let left = leftovers(&engine).await.expect("a list");
    assert!(left.iter().all(|left| left.project != spec.project()), "{left:?}");
}

async fn checks_on(cluster: &Cluster) {
    let names: Vec<PodName> = ["pod-1", "pod-2"].map(PodName::from).into();
    assert_eq!(cluster.pods(), names);
    assert!(cluster.pod(&"pod-3".into()).is_err(), "this one has two pods");
    let mut events = cluster.events();
    let first = cluster.pod(&names[0]).expect("pod-1");
    let second = cluster.pod(&names[1]).expect("pod-2");

    let before = Instant::now();
    let death = first.kill().await.expect("it was running");
    assert_eq!(death.proof, Proof::Pidfd, "a local engine's process can be had");
    assert!(before < death.known_at, "{death:?}");
    assert_eq!(first.address(), None, "the dead are nowhere");
    let twice = first.kill().await.expect_err("it is dead");
    assert!(matches!(twice, ClusterError::NotRunning { .. }), "{twice}");
    assert_eq!(
        first.wait_exit(Duration::from_secs(10)).await.expect("it ended").code,
        137
    );

    second.pause().await.expect("it was running");
    assert_eq!(second.state().await.expect("known"), State::Paused);
    let healed = cluster.heal().await.expect("both can be put right");
    let expected = [
        Healed {
            service: names[0].to_string(),
            remedy: Remedy::Restarted { exit_code: 137 },
        },
        Healed {
            service: names[1].to_string(),
            remedy: Remedy::Unpaused,
        },
    ];
    assert_eq!(healed, expected);
    assert_eq!(cluster.heal().await.expect("nothing to do"), []);

    let exit = second
        .terminate(Some(Duration::from_secs(12)))
        .await
        .expect("it was running");
    assert_eq!(exit.map(|exit| exit.code), Some(0), "a SIGTERM is a drain");
    second.start().await.expect("it starts again").expect("with an address");

    check_a_start_that_is_given_up(cluster, &second).await;

    second.pause().await.expect("it was running");
    second.kill().await.expect("the frozen can be killed too");
    second.start().await.expect("it starts again");

    check_logs(&first).await;
    check_what_is_left_open(cluster, &first).await;
    check_the_engines_word(&mut events, &names[0]).await;
}

/// Leaks that no pod counts: a transaction that nobody ends, and a connection whose client has hung up.
async fn check_what_is_left_open(cluster: &Cluster, pod: &PartHandle) {
    let url = cluster.postgres_url().expect("an address");
    let sessions = Sessions::open(&url).await.expect("it listens");
    let idle = async || sessions.idle_in_transaction().await.expect("an answer");
    assert_eq!(idle().await, 0, "the pods' statements stand alone");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it listens");
    let connection = tokio::spawn(connection);
    client.batch_execute("begin").await.expect("begun");
    assert_eq!(idle().await, 1);
    client.batch_execute("commit").await.expect("ended");
    assert_eq!(idle().await, 0);
    drop(client);
    connection.await.expect("no panic").expect("closed in good order");

    let served = pod.address().expect("it runs");
    let clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(served)).collect();
    assert!(clients.iter().all(Result::is_ok), "{clients:?}");
    drop(clients);
    let hung_up = tokio::time::timeout(Duration::from_secs(5), async {
        while pod.half_closed(8080) != Some(0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    hung_up.await.expect("a pod closes what its clients have closed");
}

async fn check_logs(first: &PartHandle) {
    let whole = first.logs().await.expect("a log");
    let since = first.logs_since_start().await.expect("a log");
    assert!(
        !since.is_empty() && since.len() < whole.len(),
        "{} of {} lines",
        since.len(),
        whole.len()
    );
    assert!(whole.ends_with(&since), "the latest start is the end of the whole");
}

async fn check_the_engines_word(events: &mut Events, killed: &PodName) {
    let died = async {
        loop {
            let event = events
                .next()
                .await
                .expect("the engine goes on")
                .expect("and understands itself");
            if event.action == "die" {
                return event;
            }
        }
    };
    let died = tokio::time::timeout(Duration::from_secs(10), died)
        .await
        .expect("the engine saw it as well");
    assert_eq!((died.service, died.exit_code), (killed.to_string(), Some(137)));
}

/// A start that is given up once the engine has carried it out must not be taken for death afterwards.
async fn check_a_start_that_is_given_up(cluster: &Cluster, part: &PartHandle) {
    part.kill().await.expect("it was running");
    part.wait_exit(Duration::from_secs(10)).await.expect("it ended");
    let carried_out = async { while part.state().await.expect("known") != State::Running {} };
    tokio::select! {
        _ = part.start() => {}
        () = carried_out => {}
    }
    let healed = tokio::time::timeout(Duration::from_secs(8), cluster.heal()).await;
    healed.expect("no death is awaited").expect("nothing is wrong");
    assert!(part.address().is_some(), "it is known to run");
}

#[tokio::test]
async fn a_pod_that_crashes_at_boot_is_reported_at_once_with_its_words() {
    let engine = engine().await;
    let run = RunLock::begin().expect("a run");
    let mut spec = spec(&run, 1).with_pods(1);
    spec.defects = vec!["no-such-defect".to_owned()];
    let failed = Cluster::up(&engine, &spec, &Told).await.map(|_| ());
    remove_project(&engine, &spec.project()).await.expect("it goes");
    let error = failed.expect_err("the pod refuses to start");
    let ClusterError::Died {
        service,
        exit_code,
        after,
        trace,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(*service, "pod-1");
    assert_ne!(*exit_code, 0);
    assert!(trace.log.contains("no-such-defect"), "{error}");
    assert!(
        *after < Duration::from_secs(20),
        "{after:?}: its death was not awaited to the bound"
    );
}

#[tokio::test]
async fn only_a_dead_runs_things_are_removed() {
    let engine = engine().await;
    let docker = Docker::connect_with_defaults().expect("the same engine");
    let tag = std::process::id();
    let thing = |name: &str, kept, run: &RunTag| Thing {
        project: format!("crosspod-test-{tag}-{name}"),
        kept,
        run: run.clone(),
        folder: run.lock_folder().to_owned(),
    };
    let alive = RunLock::begin().expect("a run");
    let over = ended_run();
    let orphaned = thing("orphaned", false, &killed_run());
    let kept = thing("kept", true, &over);
    let half_made = thing("half-made", true, &killed_run());
    let in_use = thing("in-use", false, alive.tag());
    // A file at the lock's path here is another one: the lock itself is elsewhere.
    let unseen = Thing {
        folder: "another folder".to_owned(),
        ..thing("unseen", false, &killed_run())
    };
    let unseen_kept = Thing {
        folder: String::new(),
        ..thing("unseen-kept", true, &over)
    };
    for thing in [&orphaned, &kept, &half_made, &in_use, &unseen, &unseen_kept] {
        thing.make(&docker).await;
    }
    let stranger = format!("crosspod-test-{tag}-stranger");
    make_volume(&docker, &stranger, HashMap::new()).await;

    let fates: HashMap<String, Fate> = leftovers(&engine)
        .await
        .expect("a list")
        .into_iter()
        .map(|left| (left.project, left.fate))
        .collect();
    let removed = remove_leftovers(&engine, false, &Silent).await;
    let projects = [&orphaned, &half_made, &kept, &in_use, &unseen, &unseen_kept].map(|thing| &*thing.project);
    let there = take_away(&docker, projects.into_iter().chain([&*stranger])).await;

    assert_eq!(fates.get(&orphaned.project), Some(&Fate::Orphaned));
    assert_eq!(
        fates.get(&half_made.project),
        Some(&Fate::Orphaned),
        "killed on its way up"
    );
    assert_eq!(fates.get(&kept.project), Some(&Fate::Kept));
    assert_eq!(fates.get(&in_use.project), Some(&Fate::InUse));
    for thing in [&unseen, &unseen_kept] {
        assert_eq!(fates.get(&thing.project), Some(&Fate::Unknown), "{}", thing.project);
    }
    assert_eq!(fates.get(&stranger), None, "not ours");
    let removed = removed.expect("it goes");
    assert!(
        removed
            .iter()
            .any(|left| left.project == orphaned.project && left.there.volumes == 1),
        "{removed:?}"
    );
    assert_eq!(
        there,
        [false, false, true, true, true, true, true],
        "only the dead runs' volumes are gone"
    );
}

/// Removes the volumes. Returns for each if it was there.
async fn take_away(docker: &Docker, names: impl Iterator<Item = &str>) -> Vec<bool> {
    let mut there = Vec::new();
    for name in names {
        let is_there = docker.inspect_volume(name).await.is_ok();
        let removed = docker.remove_volume(name, None::<RemoveVolumeOptions>).await;
        assert_eq!(removed.is_ok(), is_there, "{name}");
        there.push(is_there);
    }
    there
}

/// Something that carries our labels: a volume, since that needs no image.
struct Thing {
    project: String,
    kept: bool,
    run: RunTag,
    folder: String,
}

/// A run that came to its end: it took its lock along.
fn ended_run() -> RunTag {
    RunLock::begin().expect("a run").tag().clone()
}

/// A run that was killed: its lock is there, and nobody holds it.
fn killed_run() -> RunTag {
    let run = ended_run();
    File::create(run.lock()).expect("a file");
    run
}

impl Thing {
    async fn make(&self, docker: &Docker) {
        let labels = [
            ("dev.crosspod.run", self.run.id().to_string()),
            ("dev.crosspod.project", self.project.clone()),
            ("dev.crosspod.kept", self.kept.to_string()),
            ("dev.crosspod.lock-folder", self.folder.clone()),
        ];
        make_volume(
            docker,
            &self.project,
            labels.map(|(name, value)| (name.to_owned(), value)).into(),
        )
        .await;
    }
}

async fn make_volume(docker: &Docker, name: &str, labels: HashMap<String, String>) {
    let request = VolumeCreateRequest {
        name: Some(name.into()),
        labels: Some(labels),
        ..Default::default()
    };
    docker.create_volume(request).await.expect("a volume");
}
