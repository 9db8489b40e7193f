//! The `crosspod` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    crosspod::cli::main(&scenarios::stories())
}
