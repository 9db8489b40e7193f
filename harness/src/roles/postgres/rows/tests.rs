//! Changed rows are read as descriptions say.

use super::super::decoding;
use super::*;
use crate::history::{Attempt, PodName};
use crate::roles::postgres::newest::Newest;
use crate::system::load::load_alone;

const COPIES: &str = include_str!("../../../../tests/descriptions/copies-of-one-service.toml");
const STREAMED: &str = include_str!("../../../../tests/descriptions/streamed-answers.toml");
const COOKIES: &str = include_str!("../../../../tests/descriptions/cookies.toml");

/// The tables of a description.
fn tables(text: &str) -> Tables {
    let description = load_alone("system.toml", text).expect("a sound description");
    description.designs[0].system.tables()
}

/// The rows of a change that is the first of its kind.
fn read(tables: &Tables, line: &str) -> Vec<Row> {
    told(tables, &mut Newest::default(), line)
}

/// The rows of a change behind others.
fn told(tables: &Tables, newest: &mut Newest, line: &str) -> Vec<Row> {
    let change = decoding::read(line).unwrap_or_else(|e| panic!("{line}: {e}"));
    let read = super::read(tables, &change);
    read.into_iter().filter_map(|read| newest.take(tables, read)).collect()
}

/// The rows of a change of the reference pod's.
fn rows(line: &str) -> Vec<Row> {
    read(&crate::system::load::reference::reference().tables(), line)
}

#[test]
fn rows_of_followed_tables_are_read_and_others_are_not() {
    assert_eq!(
        rows(
            "table public.threads: UPDATE: id[text]:'t' status[text]:'in_progress' owner[text]:'pod-2' epoch[bigint]:4"
        ),
        [Row::Thread {
            thread: "t".into(),
            status: Status::InProgress,
            owner: Some("pod-2".into()),
            attempt: None,
            epoch: Some(Epoch(4)),
        }]
    );
    assert_eq!(
        rows("table public.parts: DELETE: turn[text]:'u' epoch[bigint]:1 seq[bigint]:3"),
        [Row::PartGone {
            turn: "u".into(),
            epoch: Some(Epoch(1)),
            seq: 3
        }]
    );
    assert_eq!(rows("table public.sessions: INSERT: tenant[text]:'x'"), []);
    assert_eq!(
        rows("table other.threads: INSERT: id[text]:'t' status[text]:'idle'"),
        []
    );
    let item = || "f-1".into();
    let feedback = |action: &str| {
        rows(&format!(
            "table public.feedback: {action}: key[text]:'a/f-1' item[text]:'f-1'"
        ))
    };
    assert_eq!(feedback("INSERT"), [Row::Feedback { item: item() }]);
    assert_eq!(feedback("DELETE"), [Row::FeedbackGone { item: item() }]);
    assert_eq!(feedback("UPDATE"), [], "it is there as it was");
}

#[test]
fn a_thread_or_turn_that_is_removed_is_gone() {
    let reference = crate::system::load::reference::reference().tables();
    let mut newest = Newest::default();
    let mut told = |line: &str| told(&reference, &mut newest, line);
    assert_eq!(
        told("table public.turns: DELETE: id[text]:'u'"),
        [],
        "nobody has told of it"
    );
    told(
        "table public.turns: INSERT: id[text]:'u' thread[text]:'t' message[text]:'m' status[text]:'queued' \
         attempt[integer]:0 epoch[bigint]:0 error[text]:null",
    );
    told("table public.threads: INSERT: id[text]:'t' status[text]:'idle' owner[text]:null epoch[bigint]:0");
    let gone = Row::TurnGone { turn: "u".into() };
    assert_eq!(told("table public.turns: DELETE: id[text]:'u'"), [gone]);
    assert_eq!(told("table public.turns: DELETE: id[text]:'u'"), []);
    let gone = Row::ThreadGone { thread: "t".into() };
    assert_eq!(told("table public.threads: DELETE: id[text]:'t'"), [gone]);
    assert_eq!(told("table public.turns: DELETE: (no-tuple-data)"), []);
}

