//! The program: its arguments, its configuration and its health check.

use std::io::Write as _;
use std::process::Stdio;

use crosspod_links::client::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::common::within;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspod-links"));
    command.args(args).kill_on_drop(true);
    command
}

/// Starts it, and reads from its logs where its admin interface is.
async fn started(args: &[&str]) -> (Child, String) {
    let mut child = program(args).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let admin = async {
        while let Some(line) = lines.next_line().await.expect("UTF-8") {
            let line: Value = serde_json::from_str(&line).expect("each line is JSON");
            if let Some(admin) = line["admin"].as_str() {
                return admin.to_owned();
            }
        }
        panic!("it ended before it listened");
    };
    let admin = within("the address in its logs", admin).await;
    (child, admin)
}

#[tokio::test]
async fn it_takes_toxiproxys_arguments_and_configuration_and_knows_its_health() {
    let mut config = tempfile::NamedTempFile::new().expect("a file");
    let proxies = r#"[{"name": "p", "listen": "127.0.0.1:0", "upstream": "postgres:5432"}]"#;
    config.write_all(proxies.as_bytes()).expect("written");
    let argument = format!("-config={}", config.path().display());
    let (mut child, admin) = started(&["-host=127.0.0.1", "-port=0", &argument]).await;
    let made = Client::new(&admin).proxies().await.expect("an answer");
    assert_eq!(made["p"].spec.upstream, "postgres:5432");
    let port = admin.rsplit(':').next().expect("a port").to_owned();
    let health = ["health", "--host", "0.0.0.0", "--port", &port];
    let well = program(&health).output().await.expect("it runs");
    assert!(well.status.success(), "{well:?}");
    child.kill().await.expect("killed");
    let gone = program(&health).output().await.expect("it runs");
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert!(
        String::from_utf8_lossy(&gone.stdout).contains("no answer from the admin interface"),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_an_error_that_says_why() {
    let done = program(&["--port", "0", "--proxies", r#"[{"name": "p"}]"#]).output();
    let done = within("its end", done).await.expect("it runs");
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("missing required field: upstream at proxy 1"), "{said}");
}
