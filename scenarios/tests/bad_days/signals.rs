//! A run that is told to stop, at whatever it is just doing, takes away what it has brought up; one that is killed leaves
//! that to the next.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::bystanders::Decoys;
use crate::command::{Ended, Running, await_true};
use crate::home::{CLUSTER, Home, PARTS};
use crate::set_up::{TO_NATS, TO_NOWHERE};

/// How long a run may take to clear up after a signal.
const CLEARING: Duration = Duration::from_secs(20);
/// The longest of the stories: there is time to break into it.
const LONG_STORY: &str = "rolling_restart_mid_answer";

/// Sends the signal and asserts what is promised of every moment.
pub(crate) fn stops(running: Running, signal: Signal) -> Ended {
    let told = Instant::now();
    running.signal(signal);
    let ended = running.end(CLEARING);
    assert_eq!(ended.code(), Some(130), "{}", ended.all());
    let notice = ended.notice();
    assert!(
        notice.starts_with("crosspod: interrupted; ") && notice.ends_with("is removed"),
        "{}",
        ended.all()
    );
    assert!(told.elapsed() < CLEARING, "{}", ended.all());
    ended
}

#[test]
fn told_to_stop_while_images_are_had() {
    let home = Home::on_the_engine();
    for (command, signal) in [(&["run", "cluster_smoke"][..], Signal::INT), (&["up"], Signal::TERM)] {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let image = format!("{}/none:none", silent.local_addr().expect("bound"));
        let mut command = home.command(command);
        command.env("CROSSPOD_IMAGE_NATS", image);
        let mut running = Running::start(command);
        running.await_line("nats: pulling", CLUSTER);
        stops(running, signal);
        home.is_clean();
    }
}

#[test]
fn told_to_stop_while_compose_is_at_work() {
    let home = Home::on_the_engine();
    // As soon as there is anything at all, and well into it.
    for (things, signal) in [(1, Signal::INT), (6, Signal::TERM)] {
        let mut running = home.start(&["run", "cluster_smoke"]);
        running.await_line(": starting ", CLUSTER);
        await_true("things of the run", CLUSTER, || home.left_behind().len() >= things);
        stops(running, signal);
        home.is_clean();
    }
}

#[test]
fn told_to_stop_while_parts_get_ready() {
    let home = Home::on_the_engine();
    let mut command = home.command(&["up"]);
    let never_ready = home.workspace_with(TO_NATS, TO_NOWHERE);
    command.env("CROSSPOD_WORKSPACE", never_ready);
    let mut running = Running::start(command);
    running.await_line("awaiting readiness", CLUSTER);
    stops(running, Signal::TERM);
    home.is_clean();
}

/// A terminal that is closed takes its commands with it, unless one was told to outlive it.
#[test]
fn told_to_stop_as_its_terminal_goes_away() {
    let home = Home::on_the_engine();
    let told = |how: &str| {
        let plain = home.command(&["run", "cluster_smoke"]);
        let mut command = Command::new("env");
        command.arg(how).arg(plain.get_program()).args(plain.get_args());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut running = Running::start(command);
        running.await_line(": starting ", CLUSTER);
        running
    };
    stops(told("--default-signal=HUP"), Signal::HUP);
    home.is_clean();
    let outlives = told("--ignore-signal=HUP");
    outlives.signal(Signal::HUP);
    let ended = outlives.end(CLUSTER);
    assert_eq!(ended.code(), Some(0), "{}", ended.all());
    home.is_clean();
}

#[test]
fn told_to_stop_in_the_middle_of_a_story() {
    let home = Home::on_the_engine();
    let (running, _) = mid_story(&home);
    stops(running, Signal::INT);
    home.is_clean();
}

