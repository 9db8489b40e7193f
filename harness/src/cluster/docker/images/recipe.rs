//! Tags of the images that are built here: a hash over all sources of the image.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cluster::part::error::ClusterError;

/// Length of the hash in a tag, in bytes: 48 bits are plenty for the images of one machine.
const TAG_BYTES: usize = 6;

/// Files and folders beside a program's sources that are no part of it.
const BESIDE: [&str; 4] = ["tests", "benches", "examples", "README.md"];

/// A tag for an image: `crosspod-<name>:<12 hex>` over the files and folders below `root` and over `also`.
///
/// # Errors
/// [`ClusterError::File`] if one of them cannot be read.
pub(super) fn tag(name: &str, root: &Path, parts: &[&str], also: &str) -> Result<String, ClusterError> {
    let mut files = Vec::new();
    for part in parts {
        collect(&root.join(part), &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).map_err(ClusterError::file("reading", &file))?;
        let path = file.strip_prefix(root).unwrap_or(&file);
        // Lengths come before contents: no two different sets of files give the same bytes.
        field(&mut hash, path.as_os_str().as_encoded_bytes());
        field(&mut hash, &content);
    }
    field(&mut hash, also.as_bytes());
    let digits = hash.finalize()[..TAG_BYTES]
        .iter()
        .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    Ok(format!("crosspod-{name}:{digits}"))
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), ClusterError> {
    let kind = fs::metadata(path).map_err(ClusterError::file("reading", path))?;
    if !kind.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(ClusterError::file("listing", path))? {
        let entry = entry.map_err(ClusterError::file("listing", path))?;
        if !is_beside(&entry.file_name().to_string_lossy()) {
            collect(&entry.path(), files)?;
        }
    }
    Ok(())
}

/// Returns true if a file or folder of that name is no part of an image: an editor's file, a test, documentation.
fn is_beside(name: &str) -> bool {
    name.starts_with('.') || BESIDE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_changes_with_content_name_and_place_and_with_nothing_else() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("made");
            fs::write(path, text).expect("written");
        };
        let now = || tag("pod", root.path(), &["src", "lock"], "x").expect("readable");
        write("src/a.rs", "one");
        write("src/deep/b.rs", "two");
        write("lock", "three");
        let first = now();
        assert!(
            first.starts_with("crosspod-pod:") && first.len() == "crosspod-pod:".len() + 2 * TAG_BYTES,
            "{first}"
        );
        write("elsewhere", "not ours");
        write("src/.swap", "an editor's");
        write("src/tests/t.rs", "a test");
        assert_eq!(now(), first);
        write("src/a.rs", "One");
        let changed = now();
        assert_ne!(changed, first);
        write("src/a.rs", "one");
        assert_eq!(now(), first);
        fs::rename(root.path().join("src/a.rs"), root.path().join("src/c.rs")).expect("renamed");
        assert_ne!(now(), first);
        assert_ne!(tag("pod", root.path(), &["src", "lock"], "y").expect("readable"), now());
    }

    #[test]
    fn a_missing_source_is_named() {
        let error = tag("pod", Path::new("/no/such/root"), &["src"], "")
            .expect_err("not there")
            .to_string();
        assert!(error.contains("/no/such/root/src"), "{error}");
    }
}