#[test]
fn a_turn_before_its_first_claim_has_no_attempt_and_no_epoch() {
    let turn = |attempt: u32, epoch: u32, error: &str| {
        let line = format!(
            "table public.turns: INSERT: id[text]:'u' thread[text]:'t' message[text]:'m' status[text]:'failed' \
             attempt[integer]:{attempt} epoch[bigint]:{epoch} error[text]:{error}"
        );
        match rows(&line).pop() {
            Some(Row::Turn(row)) => *row,
            other => panic!("{other:?}"),
        }
    };
    let first = turn(0, 0, "null");
    assert_eq!((first.attempt, first.epoch, first.error), (None, None, None));
    let later = turn(2, 7, "'it broke'");
    assert_eq!(
        (later.attempt, later.epoch),
        (Some(Attempt::from("2".to_owned())), Some(Epoch(7)))
    );
    assert_eq!(later.error.as_deref(), Some("it broke"));
    assert_eq!((later.message, later.owner), (Some("m".into()), None));
}

#[test]
fn an_owner_is_led_back_to_its_pod() {
    let tables = tables(COPIES);
    let owner = |owner: &str| {
        let line = format!(
            "table public.runs: UPDATE: run_id[uuid]:'r' thread_id[uuid]:'t' status[text]:'running' \
             claimed_by[text]:{owner} error_message[text]:null"
        );
        match read(&tables, &line).pop() {
            Some(Row::Turn(row)) => (row.status, row.owner.map(|pod| pod.to_string()), row.attempt, row.epoch),
            other => panic!("{other:?}"),
        }
    };
    let running = |owner: Option<&str>| (Status::InProgress, owner.map(str::to_owned), None, None);
    assert_eq!(owner("'chat-3-7-worker-1'"), running(Some("chat-3")));
    assert_eq!(owner("'elsewhere'"), running(Some("elsewhere")), "it stands as it is");
    assert_eq!(owner("null"), running(None));
}

#[test]
fn values_are_pieces_of_columns() {
    let tables = tables(COOKIES);
    let part = |id: &str, part: &str| {
        read(
            &tables,
            &format!("table public.thread_message_parts: INSERT: id[text]:'{id}' part[jsonb]:'{part}'"),
        )
    };
    assert_eq!(
        part("u1:m:7", "{\"type\": \"text\", \"text\": \"hi\"}"),
        [Row::Part {
            turn: "u1".into(),
            epoch: None,
            seq: 7,
            text: "hi".into()
        }]
    );
    assert_eq!(part("u1:m:7", "{\"type\": \"tool\"}"), [], "it is no text");
    let fenced = "table public.threads: UPDATE: id[text]:'t' status[text]:'in_progress' run_owner_pod[text]:null \
                  run_fence_token[text]:'a7'";
    let Some(Row::Thread { owner, attempt, .. }) = read(&tables, fenced).pop() else {
        panic!("no thread")
    };
    assert_eq!((owner, attempt), (None, Some(Attempt::from("a7".to_owned()))));
}

#[test]
fn a_part_without_measure_is_cut() {
    let long = "x".repeat(PART_MAX + 1);
    let part = format!("table public.parts: INSERT: turn[text]:'u' epoch[bigint]:1 seq[bigint]:3 text[text]:'{long}'");
    let Some(Row::Part { text, .. }) = rows(&part).pop() else {
        panic!("no part")
    };
    assert!(
        text.ends_with("x... (8388609 bytes)") && text.len() < PART_MAX + 100,
        "{} bytes",
        text.len()
    );
}

