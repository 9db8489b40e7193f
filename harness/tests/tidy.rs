//! The rules of this repository that a reader would otherwise have to trust: who may import whom, and how long things are.
//!
//! Read as text, formatted by rustfmt: an item ends at the closing brace in the column in which it began.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

/// Modules of the harness, and the modules that each may import. `run` and `cli` wire everything.
const MAY_IMPORT: [(&str, &[&str]); 12] = [
    ("wait", &[]),
    ("wire", &[]),
    ("history", &[]),
    ("plan", &["history"]),
    ("verdict", &["history"]),
    ("judge", &["plan", "history", "verdict"]),
    ("system", &["history", "wire"]),
    ("roles", &["history", "system", "wire", "wait"]),
    ("cluster", &["history", "roles", "system", "wire", "wait"]),
    ("workload", &["plan", "history", "system", "roles", "wire", "wait"]),
    (
        "nemesis",
        &["plan", "history", "system", "roles", "cluster", "wire", "wait"],
    ),
    ("report", &["plan", "history", "verdict"]),
];

/// Parts of the provider's crate that a module of the harness may know; the others know none.
const MAY_KNOW_OF_THE_PROVIDER: [(&str, &[&str]); 3] = [
    ("plan", &["token", "script"]),
    ("judge", &["token"]),
    ("roles", &["journal"]),
];

struct Source {
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the harness is in a workspace")
        .to_owned()
}

fn sources(below: &str) -> Vec<Source> {
    fn walk(folder: &Path, out: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                // Cargo marks its own output so; a folder that is merely named `target` is read like any other.
                if !path.join("CACHEDIR.TAG").exists() {
                    walk(&path, out);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                out.push(Source { path, text });
            }
        }
    }
    let mut out = Vec::new();
    walk(&root().join(below), &mut out);
    assert!(!out.is_empty(), "no sources below {below}");
    out
}

/// Fewer sources than this, and a rule has missed some.
const SOURCES_MIN: usize = 300;

fn all_sources() -> Vec<Source> {
    let all: Vec<Source> = ["harness", "mock-ai", "scenarios", "fixtures"]
        .into_iter()
        .flat_map(sources)
        .collect();
    assert!(
        all.len() >= SOURCES_MIN,
        "{} sources were seen, of {SOURCES_MIN} or more",
        all.len()
    );
    all
}

/// The code of a file without its tests: a test may build what it needs from wherever that is.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text)
}

/// First path segments after `prefix` in a text: the modules that it names.
fn named_after<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split('}').next().unwrap_or(group);
            found.extend(
                group
                    .split(',')
                    .map(|item| item.trim().split("::").next().unwrap_or_default()),
            );
        } else {
            found.push(
                rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .next()
                    .unwrap_or_default(),
            );
        }
    }
    found
}

