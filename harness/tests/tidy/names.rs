//! Names that must agree: promises, stories, defects; and names that must not come back.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, all_sources, files, sources, text_of};
use super::tokens::{tokens, without_tests};

const PROMISES: &str = "harness/src/judge/promises/";
const PROMISES_MIN: usize = 40;
/// Promises that only their own tests break: no corruption of a saved history and no defect of the pod does.
const UNBROKEN: [&str; 4] = ["NoInversionOnAttach", "PoisonContainment", "QuietLogs", "SliceOfTheLog"];
const GROUPS: [&str; 6] = ["acceptance", "content", "control", "isolation", "liveness", "order"];
const STORIES_MIN: usize = 40;
const DEFECTS_MIN: usize = 42;

/// Signs of work that was left undone.
const UNDONE: [&str; 5] = ["todo!", "unimplemented!", "#[ignore", "FIXME", "XXX"];

/// Names that were given up for the glossary's.
const GIVEN_UP: &[&str] = &[
    "BadTarget",
    "Blow",
    "ClusterAhead",
    "Doomed",
    "Heads",
    "ImageAhead",
    "PlayAhead",
    "Restless",
    "Strain",
    "Struck",
    "Target",
    "Ward",
    "all_told",
    "bury",
    "checkers",
    "help_the_lame",
    "keepsakes",
    "log_feed",
    "log_store",
    "pulled_within",
    "tell_accounts",
    "tell_complaints",
    "tell_count",
    "tell_landing",
    "told_of_the_end",
    "told_since",
    "told_to_stop",
    "unhurt_are_polled",
    "wounded",
];

