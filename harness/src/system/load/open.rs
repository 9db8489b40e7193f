//! A description is read from its file. This is the one file of the room that touches the machine.

use std::fs;
use std::path::Path;

use super::{Beside, Description, Surroundings, load_partial, load_text};
use crate::system::table::{Problem, Problems, Source};

/// Names that a description may refer to, besides files and variables. An empty list is not held against anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Promises that are judged.
    pub promises: &'k [&'k str],
    /// Stories that can be played.
    pub stories: &'k [&'k str],
}

/// Reads a description from its file.
///
/// # Errors
/// The file cannot be read, or has mistakes: all of them.
pub fn load(path: &Path, known: Known<'_>) -> Result<Description, Problems> {
    read(path, known, load_text)
}

/// Reads a description that may have open values from its file.
///
/// # Errors
/// The file cannot be read, has other mistakes, or says too little to start anything.
pub fn load_unfinished(path: &Path, known: Known<'_>) -> Result<Description, Problems> {
    read(path, known, load_partial)
}

fn read(
    path: &Path,
    known: Known<'_>,
    load: impl Fn(&str, &str, &Surroundings<'_>) -> Result<Description, Problems>,
) -> Result<Description, Problems> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|e| {
        let source = Source {
            name: name.as_str().into(),
            text: "".into(),
        };
        Problems::new(source, vec![Problem::new(&(0..0), format!("cannot be read: {e}"))])
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let around = Surroundings {
        file: &|file| beside(folder, file),
        is_set: &|variable| std::env::var_os(variable).is_some(),
        promises: known.promises,
        stories: known.stories,
    };
    load(&name, &text, &around)
}

/// Whether a file is there, and else the YAML files beside it.
fn beside(folder: &Path, file: &str) -> Beside {
    let path = folder.join(file);
    if path.is_file() {
        return Beside::There;
    }
    let entries = path
        .parent()
        .map(fs::read_dir)
        .into_iter()
        .flatten()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut others: Vec<String> = names
        .filter(|name| {
            let ending = Path::new(name).extension();
            ending.is_some_and(|ending| ending == "yml" || ending == "yaml")
        })
        .collect();
    others.sort();
    Beside::Missing(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known<'static> = Known {
        promises: &[],
        stories: &[],
    };

    #[test]
    fn a_file_is_read_with_the_files_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("system.toml");
        let text = "schema = 1\nname = \"n\"\ncompose = [\"compose.yaml\", \"sub/compose.yml\"]\n";
        fs::write(&path, text).expect("a file");
        fs::write(folder.path().join("compose.yml"), "").expect("a file");
        let lines = load(&path, KNOWN).expect_err("much is missing").lines();
        let files: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(_, what)| what)
            .collect();
        assert!(
            files.contains(&"no such file: compose.yaml; there is compose.yml"),
            "{files:?}"
        );
        let elsewhere = "no such file: sub/compose.yml; paths are taken from the folder of this file";
        assert!(files.contains(&elsewhere), "{files:?}");
    }

    #[test]
    fn a_file_that_is_not_there_is_a_problem() {
        let problems = load(Path::new("/nowhere/system.toml"), KNOWN).expect_err("it is not there");
        let lines = problems.lines();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with("/nowhere/system.toml:1:1 cannot be read: No such file"),
            "{lines:?}"
        );
    }
}
