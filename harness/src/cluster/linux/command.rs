//! Programs of the host: run to the end, with a bound, captured output, and an end of the whole process group on giving up.
//!
//! For set-up only (Compose, image builds). No fault starts a program.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use crate::cluster::part::error::ClusterError;
use crate::cluster::part::progress::Progress;

/// Number of lines of output that an error quotes.
const TAIL_LINES: usize = 20;

/// Shell script that runs a program which must not outlive this process. While the program runs, the shell reads its standard
/// input, and this process holds the other end. That end closes with this process, however it dies, and the shell then kills
/// the whole group. Without it, children of a killed process live on.
const NO_LONGER_THAN_US: &str = r#"exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
watch=$!
"$@" 3<&-
code=$?
{ kill -KILL "$watch"; wait "$watch"; } 2>/dev/null
exit "$code""#;

/// A program to be run, and the advice for its failure.
#[derive(Debug)]
pub(in crate::cluster) struct HostCommand {
    step: String,
    command: Command,
    line: String,
    bound: Duration,
    advice: String,
    shown: Shown,
}

/// Which lines of a program are passed on while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Errors,
    All,
}

impl HostCommand {
    /// `step` is the purpose of the program, as a person would say it.
    pub(in crate::cluster) fn new(step: impl Into<String>, program: impl AsRef<OsStr>, bound: Duration) -> Self {
        let mut command = Command::new(program.as_ref());
        command.stdin(Stdio::null());
        Self::of(step.into(), command, program.as_ref(), bound)
    }

    /// As [`HostCommand::new`], for a program that must end when this process ends, even by SIGKILL: nobody would look for the
    /// things that it goes on making elsewhere. A missing program is reported in the shell's words.
    pub(in crate::cluster) fn no_longer_than_us(
        step: impl Into<String>,
        program: impl AsRef<OsStr>,
        bound: Duration,
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", NO_LONGER_THAN_US, "sh"]).arg(program.as_ref());
        command.stdin(Stdio::piped());
        Self::of(step.into(), command, program.as_ref(), bound)
    }

    fn of(step: String, mut command: Command, program: &OsStr, bound: Duration) -> Self {
        // A group of its own: the harness handles Ctrl-C, and giving up a program ends its children too.
        command.process_group(0).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let line = program.to_string_lossy().into_owned();
        Self {
            step,
            command,
            line,
            bound,
            advice: "mend what it complains of".into(),
            shown: Shown::Nothing,
        }
    }

    pub(in crate::cluster) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        for arg in args {
            self.line.push(' ');
            self.line.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(in crate::cluster) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Hands the program no variable of this process's environment but these.
    pub(in crate::cluster) fn env_only(mut self, names: &[&str]) -> Self {
        self.command.env_clear();
        let passed_on = names.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        self.command.envs(passed_on);
        self
    }

    pub(in crate::cluster) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(in crate::cluster) fn current_dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets the advice for a failure.
    pub(in crate::cluster) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Passes its error output on while it runs, for a program whose standard output is read by this process.
    pub(in crate::cluster) fn shows_errors(mut self) -> Self {
        self.shown = Shown::Errors;
        self
    }

    /// Passes all of its output on while it runs.
    pub(in crate::cluster) fn shows_all(mut self) -> Self {
        self.shown = Shown::All;
        self
    }

    /// Runs the program and returns its standard output. Dropping the future ends the program and its children.
    pub(in crate::cluster) async fn run(mut self, progress: &dyn Progress) -> Result<String, ClusterError> {
        tracing::debug!(step = self.step, command = self.line, "running");
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => return Err(self.failed(format!("did not start: {error}"), String::new())),
        };
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        // Waiting for a child closes its standard input, which must stay open until it has ended.
        let _alive = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let mut tail = VecDeque::with_capacity(TAIL_LINES);
        let mut output = String::new();
        let ended = tokio::time::timeout(self.bound, async {
            tokio::join!(
                each_line(stdout, |line| {
                    if self.shown == Shown::All {
                        show(progress, &self.step, line);
                    }
                    output.push_str(line);
                    output.push('\n');
                }),
                each_line(stderr, |line| {
                    if self.shown != Shown::Nothing {
                        show(progress, &self.step, line);
                    }
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
        // Some programs write their errors to standard output.
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

fn show(progress: &dyn Progress, step: &str, line: &str) {
    let line = line.trim();
    if !line.is_empty() {
        progress.detail(&format!("{step}: {line}"));
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
    // An unreadable pipe counts as closed: the exit status has the outcome.
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

/// The last lines of a text that an error quotes.
pub(in crate::cluster) fn last_lines(text: &str) -> String {
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
    use std::os::unix::process::CommandExt as _;
    use std::time::Instant;

    use super::*;
    use crate::cluster::part::progress::Silent;

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

    fn bound_to_us(script: &str) -> HostCommand {
        HostCommand::no_longer_than_us("a test", "sh", Duration::from_secs(10)).args(["-c", script])
    }

    #[tokio::test]
    async fn a_program_that_is_bound_to_us_ends_as_any_other() {
        let output = bound_to_us("echo one; read -r line || echo nothing to read")
            .run(&Silent)
            .await
            .expect("it succeeds");
        assert_eq!(output, "one\nnothing to read\n");
        let error = bound_to_us("echo last words >&2; exit 7").run(&Silent).await;
        let error = error.expect_err("it fails").to_string();
        assert!(
            error.contains("exited with 7") && error.ends_with("last words"),
            "{error}"
        );
    }

    /// As after a SIGKILL of this process: nothing is left of it but that the pipe is closed.
    #[test]
    fn a_program_that_is_bound_to_us_goes_with_us() {
        let mut group = std::process::Command::new("sh")
            .args(["-c", NO_LONGER_THAN_US, "sh", "sh", "-c", "sleep 60 & sleep 60"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("it starts");
        let began = Instant::now();
        drop(group.stdin.take());
        // Whoever still had the pipe would be one that is left.
        let mut said = String::new();
        let mut stdout = group.stdout.take().expect("it was piped");
        std::io::Read::read_to_string(&mut stdout, &mut said).expect("UTF-8");
        assert!(!group.wait().expect("our own child").success());
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_program_sees_the_variables_that_it_is_handed_and_no_other() {
        let output = shell("env", Duration::from_secs(10))
            .env_only(&["PATH", "NO_SUCH_VARIABLE"])
            .env("GIVEN", "1")
            .run(&Silent)
            .await
            .expect("it succeeds");
        let names = output.lines().filter_map(|line| Some(line.split_once('=')?.0));
        // Variables that a shell sets by itself.
        let names: Vec<&str> = names.filter(|name| !["PWD", "SHLVL", "_"].contains(name)).collect();
        assert!(
            names.len() == 2 && names.contains(&"PATH") && names.contains(&"GIVEN"),
            "{output}"
        );
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let command = HostCommand::new("a test", "no-such-program-here", Duration::from_secs(1));
        let error = command.run(&Silent).await.expect_err("not there").to_string();
        assert!(error.contains("`no-such-program-here` did not start"), "{error}");
    }
}
