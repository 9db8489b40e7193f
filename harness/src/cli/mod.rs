//! The command line, for any registry of stories.
//!
//! Results go to standard output, progress to standard error. Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 broken (also bad usage
//! and failed set-up), 130 after Ctrl-C.

mod allowed;
mod chosen;
mod commands;
mod interrupt;
mod output;
mod progress;
mod staged;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::run::Story;
use output::{BROKEN, Format, fail};

#[derive(Debug, Parser)]
#[command(name = "crosspod", bin_name = "cargo crosspod", version, about, long_about = LONG_ABOUT)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "Brings up several pods of a streaming LLM service with real Postgres and NATS and a mock provider, \
posts turns, attaches to their streams on every pod, breaks pods at chosen moments, and judges what every client saw against \
what every store holds.

Exit codes: 0 every story passed, 1 a promise was broken, 2 inconclusive, 3 set-up, usage or recording failed, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check whether this machine can run a cluster; bring one container up through Compose and remove it.
    Doctor(allowed::Allowed),
    /// List stories, the defects they must catch, and the promises that judge every run.
    List(commands::list::Args),
    /// Write a first description (`system.toml`) of a system from its own compose files; nothing is started.
    Init(commands::init::Args),
    /// Bring a system up, play one turn, and print how each request, frame and row was read; then try what its description claims.
    /// Exits with 0 if the description says what was seen.
    Check(commands::check::Args),
    /// Bring a cluster up and keep it until `down`; runs use it while it is there.
    Up(commands::up::UpArgs),
    /// Remove kept clusters, the leftovers of dead runs, and the images that runs have built of compose files and nobody uses.
    Down(commands::down::Args),
    /// Play stories on a new cluster, or on a kept one that fits, and judge them.
    Run(commands::run::Args),
    /// Play each defect's stories several times, with the clean pod as control, and write TRACK_RECORD.md. Exits with 0 only if
    /// every run was caught by name and the control is clean.
    Matrix(commands::matrix::Args),
    /// Provide the images that a system's compose file names: present, else pulled, else a stand-in of the same name by its
    /// `images.toml`.
    Images(commands::images::Args),
    /// Judge a saved story again, from its artefacts alone.
    Recheck {
        /// Folder that holds a `history.jsonl`, or a run's folder with several of those.
        folder: std::path::PathBuf,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
}

/// Runs the command line over a registry of stories; the process's exit code.
pub fn main(stories: &[Story]) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are no errors. For the rest clap's own code is 2, which means inconclusive here.
            let code = if e.use_stderr() { BROKEN } else { 0 };
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    log_to_stderr();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return ExitCode::from(fail(&format!("no runtime: {e}"))),
    };
    let code = runtime.block_on(dispatch(cli.command, stories));
    // A blocking call that hangs must not keep a finished process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ExitCode::from(code)
}

async fn dispatch(command: Command, stories: &[Story]) -> u8 {
    match command {
        Command::Doctor(allowed) => commands::doctor::doctor(&allowed).await,
        Command::List(args) => commands::list::list(stories, &args),
        Command::Init(args) => commands::init::init(&args).await,
        Command::Check(args) => Box::pin(commands::check::check(stories, &args)).await,
        Command::Up(args) => commands::up::up(stories, &args).await,
        Command::Down(args) => commands::down::down(&args).await,
        Command::Run(args) => Box::pin(commands::run::run(stories, args)).await,
        Command::Matrix(args) => Box::pin(commands::matrix::matrix(stories, args)).await,
        Command::Images(args) => commands::images::images(&args).await,
        Command::Recheck { folder, format } => commands::recheck::recheck(&folder, format),
    }
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a command line that was printed, as the program reads it when it is pasted into a shell.
    pub(super) fn parse_as_a_shell_gives_it(command: &str) -> Command {
        let script = format!(r#"cargo() {{ printf '%s\0' "$@"; }}; {command}"#);
        let given = std::process::Command::new("sh").args(["-c", &script]).output();
        let given = String::from_utf8(given.expect("sh is there").stdout).expect("UTF-8");
        let words: Vec<&str> = given.split_terminator('\0').collect();
        assert_eq!(words.first(), Some(&"crosspod"), "{command}");
        match Cli::try_parse_from(words) {
            Ok(cli) => cli.command,
            Err(error) => panic!("{command}: {error}"),
        }
    }
}
