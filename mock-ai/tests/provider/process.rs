//! The binary: its start-up line, its health check and its exit codes.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-ai"));
    for name in [
        "MOCK_AI_LISTEN",
        "MOCK_AI_ADMIN",
        "MOCK_AI_MODELS",
        "MOCK_AI_REQUIRE_KEY",
        "RUST_LOG",
    ] {
        command.env_remove(name);
    }
    command
}

/// A running provider, killed when the test is over, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn start() -> (Self, Value) {
        let mut command = command();
        command
            .args(["--listen", "127.0.0.1:0"])
            .env("MOCK_AI_ADMIN", "127.0.0.1:0")
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        (Self(child), serde_json::from_str(&line).unwrap())
    }
}

fn health(admin: &str) -> ExitStatus {
    command()
        .args(["health", "--admin", admin])
        .stdout(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn the_process_says_where_it_listens_and_stops_when_told_to() {
    let (mut running, line) = Running::start();
    assert_eq!(line["message"], "listening");
    let admin = line["admin"].as_str().unwrap().to_owned();
    assert!(
        !admin.ends_with(":0") && !line["listen"].as_str().unwrap().ends_with(":0"),
        "{line}"
    );
    assert_eq!(health(&admin).code(), Some(0));
    assert_eq!(health(&admin.replace("127.0.0.1", "0.0.0.0")).code(), Some(0));

    let told = Instant::now();
    kill_process(Pid::from_child(&running.0), Signal::TERM).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(5), "took {:?}", told.elapsed());
    assert_eq!(health(&admin).code(), Some(1));
}

#[test]
fn an_address_in_use_is_named() {
    let (running, line) = Running::start();
    let listen = line["listen"].as_str().unwrap();
    let output = command()
        .args(["--listen", listen, "--admin", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(&format!("cannot listen on {listen} for the provider")),
        "{said}"
    );
    assert!(said.contains("in use"), "{said}");
    drop(running);
}
