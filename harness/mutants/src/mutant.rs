//! A mutant: one small change of the pod's sources, as `cargo mutants --list --json` says it. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Files of the design `sticky` that the design `log` runs nothing of.
const STICKY_ALONE: [&str; 8] = [
    "/delivery/transcript.rs",
    "/http/pin.rs",
    "/provider/session/basis.rs",
    "/provider/session/child.rs",
    "/provider/session/mod.rs",
    "/provider/session/pool.rs",
    "/provider/session/process.rs",
    "/store/frames.rs",
];

/// A change as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Listed {
    /// File, line, column and change.
    pub(crate) name: String,
    /// File, from the workspace's root.
    pub(crate) file: String,
    /// The text that is replaced.
    pub(crate) span: Span,
    /// The text in its place.
    pub(crate) replacement: String,
}

/// A piece of a file, from its first character to the one behind its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Span {
    pub(crate) start: Place,
    pub(crate) end: Place,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1, in characters.
    pub(crate) column: usize,
}

/// A change with a name that outlasts other changes of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// File and change, without line and column; of several that are alike, with a number.
    pub(crate) name: String,
    pub(crate) listed: Listed,
}

impl Mutant {
    /// File, line and column of the sources that were listed.
    pub(crate) fn place(&self) -> &str {
        self.listed.name.split(": ").next().unwrap_or_default()
    }

    /// The designs of the pod that run its code, in the order in which they are played.
    pub(crate) fn designs(&self) -> &'static [&'static str] {
        let is_of = |files: &[&str]| files.iter().any(|file| self.listed.file.contains(file));
        if is_of(&["/delivery/log.rs"]) {
            &["log"]
        } else if is_of(&STICKY_ALONE) {
            &["sticky"]
        } else if is_of(&["/http/"]) {
            // Cookies and sessions are of `sticky` alone.
            &["sticky", "log"]
        } else {
            &["log", "sticky"]
        }
    }
}

/// Names the changes of a list.
pub(crate) fn named(listed: Vec<Listed>) -> Vec<Mutant> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let name = |listed: Listed| {
        let change = change(&listed);
        let number = seen.entry(change.clone()).or_default();
        *number += 1;
        let name = if *number == 1 {
            change
        } else {
            format!("{change} ({number})")
        };
        Mutant { name, listed }
    };
    listed.into_iter().map(name).collect()
}

/// `file: change` of `file:line:column: change`.
fn change(listed: &Listed) -> String {
    let behind_file = listed.name.strip_prefix(&listed.file).unwrap_or(&listed.name);
    let change = behind_file.split_once(": ").map_or(behind_file, |(_, change)| change);
    format!("{}: {change}", listed.file)
}

/// The order in which a seed draws. A mutant's place does not depend on the other mutants there are, so a draw holds when some are added.
pub(crate) fn drawn(mut mutants: Vec<Mutant>, seed: u64) -> Vec<Mutant> {
    mutants.sort_by_cached_key(|mutant| Sha256::digest(format!("{seed} {}", mutant.name)).to_vec());
    mutants
}

/// A file's text with the change made. Returns `None` if the file has no such place.
pub(crate) fn mutated(source: &str, listed: &Listed) -> Option<String> {
    let (start, end) = (offset(source, listed.span.start)?, offset(source, listed.span.end)?);
    let (before, behind) = (source.get(..start)?, source.get(end..)?);
    (start <= end).then(|| format!("{before}{}{behind}", listed.replacement))
}

/// Bytes before a place.
fn offset(source: &str, place: Place) -> Option<usize> {
    let line = source.split_inclusive('\n').nth(place.line.checked_sub(1)?)?;
    let before: usize = source.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
    let characters = place.column.checked_sub(1)?;
    let ends = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    Some(before + ends.into_iter().nth(characters)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, from: (usize, usize), to: (usize, usize), replacement: &str) -> Listed {
        let place = |(line, column)| Place { line, column };
        Listed {
            name: name.to_owned(),
            file: "pod/src/a.rs".to_owned(),
            span: Span {
                start: place(from),
                end: place(to),
            },
            replacement: replacement.to_owned(),
        }
    }

    #[test]
    fn a_change_is_made_where_its_span_says() {
        let source = "fn a() -> bool {\n    \"é\".len() > 0\n}\n";
        let one = listed("pod/src/a.rs:2:15: replace > with >= in a", (2, 15), (2, 16), ">=");
        assert_eq!(
            mutated(source, &one).as_deref(),
            Some("fn a() -> bool {\n    \"é\".len() >= 0\n}\n")
        );
        let body = listed("pod/src/a.rs:2:5: replace a -> bool with true", (2, 5), (2, 18), "true");
        assert_eq!(
            mutated(source, &body).as_deref(),
            Some("fn a() -> bool {\n    true\n}\n")
        );
        let nowhere = listed("pod/src/a.rs:9:1: replace a", (9, 1), (9, 2), "");
        assert_eq!(mutated(source, &nowhere), None);
        let beyond_its_line = listed("pod/src/a.rs:3:1: replace a", (3, 1), (3, 9), "");
        assert_eq!(mutated(source, &beyond_its_line), None);
    }

    #[test]
    fn a_mutant_is_played_on_the_designs_that_run_its_code() {
        let designs = |file: &str| {
            let listed = Listed {
                file: file.to_owned(),
                ..listed("", (1, 1), (1, 1), "")
            };
            let name = String::new();
            Mutant { name, listed }.designs()
        };
        assert_eq!(designs("pod/src/delivery/log.rs"), ["log"]);
        assert_eq!(designs("pod/src/store/frames.rs"), ["sticky"]);
        assert_eq!(designs("pod/src/runner/turn.rs"), ["log", "sticky"]);
        assert_eq!(designs("pod/src/http/threads.rs"), ["sticky", "log"]);
    }

    #[test]
    fn a_name_outlasts_other_lines_and_a_draw_outlasts_other_mutants() {
        let at = |line, what: &str| listed(&format!("pod/src/a.rs:{line}:3: {what}"), (line, 3), (line, 4), "");
        let one = named(vec![
            at(4, "delete ! in a"),
            at(9, "delete ! in a"),
            at(9, "delete ! in b"),
        ]);
        let names: Vec<&str> = one.iter().map(|mutant| mutant.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "pod/src/a.rs: delete ! in a",
                "pod/src/a.rs: delete ! in a (2)",
                "pod/src/a.rs: delete ! in b"
            ]
        );
        let two = named(vec![
            at(5, "delete ! in a"),
            at(7, "replace c with ()"),
            at(10, "delete ! in a"),
            at(10, "delete ! in b"),
        ]);
        let names = |mutants, seed| -> Vec<String> { drawn(mutants, seed).into_iter().map(|one| one.name).collect() };
        let without_the_new = |seed| -> Vec<String> {
            let mut all = names(two.clone(), seed);
            all.retain(|name| !name.contains("replace c"));
            all
        };
        assert!((0..20).all(|seed| names(one.clone(), seed) == without_the_new(seed)));
        assert!((0..20).any(|seed| names(one.clone(), seed) != names(one.clone(), 0)));
    }
}
