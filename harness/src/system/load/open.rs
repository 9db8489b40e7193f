//! A description is read from its file. This is the one file of the room that touches the machine.

use std::fs;
use std::path::Path;

use super::{Beside, Description, Surroundings, load_text};
use crate::system::table::{Problem, Problems, Source};

/// Names that a description may refer to, besides files and variables.
#[derive(Debug, Clone, Copy)]
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
    load_text(&name, &text, &around)
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
