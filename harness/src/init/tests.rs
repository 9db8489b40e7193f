//! Whole descriptions: what is guessed of each file, and that nothing but the open values keeps one from being read.

use std::fs;
use std::path::{Path, PathBuf};

use super::like::{FAMILIES, Like};
use super::{Draft, Request, draft};
use crate::cluster::Resolved;
use crate::system::file::System;
use crate::system::load::load_alone;
use crate::system::table::Problems;

/// Compose files as Compose resolved them, in `tests/init/`. Beside each lies the description that init makes of it.
const FILES: [&str; 9] = [
    "copies-of-one-service",
    "fixed-names",
    "job-and-database",
    "many-services",
    "profiles-and-anchors",
    "replicas",
    "streamed-answers",
    "three-services",
    "waits-for-another",
];

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(place(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The description of a resolved file, which stands for the user's own text of it as well.
fn draft_of(resolved: &str, like: Option<Like>) -> Draft {
    let request = Request {
        file: "system.toml",
        compose: &["compose.yml".to_owned()],
        written: resolved,
        like,
    };
    draft(&Resolved::read(resolved).expect("a resolved file"), &request)
}

fn load(text: &str) -> Result<System, Problems> {
    let description = load_alone("system.toml", text)?;
    assert_eq!(description.warnings.lines(), [""; 0]);
    Ok(description.designs.into_iter().next().expect("a design").system)
}

/// Holds what init writes against the files beside the compose files. One that differs is written anew, so that the next run passes.
#[test]
fn each_compose_file_has_the_description_beside_it() {
    let mut differ = Vec::new();
    for file in FILES {
        let made = draft_of(&read(&format!("init/{file}.yaml")), None).text;
        let beside = place(&format!("init/{file}.toml"));
        if fs::read_to_string(&beside).unwrap_or_default() != made {
            fs::write(&beside, made).expect("the file can be written");
            differ.push(file);
        }
    }
    assert!(differ.is_empty(), "not what init writes, and written anew: {differ:?}");
}

#[test]
fn both_composes_lead_to_one_description() {
    let (one, two) = (read("compose/v1.yaml"), read("compose/v2.json"));
    assert_eq!(draft_of(&one, None), draft_of(&two, None));
}

/// Values for what init leaves open, by the end of the path.
const ANSWERS: [(&str, &str); 20] = [
    ("name", "\"system\""),
    ("pods.services[0]", "\"chat\""),
    ("pods.port", "8080"),
    ("pods.ready", "\"/ready\""),
    ("auth.accounts.own.agent", "\"chat\""),
    ("provider.conversation", "true"),
    ("calls.turn.request", "\"POST /turns\""),
    ("calls.turn.json.assistant_id", "\"chat\""),
    ("capture.turn", "\"/id\""),
    ("busy", "\"parallel\""),
    ("calls.attach.request", "\"GET /turns/{turn}/stream\""),
    ("calls.read.request", "\"GET /turns/{turn}\""),
    ("calls.read.answer.text", "\"/text\""),
    ("stream.kind", "\"event\""),
    ("stream.frames[0].on[0]", "\"token\""),
    ("stream.frames[0].text", "\"/text\""),
    ("stream.frames[1].on[0]", "\"end\""),
    ("owner.on_death", "\"survivor\""),
    ("bounds.lease", "\"5s\""),
    ("bounds.takeover", "\"9s\""),
];

/// The paths of what is open, and the text with an answer for each.
fn answered(text: &str) -> (Vec<String>, String) {
    let Err(problems) = load(text) else {
        return (Vec::new(), text.to_owned());
    };
    let (mut paths, mut answered) = (Vec::new(), text.to_owned());
    for problem in problems.all().iter().rev() {
        let open = problem.message.split_once(": crosspod init left this open: ");
        let (path, _) = open.unwrap_or_else(|| panic!("a mistake of init's own: {problems}\n{text}"));
        let answer = ANSWERS.iter().find(|(end, _)| path.ends_with(end));
        let (_, answer) = answer.unwrap_or_else(|| panic!("{path} is not to be left open\n{text}"));
        answered.replace_range(problem.span.clone(), answer);
        paths.push(path.to_owned());
    }
    paths.reverse();
    (paths, answered)
}

#[test]
fn a_description_is_read_once_every_open_value_is_said() {
    for file in FILES {
        let resolved = read(&format!("init/{file}.yaml"));
        for like in [None].into_iter().chain(FAMILIES.map(Some)) {
            let (open, text) = answered(&draft_of(&resolved, like).text);
            // Without a profile there are no bounds for a takeover.
            let text = if text.contains("takeover = ") {
                text
            } else {
                text.replace("\"survivor\"", "\"fails\"")
            };
            assert!(!open.is_empty() || like.is_some(), "{file}");
            if let Err(problems) = load(&text) {
                panic!("{file}, like {like:?}: {problems}");
            }
        }
    }
}

/// Optional tables stand behind `#`: without it they are sound.
#[test]
fn what_is_optional_is_sound_once_it_is_said() {
    let text = draft_of(&read("init/copies-of-one-service.yaml"), None).text;
    let is_toml = |line: &str| line.starts_with('[') || line.split(' ').nth(1) == Some("=");
    let said = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|line| is_toml(line)).unwrap_or(line));
    let said: Vec<&str> = said.collect();
    assert!(
        said.contains(&"[auth]                                           # none: anybody may call"),
        "{said:?}"
    );
    let (open, text) = answered(&said.join("\n"));
    assert!(open.contains(&"pods.ready".to_owned()), "{open:?}");
    let system = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let calls = &system.calls;
    assert!(calls.thread.is_some() && calls.cancel.is_some() && calls.status.is_some());
    assert!(system.auth.is_some() && system.log.is_some() && !system.rows.is_empty() && system.stream.cursor.is_some());
}

