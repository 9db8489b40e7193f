//! Runs `crosspod` and reads what it says, with a hard bound on everything.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How a command ended and what it said.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Everything it said, for the message of an assertion that fails.
    pub(crate) fn all(&self) -> String {
        let Self {
            status,
            stdout,
            stderr,
            took,
        } = self;
        format!("{status} after {took:.1?}\nstandard output:\n{stdout}\nstandard error:\n{stderr}")
    }

    /// The one message of a command that failed: exit 3, steps before it, nothing after it, no panic.
    pub(crate) fn message(&self) -> &str {
        assert_eq!(self.code(), Some(3), "{}", self.all());
        self.notice()
    }

    /// The one message on standard error, after any number of steps.
    pub(crate) fn notice(&self) -> &str {
        assert!(!self.stderr.contains("panicked"), "{}", self.all());
        let is_message = |line: &&str| line.starts_with("crosspod: ");
        assert_eq!(
            self.stderr.lines().filter(is_message).count(),
            1,
            "one message\n{}",
            self.all()
        );
        let steps = self.stderr.lines().take_while(|line| !is_message(line));
        assert!(
            steps.clone().all(|line| line.starts_with('[')),
            "steps alone before it\n{}",
            self.all()
        );
        let before: usize = steps.map(|line| line.len() + 1).sum();
        self.stderr[before..].trim_end()
    }

    /// Asserts that the one message says each of these.
    pub(crate) fn says(&self, phrases: &[&str]) -> &Self {
        let message = self.message();
        for phrase in phrases {
            assert!(message.contains(phrase), "no {phrase:?} in the message\n{}", self.all());
        }
        self
    }

    /// Asserts that it did not take longer.
    pub(crate) fn within(&self, bound: Duration) -> &Self {
        assert!(self.took <= bound, "expected the end within {bound:?}\n{}", self.all());
        self
    }
}

/// A command that runs. Dropped, it is killed: a test that fails leaves no process behind.
pub(crate) struct Running {
    child: Child,
    began: Instant,
    lines: Receiver<String>,
    stderr: String,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the built binary starts");
        let stdout = child.stdout.take().expect("it was piped");
        let stderr = child.stderr.take().expect("it was piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            let whole_lines = BufReader::new(stderr).lines().map_while(Result::ok);
            // Nobody listens any more once the test is over.
            whole_lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            BufReader::new(stdout).read_to_string(&mut text).expect("UTF-8");
            text
        });
        Self {
            child,
            began: Instant::now(),
            lines,
            stderr: String::new(),
            stdout: Some(stdout),
        }
    }

    /// Waits for a line on standard error that holds this, and gives it back.
    pub(crate) fn await_line(&mut self, holds: &str, bound: Duration) -> String {
        let until = Instant::now() + bound;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                    if line.contains(holds) {
                        return line;
                    }
                }
                Err(why) => panic!(
                    "awaited a line with {holds:?} for {bound:?}: {why}; so far:\n{}",
                    self.stderr
                ),
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("the child is there until it is waited for");
    }

    /// Waits for its end. A command that does not end is killed and fails the test.
    pub(crate) fn end(mut self, bound: Duration) -> Ended {
        let until = Instant::now() + bound;
        // Standard error closes when the process ends, or in vain when a child of it has it still.
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.stderr.push_str(&(line + "\n")),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("awaited the end for {bound:?}; so far:\n{}", self.stderr),
            }
        }
        let status = self.child.wait().expect("our own child");
        let took = self.began.elapsed();
        let stdout = self
            .stdout
            .take()
            .expect("taken once")
            .join()
            .expect("it does not panic");
        Ended {
            status,
            stdout,
            stderr: std::mem::take(&mut self.stderr),
            took,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has been waited for, which is as it should be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a condition holds that nothing tells of.
pub(crate) fn await_true(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + bound;
    while !condition() {
        assert!(Instant::now() < until, "awaited {what} for {bound:?}");
        thread::sleep(Duration::from_millis(20));
    }
}
