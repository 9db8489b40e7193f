//! The time for which a process's threads have waited for a processor.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use crate::cluster::linux::pidfd::Pidfd;

impl Pidfd {
    /// The time for which each thread of the process and of its children has waited for a processor since it began, by thread
    /// number.
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
                let text = |name: &str| fs::read_to_string(thread.join(name)).unwrap_or_default();
                for child in text("children").split_whitespace() {
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
                // The file holds: time on a processor, time of waiting for one, both in nanoseconds, and a count.
                let ns = text("schedstat")
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
}

/// Returns true if a process serves a client at one of `ours`, and `None` if the process is gone, or still bears its
/// parent's title.
fn serves_the_harness(process: &str, parent: &str, ours: &[String]) -> Option<bool> {
    let title = |process: &str| fs::read(format!("/proc/{process}/cmdline")).ok();
    let own = title(process).filter(|own| title(parent).is_none_or(|inherited| inherited != *own))?;
    let own = String::from_utf8_lossy(&own);
    // `postgres: USER DATABASE ADDRESS(PORT) ACTIVITY`.
    Some(ours.iter().any(|address| own.contains(&format!(" {address}("))))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Command;

    use rustix::process::{Pid, Signal};

    use super::*;

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
            "as in the first answer: {again:?}"
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
}
