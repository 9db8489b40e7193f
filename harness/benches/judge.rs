//! What judging costs: generated histories of 10^4, 10^5 and 10^6 events, judged by every promise.
//!
//! `cargo bench --bench judge` prints the time of each, and before that the peak memory of a process that does nothing but
//! hold such a history and judge it. The histories are made like real ones: threads of ten turns, three watchers a thread
//! with the raw bytes of each frame, parts and rows as the store tells them, now and then a killed owner and a takeover,
//! and every thread read on every pod in the end.

mod generate;

use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use crosspod::judge;
use crosspod::verdict::Verdict;

/// Sizes of the histories, in events.
const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Names the size to a child process that measures its own memory.
const MEMORY_OF: &str = "CROSSPOD_BENCH_MEMORY_OF";

fn main() -> ExitCode {
    if let Ok(size) = std::env::var(MEMORY_OF) {
        return measure(&size);
    }
    for size in SIZES {
        memory(size);
    }
    let mut criterion = Criterion::default().configure_from_args();
    time(&mut criterion);
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn time(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for size in SIZES {
        let history = generate::history(size);
        group.throughput(Throughput::Elements(history.events.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &history, |bencher, history| {
            bencher.iter(|| judge::judge(black_box(history)));
        });
    }
    group.finish();
}

/// Lets a child process print its peak memory, so that no other measurement is in it.
fn memory(size: usize) {
    let child = std::env::current_exe().and_then(|own| Command::new(own).env(MEMORY_OF, size.to_string()).status());
    if !child.is_ok_and(|status| status.success()) {
        report(&format!("the memory of {size} events could not be measured"));
    }
}

fn measure(size: &str) -> ExitCode {
    let Ok(size) = size.parse() else {
        report(&format!("{MEMORY_OF} must be a number of events, got {size}"));
        return ExitCode::FAILURE;
    };
    let history = generate::history(size);
    let held_kib = peak_kib();
    let judgement = judge::judge(&history);
    report(&format!(
        "{} events: peak {} MiB with the judge's work, {} MiB without, verdict {:?}",
        history.events.len(),
        peak_kib() / 1024,
        held_kib / 1024,
        judgement.verdict
    ));
    // A generated history that is not judged clean measures something else.
    if judgement.verdict == Verdict::Pass {
        return ExitCode::SUCCESS;
    }
    report(&format!("{:#?}", judgement.findings.first()));
    ExitCode::FAILURE
}

/// This process's peak resident memory, in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
