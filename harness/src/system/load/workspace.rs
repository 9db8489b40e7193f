//! The workspace: the folder with the sources of this project, its reference pod and its images.

use std::path::{Path, PathBuf};

/// Path of the workspace: `$CROSSPOD_WORKSPACE`, else the one that this library was built from.
pub(crate) fn workspace_root() -> PathBuf {
    let built_from = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap_or(Path::new("."))
            .to_owned()
    };
    let named = std::env::var_os("CROSSPOD_WORKSPACE").filter(|path| !path.is_empty());
    named.map_or_else(built_from, PathBuf::from)
}
