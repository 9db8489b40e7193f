//! `run`: plays stories on clusters of its own and prints each verdict as it comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args as ClapArgs;

use super::dry_run::dry_run;
use super::interrupted_run::InterruptedRun;
use crate::cli::allowed::Allowed;
use crate::cli::chosen::Chosen;
use crate::cli::output::{Format, fail, say, say_json};
use crate::cli::progress::Shown;
use crate::cli::staged::staged;
use crate::plan::seed_of_repetition;
use crate::report::{self, Command, RunReport, StoryReport};
use crate::run::{LiveRun, Options, RunError, Selected, Session, Setting, Shard, Story, conditions, side_by_side};
use crate::system::{Choice, System};
use crate::verdict::Verdict;

/// Options of `run`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// Stories to play: a name, a part of one, or a pattern with `*`; several with commas between. Without one: every story, or with
    /// `--defect` those that must catch it.
    filter: Option<String>,
    /// Switch a named defect on in every pod; `list` shows them.
    #[arg(long, value_name = "NAME")]
    defect: Option<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Seed of the plans; if absent, one is drawn and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Play each story this many times, each time with the next seed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Play a part of the stories only, such as 1/3 for the first of three parts. All parts together play each story.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Begin no further play once a promise was broken.
    #[arg(long)]
    fail_fast: bool,
    /// Number of clusters on which stories are played side by side.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    slots: u16,
    /// Stop at each story that does not pass, with the cluster alive, until Enter or Ctrl-C. Needs `--slots 1`.
    #[arg(long)]
    hold: bool,
    /// Print what the run would do (plans, images, containers, network, volumes, what would be removed) and change nothing.
    #[arg(long, conflicts_with = "hold")]
    dry_run: bool,
    #[command(flatten)]
    allowed: Allowed,
    /// How to print results.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(in crate::cli) async fn run(stories: &[Story], args: Args) -> u8 {
    let seed = args.seed.unwrap_or_else(|| rand::random::<u32>().into());
    if args.hold && args.slots > 1 {
        return fail(&format!(
            "--hold stops the world of one cluster, and --slots {} has others play on beside it: leave one of them out",
            args.slots
        ));
    }
    let system = match args.chosen.system(stories) {
        Ok(system) => Arc::new(system),
        Err(e) => return end(&RunReport::broken(seed, e), args.format),
    };
    if args.dry_run {
        return ahead(stories, &args, &system, seed).await;
    }
    let selected = match options(&args, seed).select(stories, &system) {
        Ok(selected) => selected,
        Err(e) => {
            let report = RunReport::broken(seed, e.to_string()).leaving_out(e.not_applicable());
            return end(&report, args.format);
        }
    };
    let (shown, done) = (Shown::new(), InterruptedRun::default());
    let work =
        async |live: &LiveRun| Box::pin(play_all(live, &selected, (&args, &system), seed, (&shown, &done))).await;
    let played = Box::pin(staged(&args.allowed, &shown, work)).await.into_result();
    shown.done();
    match played {
        Ok(played) => end(
            &played.unwrap_or_else(|reason| RunReport::broken(seed, reason)),
            args.format,
        ),
        Err(code) => {
            let rest = |seed, repeat| rest(&args, &system.choice, seed, repeat);
            if let Some(report) = done.report(selected.playable.len(), (seed, args.repeat), rest) {
                print_interrupted(&report.leaving_out(&selected.not_applicable), args.format);
            }
            code
        }
    }
}

/// Prints the result of a run that was not interrupted. Returns the exit code.
fn end(report: &RunReport, format: Format) -> u8 {
    match (format, &report.reason) {
        (Format::Json, _) => say_json(report),
        (Format::Human, None) => say(&report::summary(report)),
        (Format::Human, Some(reason)) => return fail(reason),
    }
    report.verdict.exit_code()
}

