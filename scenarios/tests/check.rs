//! `crosspod check` on the reference pod, on descriptions of it with one mistake or open values, and on pods that are unfit to be tested:
//! each is told with what to write or do instead, and nothing is left on the engine. Needs an engine.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The description, in the folder with the files that it names.
const DESCRIPTION: &str = include_str!("../../fixtures/systems/reference/system.toml");
/// The service behind the pods in the compose file.
const BEHIND_THE_PODS: &str = "  pod-candidate:\n";
/// Label of everything of ours; it holds the path of the run's lock, which is in the cache folder.
const LOCK: &str = "dev.crosspod.lock";

/// A text of the description, and another one in its place.
type Change<'c> = (&'c str, &'c str);

/// A folder with the description of the reference pod, changed, and a cache of its own.
fn described(changes: &[Change<'_>]) -> TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/systems/reference");
    let folder = tempfile::tempdir().expect("a folder");
    copy(&from, folder.path());
    let text = changes.iter().fold(DESCRIPTION.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is in the description");
        text.replacen(from, to, 1)
    });
    fs::write(folder.path().join("system.toml"), text).expect("written");
    folder
}

/// Copies the files of a folder, those of its folders too.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (here, there) = (entry.path(), to.join(entry.file_name()));
        if here.is_dir() {
            fs::create_dir(&there).expect("a folder");
            copy(&here, &there);
        } else {
            fs::copy(&here, &there).expect("copied");
        }
    }
}

/// Runs a command on the description in a folder.
fn crosspod(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosspod"));
    command.args(args).arg("--system").arg(folder.join("system.toml"));
    command.env("CROSSPOD_CACHE", folder.join("cache"));
    command.output().expect("the program runs")
}

