//! Short files, short functions, and folders that fit on a screen.

use super::sources::{all_sources, entries};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
const MEDIAN_LINES: usize = 12;
const FUNCTIONS_MIN: usize = 2500;
const FOLDER_ENTRIES: usize = 15;
const FOLDERS_MIN: usize = 40;

/// Folders in which each entry is one of many alike, found by its name.
const FULLER: [&str; 3] = ["scenarios/src", "scenarios/src/edge", "scenarios/src/fault"];

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    let mut lengths = Vec::new();
    for source in all_sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES {
            long.push(format!(
                "{}: {} lines of at most {FILE_LINES}",
                source.path,
                lines.len()
            ));
        }
        for (at, length) in functions(&lines) {
            lengths.push(length);
            if length > FUNCTION_LINES {
                let place = format!("{}:{}", source.path, at + 1);
                long.push(format!(
                    "{place}: a function of {length} lines of at most {FUNCTION_LINES}"
                ));
            }
        }
    }
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
    assert!(
        lengths.len() >= FUNCTIONS_MIN,
        "only {} functions of {FUNCTIONS_MIN} or more",
        lengths.len()
    );
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(
        median <= MEDIAN_LINES,
        "the median function has {median} lines, of at most {MEDIAN_LINES}"
    );
}

#[test]
fn folders_have_few_entries() {
    let mut full = Vec::new();
    let mut folders: Vec<String> = all_sources()
        .iter()
        .filter_map(|source| Some(source.path.rsplit_once('/')?.0.to_owned()))
        .collect();
    folders.sort();
    folders.dedup();
    assert!(
        folders.len() >= FOLDERS_MIN,
        "only {} folders of {FOLDERS_MIN} or more",
        folders.len()
    );
    for folder in folders.iter().filter(|folder| !FULLER.contains(&&***folder)) {
        // The root of a crate lists its rooms and is none.
        let is_room = |(path, _): &&(String, bool)| !path.ends_with("/lib.rs");
        let entries = entries(folder).iter().filter(is_room).count();
        if entries > FOLDER_ENTRIES {
            full.push(format!("{folder}: {entries} entries of at most {FOLDER_ENTRIES}"));
        }
    }
    assert!(full.is_empty(), "too full:\n{}", full.join("\n"));
}

/// Each function with a body: the line at which it begins, and its number of lines.
fn functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let begun = lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((at, function_begins(line)?)));
    begun
        .filter_map(|(at, indent)| Some((at, function_lines(&lines[at..], indent)?)))
        .collect()
}

/// The column in which a function begins on this line, if one does.
fn function_begins(line: &str) -> Option<usize> {
    let code = line.trim_start();
    let (before, _) = code.split_once("fn ")?;
    let is_qualifier = |word: &str| ["async", "const", "unsafe", "extern"].contains(&word) || word.starts_with("pub");
    // `pub(in crate::cluster)` is two words.
    let mut words = before.split_whitespace().filter(|word| !word.starts_with("crate::"));
    words.all(is_qualifier).then_some(line.len() - code.len())
}

/// Lines of the function that begins on the first of these lines. None for a declaration without a body.
fn function_lines(lines: &[&str], indent: usize) -> Option<usize> {
    let header = lines.iter().position(|line| line.ends_with(['{', '}', ';']))?;
    if lines[header].ends_with(';') {
        return None;
    }
    if lines[header].ends_with('}') {
        return Some(header + 1);
    }
    let end = format!("{}}}", " ".repeat(indent));
    lines.iter().position(|line| *line == end).map(|at| at + 1)
}

#[test]
fn functions_are_measured_from_their_first_line_to_their_last() {
    let text = "    pub(in crate::cluster) async fn go(\n        one: u8,\n    ) -> u8 {\n        1\n    }\n\nfn short() {}\n
trait Late {\n    fn late(\n        self,\n    );\n}\n// a fn of sorts\nlet f = || fn_of(1);\nfn f<T>()\nwhere\n    T: Copy,\n{\n}";
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(functions(&lines), [(0, 5), (6, 1), (15, 5)]);
}
