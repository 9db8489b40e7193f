//! A handle to one process that stays its own: signals through it can never reach another that got the same number,
//! and it becomes readable at the moment the process is dead.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The init process of one start of one container.
#[derive(Debug)]
pub(super) struct Pidfd(OwnedFd);

impl Pidfd {
    /// Opens the process and verifies that it belongs to the container.
    ///
    /// The order makes it safe: the descriptor is taken first, then the number is looked up, and the process must still
    /// live after the look-up. A number that was given away in between cannot pass all three.
    pub(super) fn of_container(pid: i64, container: &str) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::other(format!("the engine gave process id {pid}")))?;
        let pidfd = Self(pidfd_open(number, PidfdFlags::empty())?);
        let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        if !cgroup.contains(container) {
            return Err(io::Error::other(format!(
                "process {pid} of this machine is not in container {container}"
            )));
        }
        if pidfd.is_dead()? {
            return Err(io::Error::other(format!("process {pid} ended while it was looked up")));
        }
        Ok(pidfd)
    }

    /// Opens this very process: shows whether the system has what the rest needs.
    pub(super) fn of_self() -> io::Result<Self> {
        Ok(Self(pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?))
    }

    /// Sends a signal to the process.
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.0, signal)?)
    }

    /// Whether the process is dead by now.
    pub(super) fn is_dead(&self) -> io::Result<bool> {
        self.dies_within(Timespec { tv_sec: 0, tv_nsec: 0 })
    }

    /// Whether the process dies within `bound`, waited for on the calling thread: there is no runtime between the kernel's
    /// word and whoever waits for it. The bound has to be short.
    pub(super) fn dies_within(&self, bound: Timespec) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&bound))? > 0)
    }

    /// Returns once the process is dead: its sockets are closed by then.
    #[expect(
        deprecated,
        reason = "deprecated for types that may misreport their descriptor, which an `OwnedFd` cannot; the replacement is \
                  `unsafe`, which this workspace forbids"
    )]
    pub(super) async fn dead(&self) -> io::Result<()> {
        // Registered with the runtime that waits, which need not be the one that started the container.
        let fd = AsyncFd::with_interest(self.0.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        let _ready = fd.readable().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn death_is_seen_at_once_and_only_then() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is there");
        let number = Pid::from_raw(child.id().cast_signed()).expect("a process id");
        let pidfd = Pidfd(pidfd_open(number, PidfdFlags::empty()).expect("pidfd_open"));
        assert!(!pidfd.is_dead().expect("poll"));
        let early = tokio::time::timeout(Duration::from_millis(20), pidfd.dead()).await;
        assert!(early.is_err(), "readable while the process lives");
        pidfd.signal(Signal::KILL).expect("our own child may be killed");
        tokio::time::timeout(Duration::from_secs(5), pidfd.dead())
            .await
            .expect("within 5 s")
            .expect("readable");
        assert!(pidfd.is_dead().expect("poll"));
        child.wait().expect("it was killed");
        assert!(
            pidfd.signal(Signal::KILL).is_err(),
            "nothing to signal once it is reaped"
        );
    }

    #[test]
    fn a_process_outside_the_container_is_refused() {
        let own = i64::from(std::process::id());
        let error = Pidfd::of_container(own, "0123456789abcdef").expect_err("not in that container");
        assert!(
            error.to_string().contains("is not in container 0123456789abcdef"),
            "{error}"
        );
        assert!(Pidfd::of_container(0, "0123456789abcdef").is_err(), "0 is no process");
    }
}
