//! A handle to one process that stays its own: signals through it can never reach another that got the same number,
//! and it becomes readable at the moment the process is dead.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, pidfd_send_signal, prlimit};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The init process of one start of one container.
#[derive(Debug)]
pub(in crate::cluster) struct Pidfd {
    fd: OwnedFd,
    /// The number by which the system calls that take no descriptor know it.
    number: Pid,
    /// How many descriptors it might have before it was allowed none.
    descriptors_before: Mutex<Option<u64>>,
    /// Which children serve the harness alone, of those that were there and had a title of their own when it was last asked: to ask
    /// costs more than all else that is asked of a child.
    serving: Mutex<HashMap<String, bool>>,
}

impl Pidfd {
    /// Opens the process and verifies that it belongs to the container.
    ///
    /// The order makes it safe: the descriptor is taken first, then the number is looked up, and the process must still
    /// live after the look-up. A number that was given away in between cannot pass all three.
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

    /// Opens this very process: shows whether the system has what the rest needs.
    pub(in crate::cluster) fn of_self() -> io::Result<Self> {
        Self::open(rustix::process::getpid())
    }

    fn open(number: Pid) -> io::Result<Self> {
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

    /// Allows the process no descriptor beyond those that it has; these stay good. Says how many it may have now, by the
    /// kernel's word.
    pub(in crate::cluster) fn allow_no_more_descriptors(&self) -> io::Result<u64> {
        let before = self.allow_descriptors(Some(0))?;
        self.before().get_or_insert(before);
        self.descriptors_allowed()
    }

    /// Allows the process as many descriptors as before, where it is allowed none. Says how many it may have now, by the
    /// kernel's word.
    pub(in crate::cluster) fn allow_descriptors_again(&self) -> io::Result<u64> {
        if self.descriptors_allowed()? == 0 {
            // Where somebody else took them away, as many as it might ask for itself.
            let before = self.before().take();
            self.allow_descriptors(before)?;
        }
        self.descriptors_allowed()
    }

    /// As [`Pidfd::allow_descriptors_again`], where that is permitted; whether there was anything to give back.
    pub(in crate::cluster) fn give_back(&self) -> bool {
        self.descriptors_allowed().is_ok_and(|allowed| allowed == 0) && self.allow_descriptors_again().is_ok()
    }

    fn before(&self) -> MutexGuard<'_, Option<u64>> {
        self.descriptors_before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the soft limit, without a number to the hard one; returns the soft one from before.
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

    /// How many descriptors it may have.
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

    /// What was done by its number was done to it, and not to another that got the number: it lived until now.
    fn still_there(&self) -> io::Result<()> {
        if self.is_dead()? {
            return Err(io::Error::other("the process has ended"));
        }
        Ok(())
    }

    /// Whether the process is dead by now.
    pub(in crate::cluster) fn is_dead(&self) -> io::Result<bool> {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        Ok(poll(&mut fds, Some(&Timespec::default()))? > 0)
    }

    /// When each of the processes died, of those that die within `bound`, waited for on the calling thread. The bound has to
    /// be short.
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

    /// Whether the process has none beside it in its container, as far as its children tell: what is done to it is done
    /// to all of the container.
    pub(in crate::cluster) fn is_alone(&self) -> io::Result<bool> {
        for task in self.tasks()? {
            if !fs::read_to_string(task.join("children"))?.trim().is_empty() {
                return Ok(false);
            }
        }
        Ok(!self.is_dead()?)
    }

    /// How long each thread of the process and of its children has waited for a processor since it began, by the thread's number.
    /// Leaves out threads that end meanwhile, and children that serve a client at one of `ours`: PostgreSQL writes its client's
    /// address into a backend's title. The harness's feed of changes waits longer than every other backend, and delays no pod.
    pub(in crate::cluster) fn waited(&self, ours: &[String]) -> io::Result<HashMap<String, Duration>> {
        let (mut waited, mut serving) = (HashMap::new(), HashMap::new());
        let mut known = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut processes = vec![self.number.as_raw_nonzero().to_string()];
        while let Some(process) = processes.pop() {
            let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
                continue;
            };
            for thread in threads.flatten().map(|entry| entry.path()) {
                let told = |name: &str| fs::read_to_string(thread.join(name)).unwrap_or_default();
                for child in told("children").split_whitespace() {
                    let serves = known
                        .get(child)
                        .copied()
                        .or_else(|| serves_the_harness(child, &process, ours));
                    if let Some(serves) = serves {
                        serving.insert(child.to_owned(), serves);
                    }
                    if serves != Some(true) {
                        processes.push(child.to_owned());
                    }
                }
                // Time on a processor, time without one though it could have run, both in nanoseconds, and a count.
                let ns = told("schedstat")
                    .split_whitespace()
                    .nth(1)
                    .and_then(|ns| ns.parse().ok());
                if let (Some(ns), Some(number)) = (ns, thread.file_name()) {
                    waited.insert(number.to_string_lossy().into_owned(), Duration::from_nanos(ns));
                }
            }
        }
        *known = serving;
        drop(known);
        self.still_there()?;
        Ok(waited)
    }

