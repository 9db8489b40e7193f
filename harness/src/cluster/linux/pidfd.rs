//! A handle to one process: signals through it can never reach another process with the same number, and it becomes readable
//! at the moment the process is dead.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The init process of one start of one container.
#[derive(Debug)]
pub(in crate::cluster) struct Pidfd {
    fd: OwnedFd,
    /// Process id, for the system calls that take no descriptor.
    pub(super) number: Pid,
    /// The soft limit on descriptors before it was set to none.
    pub(super) descriptors_before: Mutex<Option<u64>>,
    /// True for each child that serves the harness alone. A cache: reading a child's title costs more than all else that is read
    /// of it. Children without a title of their own are left out.
    pub(super) serving: Mutex<HashMap<String, bool>>,
}

impl Pidfd {
    /// Opens the process and verifies that it belongs to the container.
    ///
    /// The order makes it safe: the descriptor is taken first, then the number is looked up, and the process must still live
    /// after the look-up. A number that was reused in between cannot pass all three.
    pub(in crate::cluster) fn of_container(pid: i64, container: &str) -> io::Result<Self> {
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let number = number.ok_or_else(|| io::Error::other(format!("the engine gave process id {pid}")))?;
        let pidfd = Self::open(number)?;
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

    /// Opens this very process, as a test that the system has pidfds.
    pub(in crate::cluster) fn of_self() -> io::Result<Self> {
        Self::open(rustix::process::getpid())
    }

    pub(super) fn open(number: Pid) -> io::Result<Self> {
        Ok(Self {
            fd: pidfd_open(number, PidfdFlags::empty())?,
            number,
            descriptors_before: Mutex::default(),
            serving: Mutex::default(),
        })
    }

    /// Sends a signal to the process.
    pub(in crate::cluster) fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.fd, signal)?)
    }

    /// Confirms that the process lives. A system call by its number has then reached it, and no other process with the number.
    pub(super) fn still_there(&self) -> io::Result<()> {
        if self.is_dead()? {
            return Err(io::Error::other("the process has ended"));
        }
        Ok(())
    }

    /// Returns true if the process is dead.
    pub(in crate::cluster) fn is_dead(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec::default()))? > 0)
    }

    /// Waits on the calling thread for the processes to die. Returns the time of each death within `bound`, which has to be short.
    pub(in crate::cluster) fn deaths_within(pidfds: &[&Self], bound: Duration) -> Vec<Option<Instant>> {
        let until = Instant::now() + bound;
        let mut died = vec![None; pidfds.len()];
        loop {
            let alive: Vec<usize> = (0..pidfds.len()).filter(|n| died[*n].is_none()).collect();
            let left = until.saturating_duration_since(Instant::now());
            let (Ok(left), false) = (Timespec::try_from(left), alive.is_empty()) else {
                return died;
            };
            let mut fds: Vec<_> = alive
                .iter()
                .map(|n| PollFd::new(&pidfds[*n].fd, PollFlags::IN))
                .collect();
            match poll(&mut fds, Some(&left)) {
                Ok(1..) | Err(Errno::INTR) => {}
                Ok(0) | Err(_) => return died,
            }
            let now = Instant::now();
            for (n, fd) in alive.iter().zip(&fds) {
                died[*n] = (!fd.revents().is_empty()).then_some(now);
            }
        }
    }

    /// Returns true if the process has no children: it is then all there is of its container.
    pub(in crate::cluster) fn is_alone(&self) -> io::Result<bool> {
        for task in self.tasks()? {
            if !fs::read_to_string(task.join("children"))?.trim().is_empty() {
                return Ok(false);
            }
        }
        Ok(!self.is_dead()?)
    }

    /// Returns true if every thread of the process is stopped, as by SIGSTOP.
    pub(in crate::cluster) fn is_stopped(&self) -> io::Result<bool> {
        for task in self.tasks()? {
            match fs::read_to_string(task.join("stat")) {
                Ok(stat) if state(&stat) == Some('T') => {}
                Ok(_) => return Ok(false),
                // The thread has ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(!self.is_dead()?)
    }

    /// Folders of the process's threads.
    fn tasks(&self) -> io::Result<Vec<PathBuf>> {
        let folder = format!("/proc/{}/task", self.number.as_raw_nonzero());
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }

    /// Waits until the process is dead: its sockets are closed by then.
    #[expect(
        deprecated,
        reason = "deprecated for types that may misreport their descriptor, which an `OwnedFd` cannot; the replacement is \
                  `unsafe`, which this workspace forbids"
    )]
    pub(in crate::cluster) async fn dead(&self) -> io::Result<()> {
        // Registered with the runtime that waits: another one may have started the container.
        let fd = AsyncFd::with_interest(self.fd.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        let _ready = fd.readable().await?;
        Ok(())
    }
}

