//! Judges every saved history again and holds the judgement against what is known of it.
//!
//! Each folder of `fixtures/histories/` is one run: its `history.jsonl`, and in `expected.json` its verdict and the
//! promises that it breaks. A judge that is mended must not change its mind about an old run unnoticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crosspod::history::{Event, SCHEMA, reader};
use crosspod::judge;
use crosspod::verdict::Verdict;
use serde::Deserialize;

/// What is known of a saved run.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    verdict: Verdict,
    /// Names of the promises that it breaks.
    promises: BTreeSet<String>,
}

fn runs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/histories");
    let entries = fs::read_dir(&folder).expect("the folder of saved histories");
    let mut runs: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .collect();
    runs.sort();
    runs
}

fn expected(run: &Path) -> Expected {
    let text = fs::read_to_string(run.join("expected.json")).expect("expected.json beside the history");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}/expected.json: {error}", run.display()))
}

#[test]
fn every_saved_history_is_judged_as_before() {
    let runs = runs();
    assert!(!runs.is_empty(), "no saved histories");
    for run in runs {
        let history = reader::read(&run.join("history.jsonl")).expect("a readable history");
        let judgement = judge::judge(&history);
        let promises = judgement
            .findings
            .iter()
            .map(|finding| finding.promise.clone())
            .collect();
        let got = Expected {
            verdict: judgement.verdict,
            promises,
        };
        assert_eq!(got, expected(&run), "{}: {:#?}", run.display(), judgement.findings);
    }
}

#[test]
fn the_saved_histories_hold_a_pass_and_a_failure() {
    let verdicts: BTreeSet<Verdict> = runs().iter().map(|run| expected(run).verdict).collect();
    assert!(
        verdicts.is_superset(&BTreeSet::from([Verdict::Pass, Verdict::Fail])),
        "only {verdicts:?}"
    );
}

/// A saved history of an older schema is brought into the words of the newest one as it is read.
#[test]
fn saved_histories_are_written_and_read_back_as_they_are() {
    let mut events = 0;
    for run in runs() {
        let history = reader::read(&run.join("history.jsonl")).expect("a readable history");
        for event in history.events {
            let line = serde_json::to_string(&event).expect("JSON");
            let again: Event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(again, event, "{}", run.display());
            events += 1;
        }
    }
    assert!(events > 4_000, "only {events} events were read");
}

/// A schema's number decides how each line is read, so a history of any schema is judged or refused by the number.
#[test]
fn a_history_of_an_older_schema_is_judged_and_any_other_is_refused_by_name() {
    let saved = runs().into_iter().find(|run| run.ends_with("synthetic-takeover-clean"));
    let saved = saved.expect("a history of schema 1");
    let text = fs::read_to_string(saved.join("history.jsonl")).expect("a history");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.jsonl");
    let read_as = |schema: u32| {
        let renamed = text.replacen("\"schema\":1,", &format!("\"schema\":{schema},"), 1);
        fs::write(&path, renamed).expect("a file");
        reader::read(&path)
    };
    for schema in 1..SCHEMA {
        let history = read_as(schema).unwrap_or_else(|error| panic!("schema {schema}: {error}"));
        assert_eq!(judge::judge(&history).verdict, Verdict::Pass, "schema {schema}");
    }
    for (schema, refusal) in [
        (0, "names schema 0, which never was".to_owned()),
        (
            SCHEMA + 1,
            format!("has schema {}, this version reads up to {SCHEMA}", SCHEMA + 1),
        ),
    ] {
        let error = read_as(schema).expect_err("a schema that nobody knows").to_string();
        assert!(error.contains(&refusal), "{error}");
    }
}
