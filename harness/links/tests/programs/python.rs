//! A client library that others wrote for Toxiproxy drives this proxy. It comes from PyPI into a folder of the build.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::common::{own_address, server};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/python")
}

/// Runs to the end; returns standard output. `advice` follows what went wrong.
async fn run(command: &mut Command, advice: &str) -> String {
    let shown = format!("{:?}", command.as_std());
    let done = command.kill_on_drop(true).output().await;
    let done = done.unwrap_or_else(|error| panic!("{shown}: {error}; {advice}"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success(),
        "{shown}: {}\n{said}{}\n{advice}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    said
}

/// A Python that has the library: made once, and made anew where the requirements are others.
async fn python() -> PathBuf {
    let wanted = fs::read_to_string(here().join("requirements.txt")).expect("the requirements");
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toxiproxy-python");
    let made = home.join("made-of.txt");
    let python = home.join("bin/python");
    if fs::read_to_string(&made).is_ok_and(|made| made == wanted) {
        return python;
    }
    let advice = "this test needs Python 3 with venv";
    run(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home),
        advice,
    )
    .await;
    let advice = "this test needs PyPI, for a Toxiproxy client that is not ours";
    let mut install = Command::new(&python);
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ]);
    run(install.arg(here().join("requirements.txt")), advice).await;
    fs::write(made, wanted).expect("written");
    python
}

#[tokio::test(flavor = "multi_thread")]
async fn toxiproxy_python_drives_it() {
    let python = python().await;
    let (_, admin) = server().await;
    let mut drive = Command::new(python);
    drive
        .arg(here().join("drive.py"))
        .arg(admin.port().to_string())
        .arg(own_address());
    let said = run(&mut drive, "the library was not answered as Toxiproxy answers it").await;
    assert!(said.starts_with("checks that held: "), "{said}");
}
