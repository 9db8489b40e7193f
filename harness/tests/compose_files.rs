//! Compose files as people write them, brought up as they are: each with something that ties it to one cluster, or that says in
//! which order its services start. Needs an engine. The services are the mock provider, which is an HTTP server like any other.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crosspod::cluster::{
    AllowedHosts, Cluster, ClusterError, ClusterSpec, Engine, Part, Role, RunLock, Silent, State, remove_project,
};
use crosspod::history::PodName;
use crosspod::system::System;

/// A service that serves on port 8080, and is healthy once it does.
const SERVER: &str = r#"
x-server: &server
  image: crosspod-mock-ai
  command: ["--listen", "0.0.0.0:8080", "--admin", "127.0.0.1:8081"]
  healthcheck: { test: ["CMD", "/mock-ai", "health"], interval: 1s, retries: 20 }
"#;

/// A file with what stands beside it, and what is wanted of it.
struct Case {
    name: &'static str,
    /// Behind [`SERVER`].
    file: &'static str,
    pods: &'static [&'static str],
    copies: u8,
    first_alone: bool,
    parts: Vec<Part>,
    /// The pods that are there in the end.
    expected: &'static [&'static str],
}

fn case(
    name: &'static str,
    file: &'static str,
    pods: &'static [&'static str],
    expected: &'static [&'static str],
) -> Case {
    Case {
        name,
        file,
        pods,
        copies: 1,
        first_alone: false,
        parts: Vec::new(),
        expected,
    }
}

/// A server of which only its port is known.
fn other(service: &str) -> Part {
    Part {
        ports: vec![8080],
        ..Part::new(service, Role::Other)
    }
}

fn cases(fixed_port: u16) -> Vec<(Case, String)> {
    let fixed = format!("\"{fixed_port}:8080\"");
    let cases = vec![
        case(
            "profiles, extends, env_file and anchors",
            "services:\n  base: { <<: *server, profiles: [never], environment: { A: '1' } }\n  app:\n    extends: { service: base }\n    \
             profiles: []\n    env_file: [app.env]\n  tools: { <<: *server, profiles: [tools] }\n",
            &["app"],
            &["app"],
        ),
        Case {
            parts: vec![other("store")],
            ..case(
                "container_name, a taken host port, restart: always and named networks",
                "services:\n  app: { <<: *server, container_name: the-app, restart: always, ports: [PORT], networks: [front, back] }\n  \
                 store: { <<: *server, container_name: the-store, restart: always, networks: [back] }\nnetworks:\n  front: { name: my-front }\n  \
                 back: { name: my-back, ipam: { config: [{ subnet: 10.254.253.0/24 }] } }\n",
                &["app"],
                &["app"],
            )
        },
        Case {
            copies: 3,
            ..case(
                "replicas of one service, with limits",
                "services:\n  app: { <<: *server, deploy: { replicas: 3, resources: { limits: { memory: 64M, cpus: '0.5' } } } }\n  \
                 front: { <<: *server, depends_on: [app] }\n",
                &["app"],
                &["app-1", "app-2", "app-3"],
            )
        },
        case(
            "a pod that waits for another one's health",
            "services:\n  one: { <<: *server }\n  two: { <<: *server, depends_on: { one: { condition: service_healthy } } }\n",
            &["one", "two"],
            &["one", "two"],
        ),
        Case {
            copies: 2,
            first_alone: true,
            parts: vec![Part::new("migrate", Role::Job), Part::new("db", Role::Postgres)],
            ..case(
                "a job, a database, and a pod that boots alone",
                "services:\n  app: { <<: *server }\n  migrate: { image: crosspod-mock-ai, command: ['--version'] }\n  \
                 db: { image: 'postgres:15', environment: { POSTGRES_PASSWORD: 'x$$y' }, volumes: ['data:/var/lib/postgresql/data'] }\n\
                 volumes:\n  data: { name: my-data }\n",
                &["app"],
                &["app-1", "app-2"],
            )
        },
    ];
    let with_port = |case: Case| {
        let file = format!("{SERVER}{}", case.file.replace("PORT", &fixed));
        (case, file)
    };
    cases.into_iter().map(with_port).collect()
}

