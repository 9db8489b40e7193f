//! Histories that cannot be judged, or not to their end.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Ended;
use crate::home::Home;

/// A saved history that is whole, line by line.
fn whole() -> Vec<String> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/histories/synthetic-takeover-clean/history.jsonl");
    let text = fs::read_to_string(file).expect("a saved history");
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// A folder with this history.
fn saved(home: &Home, history: &str) -> PathBuf {
    let folder = home.path().join("story");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("history.jsonl"), history).expect("written");
    folder
}

fn recheck(home: &Home, folder: &Path) -> Ended {
    home.run(&["recheck", &folder.display().to_string()])
}

#[test]
fn a_whole_history_is_judged() {
    let home = Home::without_engine();
    let ended = recheck(&home, &saved(&home, &whole().concat()));
    assert_eq!(ended.code(), Some(0), "{}", ended.all());
}

#[test]
fn a_folder_without_a_history_is_named() {
    let home = Home::without_engine();
    let missing = home.path().join("no-such-run");
    recheck(&home, &missing).says(&[
        &missing.display().to_string(),
        "No such file",
        "give the folder of a run",
    ]);
    let empty = home.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    recheck(&home, &empty).says(&[
        &empty.display().to_string(),
        "no history.jsonl",
        "give the folder of a run",
    ]);
}

#[test]
fn a_file_that_is_no_history_or_of_a_newer_version_is_told_from_one_that_is_cut() {
    let home = Home::without_engine();
    recheck(&home, &saved(&home, "{\"level\":\"info\"}\n")).says(&["is not a history", "its first line", "`began`"]);
    recheck(&home, &saved(&home, "")).says(&["holds no whole event", "died before its first line"]);
    let mut lines = whole();
    lines[0] = lines[0].replace("\"schema\":1", "\"schema\":99");
    recheck(&home, &saved(&home, &lines.concat())).says(&["has schema 99", "judge it with the version that wrote it"]);
}

/// What a killed run leaves: everything until then, and half a line. Judged, never as a pass, and told where it ends.
#[test]
fn a_history_that_was_cut_off_is_broken_and_says_where() {
    let home = Home::without_engine();
    let lines = whole();
    let kept = lines.len() / 2;
    let half = &lines[kept][..lines[kept].len() / 2];
    let ended = recheck(&home, &saved(&home, &(lines[..kept].concat() + half)));
    assert_eq!(ended.code(), Some(3), "{}", ended.all());
    let told = format!(
        "the history was cut off: line {} ends after {} bytes",
        kept + 1,
        half.len()
    );
    assert!(
        ended.stdout.contains("BROKEN") && ended.stdout.contains(&told),
        "no {told:?}\n{}",
        ended.all()
    );
    assert!(ended.stderr.is_empty(), "{}", ended.all());
}

#[test]
fn a_broken_line_in_the_middle_is_named_by_its_number() {
    let home = Home::without_engine();
    let mut lines = whole();
    lines[6] = "{\"n\":6,\"at_us\":1,\"what\":\n".to_owned();
    recheck(&home, &saved(&home, &lines.concat())).says(&["line 7: expected event 6"]);
    let mut lines = whole();
    lines.remove(9);
    recheck(&home, &saved(&home, &lines.concat())).says(&[
        "line 10: expected event 9",
        "got event 10",
        "missing or moved",
    ]);
}
