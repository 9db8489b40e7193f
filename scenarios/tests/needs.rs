//! Needs of stories: stated truly, so that a system is asked for what a story does and for nothing else.
//!
//! Sources are read as text, formatted by rustfmt: the verbs of a play say what it needs and which faults it injects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crosspod::history::{Bound, Capability};
use crosspod::nemesis::FAULTS;
use crosspod::run::Story;
use crosspod::system::needs::Need;
use crosspod::system::parts::{Affinity, Role};
use crosspod::system::{Choice, System, load::open::Known};
use scenarios::stories;

/// Fewer plays than this, and the rule has missed some. Plays that several stories share depend on what they are given.
const PLAYS_MIN: usize = 85;
/// Stories that a system must be able to play to be worth a description.
const PLAYABLE_MIN: usize = 30;
/// Faults that no story injects.
const NOT_INJECTED: [&str; 1] = ["cut-inside-character"];
/// Needs of a verb that a story asks about before it uses the verb.
const ASKED_ABOUT: [(&str, Need); 3] = [
    ("poison_beside_good", Need::Has(Capability::Tenants)),
    ("owner_cut_off_from_its_stores", Need::Part(Role::Nats)),
    ("edge::promoted_and_rolled_back", Need::CookieLifetime),
];

/// Verbs, each with the fault that it injects.
const INJECTS: &[(&str, &str)] = &[
    (".kill(", "kill"),
    (".kill_pod(", "kill"),
    (".kill_together(", "kill"),
    (".kill_held(", "kill"),
    (".crash(", "kill"),
    ("Fault::Kill", "kill"),
    (".crash_at_boot(", "kill"),
    (".crash_at_boot(", "blackhole"),
    (".pause(", "pause"),
    (".pause_pod(", "pause"),
    (".freeze(", "pause"),
    ("Fault::Pause", "pause"),
    (".terminate(", "terminate"),
    (".terminate_pod(", "terminate"),
    ("Fault::Terminate", "terminate"),
    (".stop(", "stop"),
    (".arm(", "hold at"),
    (".arm_next_life(", "hold at"),
    (".fill_disk(", "disk-full"),
    (".fill_broker(", "disk-full"),
    ("Fault::ShiftClock", "clock-shifted"),
    ("Fault::LimitMemory", "out-of-memory"),
    ("Fault::ThrottleCpu", "cpu-throttled"),
    ("Fault::ExhaustDescriptors", "descriptors-exhausted"),
    (".roll_out(", "other-version"),
    (".upgrade_all(", "terminate"),
    (".stop_candidate(", "terminate"),
    (".upgrade_all(", "other-version"),
    (".terminate_backends(", "backends-terminated"),
    (".exhaust_connections(", "connections-exhausted"),
    (".forbid_writes(", "read-only"),
    (".empty_database(", "empty"),
    (".wipe_broker(", "storage-wiped"),
    (".delete_stream(", "stream-deleted"),
    (".flush(", "flushed"),
    ("LinkFault::Hold", "hold"),
    ("LinkFault::PacketLoss", "packet-loss"),
    ("LinkFault::Blackhole", "blackhole"),
    ("LinkFault::Latency", "latency"),
];

const SOMEBODY: &[Need] = &[Need::Survivor, Need::Resumes, Need::Ends];
const SEVERAL: &[Need] = &[Need::Pods(2), Need::Pods(3)];
const FEEDBACK: &[Need] = &[Need::Has(Capability::Feedback), Need::Spool];
const NATS: &[Need] = &[
    Need::Part(Role::Nats),
    Need::LogIn(Role::Nats),
    Need::ReadyNeeds(Role::Nats),
];
const POSTGRES: &[Need] = &[Need::Part(Role::Postgres), Need::ReadyNeeds(Role::Postgres)];
const READY: &[Need] = &[Need::ReadyNeeds(Role::Nats), Need::ReadyNeeds(Role::Postgres)];

