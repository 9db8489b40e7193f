//! The footprint of a process: open descriptors and memory of its own.

use std::fs;
use std::io;
use std::path::Path;

use crate::cluster::linux::pidfd::Pidfd;

/// Descriptors and memory of a process and its children, all of them together. A service may run below a small process that only starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Number of the process. Another number is another process.
    pub process: u32,
    /// Open descriptors. `None` if the kernel does not show them: they are another user's.
    pub descriptors: Option<u64>,
    /// Memory that no file backs, in RAM or swapped out, in KiB. Pages of files come and go as the kernel likes.
    pub memory_kib: u64,
}

impl Footprint {
    /// The less of both. Another process has nothing in common with this one, and is taken as it is.
    #[must_use]
    pub fn least(self, later: Self) -> Self {
        if later.process != self.process {
            return later;
        }
        let descriptors = self.descriptors.zip(later.descriptors);
        Self {
            process: self.process,
            descriptors: descriptors.map(|(one, other)| one.min(other)),
            memory_kib: self.memory_kib.min(later.memory_kib),
        }
    }
}

impl Pidfd {
    /// Reads the process and its children. Leaves out children that end meanwhile.
    pub(in crate::cluster) fn footprint(&self) -> io::Result<Footprint> {
        let own = self.number.as_raw_nonzero().get().cast_unsigned();
        let mut all = Footprint {
            process: own,
            descriptors: Some(0),
            memory_kib: 0,
        };
        let mut processes = vec![own.to_string()];
        while let Some(process) = processes.pop() {
            let folder = Path::new("/proc").join(process);
            let Ok(status) = fs::read_to_string(folder.join("status")) else {
                continue;
            };
            all.memory_kib += memory_kib(&status);
            match descriptors(&folder) {
                Ok(open) => all.descriptors = all.descriptors.map(|others| others + open),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => all.descriptors = None,
                Err(_) => {}
            }
            processes.extend(children(&folder));
        }
        self.still_there()?;
        Ok(all)
    }
}

fn descriptors(process: &Path) -> io::Result<u64> {
    let open = fs::read_dir(process.join("fd"))?.count();
    Ok(open.try_into().unwrap_or(u64::MAX))
}

/// Numbers of the children that each thread of a process has started.
fn children(process: &Path) -> Vec<String> {
    let threads = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let texts = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let numbers = texts.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    numbers.collect()
}

/// Reads the lines `RssAnon: N kB` and `VmSwap: N kB` of a process's `status`. A process that has ended has neither.
fn memory_kib(status: &str) -> u64 {
    let of = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
    };
    of("RssAnon").unwrap_or(0) + of("VmSwap").unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    use rustix::process::Pid;

    use super::*;

    #[test]
    fn memory_is_what_no_file_backs() {
        let status =
            "Name:\tpod\nVmRSS:\t    9000 kB\nRssAnon:\t    4096 kB\nRssFile:\t    4904 kB\nVmSwap:\t       4 kB\n";
        assert_eq!(memory_kib(status), 4100);
        assert_eq!(memory_kib("Name:\tsleep\nState:\tZ (zombie)\n"), 0);
    }

    #[test]
    fn the_least_of_two_looks_is_of_one_process() {
        let of = |process, descriptors, memory_kib| Footprint {
            process,
            descriptors,
            memory_kib,
        };
        let first = of(7, Some(20), 900);
        assert_eq!(first.least(of(7, Some(21), 800)), of(7, Some(20), 800));
        assert_eq!(first.least(of(7, None, 1000)), of(7, None, 900));
        assert_eq!(first.least(of(8, Some(30), 1000)), of(8, Some(30), 1000));
    }

    #[test]
    fn descriptors_of_a_process_and_its_child_are_counted_together() {
        let script = "sleep 60 & echo there; read more; exec 7</dev/null; echo more; read end; kill $!";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let number = process.id();
        let mut said = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut says = |word| assert_eq!(said.next().and_then(Result::ok).as_deref(), Some(word));
        says("there");
        let pidfd = Pidfd::open(Pid::from_raw(number.cast_signed()).expect("a process id")).expect("pidfd_open");
        let before = pidfd.footprint().expect("the kernel tells");
        let mut input = process.stdin.take().expect("a pipe");
        input.write_all(b"go on\n").expect("it reads");
        says("more");
        let after = pidfd.footprint().expect("the kernel tells again");
        assert_eq!((before.process, after.process), (number, number));
        let (before_open, after_open) = before.descriptors.zip(after.descriptors).expect("our own child's");
        assert!(before_open >= 6, "input, output and errors of both: {before:?}");
        assert_eq!(after_open, before_open + 1, "{before:?} {after:?}");
        assert!(before.memory_kib > 0, "{before:?}");
        drop(input);
        process.wait().expect("it ends with its input");
        assert!(pidfd.footprint().is_err(), "nobody is there");
    }
}
