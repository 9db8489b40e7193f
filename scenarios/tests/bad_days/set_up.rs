//! A cluster that cannot be brought up: what is missing, taken, broken or gone is named, with its bound and what to do.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::command::{Ended, Running};
use crate::home::{CLUSTER, Home, docker};

/// What needs no waiting is said at once; this allows for a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(10);
/// The compose file's word on where the pods' links lead to NATS.
pub(crate) const TO_NATS: &str = "nats://nats:4222";
/// The same, to where nothing listens: such a pod never gets ready.
pub(crate) const TO_NOWHERE: &str = "nats://127.0.0.1:1";

#[test]
fn no_engine() {
    let home = Home::without_engine();
    for command in [&["run", "cluster_smoke"][..], &["up"], &["down"]] {
        home.run_with("DOCKER_HOST", "unix:///no/such/engine.sock", command)
            .within(AT_ONCE)
            .says(&[
                "no container engine answers",
                "unix:///no/such/engine.sock",
                "systemctl start docker",
            ]);
    }
    let looked = home.run_with("DOCKER_HOST", "unix:///no/such/engine.sock", &["doctor"]);
    assert_eq!(looked.code(), Some(3), "{}", looked.all());
    assert!(looked.stdout.starts_with("BAD   engine"), "{}", looked.all());
}

#[test]
fn variables_that_are_empty_are_as_if_they_were_not_set() {
    let home = Home::without_engine();
    for name in ["CROSSPOD_SYSTEM", "CROSSPOD_WORKSPACE"] {
        let mut command = home.command(&["list"]);
        command.env(name, "").current_dir("/");
        let listed = Running::start(command).end(AT_ONCE);
        assert_eq!(listed.code(), Some(0), "{name}: {}", listed.all());
        assert!(listed.stdout.contains("cluster_smoke"), "{name}: {}", listed.all());
    }
    let named = home.run_with("CROSSPOD_SYSTEM", "/no/such/system.toml", &["list"]);
    named.says(&["/no/such/system.toml", "cannot be read"]);
}

#[test]
fn folders_that_cannot_be_written_are_named_with_what_to_do() {
    let home = Home::on_the_engine();
    home.run_with("CARGO_TARGET_DIR", "/dev/null", &["run", "cluster_smoke"])
        .says(&["/dev/null/crosspod", "Not a directory", "CARGO_TARGET_DIR"]);
    home.run_with("CROSSPOD_CACHE", "/dev/null", &["run", "cluster_smoke"])
        .says(&["/dev/null", "Not a directory", "CROSSPOD_CACHE"]);
    home.is_clean();
}

#[test]
fn an_engine_that_does_not_answer_and_one_that_is_elsewhere() {
    let home = Home::without_engine();
    // The system takes connections for a listener that never accepts one.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let host = format!("tcp://{}", silent.local_addr().expect("bound"));
    home.run_with("DOCKER_HOST", &host, &["run", "cluster_smoke"])
        .within(AT_ONCE)
        .says(&[&host, "no answer in 5s", "DOCKER_HOST"]);
    home.run_with("DOCKER_HOST", "tcp://192.0.2.7:2375", &["up"])
        .within(AT_ONCE)
        .says(&["192.0.2.7, not on this machine", "--allow-host 192.0.2.7"]);
    // A host that is named is asked, and another one is not.
    let nobody = format!(
        "tcp://no-such-host.invalid:{}",
        silent.local_addr().expect("bound").port()
    );
    home.run_with("DOCKER_HOST", &nobody, &["up", "--allow-host", "NO-such-host.invalid"])
        .within(AT_ONCE)
        .says(&["no container engine answers", &nobody]);
    home.run_with("DOCKER_HOST", &nobody, &["down", "--allow-host", "192.0.2.7"])
        .within(AT_ONCE)
        .says(&["--allow-host no-such-host.invalid"]);
}

#[test]
fn a_part_that_is_published_to_others_than_this_machine_is_not_connected_to() {
    let home = Home::on_the_engine();
    let mut command = home.command(&["up"]);
    command.env(
        "CROSSPOD_COMPOSE",
        home.compose_with("127.0.0.1::4222", "0.0.0.0::4222"),
    );
    Running::start(command).end(CLUSTER).says(&[
        "port 4222 of nats is published at 0.0.0.0:",
        "not this machine's loopback",
        "--allow-host 0.0.0.0",
    ]);
    home.is_clean();
}

#[test]
fn a_part_that_carries_another_runs_label_is_not_touched() {
    let home = Home::on_the_engine();
    let mut command = home.command(&["up"]);
    let label = "\"dev.crosspod.run\": \"[^\"]*\"";
    let compose = home.compose_with(label, "\"dev.crosspod.run\": \"somebody-elses\"");
    command.env("CROSSPOD_COMPOSE", compose);
    Running::start(command).end(CLUSTER).says(&[
        "carries the label of run somebody-elses and not that of run r",
        "it is not touched",
    ]);
    home.is_clean();
}