/// Prints the verdicts of an interrupted run and how to play the rest.
fn print_interrupted(report: &RunReport, format: Format) {
    match format {
        Format::Json => say_json(report),
        Format::Human => say(&format!(
            "{}{}",
            report::summary(report),
            report.reason.as_deref().unwrap_or_default()
        )),
    }
}

/// Prints what the run would do.
/// The most plays that a dry run prints, each with its plan.
const FORETOLD_MAX: usize = 10_000;

fn too_many_to_foretell(stories: usize, repeat: u32) -> bool {
    usize::try_from(repeat)
        .ok()
        .and_then(|repeat| repeat.checked_mul(stories))
        .is_none_or(|plays| plays > FORETOLD_MAX)
}

async fn ahead(stories: &[Story], args: &Args, system: &Arc<System>, seed: u64) -> u8 {
    let options = options(args, seed);
    match options.select(stories, system) {
        Ok(selected) if too_many_to_foretell(selected.playable.len(), args.repeat) => fail(&format!(
            "a dry run foretells at most {FORETOLD_MAX} plays, and these are {} stories {} times: leave --repeat out or lower it; \
             a run itself may be as long as that",
            selected.playable.len(),
            args.repeat
        )),
        Ok(selected) => {
            dry_run(
                &selected,
                &options,
                &setting(args, system),
                &args.allowed.hosts(),
                args.format,
            )
            .await
        }
        Err(e) => fail(&e.to_string()),
    }
}

/// The command that plays `repeat` repetitions of the same stories from a seed on.
fn rest(args: &Args, choice: &Choice, seed: u64, repeat: u32) -> Command {
    let conditions = conditions(&args.allowed.hosts());
    let command = Command::run(
        &conditions,
        args.filter.as_deref(),
        choice,
        args.defect.as_deref(),
        seed,
    );
    let command = command.repeat(repeat).shard(args.shard).fail_fast(args.fail_fast);
    if args.slots > 1 {
        command.slots(args.slots)
    } else {
        command
    }
}

fn options(args: &Args, seed: u64) -> Options {
    Options {
        filter: args.filter.clone(),
        defect: args.defect.clone(),
        seed,
        repeat: args.repeat,
        shard: args.shard,
    }
}

fn setting(args: &Args, system: &Arc<System>) -> Setting {
    Setting {
        system: system.clone(),
        defect: args.defect.clone(),
        filter: args.filter.clone(),
        slots: args.slots,
    }
}

async fn play_all(
    live: &LiveRun,
    selected: &Selected,
    (args, system): (&Args, &Arc<System>),
    seed: u64,
    (shown, kept): (&Shown, &InterruptedRun),
) -> Result<RunReport, RunError> {
    let session = live.open(&setting(args, system), None, shown).await?;
    let session = &session;
    if let Some(start) = session.start_report(seed) {
        print_story(&start, args, shown);
        kept.keep(0, start);
    }
    let plays = (0..args.repeat).flat_map(|n| selected.playable.iter().map(move |story| (story, n)));
    let is_enough = &AtomicBool::new(false);
    let plays = plays.map(|(story, n)| async move {
        if is_enough.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let done = session.play(story, seed_of_repetition(seed, n)).await;
        print_story(&done, args, shown);
        kept.keep(n, done.clone());
        if args.hold && done.verdict != Verdict::Pass {
            hold(session, shown).await?;
        }
        if args.fail_fast && done.verdict == Verdict::Fail {
            is_enough.store(true, Ordering::Relaxed);
        }
        Ok::<Option<StoryReport>, RunError>(Some(done))
    });
    let played = side_by_side(session.slots(), plays).await;
    let played: Vec<Option<StoryReport>> = played.into_iter().collect::<Result<_, _>>()?;
    let left_out = played.iter().filter(|play| play.is_none()).count();
    if left_out > 0 {
        shown.line(&format!(
            "a promise was broken: {left_out} of {} plays are left out",
            played.len()
        ));
    }
    let played = played.into_iter().flatten().collect();
    session.report(seed, played, &selected.not_applicable)
}

