//! `STORIES.md`: the tables of `cargo crosspod list --markdown`, for the reference pod.

use std::fs;
use std::path::Path;
use std::process::Command;

const OPENING: &str = "# Stories, faults and promises

Each with its needs: a system that lacks one is not asked for it, and `cargo crosspod list --system FILE` says so by name and reason. These are
the tables of `cargo crosspod list --markdown`. `cargo test` writes them anew and fails once if they have changed.

";

#[test]
fn the_catalogue_is_what_the_command_prints() {
    let mut list = Command::new(env!("CARGO_BIN_EXE_crosspod"));
    list.args(["list", "--markdown"]).env_remove("CROSSPOD_SYSTEM");
    let printed = list.output().expect("crosspod runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let expected = format!("{OPENING}{}", String::from_utf8(printed.stdout).expect("text"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("STORIES.md");
    if fs::read_to_string(&path).unwrap_or_default() != expected {
        fs::write(&path, expected).expect("the file can be written");
        panic!("STORIES.md was not what the command prints; it has been written anew");
    }
}
