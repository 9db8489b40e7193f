//! A run that is killed with SIGKILL, at whatever moment of its life, leaves what `down` can find; and `down` takes all of
//! that away, and nothing that is anybody else's.
//!
//! The moments are drawn from a seed, which is printed and which `CROSSPOD_SEED` sets. They are spread over a run's whole
//! life by its phases: each round has one, and is killed after a random while in it. Deliberately absent: an assertion on
//! what a killed run was just doing; whatever it was, the same must hold.

use std::fmt;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::Signal;

use crate::command::{Running, await_true};
use crate::home::{CLUSTER, Home};
use crate::kept::FREEZES_A_POD;
use crate::neighbours::Neighbours;

const ROUNDS: usize = 20;
/// What all rounds together should take. Beyond it, the test says where the time went; it is no promise of the command's.
const EXPECTED: Duration = Duration::from_mins(4);
/// Stories that break something of each kind: a pod killed, frozen and terminated, a store frozen, links cut.
const BREAKING: [&str; 6] = [
    "fault::kill_most",
    "fault::pause",
    "fault::nats_pause",
    "fault::postgres_crash",
    "fault::*_cut_*",
    "fault::restart",
];

/// A stretch of a run's life, by what begins it and how long it may be watched from there.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The engine is asked, images are looked for, Compose is found.
    Looking,
    /// Compose has been started, and has made nothing yet: whoever looks for what is left finds nothing.
    Spawning,
    /// Compose makes and starts things.
    Composing,
    /// Parts get ready, and are connected to.
    Connecting,
    /// Stories are played, one after the other: broken, judged, healed.
    Playing,
    /// A pod is frozen just now.
    Frozen,
    /// All is played; the cluster is removed.
    Removing,
}

use Phase::{Composing, Connecting, Frozen, Looking, Playing, Removing, Spawning};

/// Each round's phase: what is short or cheap to reach comes as often as what is long.
const PHASES: [Phase; ROUNDS] = [
    Looking, Spawning, Connecting, Playing, Removing, Composing, Spawning, Frozen, Playing, Composing, Looking,
    Spawning, Connecting, Playing, Removing, Composing, Frozen, Spawning, Composing, Removing,
];

impl Phase {
    /// The longest while in it that is waited before the kill.
    fn length(self) -> Duration {
        Duration::from_millis(match self {
            Looking | Spawning => 700,
            Composing => 4000,
            Connecting | Removing => 1500,
            Playing => 6000,
            Frozen => 300,
        })
    }

    /// For how long after `down` there is a look at whether something appears.
    fn aftermath(self) -> Duration {
        Duration::from_millis(match self {
            Looking | Spawning | Composing => 2000,
            Connecting | Playing | Frozen | Removing => 100,
        })
    }

    /// What to play: the phases that do not break anything do with the shortest story.
    fn story(self, chance: &mut StdRng) -> &'static str {
        match self {
            Playing => BREAKING[chance.random_range(0..BREAKING.len())],
            Frozen => FREEZES_A_POD,
            Looking | Spawning | Composing | Connecting | Removing => "cluster_smoke",
        }
    }

    /// Waits for its beginning.
    fn begins(self, running: &mut Running, home: &Home) {
        match self {
            Looking => {}
            Spawning | Composing => drop(running.await_line(": starting ", CLUSTER)),
            Connecting => drop(running.await_line("awaiting readiness", CLUSTER)),
            Playing => drop(running.await_line(": ready in ", CLUSTER)),
            Frozen => await_true("a frozen pod", CLUSTER, || home.frozen() > 0),
            Removing => drop(running.await_line("clearing up", CLUSTER)),
        }
    }
}

#[test]
fn killed_at_any_moment_a_run_leaves_nothing_that_down_does_not_take_away_and_down_takes_nothing_else() {
    let home = Home::on_the_engine();
    let seed = seed();
    tell(&format!("seed {seed}, to be had again with CROSSPOD_SEED={seed}"));
    let mut chance = StdRng::seed_from_u64(seed);
    let mut neighbours = Neighbours::move_in(home.path());
    let began = Instant::now();
    for (number, phase) in PHASES.into_iter().enumerate() {
        let round = Round::draw(phase, &mut chance);
        let took = Instant::now();
        round.play(&home, &mut neighbours);
        tell(&format!("round {number}: {round}: {:.1?} in all", took.elapsed()));
    }
    if began.elapsed() > EXPECTED {
        let took = began.elapsed();
        tell(&format!(
            "{took:.0?} for what should take {EXPECTED:?}: the machine is busy, or a round above is slow"
        ));
    }
}

/// One run that is killed, and what is done about it.
struct Round {
    phase: Phase,
    /// How far into the phase it is killed.
    after: Duration,
    story: &'static str,
    /// Of the stories' plans.
    seed: String,
}

impl Round {
    fn draw(phase: Phase, chance: &mut StdRng) -> Self {
        Self {
            phase,
            after: phase.length().mul_f64(chance.random_range(0.0..1.0)),
            story: phase.story(chance),
            seed: chance.random_range(1..1000_u32).to_string(),
        }
    }

    fn play(&self, home: &Home, neighbours: &mut Neighbours) {
        self.kill(home);
        if let (Frozen, Some(project)) = (self.phase, home.projects().first()) {
            neighbours.lookalike_of(project);
        }
        let down = home.run(&["down"]);
        assert_eq!(down.code(), Some(0), "{self}\n{}", down.all());
        for project in neighbours.alive() {
            // The neighbours' lock lies in no folder of locks that `down` sees, so nobody can judge them to be dead.
            let begin = format!("left alone {project}: ");
            let mut lines = down.stdout.lines().filter(|line| line.starts_with(&begin));
            let is_told = lines.any(|line| line.contains("so the run counts as alive"));
            assert!(
                is_told,
                "{self}: no word that {project} counts as alive\n{}",
                down.all()
            );
        }
        // A program that has outlived its run would make more of it appear: not at once.
        std::thread::sleep(self.phase.aftermath());
        assert_eq!(home.traces(), Vec::<String>::new(), "{self}: left\n{}", down.all());
        neighbours.are_untouched();
    }

    fn kill(&self, home: &Home) {
        let mut running = home.start(&["run", self.story, "--seed", &self.seed]);
        self.phase.begins(&mut running, home);
        // Not a wait for anything: the moment is what is drawn.
        std::thread::sleep(self.after);
        running.signal(Signal::KILL);
        let killed = running.end(CLUSTER);
        let of_another = killed.stderr.contains(": its run is gone");
        assert!(!of_another, "{self}: left by the round before\n{}", killed.all());
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            phase,
            after,
            story,
            seed,
        } = self;
        write!(f, "{story} --seed {seed} killed {after:.1?} into {phase:?}")
    }
}

fn seed() -> u64 {
    match std::env::var("CROSSPOD_SEED") {
        Ok(text) => text.parse().expect("CROSSPOD_SEED is a number"),
        Err(_) => std::process::id().into(),
    }
}

/// Shown by the test runner where the test fails, or where it is asked to show what tests print.
#[expect(clippy::print_stderr, reason = "a test's account of its rounds")]
fn tell(text: &str) {
    eprintln!("{text}");
}
