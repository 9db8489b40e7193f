//! The limit on a process's descriptors.

use std::fs;
use std::io;
use std::sync::{MutexGuard, PoisonError};

use rustix::process::{Resource, Rlimit, prlimit};

use crate::cluster::linux::pidfd::Pidfd;

impl Pidfd {
    /// Allows the process no descriptor beyond its open ones, which stay usable. Returns the limit that the kernel reports.
    pub(in crate::cluster) fn allow_no_more_descriptors(&self) -> io::Result<u64> {
        let before = self.allow_descriptors(Some(0))?;
        self.before().get_or_insert(before);
        self.descriptors_allowed()
    }

    /// Allows a process without descriptors as many as before. Returns the limit that the kernel reports.
    pub(in crate::cluster) fn allow_descriptors_again(&self) -> io::Result<u64> {
        if self.descriptors_allowed()? == 0 {
            // If another process set the limit: as many as the process may ask for itself.
            let before = self.before().take();
            self.allow_descriptors(before)?;
        }
        self.descriptors_allowed()
    }

    /// As [`Pidfd::allow_descriptors_again`], if that is permitted. Returns true if there was a limit to lift.
    pub(in crate::cluster) fn give_back(&self) -> bool {
        self.descriptors_allowed().is_ok_and(|allowed| allowed == 0) && self.allow_descriptors_again().is_ok()
    }

    fn before(&self) -> MutexGuard<'_, Option<u64>> {
        self.descriptors_before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the soft limit; without a number, to the hard limit. Returns the former soft limit.
    fn allow_descriptors(&self, soft: Option<u64>) -> io::Result<u64> {
        let hard = self.limit_on_descriptors("hard", 4)?;
        let new = Rlimit {
            current: Some(soft.unwrap_or(hard)),
            maximum: Some(hard),
        };
        let before = prlimit(Some(self.number), Resource::Nofile, new)?;
        self.still_there()?;
        Ok(before.current.unwrap_or(hard))
    }

    /// The soft limit.
    fn descriptors_allowed(&self) -> io::Result<u64> {
        self.limit_on_descriptors("soft", 3)
    }

    /// The kernel's line reads `Max open files  SOFT  HARD  files`; `word` counts from 0.
    fn limit_on_descriptors(&self, which: &str, word: usize) -> io::Result<u64> {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.number.as_raw_pid()))?;
        self.still_there()?;
        let line = limits.lines().find(|line| line.starts_with("Max open files"));
        let limit = line.and_then(|line| line.split_whitespace().nth(word)?.parse().ok());
        limit.ok_or_else(|| io::Error::other(format!("no {which} limit on open files in {limits}")))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write as _};
    use std::process::Command;

    use rustix::process::{Pid, Signal};

    use super::*;

    #[test]
    fn a_process_that_may_have_no_more_descriptors_may_again() {
        let piped = std::process::Stdio::piped;
        let mut child = Command::new("cat")
            .stdin(piped())
            .stdout(piped())
            .spawn()
            .expect("cat is there");
        // A program that is still being loaded would end for want of descriptors.
        let (mut ask, mut line) = (child.stdin.take().expect("a pipe"), String::new());
        ask.write_all(b"there\n").expect("it reads");
        let answer = BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line);
        assert_eq!((answer.expect("it answers"), &*line), (6, "there\n"));
        let pidfd = Pidfd::open(Pid::from_raw(child.id().cast_signed()).expect("a process id")).expect("pidfd_open");
        let before = pidfd.descriptors_allowed().expect("its limits");
        assert!(!pidfd.give_back(), "nothing was taken");
        assert_eq!(pidfd.allow_no_more_descriptors().expect("our own child"), 0);
        assert_eq!(pidfd.allow_no_more_descriptors().expect("twice is once"), 0);
        assert_eq!(pidfd.allow_descriptors_again().expect("our own child"), before);
        pidfd.signal(Signal::KILL).expect("our own child may be killed");
        child.wait().expect("it was killed");
        assert!(pidfd.allow_no_more_descriptors().is_err(), "nobody is there");
    }
}