fn module_of(path: &Path) -> String {
    let inside = path
        .strip_prefix(root().join("harness/src"))
        .expect("a source of the harness");
    let first = inside
        .components()
        .next()
        .expect("a file")
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn modules_import_only_what_they_may() {
    let mut forbidden = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources("harness/src") {
        let module = module_of(&source.path);
        seen.insert(module.clone());
        let code = without_tests(&source.text);
        if let Some((_, may)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) {
            for named in named_after(code, "crate::") {
                let is_module = MAY_IMPORT.iter().any(|(name, _)| *name == named) || ["run", "cli"].contains(&named);
                if is_module && named != module && !may.contains(&named) {
                    forbidden.push(format!("{}: {module} imports {named}", source.path.display()));
                }
            }
        }
        let may = MAY_KNOW_OF_THE_PROVIDER
            .iter()
            .find(|(name, _)| *name == module)
            .map_or(&[][..], |(_, may)| may);
        for named in named_after(code, "mock_ai::") {
            if !may.contains(&named) {
                forbidden.push(format!("{}: {module} imports mock_ai::{named}", source.path.display()));
            }
        }
    }
    for (module, _) in MAY_IMPORT {
        assert!(
            seen.contains(module),
            "no source belongs to {module}, which may import something"
        );
    }
    assert!(forbidden.is_empty(), "forbidden imports:\n{}", forbidden.join("\n"));
}

/// Requests by which the engine changes a container, as its client names them, but for removal.
const CHANGES_A_CONTAINER: [&str; 10] = [
    "kill_container(",
    "stop_container(",
    "restart_container(",
    "pause_container(",
    "start_container(",
    "update_container(",
    "rename_container(",
    "create_exec(",
    "upload_to_container(",
    "create_container(",
];

/// Folder of the files that say what a handle does.
const OF_HANDLES: &str = "harness/src/cluster/docker/handle";

#[test]
fn a_container_is_changed_through_its_handle_alone_and_removed_by_label_or_by_who_made_it() {
    let mut stray = Vec::new();
    let mut through_handles = 0;
    for source in sources("harness/src") {
        let code = without_tests(&source.text);
        let found = CHANGES_A_CONTAINER.iter().filter(|request| code.contains(*request));
        if source.path.starts_with(root().join(OF_HANDLES)) {
            through_handles += found.count();
        } else {
            stray.extend(found.map(|request| format!("{}: {request}", source.path.display())));
        }
        // By label, or because it was made right here.
        let knows_what = code.contains("labels::of_project(") || code.contains("create_container(");
        if code.contains("remove_container(") && !knows_what {
            stray.push(format!("{}: remove_container(", source.path.display()));
        }
    }
    assert!(through_handles >= 3, "handles kill, pause and start: {through_handles}");
    assert!(stray.is_empty(), "not through a handle:\n{}", stray.join("\n"));
}

/// Crates of one side know nothing of the other. The decoder of server-sent events is the exception: pod and harness share it.
#[test]
fn crates_meet_on_the_wire() {
    for (manifest, strangers) in [
        ("mock-ai/Cargo.toml", ["crosspod", "pod."]),
        ("fixtures/pod/Cargo.toml", ["crosspod", "mock-ai"]),
        ("harness/sse/Cargo.toml", ["crosspod", "mock-ai"]),
        ("harness/links/Cargo.toml", ["crosspod.", "mock-ai"]),
    ] {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
        let dependencies = text.split_once("[dependencies]").expect("it has dependencies").1;
        for stranger in strangers {
            let mut lines = dependencies.lines().filter(|line| !line.starts_with("crosspod-sse."));
            let depends = lines.any(|line| line.starts_with(stranger));
            assert!(!depends, "{manifest} depends on {stranger}");
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for source in all_sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES {
            long.push(format!("{}: {} lines", source.path.display(), lines.len()));
        }
        for (at, line) in lines.iter().enumerate() {
            let Some(indent) = function_begins(line) else { continue };
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|l| *l == end).map_or(1, |n| n + 1);
            if length > FUNCTION_LINES && line.trim_end().ends_with('{') {
                long.push(format!(
                    "{}:{}: a function of {length} lines",
                    source.path.display(),
                    at + 1
                ));
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

/// The column in which a function begins on this line, if one does.
fn function_begins(line: &str) -> Option<usize> {
    let code = line.trim_start();
    let words = code.split("fn ").next()?;
    let before: Vec<&str> = words.split_whitespace().collect();
    let qualifiers = before
        .iter()
        .all(|w| ["async", "const", "extern"].contains(w) || w.starts_with("pub"));
    (code.contains("fn ") && qualifiers).then_some(line.len() - code.len())
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["todo!", "unimplemented!", "#[ignore", "FIXME", "XXX"];
    for source in all_sources() {
        if source.path.ends_with("tests/tidy.rs") {
            continue;
        }
        for mark in marks {
            assert!(!source.text.contains(mark), "{} holds {mark}", source.path.display());
        }
    }
}

/// Every defect of the system is caught by a story, and no story claims to catch what is not there.
#[test]
fn stories_and_defects_know_each_other() {
    let registry = fs::read_to_string(root().join("scenarios/src/lib.rs")).expect("the registry");
    let system = crosspod::system::System::reference();
    for defect in &system.defects {
        assert!(
            registry.contains(&format!("\"{}\"", defect.name)),
            "no story catches {}",
            defect.name
        );
        for promise in &defect.promises {
            let judged = crosspod::judge::PROMISES.iter().any(|p| p.name == promise);
            assert!(judged, "{} is named by {promise}, which nobody judges", defect.name);
        }
    }
    let pod = fs::read_to_string(root().join("fixtures/pod/src/defects.rs")).expect("the pod's defects");
    for defect in &system.defects {
        assert!(
            pod.contains(&format!("\"{}\"", defect.name)),
            "the pod has no defect {}",
            defect.name
        );
    }
}

#[test]
fn the_tidy_rules_see_what_they_look_for() {
    assert_eq!(
        named_after("use crate::{plan::Pod, run};\ncrate::cli::main()", "crate::"),
        ["plan", "run", "cli"]
    );
    assert_eq!(function_begins("    pub(super) async fn go() {"), Some(4));
    assert_eq!(function_begins("// a fn of sorts"), None);
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {"), "a");
}
