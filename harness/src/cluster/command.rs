//! Runs one program of the host to its end: bounded, captured, and with its whole process group gone if it is given up.
//!
//! For set-up only (Compose, image builds). Nothing that a story does to a pod starts a process.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::error::ClusterError;
use super::progress::Progress;

/// How many lines of error output an error quotes.
const TAIL_LINES: usize = 20;

/// A program to be run, and what to say if it fails.
#[derive(Debug)]
pub(super) struct HostCommand {
    step: String,
    command: Command,
    line: String,
    bound: Duration,
    advice: String,
}

impl HostCommand {
    /// `step` is what the program is run for, as a person would say it.
    pub(super) fn new(step: impl Into<String>, program: impl AsRef<OsStr>, bound: Duration) -> Self {
        let mut command = Command::new(program.as_ref());
        // A group of its own: Ctrl-C is the harness's to handle, and a program that is given up goes with its children.
        command.process_group(0).kill_on_drop(true);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let line = program.as_ref().to_string_lossy().into_owned();
        Self {
            step: step.into(),
            command,
            line,
            bound,
            advice: "mend what it complains of".into(),
        }
    }

    pub(super) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        for arg in args {
            self.line.push(' ');
            self.line.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    pub(super) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(super) fn current_dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What a person can do where it fails.
    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Runs it and gives back its standard output. Dropping the future ends the program and its children.
    pub(super) async fn run(mut self, progress: &dyn Progress) -> Result<String, ClusterError> {
        tracing::debug!(step = self.step, command = self.line, "running");
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => return Err(self.failed(format!("did not start: {error}"), String::new())),
        };
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let mut tail = VecDeque::with_capacity(TAIL_LINES);
        let mut output = String::new();
        let ended = tokio::time::timeout(self.bound, async {
            tokio::join!(
                each_line(stdout, |line| {
                    output.push_str(line);
                    output.push('\n');
                }),
                each_line(stderr, |line| {
                    progress.detail(line);
                    keep_last(&mut tail, line);
                }),
            );
            child.wait().await
        })
        .await;
        let tail: Vec<String> = tail.into();
        let outcome = match ended {
            Ok(Ok(status)) if status.success() => {
                group.disarm();
                return Ok(output);
            }
            Ok(Ok(status)) => {
                group.disarm();
                describe(status)
            }
            Ok(Err(error)) => format!("could not be waited for: {error}"),
            Err(_) => format!("did not end within {:?}", self.bound),
        };
        // Some programs explain themselves on standard output.
        let said = if tail.is_empty() {
            last_lines(&output)
        } else {
            tail.join("\n")
        };
        Err(self.failed(outcome, said))
    }

    fn failed(self, outcome: String, stderr: String) -> ClusterError {
        ClusterError::Command {
            step: self.step,
            command: self.line,
            outcome,
            stderr: stderr.into(),
            advice: self.advice,
        }
    }
}

fn describe(status: ExitStatus) -> String {
    status
        .code()
        .map_or_else(|| format!("was ended: {status}"), |code| format!("exited with {code}"))
}

async fn each_line(pipe: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&str)) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    // An unreadable pipe ends like a closed one: the exit status tells the rest.
    while reader.read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        take(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

fn keep_last(tail: &mut VecDeque<String>, line: &str) {
    if tail.len() == TAIL_LINES {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}

/// The last lines of a text, as many as an error quotes.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Ends a process group unless its leader has been waited for.
struct Group(Option<Pid>);

impl Group {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0
            && let Err(error) = kill_process_group(pid, Signal::KILL)
        {
            tracing::debug!(%error, "process group was gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::progress::Silent;
    use super::*;

    fn shell(script: &str, bound: Duration) -> HostCommand {
        HostCommand::new("a test", "sh", bound)
            .args(["-c", script])
            .advice("mend it")
    }

    #[tokio::test]
    async fn output_comes_back_whole() {
        let output = shell("echo one; echo two", Duration::from_secs(10))
            .run(&Silent)
            .await
            .expect("it succeeds");
        assert_eq!(output, "one\ntwo\n");
    }

    #[tokio::test]
    async fn a_failure_names_code_last_lines_and_advice() {
        let script = "for i in $(seq 30); do echo line $i >&2; done; exit 7";
        let error = shell(script, Duration::from_secs(10))
            .run(&Silent)
            .await
            .expect_err("it fails")
            .to_string();
        assert!(error.contains("exited with 7"), "{error}");
        assert!(
            error.ends_with("line 30") && error.contains("line 11\n") && !error.contains("line 10\n"),
            "{error}"
        );
        assert!(error.contains("; mend it; its last words:\n"), "{error}");
    }

    #[tokio::test]
    async fn a_bound_ends_the_children_as_well() {
        let began = Instant::now();
        // The child holds the pipe: it must be ended too, or reading would go on for its 60 s.
        let error = shell("sleep 60 & sleep 60", Duration::from_millis(200))
            .run(&Silent)
            .await
            .expect_err("too slow");
        assert!(error.to_string().contains("did not end within 200ms"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let command = HostCommand::new("a test", "no-such-program-here", Duration::from_secs(1));
        let error = command.run(&Silent).await.expect_err("not there").to_string();
        assert!(error.contains("`no-such-program-here` did not start"), "{error}");
    }
}
