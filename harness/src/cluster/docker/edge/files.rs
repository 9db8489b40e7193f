//! The files of an edge's configuration: those of a folder, and those that replace some of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cluster::edge_wanted::WantedEdge;
use crate::cluster::part::error::ClusterError;

/// Files by their paths below a folder.
pub(in crate::cluster) type Files = BTreeMap<String, Vec<u8>>;

/// The key of the files of an edge that pins nobody, for messages.
pub(super) const UNPINNED: &str = "edge.unpinned";

/// The files of an edge's configuration when no story changes it: those of the user's folder `config`, and those of its defects.
///
/// # Errors
/// A file cannot be read, or a folder of a defect or of `edge.unpinned` holds anything but other versions of these files. A story uses
/// `edge.unpinned` late, and would have been played in vain.
pub(in crate::cluster) fn configured(
    wanted: &WantedEdge,
    config: Option<&Path>,
    defects: &[String],
) -> Result<Files, ClusterError> {
    let mut files = config.map(read).transpose()?.unwrap_or_default();
    for defect in defects {
        if let Some(folder) = wanted.defects.get(defect) {
            replace(&mut files, &format!("the defect {defect}"), folder)?;
        }
    }
    if let Some(folder) = &wanted.unpinned {
        replace(&mut files.clone(), UNPINNED, folder)?;
    }
    Ok(files)
}

/// Reads every file of a folder and of the folders below it.
///
/// # Errors
/// One of them cannot be read.
pub(super) fn read(folder: &Path) -> Result<Files, ClusterError> {
    let (mut files, mut folders) = (Files::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(ClusterError::file("listing", &next))? {
            let path = entry.map_err(ClusterError::file("listing", &next))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).map_err(ClusterError::file("reading", &path))?;
            let name = path.strip_prefix(folder).unwrap_or(&path);
            files.insert(name.to_string_lossy().into_owned(), bytes);
        }
    }
    Ok(files)
}

/// Lets the files of a folder replace those of the same names. `what` names the folder in a message.
///
/// # Errors
/// The folder cannot be read, is empty, or has a file that replaces none: by a mistake in its name it would do nothing.
pub(super) fn replace(files: &mut Files, what: &str, folder: &Path) -> Result<(), ClusterError> {
    let others = read(folder)?;
    let stray = others.keys().find(|name| !files.contains_key(*name));
    let why = match stray {
        Some(_) if files.is_empty() => {
            "the compose file mounts no folder with files at edge.config: there is none to replace".to_owned()
        }
        Some(name) => format!(
            "{} replaces no file of the edge's configuration, which has {}",
            folder.join(name).display(),
            files.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
        None if others.is_empty() => format!("{} has no file", folder.display()),
        None => {
            files.extend(others);
            return Ok(());
        }
    };
    Err(ClusterError::Spec {
        what: what.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;

    #[test]
    fn a_defect_replaces_files_of_the_configuration_and_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("config/a.yml", "one");
        write("config/sub/b.yml", "two");
        write("sound/a.yml", "other");
        write("stray/c.yml", "three");
        fs::create_dir(folder.path().join("empty")).expect("made");
        let mut files = read(&folder.path().join("config")).expect("read");
        assert_eq!(files.keys().collect::<Vec<_>>(), ["a.yml", "sub/b.yml"]);
        replace(&mut files, "d", &folder.path().join("sound")).expect("replaced");
        assert_eq!(
            (&files["a.yml"][..], &files["sub/b.yml"][..]),
            (&b"other"[..], &b"two"[..])
        );
        let refused = |files: &mut Files, name: &str| {
            let refused = replace(files, "d", &folder.path().join(name));
            refused.expect_err("refused").to_string()
        };
        let stray = refused(&mut files, "stray");
        assert!(
            stray.contains("c.yml replaces no file of the edge's configuration, which has a.yml, sub/b.yml"),
            "{stray}"
        );
        assert!(refused(&mut files, "empty").ends_with("has no file"));
        assert!(refused(&mut files, "nowhere").contains("nowhere"));
    }

    #[test]
    fn files_of_an_edge_that_pins_nobody_are_looked_at_before_a_story_uses_them() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, file) in [("config", "pods.yml"), ("sound", "pods.yml"), ("stray", "pod.yml")] {
            fs::create_dir(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join(file), name).expect("written");
        }
        let config = folder.path().join("config");
        let with = |unpinned: &str, config: Option<&Path>| {
            let mut wanted = WantedEdge::of(&System::reference()).expect("the reference has an edge");
            wanted.unpinned = Some(folder.path().join(unpinned));
            configured(&wanted, config, &[]).map_err(|refused| refused.to_string())
        };
        let sound = with("sound", Some(&config)).expect("they fit");
        assert_eq!(sound["pods.yml"], b"config", "nothing is replaced yet");
        let stray = with("stray", Some(&config)).expect_err("refused");
        let file = folder.path().join("stray/pod.yml");
        let expected = format!(
            "edge.unpinned is not possible: {} replaces no file of the edge's configuration, which has pods.yml",
            file.display()
        );
        assert_eq!(stray, expected);
        let unmounted = with("sound", None).expect_err("refused");
        assert!(
            unmounted.contains("mounts no folder with files at edge.config"),
            "{unmounted}"
        );
    }
}
