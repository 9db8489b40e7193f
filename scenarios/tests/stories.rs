//! Every story as a libtest-mimic trial on a live cluster.
//!
//! In one process the trials share a cluster, which comes up with the first of them; a runner that starts a process a
//! trial gives each its own, or the one that `crosspod up` keeps. Only a pass passes; a play that CPU starvation excuses is played
//! again, and too many of them make the whole run fail.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use crosspod::cluster::AllowedHosts;
use crosspod::report::{START, StoryReport, first_screen};
use crosspod::run::{LiveRun, Session, Setting, Story};
use crosspod::system::load::open::Known;
use crosspod::system::{Choice, System};
use crosspod::verdict::Verdict;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// Environment variable that sets the seed of every plan; without it each run draws one.
const SEED: &str = "CROSSPOD_SEED";

fn main() -> ExitCode {
    let mut args = Arguments::from_args();
    // One cluster carries one story at a time.
    args.test_threads = Some(1);
    let stage = match Stage::new() {
        Ok(stage) => Arc::new(stage),
        Err(e) => {
            report(&e);
            return ExitCode::FAILURE;
        }
    };
    let trials = scenarios::stories().into_iter().map(|story| {
        let stage = stage.clone();
        // A story that the system cannot play, and a long one, are shown as ignored; `crosspod list` says why.
        let is_left_out = story.available(&stage.system).is_err() || story.is_long();
        Trial::test(story.name, move || stage.play(&story)).with_ignored_flag(is_left_out)
    });
    let start = {
        let stage = stage.clone();
        Trial::test(START, move || stage.start())
    };
    let conclusion = libtest_mimic::run(&args, std::iter::once(start).chain(trials).collect());
    let (whole, cleared) = (stage.judge_whole(), stage.clear());
    let failed: Vec<String> = [whole, cleared].into_iter().filter_map(Result::err).collect();
    for e in &failed {
        report(e);
    }
    if failed.is_empty() {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}

/// What the trials of this process share. Nothing of it comes up before the first trial: a listing needs no engine.
struct Stage {
    system: Arc<System>,
    runtime: Runtime,
    seed: u64,
    run: OnceCell<Result<LiveRun, String>>,
    session: OnceCell<Result<Session, String>>,
    played: Mutex<Vec<StoryReport>>,
}

impl Stage {
    fn new() -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|e| format!("no runtime: {e}"))?;
        let seed = match std::env::var(SEED) {
            Ok(text) => text.parse().map_err(|_| format!("{SEED}={text} is not a number"))?,
            Err(_) => std::process::id().into(),
        };
        let (system, _) = System::open(&Choice::of_environment(), Known::default()).map_err(|e| e.to_string())?;
        Ok(Self {
            system: Arc::new(system),
            runtime,
            seed,
            run: OnceCell::new(),
            session: OnceCell::new(),
            played: Mutex::default(),
        })
    }

    fn play(&self, story: &Story) -> Result<(), Failed> {
        story.available(&self.system)?;
        let played = self.runtime.block_on(async {
            let session = self.session.get_or_init(|| self.open()).await.as_ref()?;
            Ok::<_, &String>(session.play(story, self.seed).await)
        });
        let done = played.map_err(Clone::clone)?;
        let (verdict, screen) = (done.verdict, first_screen(&done));
        self.played.lock().map_err(|e| e.to_string())?.push(done);
        if verdict == Verdict::Pass {
            if !screen.is_empty() {
                report(&screen);
            }
            Ok(())
        } else {
            Err(format!("{verdict:?}\n{screen}").into())
        }
    }

    /// Keeps the run's report. Fails if CPU starvation excuses so many plays that the run as a whole proves nothing.
    fn judge_whole(&self) -> Result<(), String> {
        let Some(Ok(session)) = self.session.get() else {
            return Ok(());
        };
        let played = self.played.lock().map_err(|e| e.to_string())?.clone();
        let whole = session.report(self.seed, played, &[]).map_err(|e| e.to_string())?;
        whole.excused.map_or(Ok(()), Err)
    }

    /// Brings the cluster up: a pod that ends by itself beside the others fails this trial alone.
    fn start(&self) -> Result<(), Failed> {
        let session = self
            .runtime
            .block_on(async { self.session.get_or_init(|| self.open()).await.as_ref() })?;
        match session.start_report(self.seed) {
            None => Ok(()),
            Some(report) => Err(first_screen(&report).into()),
        }
    }

    async fn open(&self) -> Result<Session, String> {
        let setting = Setting {
            system: self.system.clone(),
            defect: None,
            filter: None,
            slots: 1,
        };
        let tell = |step: &str| report(step);
        let run = self
            .run
            .get_or_init(|| async {
                LiveRun::find(&AllowedHosts::this_machine(), &tell)
                    .await
                    .map_err(|e| e.to_string())
            })
            .await;
        run.as_ref()?
            .open(&setting, None, &tell)
            .await
            .map_err(|e| e.to_string())
    }

    fn clear(&self) -> Result<(), String> {
        match self.run.get() {
            Some(Ok(run)) => self.runtime.block_on(run.clear()).map_err(|e| e.to_string()),
            _ => Ok(()),
        }
    }
}

fn report(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