fn spec(run: &RunLock, slot: u16, folder: &Path, case: &Case) -> ClusterSpec {
    let mut spec = ClusterSpec::new(run, slot, &System::reference()).expect("it names no variable");
    let system = &mut spec.system;
    system.compose = vec![folder.join("compose.yml")];
    system.parts.clone_from(&case.parts);
    system.edge = None;
    system.pods.services = case.pods.iter().map(|&name| name.to_owned()).collect();
    system.pods.copies = case.copies;
    system.pods.first_alone = case.first_alone;
    system.pods.alive = "/health".into();
    system.pods.admin = None;
    system.pods.variables.clear();
    spec
}

async fn is_up(cluster: &Cluster, case: &Case) -> Result<(), ClusterError> {
    let pods: Vec<&str> = cluster.pods().iter().map(PodName::as_str).collect();
    assert_eq!(pods, case.expected, "{}", case.name);
    for part in cluster.parts() {
        assert_eq!(part.state().await?, State::Running, "{}: {}", case.name, part.service());
    }
    let first = cluster.pod(&cluster.pods()[0])?;
    let limits = (first.part().memory, first.part().cpu_quota_us);
    if case.copies == 3 {
        assert_eq!(limits, (Some(64 << 20), Some(50_000)));
        assert!(first.limit_memory().await? > 0);
        assert!(first.lift_limits().await?, "the user's limit is back");
        assert!(!first.lift_limits().await?);
    }
    first.kill().await?;
    assert_eq!(cluster.heal().await?.len(), 1, "{}", case.name);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_strangers_are_brought_up_as_they_are() {
    let engine = Engine::connect(&AllowedHosts::this_machine()).await.expect("an engine");
    let run = RunLock::begin().expect("a run");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    for (slot, (case, file)) in (0..).zip(cases(port)) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("compose.yml"), &file).expect("written");
        fs::write(folder.path().join("app.env"), "B=2\n").expect("written");
        let spec = spec(&run, slot, folder.path(), &case);
        let up = Cluster::up(&engine, &spec, &Silent).await;
        let checked = match &up {
            Ok(cluster) => is_up(cluster, &case).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        remove_project(&engine, &spec.project()).await.expect("it goes");
        assert_eq!(checked, Ok(()), "{}", case.name);
        assert_eq!(
            fs::read_to_string(folder.path().join("compose.yml")).expect("it is there"),
            file
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_brought_up_is_refused_before_anything_starts() {
    let engine = Engine::connect(&AllowedHosts::this_machine()).await.expect("an engine");
    let run = RunLock::begin().expect("a run");
    let folder = tempfile::tempdir().expect("a folder");
    let case = case("wrong", "", &["app"], &[]);
    let spec = spec(&run, 0, folder.path(), &case);
    let missing = Cluster::up(&engine, &spec, &Silent)
        .await
        .expect_err("no file")
        .to_string();
    assert!(missing.contains("compose.yml"), "{missing}");
    fs::write(folder.path().join("compose.yml"), "services: { app: { image: [] } }").expect("written");
    let nonsense = Cluster::up(&engine, &spec, &Silent)
        .await
        .expect_err("nonsense")
        .to_string();
    assert!(
        nonsense.contains("image") && nonsense.contains("mend the compose file"),
        "{nonsense}"
    );
    let host = "services: { app: { image: crosspod-mock-ai, network_mode: host } }";
    fs::write(folder.path().join("compose.yml"), host).expect("written");
    let host = Cluster::up(&engine, &spec, &Silent)
        .await
        .expect_err("refused")
        .to_string();
    assert!(host.contains("app has network_mode host"), "{host}");
}
