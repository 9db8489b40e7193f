//! The time for which a process's threads have run on a processor and waited for one, and the machine's processors as a whole.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use crate::cluster::linux::pidfd::Pidfd;

/// Length of a tick of `/proc/stat`: Linux shows 100 a second on every machine that the harness is built for.
const TICK_MS: u64 = 10;

/// The kernel's counts of one thread since the thread began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ThreadTimes {
    /// Time on a processor.
    pub ran: Duration,
    /// Time of waiting for one.
    pub waited: Duration,
    /// How often the thread was given a processor.
    pub turns: u64,
    /// True if it runs at the moment, or waits for a processor.
    pub is_runnable: bool,
}

impl ThreadTimes {
    /// Reads `schedstat`, two times in nanoseconds and a count; and `stat`, where the state follows the name in parentheses.
    fn parse(schedstat: &str, stat: &str) -> Option<Self> {
        let mut numbers = schedstat.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (ran, waited, turns) = (next()?, next()?, next()?);
        Some(Self {
            ran: Duration::from_nanos(ran),
            waited: Duration::from_nanos(waited),
            turns,
            is_runnable: stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('R')),
        })
    }
}

/// The machine's processors since it was started, all of them together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessorTimes {
    /// Number of processors.
    pub processors: u32,
    /// Time in which they had nothing to do.
    pub idle: Duration,
    /// Time that the host gave to other machines.
    pub stolen: Duration,
}

impl ProcessorTimes {
    /// Reads them. Returns `None` if the kernel does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Reads the lines of `/proc/stat`: `cpu user nice system idle iowait irq softirq steal ...`, in ticks, and one line a
    /// processor.
    fn parse(text: &str) -> Option<Self> {
        let all = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = all.split_whitespace().map_while(|tick| tick.parse().ok()).collect();
        let of = |place: usize| ticks.get(place).copied().unwrap_or_default();
        let is_processor = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
        let since = |ticks: u64| Duration::from_millis(ticks.saturating_mul(TICK_MS));
        ticks.get(3)?;
        Some(Self {
            processors: u32::try_from(text.lines().filter(is_processor).count()).ok()?,
            idle: since(of(3).saturating_add(of(4))),
            stolen: since(of(7)),
        })
    }
}

impl Pidfd {
    /// The times of each thread of the process and of its children, by thread number.
    /// Leaves out threads that end meanwhile, and children that serve a client at one of `ours`: PostgreSQL writes its client's
    /// address into a backend's title. The harness's feed of changes waits longer than every other backend, and delays no pod.
    pub(in crate::cluster) fn times(&self, ours: &[String]) -> io::Result<HashMap<String, ThreadTimes>> {
        let (mut times, mut serving) = (HashMap::new(), HashMap::new());
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
                if let (Some(own), Some(number)) = (
                    ThreadTimes::parse(&text("schedstat"), &text("stat")),
                    thread.file_name(),
                ) {
                    times.insert(number.to_string_lossy().into_owned(), own);
                }
            }
        }
        *known = serving;
        drop(known);
        self.still_there()?;
        Ok(times)
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
    fn the_machines_processors_are_counted_and_their_idle_and_stolen_time_read() {
        let text = "cpu  42932 10105 10879 28958 608 0 91 53 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\nintr 9\n";
        let read = ProcessorTimes::parse(text).expect("times");
        assert_eq!(
            (read.processors, read.idle.as_millis(), read.stolen.as_millis()),
            (2, 295_660, 530)
        );
        for nonsense in ["", "cpu", "cpu  1 2 3", "intr 9", "cpu0 1 2 3 4 5"] {
            assert_eq!(ProcessorTimes::parse(nonsense), None, "{nonsense}");
        }
        assert!(ProcessorTimes::now().is_some_and(|now| now.processors > 0));
    }

    #[test]
    fn a_threads_times_are_read_whole_or_not_at_all() {
        let read = ThreadTimes::parse("204711 2868627 2\n", "7 (a) R) S 1 7").expect("times");
        assert_eq!(
            (read.ran.as_nanos(), read.waited.as_nanos(), read.turns),
            (204_711, 2_868_627, 2)
        );
        for nonsense in ["", "1 2", "a b c"] {
            assert_eq!(ThreadTimes::parse(nonsense, "7 (sh) R 1"), None, "{nonsense}");
        }
        for (stat, is_runnable) in [("7 (sh) R 1", true), ("7 (a) R) S 1", false), ("", false)] {
            let read = ThreadTimes::parse("1 2 3", stat).expect("times");
            assert_eq!(read.is_runnable, is_runnable, "{stat}");
        }
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
        let waited = pidfd.times(&ours).expect("the kernel tells");
        let children = fs::read_to_string(format!("/proc/{number}/task/{number}/children")).expect("children");
        let [local, other] = *children.split_whitespace().collect::<Vec<_>>() else {
            panic!("two children: {children}");
        };
        assert!(waited.contains_key(&number.to_string()), "{waited:?}");
        assert!(waited.contains_key(other), "{waited:?}");
        assert!(!waited.contains_key(local), "it serves the harness: {waited:?}");
        assert_eq!(waited.len(), 2);
        let again = pidfd.times(&ours).expect("the kernel tells again");
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
        assert!(pidfd.times(&ours).is_err(), "nobody is there");
    }
}