#[test]
fn no_compose() {
    let home = Home::on_the_engine();
    home.run_with("CROSSPOD_COMPOSE", "/no/such/compose", &["run", "cluster_smoke"])
        .within(AT_ONCE)
        .says(&[
            "no Compose found",
            "`/no/such/compose` (did not start",
            "install the Compose plugin",
            "CROSSPOD_COMPOSE",
        ]);
    let mut command = home.command(&["up"]);
    command.env("PATH", "").env_remove("CROSSPOD_COMPOSE");
    Running::start(command).end(CLUSTER).within(AT_ONCE).says(&[
        "no Compose found",
        "`docker compose`",
        "`docker-compose`",
    ]);
    home.is_clean();
}

#[test]
fn an_image_that_cannot_be_had() {
    let home = Home::on_the_engine();
    home.run_with(
        "CROSSPOD_IMAGE_NATS",
        "127.0.0.1:1/none:none",
        &["run", "cluster_smoke"],
    )
    .within(AT_ONCE)
    .says(&[
        "image for nats: 127.0.0.1:1/none:none is not on the engine",
        "no registry answers",
        "`docker load`",
        "CROSSPOD_IMAGE_NATS",
    ]);
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let image = format!("{}/none:none", silent.local_addr().expect("bound"));
    home.run_with("CROSSPOD_IMAGE_POSTGRES", &image, &["up"])
        .within(AT_ONCE)
        .says(&[
            "image for postgres",
            &image,
            "no registry answered in 5s",
            "CROSSPOD_IMAGE_POSTGRES",
        ]);
    home.is_clean();
}

#[test]
fn a_port_in_use_by_another_program() {
    let home = Home::on_the_engine();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port().to_string();
    home.run(&["up", "--postgres-port", &port]).within(AT_ONCE).says(&[
        &format!("port {port} of 127.0.0.1, asked for postgres, is in use"),
        &format!("ss -ltnp 'sport = :{port}'"),
    ]);
    home.is_clean();
}

#[test]
fn a_pod_that_never_gets_ready() {
    let home = Home::on_the_engine();
    // Long enough for Postgres to be ready first on a machine that is busy: it is the pod that must be named.
    let mut command = home.command(&["up", "--ready-secs", "20"]);
    command.env("CROSSPOD_WORKSPACE", home.workspace_with(TO_NATS, TO_NOWHERE));
    let ended = Running::start(command).end(CLUSTER);
    ended.says(&[
        "pod-",
        "awaited 2xx from /ready on port 8080 for 20.0s",
        "last seen: 503",
        "nats: ",
    ]);
    names_no_container(&ended);
    home.is_clean();
}

#[test]
fn a_pod_that_crashes_at_boot() {
    let home = Home::on_the_engine();
    let mut command = home.command(&["up"]);
    let compose = home.compose_with("\"POD_DEFECTS\": \"\"", "\"POD_DEFECTS\": \"no-such-defect\"");
    command.env("CROSSPOD_COMPOSE", compose);
    let ended = Running::start(command).end(CLUSTER);
    ended.says(&[
        "pod-",
        "crashed at its start: exit 2",
        "unknown defect `no-such-defect`",
    ]);
    names_no_container(&ended);
    assert!(
        ended.took < Duration::from_secs(30),
        "its end was awaited to the bound\n{}",
        ended.all()
    );
    home.is_clean();
}

/// The pods wait for NATS, Postgres has long been ready: its end must be told as such, and not as the pods' lateness.
#[test]
fn postgres_is_gone_while_the_others_get_ready() {
    let home = Home::on_the_engine();
    let mut command = home.command(&["up"]);
    command.env("CROSSPOD_WORKSPACE", home.workspace_with(TO_NATS, TO_NOWHERE));
    let mut up = Running::start(command);
    up.await_line("awaiting readiness", CLUSTER);
    let postgres = home.containers(&["--filter", "label=com.docker.compose.service=postgres"]);
    let [postgres] = &postgres[..] else {
        panic!("one Postgres, not {postgres:?}")
    };
    crate::command::await_true("an answer of Postgres", CLUSTER, || {
        let health = [
            "exec",
            postgres,
            "pg_isready",
            "--host=127.0.0.1",
            "--username=crosspod",
            "--dbname=crosspod",
        ];
        std::process::Command::new("docker")
            .args(health)
            .output()
            .is_ok_and(|asked| asked.status.success())
    });
    docker(&["kill", postgres]);
    let killed = std::time::Instant::now();
    let ended = up.end(CLUSTER);
    assert!(
        killed.elapsed() < Duration::from_secs(20),
        "its end was awaited to the bound\n{}",
        ended.all()
    );
    ended.says(&["crosspod: postgres crashed at boot: exit 137"]);
    names_no_container(&ended);
    home.is_clean();
}

/// Asserts that nobody is led to the log of a container that is removed.
fn names_no_container(ended: &Ended) {
    assert!(!ended.all().contains("docker logs"), "{}", ended.all());
}