#[test]
fn told_to_stop_between_two_stories_it_tells_what_it_had_come_to() {
    let home = Home::on_the_engine();
    let mut running = home.start(&["run", "cluster_smoke", "--repeat", "1000", "--seed", "7"]);
    let second = run_folder(&mut running).join("002-cluster_smoke");
    await_true("a second story", CLUSTER, || second.exists());
    let ended = stops(running, Signal::INT);
    let told = ended.stdout.lines().last().unwrap_or_default();
    let numbers: Vec<u32> = told.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [done, all, seed, rest] = numbers[..] else {
        panic!("{}", ended.all())
    };
    assert!(
        told.starts_with("interrupted after ") && done >= 1 && (all, seed, rest) == (1000, 7 + done, 1000 - done),
        "{}",
        ended.all()
    );
    let passed = format!("INCONCLUSIVE: {done} passed, 0 failed, 0 inconclusive, 0 broken; seed 7");
    assert!(ended.stdout.lines().any(|line| line == passed), "{}", ended.all());
    home.is_clean();
}

/// By then all is judged: what was found is told, and what is being removed is removed to the end.
#[test]
fn told_to_stop_while_it_clears_up() {
    let home = Home::on_the_engine();
    let mut running = home.start(&["run", "cluster_smoke"]);
    running.await_line("clearing up", CLUSTER);
    running.signal(Signal::INT);
    let ended = running.end(CLEARING);
    assert_eq!(ended.code(), Some(0), "{}", ended.all());
    assert!(!ended.stderr.contains("panicked"), "{}", ended.all());
    home.is_clean();
}

#[test]
fn killed_in_the_middle_of_a_story_it_leaves_to_down_what_is_ours_and_nothing_else() {
    let home = Home::on_the_engine();
    let (project, history) = killed_mid_story(&home);
    let decoys = Decoys::of(&home, &project);
    let down = home.run(&["down"]);
    assert_eq!(down.code(), Some(0), "{}", down.all());
    decoys.are_unharmed();
    home.is_clean();
    // What it had seen until then can be judged, and is no pass.
    let folder = history.parent().expect("it is in a folder").display().to_string();
    let judged = home.run(&["recheck", &folder]);
    assert_eq!(judged.code(), Some(3), "{}", judged.all());
    assert!(judged.stdout.contains("BROKEN"), "{}", judged.all());
}

#[test]
fn killed_in_the_middle_of_a_story_it_leaves_to_the_next_run_what_is_ours_and_nothing_else() {
    let home = Home::on_the_engine();
    let (project, _) = killed_mid_story(&home);
    let decoys = Decoys::of(&home, &project);
    let next = home.run(&["run", "cluster_smoke"]);
    assert_eq!(next.code(), Some(0), "{}", next.all());
    decoys.are_unharmed();
    home.is_clean();
}

/// Kills a run mid-story, and asserts that there is something to be removed. Its project and its history.
fn killed_mid_story(home: &Home) -> (String, PathBuf) {
    let (running, history) = mid_story(home);
    running.signal(Signal::KILL);
    let ended = running.end(CLEARING);
    assert_eq!(ended.code(), None, "{}", ended.all());
    assert_eq!(home.containers(&[]).len(), PARTS, "a killed run clears nothing up");
    let run = history
        .ancestors()
        .nth(2)
        .and_then(|folder| folder.file_name())
        .expect("the run's folder");
    (format!("crosspod-{}-0", run.to_string_lossy()), history)
}

/// A run whose story has shown an answer's first token, and that story's history.
fn mid_story(home: &Home) -> (Running, PathBuf) {
    let mut running = home.start(&["run", LONG_STORY]);
    let folder = run_folder(&mut running);
    let history = folder.join(format!("001-{LONG_STORY}")).join("history.jsonl");
    await_true("an answer's first token", CLUSTER, || {
        std::fs::read_to_string(&history).is_ok_and(|text| text.contains("\"says\":\"delta\""))
    });
    (running, history)
}

/// The folder of a run's artefacts, once its cluster is ready.
fn run_folder(running: &mut Running) -> PathBuf {
    let line = running.await_line(": ready in ", CLUSTER);
    let run = line.split("crosspod-").nth(1).and_then(|rest| rest.split('-').next());
    crosspod::run::artefacts().join(run.expect("it names the project"))
}
