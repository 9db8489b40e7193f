//! A description is read from its file. This is the one file of the room that touches the machine.

use std::fs;
use std::path::Path;

use super::{Beside, BesideFolder, Description, Surroundings, load_partial, load_text};
use crate::system::table::{Problem, Problems, Source};
use crate::wire::file::read_text;

/// Longest description, in bytes: far above what anybody writes.
const BYTES_MAX: u64 = 1 << 20;

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
    let text = read_text(path, BYTES_MAX).map_err(|e| {
        let source = Source {
            name: name.as_str().into(),
            text: "".into(),
        };
        Problems::new(source, vec![Problem::new(&(0..0), format!("cannot be read: {e}"))])
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let around = Surroundings {
        file: &|file| beside(folder, file),
        folder: &|name| folder_beside(folder, name),
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
    Beside::Missing(next_to(&path, |other| {
        let ending = other.extension();
        ending.is_some_and(|ending| ending == "yml" || ending == "yaml")
    }))
}

/// Whether a folder is there, and else the folders beside it.
fn folder_beside(folder: &Path, name: &str) -> BesideFolder {
    let path = folder.join(name);
    match fs::read_dir(&path).map(|mut entries| entries.next().is_some()) {
        Ok(true) => BesideFolder::Filled,
        Ok(false) => BesideFolder::Empty,
        Err(_) => BesideFolder::Missing(next_to(&path, Path::is_dir)),
    }
}

/// Names in the folder of a path, in order, of what is wanted of there.
fn next_to(path: &Path, is_wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let entries = path.parent().map(fs::read_dir).into_iter().flatten().flatten();
    let wanted = entries.flatten().filter(|entry| is_wanted(&entry.path()));
    let mut names: Vec<String> = wanted
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::load::load_alone;

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
    fn folders_for_the_edge_are_looked_at_with_the_description() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["edge/unpinned", "edge/config", "edge/hollow"] {
            fs::create_dir_all(folder.path().join(name)).expect("made");
        }
        fs::write(folder.path().join("edge/unpinned/pods.yml"), "").expect("a file");
        let path = folder.path().join("system.toml");
        let lines = |unpinned: &str, defect: &str| {
            let text = format!(
                "[edge]\nunpinned = \"{unpinned}\"\nconfig = \"/c\"\napi = 1\n\n[[defects]]\nname = \"d\"\nedge = \"{defect}\"\n"
            );
            fs::write(&path, text).expect("a file");
            let lines = load(&path, KNOWN).expect_err("much is missing").lines();
            let of_folders = lines.into_iter().filter(|line| line.contains("folder"));
            of_folders
                .map(|line| line.replace(&format!("{}:", path.display()), ""))
                .collect::<Vec<_>>()
        };
        assert_eq!(lines("edge/unpinned", "edge/unpinned"), [""; 0]);
        assert_eq!(
            lines("edge/unpined", "edge/hollow"),
            [
                "2:12 edge.unpinned: no such folder: edge/unpined; there are config, hollow, unpinned",
                "8:8 defects[0].edge: the folder edge/hollow has no file",
            ]
        );
        assert_eq!(
            lines("edge/unpinned/pods.yml", "nowhere/d"),
            [
                "2:12 edge.unpinned: no such folder: edge/unpinned/pods.yml; paths are taken from the folder of this file",
                "8:8 defects[0].edge: no such folder: nowhere/d; paths are taken from the folder of this file",
            ]
        );
    }

    #[test]
    fn an_edge_whose_configuration_cannot_be_changed_is_not_told_to_pin_nobody() {
        let found = |keys: &str| {
            let text = format!("[edge]\nunpinned = \"u\"\n{keys}");
            let lines = load_alone("system.toml", &text).expect_err("much is missing").lines();
            let of_it = lines.into_iter().filter(|line| line.contains("edge.unpinned"));
            of_it.collect::<Vec<_>>()
        };
        let refused = "system.toml:2:12 edge.unpinned: these files replace files of edge.config, and edge.api says that they did; \
                       say config and api in [edge]";
        assert_eq!(found(""), [refused]);
        assert_eq!(found("config = \"/etc/edge\"\n"), [refused]);
        assert_eq!(found("config = \"/etc/edge\"\napi = 8090\n"), [""; 0]);
    }

    #[test]
    fn a_file_without_end_is_a_problem() {
        let problems = load(Path::new("/dev/zero"), KNOWN).expect_err("no description");
        assert_eq!(
            problems.lines(),
            ["/dev/zero:1:1 cannot be read: it is longer than 1048576 bytes"]
        );
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