/// Prints one story's verdict as it comes.
fn print_story(done: &StoryReport, args: &Args, shown: &Shown) {
    let line = report::story_line(done);
    let screen = report::first_screen(done);
    let text = format!("{line}\n{screen}");
    if args.format == Format::Human && !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        say(&text);
    } else {
        shown.line(text.trim_end());
    }
}

/// Waits at a failure, with the cluster alive, until Enter is pressed.
async fn hold(session: &Session, shown: &Shown) -> Result<(), RunError> {
    shown.line(
        "held at a story that did not pass; the cluster is alive. Press Enter to go on, Ctrl-C to remove it and end.",
    );
    for way in session.ways_to_look()? {
        shown.line(&format!("  {way}"));
    }
    let mut line = String::new();
    let enter = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line));
    // Without a terminal to press Enter on, reading ends at once and the run goes on.
    let _ = enter.await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;
    use crate::report::Conditions;

    /// The options of a command line, as the program itself reads it from a shell.
    fn parsed(command: &str) -> Args {
        match cli::tests::parse_as_a_shell_gives_it(command) {
            cli::Command::Run(args) => args,
            other => panic!("{command} is no run: {other:?}"),
        }
    }

    /// Everything of the options that decides what is played and where, to be compared.
    fn given(args: &Args) -> String {
        let what = options(args, args.seed.expect("given"));
        let rest = (args.slots, args.fail_fast);
        format!("{what:?} {:?} {rest:?} {:?}", args.chosen.choice(), args.allowed)
    }

    #[test]
    fn the_command_for_the_rest_gives_the_program_the_options_of_the_run() {
        for command in [
            "cargo crosspod run --seed 7",
            "cargo crosspod run 'owner_*' --design log --defect no-fencing --seed 7 --repeat 3 --slots 4",
            r"cargo crosspod run 'it'\''s $(not) a `story`' --seed 18446744073709551615 --allow-host 192.0.2.7 --allow-host engine.example",
            "cargo crosspod run --seed 7 -- --odd",
            "cargo crosspod run --system 'my systems/system.toml' --profile slow --seed 7",
            "cargo crosspod run '' --seed 7 --repeat 2",
            "cargo crosspod run --seed 7 --shard 2/3 --fail-fast",
        ] {
            let args = parsed(command);
            let again = rest(&args, &args.chosen.choice(), args.seed.expect("given"), args.repeat).to_string();
            assert_eq!(given(&parsed(&again)), given(&args), "{again}");
        }
    }

    #[test]
    fn a_dry_run_is_as_long_as_somebody_could_read() {
        assert!(!too_many_to_foretell(1, 10_000) && !too_many_to_foretell(100, 100));
        assert!(too_many_to_foretell(101, 100) && too_many_to_foretell(1, u32::MAX));
        assert!(too_many_to_foretell(usize::MAX, 2), "no overflow");
    }

    #[test]
    fn the_command_for_one_story_gives_the_program_that_story_alone() {
        let conditions = Conditions {
            environment: vec![("CROSSPOD_IMAGE_POD".into(), "registry/my pod:1".into())],
            hosts: vec!["engine.example".into()],
        };
        let command = Command::run(
            &conditions,
            Some("fault::kill_owner"),
            &Choice::of_design("log"),
            Some("no-fencing"),
            7,
        )
        .to_string();
        let plain = "cargo crosspod run fault::kill_owner --design log --defect no-fencing --seed 7 --allow-host engine.example";
        assert!(command.ends_with(plain), "{command}");
        let args = parsed(&command);
        assert_eq!(
            (args.filter.as_deref(), args.defect.as_deref()),
            (Some("fault::kill_owner"), Some("no-fencing"))
        );
        assert_eq!((args.seed, args.repeat, args.slots), (Some(7), 1, 1));
    }
}