    /// Whether every thread of the process is stopped, as by SIGSTOP.
    pub(in crate::cluster) fn is_stopped(&self) -> io::Result<bool> {
        for task in self.tasks()? {
            match fs::read_to_string(task.join("stat")) {
                Ok(stat) if state(&stat) == Some('T') => {}
                Ok(_) => return Ok(false),
                // A thread that ended meanwhile does nothing any more.
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

    /// Returns once the process is dead: its sockets are closed by then.
    #[expect(
        deprecated,
        reason = "deprecated for types that may misreport their descriptor, which an `OwnedFd` cannot; the replacement is \
                  `unsafe`, which this workspace forbids"
    )]
    pub(in crate::cluster) async fn dead(&self) -> io::Result<()> {
        // Registered with the runtime that waits, which need not be the one that started the container.
        let fd = AsyncFd::with_interest(self.fd.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        let _ready = fd.readable().await?;
        Ok(())
    }
}

/// Whether a process serves a client at one of `ours` alone. Returns `None` if the process is gone, or still bears its
/// parent's title.
fn serves_the_harness(process: &str, parent: &str, ours: &[String]) -> Option<bool> {
    let title = |process: &str| fs::read(format!("/proc/{process}/cmdline")).ok();
    let own = title(process).filter(|own| title(parent).is_none_or(|inherited| inherited != *own))?;
    let own = String::from_utf8_lossy(&own);
    // `postgres: USER DATABASE ADDRESS(PORT) ACTIVITY`.
    Some(ours.iter().any(|address| own.contains(&format!(" {address}("))))
}

/// A thread's state in its `stat`: behind the command's name, which may hold anything.
fn state(stat: &str) -> Option<char> {
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write as _};
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

    #[test]
    fn who_waits_for_a_processor_is_told_thread_by_thread_with_its_children() {
        let ours = ["172.18.0.1".to_owned()];
        let script = r#"for name in "u d 172.18.0.1(7) idle" "u d 172.18.0.12(7) idle"; do sh -c 'echo; kill -STOP $$' "$name" & done; wait"#;
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("sh is there");
        let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        assert_eq!(
            said.take(2).filter_map(Result::ok).count(),
            2,
            "both children are there"
        );
        let number = child.id();
        let pidfd = Pidfd::open(Pid::from_raw(number.cast_signed()).expect("a process id")).expect("pidfd_open");
        let waited = pidfd.waited(&ours).expect("the kernel tells");
        let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children")).expect("children");
        let [local, other] = *children.split_whitespace().collect::<Vec<_>>() else {
            panic!("two children: {children}");
        };
        assert!(waited.contains_key(&number.to_string()), "{waited:?}");
        assert!(waited.contains_key(other), "{waited:?}");
        assert!(!waited.contains_key(local), "it serves the harness: {waited:?}");
        assert_eq!(waited.len(), 2);
        let again = pidfd.waited(&ours).expect("the kernel tells again");
        assert!(
            again.len() == 2 && again.contains_key(other),
            "as it was told before: {again:?}"
        );
        assert_eq!(
            serves_the_harness(other, other, &ours),
            None,
            "a child that has not got a title of its own yet is asked again"
        );
        for child in [local, other] {
            let child = Pid::from_raw(child.parse().expect("a number")).expect("a process id");
            rustix::process::kill_process(child, Signal::KILL).expect("our own grandchild");
        }
        child.wait().expect("it ends with its children");
        assert!(pidfd.waited(&ours).is_err(), "nobody is there");
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