/// Verbs, each with needs of which a story must state one.
const ASKS_FOR: &[(&str, &[Need])] = &[
    (".attach", &[Need::Attach]),
    (".come_back_by(", &[Need::Attach]),
    (".steady_load(", &[Need::Attach]),
    (".edge_client(", &[Need::Has(Capability::Edge)]),
    (".client_on(", &[Need::Has(Capability::Edge)]),
    ("entry_by(Affinity::Cookie", &[Need::PinsBy(Affinity::Cookie)]),
    ("entry_by(Affinity::Address", &[Need::PinsBy(Affinity::Address)]),
    ("entry_by(Affinity::None", &[Need::PinsBy(Affinity::None)]),
    (".redirecting_entries(", &[Need::Redirects]),
    (".cookie_lifetime_passes(", &[Need::CookieLifetime]),
    (".part_of_the_cookie_lifetime_passes(", &[Need::CookieLifetime]),
    (".cold_and_warm_starts(", &[Need::ColdStart]),
    (".pin_nobody(", &[Need::Unpins]),
    (".start_candidate(", &[Need::Candidate]),
    (".verify_candidate(", &[Need::Version]),
    (".upgrade_all(", &[Need::Version]),
    (".give_feedback_by(", FEEDBACK),
    (".begin_feedback(", FEEDBACK),
    (".reconnect(", &[Need::Attach]),
    (".every_pod_serves(", &[Need::Attach]),
    (".attach_with(", &[Need::Has(Capability::Cursor)]),
    ("tails.of(", &[Need::Has(Capability::ThreadTail)]),
    (".owner_of(", &[Need::Has(Capability::Owner)]),
    ("Selector::Owner", &[Need::Has(Capability::Owner)]),
    ("Selector::NonOwners", &[Need::Has(Capability::Owner)]),
    ("Selector::Survivor", &[Need::Has(Capability::Owner)]),
    ("Selector::Majority", &[Need::Has(Capability::Owner)]),
    (".survivor_of(", SEVERAL),
    ("Selector::Survivor", SEVERAL),
    ("Selector::NonOwners", SEVERAL),
    (".taken_over(", SOMEBODY),
    (".second_call(", &[Need::Survivor, Need::Resumes]),
    (".cancel(", &[Need::Has(Capability::Cancel)]),
    (".on_record(", &[Need::Status]),
    (".is(Status", &[Need::Status]),
    (".lease_passes(", &[Need::Bound(Bound::Lease)]),
    ("Bound::Lease", &[Need::Bound(Bound::Lease)]),
    ("Bound::Drain", &[Need::Bound(Bound::Drain)]),
    ("Bound::Progress", &[Need::Bound(Bound::Progress)]),
    ("Bound::Silence", &[Need::Bound(Bound::Silence)]),
    (".word_bounds_pass(", &[Need::Bound(Bound::Shown)]),
    (".nobody_asks_for(", &[Need::IdleCpu]),
    (".takeover_bound_passes(", &[Need::Bound(Bound::Takeover)]),
    (".progress_bound_passes(", &[Need::Bound(Bound::Progress)]),
    (".revoke_session(", &[Need::Has(Capability::Revocation)]),
    ("::Stranger", &[Need::Has(Capability::Tenants)]),
    ("::Foreign", &[Need::Has(Capability::Tenants)]),
    (".post_again(", &[Need::Has(Capability::Idempotent)]),
    (".post_on_every_pod(", &[Need::Has(Capability::Idempotent)]),
    (".post_too_large(", &[Need::Has(Capability::BodyLimit)]),
    (".give_feedback(", FEEDBACK),
    (".feedback_stored(", FEEDBACK),
    (".spool_is_empty(", &[Need::Spool]),
    (".try_feedback(", &[Need::Spool]),
    (".every_pod_says_it_cannot_serve(", READY),
    (".start_before(", READY),
    (".crash_at_boot(", &[Need::ReadyNeeds(Role::Postgres)]),
    (".fill_disk(", &[Need::Spool]),
    (".fill_broker(", &[Need::VolumeOf(Role::Nats)]),
    (".fill_broker(", &[Need::LogIn(Role::Nats)]),
    (".wipe_broker(", &[Need::LogIn(Role::Nats)]),
    (".delete_stream(", &[Need::LogIn(Role::Nats)]),
    (".flush(", &[Need::Part(Role::Redis)]),
    (".empty_database(", POSTGRES),
    (".terminate_backends(", POSTGRES),
    (".exhaust_connections(", POSTGRES),
    (".forbid_writes(", POSTGRES),
    ("Role::Postgres", POSTGRES),
    ("Link::Postgres", POSTGRES),
    ("Role::Nats", NATS),
];

/// The functions of the stories' sources, by their names: the file, and the body.
type Functions = BTreeMap<String, Vec<(PathBuf, String)>>;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The name of the function that begins on a line.
fn begins(line: &str) -> Option<&str> {
    let code = line.trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
    let name = code.trim_start_matches("async ").strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

fn functions() -> Functions {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    let mut functions = Functions::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a source");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(name) = begins(line) {
                let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "}").collect();
                functions
                    .entry(name.to_owned())
                    .or_default()
                    .push((path.clone(), body.join("\n")));
            }
        }
    }
    functions
}

/// A function of that name: the one in the same file, or else the only one.
fn find<'f>(functions: &'f Functions, name: &str, beside: &Path) -> Option<&'f (PathBuf, String)> {
    let named = functions.get(name)?;
    let there = named.iter().find(|(path, _)| path == beside);
    there.or_else(|| named.first().filter(|_| named.len() == 1))
}

