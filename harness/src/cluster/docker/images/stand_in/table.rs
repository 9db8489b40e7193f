//! `images.toml`, beside the description of a system: the images that its compose file and Dockerfiles name, and the
//! Dockerfile of a stand-in for each.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cluster::part::error::ClusterError;
use crate::wire::file::read_text;

/// Longest table, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Name of the file.
pub(super) const TABLE: &str = "images.toml";

const ADVICE: &str = "an entry is [[image]] with reference = \"NAME:TAG\", stand_in = \"FOLDER\" and, for a Dockerfile with ARG \
                      DEBIAN, debian = \"RELEASE\"";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    image: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reference: String,
    stand_in: PathBuf,
    debian: Option<String>,
}

/// One image of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The reference that the system's files name.
    pub(super) reference: String,
    /// Folder of the stand-in's Dockerfile.
    pub(super) folder: PathBuf,
    /// Name of the folder.
    pub(super) name: String,
    /// Code name of the release of Debian whose base the Dockerfile's `ARG DEBIAN` names; `None` if it needs no base.
    pub(super) debian: Option<String>,
}

/// Reads the table in the folder of a description. Without a table the system needs no stand-ins.
pub(super) fn read(folder: &Path) -> Result<Vec<Wanted>, ClusterError> {
    let path = folder.join(TABLE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(&path, BYTES_MAX).map_err(ClusterError::file("reading", &path))?;
    parse(&text, folder)
}

fn parse(text: &str, folder: &Path) -> Result<Vec<Wanted>, ClusterError> {
    let failed = |why: String| ClusterError::Image {
        image: folder.join(TABLE).display().to_string(),
        why,
        advice: ADVICE.to_owned(),
    };
    let table: Table = toml::from_str(text).map_err(|error| failed(error.to_string().trim_end().to_owned()))?;
    let wanted = table.image.into_iter().map(|entry| check(entry, folder));
    wanted.collect::<Result<_, _>>().map_err(failed)
}

fn check(entry: Entry, folder: &Path) -> Result<Wanted, String> {
    let Entry {
        reference,
        stand_in,
        debian,
    } = entry;
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    if reference.contains('@') {
        return Err(format!(
            "{reference}: a digest names one image alone, nothing can stand in for it"
        ));
    }
    let name = stand_in.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !is_plain(name) {
        let path = stand_in.display();
        return Err(format!(
            "{reference}: the folder {path} needs a name of small letters and hyphens"
        ));
    }
    if let Some(release) = debian.as_deref().filter(|release| !is_plain(release)) {
        return Err(format!(
            "{reference}: {release:?} is no code name of a release of Debian"
        ));
    }
    let path = folder.join(&stand_in);
    if !path.join("Dockerfile").is_file() {
        return Err(format!("{reference}: there is no Dockerfile in {}", path.display()));
    }
    Ok(Wanted {
        reference,
        name: name.to_owned(),
        folder: path,
        debian,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::system::load::workspace::workspace_root;

    fn folder_with(stand_ins: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in stand_ins {
            let path = folder.path().join("stand-ins").join(name);
            fs::create_dir_all(&path).expect("made");
            fs::write(path.join("Dockerfile"), "FROM scratch\n").expect("written");
        }
        folder
    }

    #[test]
    fn images_come_in_the_order_of_the_file_with_folders_beside_it() {
        let folder = folder_with(&["python", "tool"]);
        let text = r#"
            [[image]]
            reference = "python:3.12-slim"
            stand_in = "stand-ins/python"
            debian = "trixie"

            [[image]]
            reference = "registry.example/tool:1"
            stand_in = "stand-ins/tool"
        "#;
        let wanted = |reference: &str, name: &str, debian: Option<&str>| Wanted {
            reference: reference.to_owned(),
            folder: folder.path().join("stand-ins").join(name),
            name: name.to_owned(),
            debian: debian.map(str::to_owned),
        };
        let expected = vec![
            wanted("python:3.12-slim", "python", Some("trixie")),
            wanted("registry.example/tool:1", "tool", None),
        ];
        fs::write(folder.path().join(TABLE), text).expect("written");
        assert_eq!(read(folder.path()).expect("a good table"), expected);
    }

    #[test]
    fn a_system_without_a_table_needs_no_stand_ins() {
        let folder = folder_with(&[]);
        assert_eq!(read(folder.path()).expect("nothing to read"), Vec::new());
    }

    #[test]
    fn the_tables_of_the_described_systems_are_good() {
        let systems = fs::read_dir(workspace_root().join("fixtures/systems")).expect("it is there");
        let folders = systems.map(|entry| entry.expect("readable").path());
        let tables: Vec<PathBuf> = folders.filter(|folder| folder.join(TABLE).exists()).collect();
        assert!(!tables.is_empty());
        for folder in tables {
            assert!(!read(&folder).expect("a good table").is_empty(), "{}", folder.display());
        }
    }

    #[test]
    fn a_bad_table_is_named_with_its_fault() {
        let folder = folder_with(&["a", "B"]);
        for (entry, fault) in [
            (
                "reference = \"a:1\"\nstand_in = \"stand-ins/none\"",
                "there is no Dockerfile in",
            ),
            (
                "reference = \"a@sha256:0\"\nstand_in = \"stand-ins/a\"",
                "a digest names one image",
            ),
            ("reference = \"a:1\"\nstand_in = \"stand-ins/B\"", "small letters"),
            ("reference = \"a:1\"\nstand_in = \"stand-ins/..\"", "small letters"),
            (
                "reference = \"a:1\"\nstand_in = \"stand-ins/a\"\ndebian = \"--help me\"",
                "\"--help me\" is no code name",
            ),
            ("reference = \"a:1\"", "missing field `stand_in`"),
            ("referense = \"a:1\"", "unknown field `referense`"),
        ] {
            let error = parse(&format!("[[image]]\n{entry}"), folder.path());
            let text = error.expect_err(entry).to_string();
            assert!(text.contains(fault) && text.contains(TABLE), "{entry}: {text}");
        }
    }
}
