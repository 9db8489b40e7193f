//! Tags of the images that a user's compose file builds: a hash over the build's context and its description.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::cluster::docker::compose::resolved::Resolved;
use crate::cluster::docker::engine::client_settings::hex;
use crate::cluster::part::error::ClusterError;

/// Repository of the images.
pub(super) const REPOSITORY: &str = "crosspod-built";
/// Hexadecimal digits of a hash in a tag.
const HASH_DIGITS: usize = 12;

/// A tag for each service that builds its image, by service.
///
/// # Errors
/// A context cannot be read.
pub(in crate::cluster) fn tags(resolved: &Resolved) -> Result<BTreeMap<String, String>, ClusterError> {
    let builds = resolved
        .services
        .iter()
        .filter_map(|(name, service)| Some((name, service.0.get("build")?)));
    builds
        .map(|(name, build)| Ok((name.clone(), tag(name, build)?)))
        .collect()
}

fn tag(service: &str, build: &Value) -> Result<String, ClusterError> {
    let mut hash = Sha256::new();
    field(&mut hash, build.to_string().as_bytes());
    let context = build.as_str().or_else(|| build.get("context")?.as_str());
    // A context that is no folder, an address say, is not looked into.
    if let Some(folder) = context.map(Path::new).filter(|folder| folder.is_dir()) {
        let ignored = ignored(folder);
        let mut files = BTreeSet::new();
        collect(folder, folder, &ignored, &mut files)?;
        for file in files {
            let path = folder.join(&file);
            field(&mut hash, file.as_os_str().as_encoded_bytes());
            let bytes = fs::read(&path).map_err(ClusterError::file("reading", &path))?;
            field(&mut hash, &bytes);
        }
    }
    let digest = hex(&hash.finalize());
    Ok(format!("{REPOSITORY}:{service}-{}", &digest[..HASH_DIGITS]))
}

/// Lengths come before contents: no two different sets of files give the same bytes.
fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// The plain paths in a context's `.dockerignore`. A pattern is left out: what it hides only makes the tag change more often.
fn ignored(folder: &Path) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(folder.join(".dockerignore")).unwrap_or_default();
    if text.lines().any(|line| line.trim_start().starts_with('!')) {
        return BTreeSet::new();
    }
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains(['*', '?', '[', '#']));
    lines.map(|line| PathBuf::from(line.trim_matches('/'))).collect()
}

fn collect(
    folder: &Path,
    at: &Path,
    ignored: &BTreeSet<PathBuf>,
    files: &mut BTreeSet<PathBuf>,
) -> Result<(), ClusterError> {
    for entry in fs::read_dir(at).map_err(ClusterError::file("listing", at))? {
        let entry = entry.map_err(ClusterError::file("listing", at))?;
        let path = entry.path();
        let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
        if ignored.contains(&name) || name == Path::new(".git") {
            continue;
        }
        let kind = entry.file_type().map_err(ClusterError::file("reading", &path))?;
        if kind.is_dir() {
            collect(folder, &path, ignored, files)?;
        } else if kind.is_file() {
            files.insert(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tag_of(folder: &Path, target: &str) -> String {
        tag("chat", &json!({ "context": folder, "target": target })).expect("a tag")
    }

    #[test]
    fn a_tag_changes_with_whatever_goes_into_the_image_and_with_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = folder.path();
        let write = |name: &str, text: &str| {
            let path = at.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("Dockerfile", "FROM scratch");
        write(".dockerignore", "cache/\n*.log\n");
        write("src/main.py", "one");
        let before = tag_of(at, "a");
        assert!(before.starts_with("crosspod-built:chat-"), "{before}");
        write("cache/large", "ignored");
        write(".git/index", "ignored");
        assert_eq!(tag_of(at, "a"), before);
        assert_ne!(tag_of(at, "b"), before);
        write("src/main.py", "two");
        assert_ne!(tag_of(at, "a"), before);
    }

    #[test]
    fn services_that_build_nothing_have_no_tag() {
        let file = r#"{"services": {"a": {"image": "x"}, "b": {"build": "https://example.test/repo.git"}}}"#;
        let tags = tags(&Resolved::read(file).expect("a file")).expect("tags");
        assert_eq!(tags.keys().collect::<Vec<_>>(), ["b"]);
    }
}