#[test]
fn a_family_leaves_open_what_nobody_can_know() {
    let resolved = read("init/copies-of-one-service.yaml");
    let open = |family: &str| {
        let like = Like::of(family).expect("a family");
        answered(&draft_of(&resolved, Some(like)).text).0
    };
    let bounds = ["profiles.suite.bounds.lease", "profiles.suite.bounds.takeover"];
    assert_eq!(
        open("langgraph"),
        [&["calls.turn.busy", "calls.turn.json.assistant_id"], &bounds[..]].concat()
    );
    assert_eq!(
        open("agno"),
        [&["auth.accounts.own.agent", "owner.on_death"], &bounds[..]].concat()
    );
    assert_eq!(
        open("ui-message-stream"),
        [
            "provider.conversation",
            "calls.turn.busy",
            "calls.read.request",
            "owner.on_death"
        ]
    );
    assert_eq!(open("openai-responses"), ["owner.on_death"]);
    assert_eq!(open("plain"), ["calls.turn.request", "calls.turn.capture.turn"]);
}

/// The rules that init writes for a family are those that were proven on a running system of it, once every open value is said.
fn check_proven(file: &str, family: &str, proven: &str, said: &[(&str, &str)]) {
    let like = Like::of(family).expect("a family");
    let (_, mut text) = answered(&draft_of(&read(&format!("init/{file}.yaml")), Some(like)).text);
    for (from, to) in said {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let (made, proven) = (
        load(&text).expect("it is sound"),
        load(&read(proven)).expect("it is sound"),
    );
    assert_eq!(made.calls, proven.calls);
    assert_eq!(made.stream, proven.stream);
    assert_eq!(made.statuses, proven.statuses);
    assert_eq!((&made.owner, &made.rows), (&proven.owner, &proven.rows));
    assert_eq!((&made.provider, &made.parts), (&proven.provider, &proven.parts));
    let of = |system: &System| (system.pods.services.to_vec(), system.pods.copies, system.pods.port);
    assert_eq!(of(&made), of(&proven));
}

#[test]
fn rules_of_a_family_are_those_that_were_proven() {
    let copies = "copies-of-one-service";
    check_proven(copies, "langgraph", &format!("descriptions/{copies}.toml"), &[]);
    let family = "agno";
    let proven = format!("../../fixtures/systems/{family}/system.toml");
    check_proven(
        "streamed-answers",
        family,
        &proven,
        &[("/agents/{agent}/", "/agents/chat/")],
    );
}