/// Things on the engine of runs whose cache is in a folder.
fn left_behind(folder: &Path) -> Vec<String> {
    let lists = [&["ps", "--all"][..], &["network", "ls"], &["volume", "ls"]];
    let format = format!("{{{{.Label \"{LOCK}\"}}}}");
    let listed = lists.iter().flat_map(|list| {
        let filter = format!("label={LOCK}");
        let mut command = Command::new("docker");
        command.args(*list).args(["--filter", &filter, "--format", &format]);
        let output = command.output().expect("the docker command is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    listed.filter(|lock| Path::new(lock).starts_with(folder)).collect()
}

/// Holds a check against its exit code and against lines that it must print. It leaves nothing behind. Returns the report.
fn holds(changes: &[Change<'_>], code: i32, lines: &[&str]) -> String {
    holds_in(&described(changes), changes, code, lines)
}

fn holds_in(folder: &TempDir, changes: &[Change<'_>], code: i32, lines: &[&str]) -> String {
    let output = crosspod(folder.path(), &["check"]);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{changes:?}: {out}\n{err}");
    for line in lines {
        assert!(out.contains(line), "{changes:?}: {line:?} is not in\n{out}");
    }
    assert!(
        err.contains("clearing up") && !err.contains("could not be removed"),
        "{err}"
    );
    assert_eq!(left_behind(folder.path()), [""; 0], "{changes:?}");
    out
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
    holds(&[], 0, &fits);
    let path = ("/v1/threads/{thread}/messages", "/v1/threads/{thread}/message");
    holds(&[path], 3, &["BAD  turn     pod-1", "404: ", "1 thing is wrong"]);
    let pointer = ("text = \"/delta\"", "text = \"/text\"");
    let told = "stream.frames[1].text shows no token; the tokens are at /delta of \"text-delta\" (12 frames)";
    holds(&[pointer], 3, &[told]);
    let word = ("completed = [\"completed\"]", "completed = [\"done\"]");
    let told = "\"completed\" is no word of [statuses]: is it one for completed?";
    holds(&[word], 3, &[told]);
    let busy = ("busy = \"queues\"", "busy = \"parallel\"");
    let told = ["say busy = \"queues\"; it says \"parallel\"", "1 thing is wrong"];
    holds(&[busy], 3, &told);
}

/// Values of the description that are open.
const OPEN: [Change<'_>; 9] = [
    ("capture = { thread = \"/id\" }", "capture = { thread = \"?\" }"),
    ("capture = { turn = \"/turnId\" }", "capture = { turn = \"?\" }"),
    ("busy = \"queues\"", "busy = \"?\""),
    ("kind = \"/type\"", "kind = \"?\""),
    ("at = \"id\"\n", "at = \"?\"\n"),
    ("on = [\"text-delta\"]", "on = [\"?\"]"),
    ("text = \"/delta\"", "text = \"?\""),
    ("on = [\"finish\"]", "on = [\"?\"]"),
    ("on_death = \"survivor\"", "on_death = \"?\""),
];

#[test]
fn a_description_with_open_values_is_tried_and_each_is_proposed() {
    let proposed = [
        "calls.thread.capture.thread: say \"/id\": the answer has ",
        "calls.turn.capture.turn: say \"/turnId\": the answer has ",
        "calls.turn.busy: say \"queues\": a second turn, while the first was held, ",
        "stream.kind: say \"/type\": ",
        "stream.cursor.at: say \"id\": ",
        "stream.frames[1].on[0]: say \"text-delta\": ",
        "stream.frames[1].text: say \"/delta\": text is at /delta of \"text-delta\" (12 of 12 tokens)",
        "stream.frames[3].on[0]: say \"finish\": ",
        "owner.on_death: say \"survivor\": ",
        "12 of 12 tokens, each once",
        "is not complete: 9 values are open",
    ];
    let report = holds(&OPEN, 3, &proposed);
    assert!(!report.contains("BAD"), "{report}");
    let folder = described(&OPEN);
    let run = crosspod(folder.path(), &["run", "cluster_smoke"]);
    let err = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(3), "{err}");
    assert_eq!(err.matches("crosspod init left this open").count(), OPEN.len(), "{err}");
}

/// The description of one pod that is unfit to be tested.
fn sick(variable: &str, value: &str, lines: &[&str]) {
    let one = ("services = [\"pod-1\", \"pod-2\", \"pod-3\"]", "services = [\"pod-1\"]");
    let key = "OPENAI_API_KEY = \"sk-mock\"";
    let with = format!("{key}\n{variable} = \"{value}\"");
    let changes = [one, (key, with.as_str())];
    let folder = described(&changes);
    let compose = folder.path().join("compose.yml");
    let text = fs::read_to_string(&compose).expect("the compose file");
    // One pod is enough, and starts sooner; the edge and its candidate stay.
    let (first, others) = text.split_once("  pod-2:\n").expect("a second pod");
    let (_, behind) = others.split_once(BEHIND_THE_PODS).expect("a service behind the pods");
    fs::write(&compose, format!("{first}{BEHIND_THE_PODS}{behind}")).expect("written");
    holds_in(&folder, &changes, 3, lines);
}

#[test]
fn a_service_that_is_unfit_to_be_tested_is_told_in_plain_words() {
    let sickness = |sickness: &str, lines: &[&str]| sick("POD_SICKNESS", sickness, lines);
    sickness(
        "sign-in-fails",
        &[
            "BAD  sign in, step 1 (POST /v1/sessions) on pod-1: 503",
            "the directory of users is away",
        ],
    );
    sickness(
        "turn-fails",
        &[
            "BAD  turn     pod-1  POST /v1/threads/{thread}/messages   500: ",
            "that is a failure of the service itself, not of the description; its log ends with",
        ],
    );
    sickness(
        "attach-hangs",
        &[
            "BAD  the attach is not answered",
            "a service that streams answers at once",
        ],
    );
    sickness(
        "attach-is-empty",
        &["BAD  the stream ended without a frame", "1 thing is wrong"],
    );
    sickness(
        "streams-no-text",
        &["BAD  no frame holds a token of the provider's answer: is the answer streamed, or only its end?"],
    );
    sick(
        "POD_LISTEN",
        "127.0.0.1:8080",
        &[
            "BAD  pod-1 listens on 127.0.0.1:8080 inside its container, and nowhere else after",
            "start it with --host 0.0.0.0",
        ],
    );
}
