//! The mutants that were played, each with its outcome, one JSON object a line.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A mutant that was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Played {
    /// Its name.
    pub(crate) mutant: String,
    /// File, line and column when it was played.
    pub(crate) place: String,
    /// The commit whose sources were changed.
    pub(crate) commit: String,
    /// The mutant's outcome.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// Plays until then.
    pub(crate) plays: usize,
    /// Wall-clock time in all, in seconds.
    pub(crate) seconds: u64,
}

/// The outcome of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It does not compile.
    NotViable,
    /// A promise broke.
    Killed {
        /// The story that showed it.
        story: String,
        /// The promise.
        promise: String,
    },
    /// The pods did not come up, or ran none of the turns that each cluster is tried with first.
    NeverReady {
        /// The harness's words.
        why: String,
    },
    /// It compiles, and somebody argued before it was played that it is equivalent.
    Argued,
    /// It compiles, and somebody conceded before it was played that no story shows it.
    Missed,
    /// Every story passed.
    Survived,
    /// No promise broke, and not every story passed.
    Unclear {
        /// The first story that did not pass, and why.
        why: String,
    },
}

/// Reads the lines of a file. A file that is not there has none.
///
/// # Errors
/// The file cannot be read, or a line is no such object.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Played>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), number + 1))
    };
    text.lines().enumerate().map(line).collect()
}

/// Adds a line to a file.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn add(path: &Path, played: &Played) -> anyhow::Result<()> {
    let open = || -> anyhow::Result<File> { Ok(OpenOptions::new().create(true).append(true).open(path)?) };
    let write = || -> anyhow::Result<()> { Ok(open()?.write_all((serde_json::to_string(played)? + "\n").as_bytes())?) };
    write().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_read_again_and_a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("played.jsonl");
        assert_eq!(read(&path).expect("no file, no lines"), []);
        let killed = Outcome::Killed {
            story: "s".into(),
            promise: "P".into(),
        };
        let unclear = Outcome::Unclear { why: "w".into() };
        let outcomes = [killed, Outcome::NotViable, Outcome::Argued, Outcome::Missed, unclear];
        let all = outcomes.map(|outcome| Played {
            mutant: "m".into(),
            place: "a.rs:1:2".into(),
            commit: "c".into(),
            outcome,
            plays: 3,
            seconds: 4,
        });
        for one in &all {
            add(&path, one).expect("written");
        }
        assert_eq!(read(&path).expect("lines"), all);
        std::fs::write(&path, "{}\n").expect("written");
        let refused = format!("{:#}", read(&path).expect_err("no mutant"));
        assert!(refused.contains("played.jsonl, line 1: missing field"), "{refused}");
    }
}