#[test]
fn what_cannot_be_read_is_a_row_that_says_so_and_no_gap() {
    let unread = |place: &str, value: &str, why: &str| {
        [Row::Unread {
            place: place.into(),
            value: value.into(),
            why: why.into(),
        }]
    };
    assert_eq!(
        rows("table public.threads: INSERT: id[text]:'t' status[text]:'odd' owner[text]:null epoch[bigint]:0"),
        unread(
            "public.threads.status",
            "odd",
            "\"odd\" has no meaning: it is in no list of [statuses]"
        )
    );
    assert_eq!(
        rows("table public.threads: INSERT: id[text]:'t' status[text]:'idle' owner[text]:null epoch[text]:'x'"),
        unread("public.threads.epoch", "x", "it is no count")
    );
    assert_eq!(
        rows("table public.threads: INSERT: no[text]:'t' status[text]:'idle'"),
        unread("public.threads.id", "", "there is no such column; there are no, status")
    );
}

/// A system whose jobs name the owner, and whose runs name the status.
fn jobs_and_runs() -> Tables {
    let status = "status = \"status\"\nowner = ";
    assert!(STREAMED.contains(status));
    let runs =
        "[[rows]]\ntable = 'ai.agent_runs'\nis = 'turn'\nturn = 'run_id'\nthread = 'session_id'\nstatus = 'status'\n";
    tables(&format!("{}\n{runs}", STREAMED.replace(status, "owner = ")))
}

fn job(owner: &str) -> String {
    format!(
        "table ai.agent_jobs: UPDATE: id[text]:'u' session_id[text]:'s' status[text]:'claimed' locked_by[text]:{owner} \
         attempt[integer]:1 error[text]:null"
    )
}

fn ran(status: &str) -> String {
    format!("table ai.agent_runs: UPDATE: run_id[text]:'u' session_id[text]:'s' status[text]:'{status}'")
}

fn status_and_owner(rows: &[Row]) -> Vec<(Status, Option<&str>)> {
    let read = rows.iter().map(|row| match row {
        Row::Turn(row) => (row.status, row.owner.as_ref().map(PodName::as_str)),
        other => panic!("{other:?}"),
    });
    read.collect()
}

#[test]
fn tables_of_one_kind_add_up() {
    let tables = jobs_and_runs();
    let mut newest = Newest::default();
    let mut told = |line: String| told(&tables, &mut newest, &line);
    assert_eq!(told(job("'w-1'")), [], "where the turn stands is not known yet");
    let owned = [(Status::InProgress, Some("w-1"))];
    assert_eq!(status_and_owner(&told(ran("running"))), owned);
    assert_eq!(told(job("'w-1'")), [], "nothing has changed");
    assert_eq!(status_and_owner(&told(job("null"))), [(Status::InProgress, None)]);
    assert_eq!(
        status_and_owner(&told(job("'w-2'"))),
        [(Status::InProgress, Some("w-2"))]
    );
    assert_eq!(
        status_and_owner(&told(ran("completed"))),
        [(Status::Completed, Some("w-2"))]
    );
    assert_eq!(status_and_owner(&told(job("null"))), [(Status::Completed, None)]);
}

#[test]
fn a_status_that_comes_first_is_told_without_an_owner() {
    let tables = jobs_and_runs();
    let mut newest = Newest::default();
    let mut told = |line: String| told(&tables, &mut newest, &line);
    assert_eq!(status_and_owner(&told(ran("running"))), [(Status::InProgress, None)]);
    assert_eq!(
        status_and_owner(&told(job("'w-1'"))),
        [(Status::InProgress, Some("w-1"))]
    );
}

#[test]
fn a_value_that_an_update_leaves_out_is_as_before() {
    let tables = tables(COPIES);
    let mut newest = Newest::default();
    let mut error = |action: &str, error: &str| {
        let line = format!(
            "table public.runs: {action}: run_id[uuid]:'r' thread_id[uuid]:'t' status[text]:'error' claimed_by[text]:null \
             error_message[text]:{error}"
        );
        let rows = told(&tables, &mut newest, &line);
        let errors = rows.into_iter().map(|row| match row {
            Row::Turn(row) => row.error,
            other => panic!("{other:?}"),
        });
        errors.collect::<Vec<_>>()
    };
    assert_eq!(error("INSERT", "'a long one'"), [Some("a long one".to_owned())]);
    assert_eq!(error("UPDATE", "unchanged-toast-datum"), []);
    assert_eq!(error("UPDATE", "null"), [None]);
}