/// The state of a thread in its `stat`. It follows the command's name, which may hold any character.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn death_is_seen_at_once_and_only_then() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is there");
        let number = Pid::from_raw(child.id().cast_signed()).expect("a process id");
        let pidfd = Pidfd::open(number).expect("pidfd_open");
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
    fn of_several_processes_it_is_told_which_died_and_when() {
        let mut children = [(); 3].map(|()| Command::new("sleep").arg("60").spawn().expect("sleep is there"));
        let pidfds = children.each_ref().map(|child| {
            let number = Pid::from_raw(child.id().cast_signed()).expect("a process id");
            Pidfd::open(number).expect("pidfd_open")
        });
        let watch = |bound| Pidfd::deaths_within(&pidfds.each_ref(), bound);
        assert_eq!(watch(Duration::from_millis(1)), [None; 3], "all of them live");
        let before = Instant::now();
        for n in [0, 2] {
            pidfds[n].signal(Signal::KILL).expect("our own child may be killed");
            children[n].wait().expect("it was killed");
        }
        let died = watch(Duration::from_millis(100));
        assert!(
            died[0] >= Some(before) && died[1].is_none() && died[2] >= Some(before),
            "{died:?}"
        );
        children[1].kill().expect("our own child may be killed");
        let died = watch(Duration::from_secs(5));
        assert!(died.iter().all(Option::is_some), "{died:?}");
        children[1].wait().expect("it was killed");
    }

    #[test]
    fn a_stopped_process_is_told_from_one_that_runs() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is there");
        let number = Pid::from_raw(child.id().cast_signed()).expect("a process id");
        let pidfd = Pidfd::open(number).expect("pidfd_open");
        let becomes = |stopped: bool| {
            let began = Instant::now();
            while pidfd.is_stopped().expect("its threads can be read") != stopped {
                assert!(began.elapsed() < Duration::from_secs(5), "never stopped = {stopped}");
            }
        };
        assert!(!pidfd.is_stopped().expect("its threads can be read"));
        assert!(pidfd.is_alone().expect("its children can be read"));
        pidfd.signal(Signal::STOP).expect("our own child may be stopped");
        becomes(true);
        pidfd.signal(Signal::CONT).expect("our own child may go on");
        becomes(false);
        pidfd.signal(Signal::KILL).expect("our own child may be killed");
        child.wait().expect("it was killed");
        assert!(pidfd.is_stopped().is_err(), "a process that is gone has no threads");
    }

    #[test]
    fn a_process_with_children_is_not_alone() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 60 & echo there; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("sh is there");
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let number = Pid::from_raw(child.id().cast_signed()).expect("a process id");
        let pidfd = Pidfd::open(number).expect("pidfd_open");
        let alone = pidfd.is_alone().expect("its children can be read");
        let task = fs::read_to_string(format!("/proc/{}/task/{}/children", child.id(), child.id()));
        for grandchild in task.expect("children").split_whitespace() {
            let grandchild = Pid::from_raw(grandchild.parse().expect("a number")).expect("a process id");
            rustix::process::kill_process(grandchild, Signal::KILL).expect("our own grandchild");
        }
        child.wait().expect("it ends with its child");
        assert!(!alone);
    }

    #[test]
    fn a_threads_state_stands_behind_a_name_that_may_hold_anything() {
        assert_eq!(state("7 (a) S (b)) T 1 7 7 0"), Some('T'));
        assert_eq!(state("7 sleep"), None);
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