/// The code of a play with that of every function that it calls.
fn code_of(functions: &Functions, (path, body): &(PathBuf, String)) -> String {
    let mut code = body.clone();
    let mut seen = BTreeSet::new();
    let mut open = vec![(path.clone(), body.clone())];
    while let Some((path, body)) = open.pop() {
        let calls = body.match_indices('(').filter_map(|(at, _)| called(&body[..at]));
        for name in calls {
            if let Some(called) = find(functions, name, &path)
                && seen.insert(name.to_owned())
            {
                code.push_str(&called.1);
                open.push(called.clone());
            }
        }
    }
    // A call that rustfmt has broken into lines is one call.
    code.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

/// The free function that is called behind this text, if one is.
fn called(before: &str) -> Option<&str> {
    let from = before
        .rfind(|c: char| !c.is_alphanumeric() && c != '_')
        .map_or(0, |at| at + 1);
    let is_method = before[..from].ends_with('.');
    (from < before.len() && !is_method).then(|| &before[from..])
}

/// The play of a story that shares it with no other.
fn play_of<'f>(functions: &'f Functions, story: &Story) -> Option<&'f (PathBuf, String)> {
    let (folder, name) = story.name.split_once("::").unwrap_or(("src", story.name));
    let mut named = functions.get(name)?.iter();
    named.find(|(path, _)| path.parent().is_some_and(|parent| parent.ends_with(folder)))
}

#[test]
fn a_story_states_the_faults_and_the_needs_of_what_it_does() {
    let functions = functions();
    let mut seen = 0;
    for story in stories() {
        let Some(play) = play_of(&functions, &story) else {
            continue;
        };
        seen += 1;
        let code = code_of(&functions, play);
        let injects = INJECTS.iter().filter(|(verb, _)| code.contains(verb));
        let injected: BTreeSet<&str> = injects.map(|(_, fault)| *fault).collect();
        let stated: BTreeSet<&str> = story.faults.iter().copied().collect();
        assert_eq!(
            stated, injected,
            "{}: left: its faults; right: what it injects",
            story.name
        );
        for (verb, needs) in ASKS_FOR.iter().filter(|(verb, _)| code.contains(verb)) {
            let is_stated = needs.iter().any(|need| story.needs.contains(need));
            let is_asked_about = needs.iter().any(|need| ASKED_ABOUT.contains(&(story.name, *need)));
            assert!(
                is_stated || is_asked_about,
                "{} uses {verb} and states none of {needs:?}",
                story.name
            );
        }
    }
    assert!(seen >= PLAYS_MIN, "only {seen} plays of {PLAYS_MIN} or more");
}

#[test]
fn each_fault_is_of_the_registry_and_each_of_the_registry_is_injected() {
    let known: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    let injected: BTreeSet<&str> = stories().iter().flat_map(|story| story.faults).copied().collect();
    let idle: Vec<&str> = known.difference(&injected).copied().collect();
    assert_eq!(idle, NOT_INJECTED);
    let unknown: Vec<&str> = injected.difference(&known).copied().collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

#[test]
fn no_story_states_a_need_twice() {
    for story in stories() {
        let once: Vec<Need> = story.all_needs();
        assert!(once.starts_with(story.needs), "{}: {:?}", story.name, story.needs);
    }
}

#[test]
fn the_reference_pod_can_play_every_story_but_those_of_parts_that_it_lacks() {
    let reference = System::reference();
    let mut left_out = 0;
    for story in stories() {
        // Sessions that are built cold are another design's.
        let is_elsewhere = |need: &Need| {
            matches!(
                need,
                Need::Part(Role::Redis | Role::Other) | Need::LogIn(Role::Redis) | Need::ColdStart
            )
        };
        let is_left_out = story.needs.iter().any(is_elsewhere);
        left_out += usize::from(is_left_out);
        assert_eq!(story.available(&reference).is_err(), is_left_out, "{}", story.name);
    }
    assert!(left_out >= 20, "only {left_out} stories of other parts");
}

#[test]
fn a_described_system_can_play_many_stories_and_says_of_the_others_why_not() {
    let stories = stories();
    let names: Vec<&str> = stories.iter().map(|story| story.name).collect();
    let promises: Vec<&str> = crosspod::judge::PROMISES.iter().map(|promise| promise.name).collect();
    let known = Known {
        promises: &promises,
        stories: &names,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/systems");
    let described = fs::read_dir(folder).expect("described systems");
    let described = described.map(|entry| entry.expect("an entry").path().join("system.toml"));
    let mut seen = 0;
    for file in described.filter(|file| file.is_file()) {
        let choice = Choice {
            file: Some(file.clone()),
            ..Choice::default()
        };
        let (system, _) = System::open(&choice, known).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let whys = stories.iter().filter_map(|story| story.available(&system).err());
        let whys: Vec<String> = whys.map(|why| why.to_string()).collect();
        let playable = stories.len() - whys.len();
        assert!(playable >= PLAYABLE_MIN, "{}: {playable}: {whys:#?}", file.display());
        // A power that the driver lacks is in no key of a description.
        let says_how = |why: &String| why.ends_with(')') || why.starts_with("the driver cannot ");
        assert!(whys.iter().all(says_how), "each names its key: {whys:#?}");
        seen += 1;
    }
    assert!(seen >= 3, "only {seen} described systems");
}
