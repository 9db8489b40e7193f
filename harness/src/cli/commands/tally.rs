//! The file that keeps the plays of a matrix, so that its parts add up.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::report::{TallyPlay, tally};

/// A file that takes the plays of a matrix, a line each.
#[derive(Debug)]
pub(super) struct Tally {
    path: PathBuf,
    file: File,
    /// Why it took a play no more.
    refused: OnceLock<String>,
}

impl Tally {
    /// Opens a file, which need not be there, and reads its plays. The beginning of a line that a dead program has left is cut off.
    ///
    /// # Errors
    /// The file cannot be read or written, or one of its lines is no play.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Vec<TallyPlay>), String> {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(|e| failed(&e))?;
        // A device or a pipe has no end to read to.
        if !file.metadata().map_err(|e| failed(&e))?.is_file() {
            return Err(failed(&"no regular file; name one, which need not be there yet"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|e| failed(&e))?;
        let plays =
            tally(&text).map_err(|(line, e)| format!("{}, line {line}: no play of a matrix: {e}", path.display()))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(|e| failed(&e))?;
        let kept = Self {
            path,
            file,
            refused: OnceLock::new(),
        };
        Ok((kept, plays))
    }

    /// Keeps a play.
    pub(super) fn keep(&self, play: &TallyPlay) {
        let line = serde_json::to_string(play).map_err(std::io::Error::from);
        let written = line.and_then(|line| (&self.file).write_all((line + "\n").as_bytes()));
        if let Err(e) = written {
            // The first reason tells; those behind it follow from it.
            self.refused
                .get_or_init(|| format!("{}: {e}; a play was not kept", self.path.display()));
        }
    }

    /// Why a play was not kept, if one was not.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn play(seed: u64) -> TallyPlay {
        TallyPlay {
            design: "log".into(),
            defect: None,
            story: "a".into(),
            seed,
            verdict: Verdict::Pass,
            findings: 0,
            named: false,
            trouble: None,
        }
    }

    #[test]
    fn a_part_goes_on_where_the_one_before_was_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plays.jsonl");
        let (first, known) = Tally::open(path.clone()).expect("a new file");
        assert_eq!(known, []);
        first.keep(&play(1));
        first.keep(&play(2));
        let torn = std::fs::read_to_string(&path).expect("plays") + "{\"design\":\"lo";
        std::fs::write(&path, torn).expect("written");
        let (second, known) = Tally::open(path.clone()).expect("the file of a dead part");
        assert_eq!(known, [play(1), play(2)]);
        second.keep(&play(3));
        assert_eq!(second.refused(), None);
        let (_, known) = Tally::open(path).expect("the file of two parts");
        assert_eq!(known, [play(1), play(2), play(3)]);
    }

    #[test]
    fn a_file_that_is_no_tally_is_named_with_its_line_and_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "{}\nby hand").expect("written");
        let refused = Tally::open(path.clone()).expect_err("no tally");
        assert!(
            refused.contains("notes.txt, line 1: no play of a matrix: missing field"),
            "{refused}"
        );
        assert_eq!(std::fs::read_to_string(&path).expect("notes"), "{}\nby hand");
        let refused = Tally::open(folder.path().to_owned()).expect_err("a folder");
        assert!(refused.contains("directory"), "{refused}");
        let refused = Tally::open("/dev/zero".into()).expect_err("a device");
        assert!(refused.contains("/dev/zero: no regular file"), "{refused}");
    }
}