/// A text that a token holds.
fn text(token: &str) -> Option<String> {
    Some(token.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn code_of(source: &Source) -> Vec<&str> {
    let tokens = tokens(&source.text);
    without_tests(&tokens).0
}

/// The name of a file, without folders and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.trim_end_matches(".rs")
}

fn camel_case(snake: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    snake.split('_').map(word).collect()
}

/// A promise as its file declares it.
#[derive(Debug)]
struct Promise {
    path: String,
    name: String,
    number: u32,
}

fn promise(source: Source) -> Option<Promise> {
    let code = code_of(&source);
    code.windows(3).find(|window| *window == ["const", "PROMISE", ":"])?;
    let field = |name: &str| {
        code.windows(3)
            .find_map(|window| (window[..2] == [name, ":"]).then_some(window[2]))
    };
    let name = text(field("name")?)?;
    let number = field("number")?.parse().ok()?;
    Some(Promise {
        name,
        number,
        path: source.path,
    })
}

#[test]
fn promises_are_named_and_numbered_once_and_each_can_be_broken() {
    let promises: Vec<Promise> = sources("harness/src").into_iter().filter_map(promise).collect();
    assert!(
        promises.len() >= PROMISES_MIN,
        "only {} promises of {PROMISES_MIN} or more",
        promises.len()
    );
    let mut groups = BTreeSet::new();
    for promise in &promises {
        assert_eq!(promise.name, camel_case(stem(&promise.path)), "{}", promise.path);
        let inside = promise
            .path
            .strip_prefix(PROMISES)
            .unwrap_or_else(|| panic!("{} is not below {PROMISES}", promise.path));
        groups.insert(inside.split('/').next().unwrap_or_default());
    }
    assert_eq!(groups, GROUPS.into());
    let numbers: BTreeSet<u32> = promises.iter().map(|promise| promise.number).collect();
    assert_eq!(numbers.len(), promises.len(), "a number is given twice: {promises:?}");

    let names: BTreeSet<String> = promises.iter().map(|promise| stem(&promise.path).to_owned()).collect();
    let registry = tokens_of("harness/src/judge/registry.rs");
    let listed = registry
        .windows(3)
        .filter(|window| window[1..] == ["::", "PROMISE"])
        .map(|window| window[0].clone());
    assert_eq!(
        listed.collect::<BTreeSet<_>>(),
        names,
        "the registry's promises, and those that have a file"
    );

    let mut broken: BTreeSet<String> = defects().into_values().flatten().collect();
    let spoilt = sources("harness/tests")
        .into_iter()
        .filter(|source| source.path.contains("judge_mutations"));
    broken.extend(spoilt.flat_map(|source| tokens(&source.text).into_iter().filter_map(text).collect::<Vec<_>>()));
    let unbroken = promises
        .iter()
        .map(|promise| &*promise.name)
        .filter(|name| !broken.contains(*name));
    let unbroken: BTreeSet<&str> = unbroken.collect();
    assert_eq!(
        unbroken,
        UNBROKEN.into(),
        "promises that no corruption and no defect breaks, and those known as such"
    );
}

fn tokens_of(path: &str) -> Vec<String> {
    tokens(&text_of(path)).into_iter().map(str::to_owned).collect()
}

/// Defects of the reference pod's description, with the promises that name them.
fn defects() -> BTreeMap<String, Vec<String>> {
    described_defects()
        .into_iter()
        .map(|(name, promises, _)| (name, promises))
        .collect()
}

/// The defects of the description: name, promises, and whether the pods are started with it. Those of the edge alone are not.
fn described_defects() -> Vec<(String, Vec<String>, bool)> {
    let path = files("fixtures")
        .into_iter()
        .find(|path| path.ends_with("systems/reference/system.toml"));
    let description: toml::Table = text_of(&path.expect("the description of the reference pod"))
        .parse()
        .expect("TOML");
    let text = |value: &toml::Value| value.as_str().expect("a text").to_owned();
    let defects = description["defects"].as_array().expect("a list of defects");
    let read = |defect: &toml::Value| {
        let promises = defect["promises"].as_array().expect("a list of promises");
        let of_pods = defect.get("pods").and_then(toml::Value::as_bool).unwrap_or(true);
        (text(&defect["name"]), promises.iter().map(text).collect(), of_pods)
    };
    defects.iter().map(read).collect()
}

/// A story as a registry has it: its file, without the ending, and the defects that it catches.
fn stories() -> Vec<(String, BTreeSet<String>)> {
    let straight = registered("scenarios/src/lib.rs", "story").into_iter();
    let of_edge = registered("scenarios/src/edge/mod.rs", "edge").into_iter();
    let of_edge = of_edge.map(|(file, catches)| (format!("edge/{file}"), catches));
    // The stories of one file, whose opening is about all of them.
    let stopped = registered("scenarios/src/stopped_at/mod.rs", "stopped").into_iter();
    let stopped = (
        "stopped_at/mod".to_owned(),
        stopped.flat_map(|(_, catches)| catches).collect(),
    );
    straight.chain(of_edge).chain([stopped]).collect()
}

/// The stories of one registry, which are entries of a macro that begin with the story's file.
fn registered(path: &str, entry: &str) -> Vec<(String, BTreeSet<String>)> {
    let registry = tokens_of(path);
    let begin = |at: &usize| registry[*at..].starts_with(&[entry, "!", "("].map(str::to_owned));
    let read = |at: usize| {
        let name = registry[at + 3].clone();
        let catches = registry[at..].iter().skip_while(|token| *token != "catches").skip(2);
        let catches = catches.take_while(|token| *token != "]");
        (name, catches.filter_map(|token| text(token)).collect())
    };
    (0..registry.len()).filter(begin).map(read).collect()
}

/// The defects that a story's opening names behind "Catches:".
fn catches_in_opening(source: &str) -> BTreeSet<String> {
    let opening: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    let opening = opening.join(" ");
    let Some((_, catches)) = opening.split_once("Catches: ") else {
        return BTreeSet::new();
    };
    let catches = catches.split('.').next().unwrap_or(catches);
    catches.split(", ").map(str::to_owned).collect()
}

#[test]
fn stories_and_defects_know_each_other() {
    let stories = stories();
    assert!(
        stories.len() >= STORIES_MIN,
        "only {} stories of {STORIES_MIN} or more",
        stories.len()
    );
    for (name, catches) in &stories {
        let opening = catches_in_opening(&text_of(&format!("scenarios/src/{name}.rs")));
        assert_eq!(
            opening, *catches,
            "{name}: `Catches:` of its opening, and its entry in the registry"
        );
    }
    let defects = defects();
    let known: BTreeSet<String> = defects.keys().cloned().collect();
    assert!(
        known.len() >= DEFECTS_MIN,
        "only {} defects of {DEFECTS_MIN} or more",
        known.len()
    );
    let caught: BTreeSet<String> = stories.into_iter().flat_map(|(_, catches)| catches).collect();
    assert_eq!(
        caught, known,
        "defects that stories catch, and defects of the description"
    );
    let pod = sources("fixtures/pod/src")
        .into_iter()
        .find(|source| source.path.ends_with("/defects.rs"));
    let pod = pod.expect("the pod's defects");
    let code = code_of(&pod);
    let of_pod = code
        .windows(3)
        .filter(|window| window[..2] == ["=", ">"])
        .filter_map(|window| text(window[2]));
    let of_pods = described_defects().into_iter().filter(|(_, _, of_pods)| *of_pods);
    assert_eq!(
        of_pod.collect::<BTreeSet<_>>(),
        of_pods.map(|(name, _, _)| name).collect(),
        "defects of the pod, and those that the description starts pods with"
    );
    let judged: BTreeSet<String> = sources("harness/src")
        .into_iter()
        .filter_map(promise)
        .map(|promise| promise.name)
        .collect();
    for (defect, promises) in &defects {
        let unknown: Vec<&String> = promises.iter().filter(|promise| !judged.contains(*promise)).collect();
        assert!(
            unknown.is_empty(),
            "{defect} is named by {unknown:?}, which nobody judges"
        );
    }
}

/// Signs of undone work and names that were given up, in a source.
fn left_over(source: &str) -> BTreeSet<&'static str> {
    // `type Target` is the standard library's word, of `Deref`.
    let tokens = tokens(source);
    let before = std::iter::once("").chain(tokens.iter().copied());
    let names: BTreeSet<&str> = tokens
        .iter()
        .copied()
        .zip(before)
        .filter(|pair| *pair != ("Target", "type"))
        .map(|(name, _)| name)
        .collect();
    let given_up = GIVEN_UP.iter().copied().filter(|name| names.contains(name));
    UNDONE
        .into_iter()
        .filter(|mark| source.contains(mark))
        .chain(given_up)
        .collect()
}

#[test]
fn nothing_is_left_undone_and_names_that_were_given_up_stay_away() {
    for source in all_sources()
        .iter()
        .filter(|source| !source.path.starts_with("harness/tests/tidy/"))
    {
        let found = left_over(&source.text);
        assert!(found.is_empty(), "{} has {found:?}", source.path);
    }
    let planted = format!("fn f() {{ {}; }}\n// {}", GIVEN_UP.join("; "), UNDONE.join(" "));
    assert_eq!(
        left_over(&planted),
        UNDONE.into_iter().chain(GIVEN_UP.iter().copied()).collect()
    );
    assert_eq!(
        left_over(&format!("// {}", GIVEN_UP.join(" "))),
        BTreeSet::new(),
        "comments may use any word"
    );
}

#[test]
fn the_defects_of_a_story_are_read_from_its_opening() {
    let opening = "//! A pod dies.\n//! Catches: one-bug,\n//! other-bug. And more, with a comma.\n\n// Catches: none.";
    assert_eq!(
        catches_in_opening(opening),
        ["one-bug", "other-bug"].map(str::to_owned).into()
    );
    assert_eq!(catches_in_opening("//! A pod dies.\nfn f() {}"), BTreeSet::new());
}
