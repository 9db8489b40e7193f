//! `crosspod check` on the reference pod, and on descriptions of it with one mistake each: a mistake is told with what to write instead,
//! and nothing is left on the engine. Needs an engine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The description, and the compose file that it names.
const DESCRIPTION: &str = include_str!("../../fixtures/systems/reference/system.toml");
const FILES: [&str; 2] = ["compose.yml", "nats.conf"];

/// Checks the reference pod by its description with some text changed.
fn checked(change: (&str, &str)) -> Output {
    assert!(DESCRIPTION.contains(change.0), "{:?} is in the description", change.0);
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/systems/reference");
    let folder = tempfile::tempdir().expect("a folder");
    for file in FILES {
        fs::copy(from.join(file), folder.path().join(file)).expect("copied");
    }
    let path = folder.path().join("system.toml");
    fs::write(&path, DESCRIPTION.replacen(change.0, change.1, 1)).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspod"));
    command.arg("check").arg("--system").arg(&path);
    command.output().expect("the program runs")
}

/// Holds a check against its exit code and against lines that it must print. Its last step takes everything away.
fn holds(change: (&str, &str), code: i32, lines: &[&str]) {
    let output = checked(change);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{change:?}: {out}\n{err}");
    for line in lines {
        assert!(out.contains(line), "{change:?}: {line:?} is not in\n{out}");
    }
    assert!(
        err.contains("clearing up") && !err.contains("could not be removed"),
        "{err}"
    );
}

#[test]
fn a_description_that_fits_is_confirmed_and_one_mistake_is_told_where_it_is() {
    let fits = [
        "12 of 12 tokens, each once",
        "behind 1-4-",
        "had not begun after 1.5s and began after its end: queues",
        "one turn: the second answer names the first one's",
        "the turn is cancelled after",
        "one attempt alone",
        "says what was seen.",
    ];
    holds(("[stream]", "[stream]"), 0, &fits);
    let path = ("/v1/threads/{thread}/messages", "/v1/threads/{thread}/message");
    holds(path, 3, &["BAD  turn     pod-1", "404: ", "1 thing is wrong"]);
    let pointer = ("text = \"/delta\"", "text = \"/text\"");
    let told = "stream.frames[1].text shows no token; the tokens are at /delta of \"text-delta\" (12 frames)";
    holds(pointer, 3, &[told]);
    let word = ("completed = [\"completed\"]", "completed = [\"done\"]");
    holds(
        word,
        3,
        &["\"completed\" is no word of [statuses]: is it one for completed?"],
    );
    let busy = ("busy = \"queues\"", "busy = \"parallel\"");
    holds(
        busy,
        3,
        &["say busy = \"queues\"; it says \"parallel\"", "1 thing is wrong"],
    );
}
