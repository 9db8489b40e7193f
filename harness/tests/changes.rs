//! The feed of database changes, against a live database that dies in the middle: nothing that was committed is missed,
//! and nothing is told twice.
//!
//! Needs an engine, as every story does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crosspod::cluster::{AllowedHosts, Cluster, ClusterSpec, Engine, Role, RunLock, Silent, remove_project};
use crosspod::history::Row;
use crosspod::roles::postgres::changes::ChangeFeed;
use crosspod::system::System;
use crosspod::system::load::reference::reference;
use crosspod::system::stored::{RowKind, RowRule, Tables};
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::CancellationToken;

/// Connections that commit side by side.
const WRITERS: usize = 8;
/// Changes that each of them must have acknowledged.
const EACH: usize = 1250;
/// Changes that must have been acknowledged in all before the database is killed.
const BEFORE_THE_KILL: usize = WRITERS * EACH / 2;
/// One change in so many is rolled back: what was never committed may not be told.
const ROLLED_BACK: u64 = 50;
/// How long the feed rests between two looks, as in a play.
const REST: Duration = Duration::from_millis(20);
/// Longest that the whole of the writing may take, the outage with it.
const WRITING: Duration = Duration::from_secs(90);

/// What one writer knows of its changes, each by its number, from 1.
#[derive(Debug, Default)]
struct Written {
    acknowledged: BTreeSet<u64>,
    /// Its commit was asked for, and no answer came.
    in_doubt: BTreeSet<u64>,
}

/// What the feed has handed out.
#[derive(Debug, Default)]
struct Told {
    /// Numbers by writer, in the order in which they were told.
    numbers: BTreeMap<String, Vec<u64>>,
    drains: usize,
    failed: usize,
    /// Most changes that one drain handed out.
    most_at_once: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_committed_change_is_missed_or_told_twice_across_a_crash() {
    let engine = Engine::connect(&AllowedHosts::this_machine()).await.expect("an engine");
    let run = RunLock::begin().expect("a run");
    let spec = ClusterSpec::new(&run, 0, &System::reference())
        .expect("it names no variable")
        .with_pods(1);
    let up = Cluster::up(&engine, &spec, &Silent).await;
    // Removed even where a check fails; the panic goes on afterwards.
    let outcome = match up {
        Ok(cluster) => tokio::spawn(async move { check(&cluster).await }).await,
        Err(error) => {
            let removed = remove_project(&engine, &spec.project()).await;
            panic!("{error}; removed: {removed:?}");
        }
    };
    remove_project(&engine, &spec.project()).await.expect("it goes");
    outcome.expect("the checks");
}

async fn check(cluster: &Cluster) {
    let url = cluster.postgres_url().expect("it runs");
    let database = tables(&url).await;
    let feed = ChangeFeed::open(&url, &database, "proof").await.expect("a slot");
    let (moved, place) = watch::channel(url);
    let count = Arc::new(AtomicUsize::new(0));
    let over = CancellationToken::new();
    let reading = tokio::spawn(read(feed, place.clone(), over.clone()));

    let began = Instant::now();
    let writers = (0..WRITERS).map(|n| tokio::spawn(write(format!("writer-{n}"), place.clone(), count.clone())));
    let writers: Vec<_> = writers.collect();
    let outage = crash(cluster, &count, &moved).await;
    let written = tokio::time::timeout(WRITING, join_all(writers))
        .await
        .expect("all is written");
    let took = began.elapsed();
    over.cancel();
    let told = reading.await.expect("the reader ends");
    what_cannot_be_read_is_told(cluster, &database).await;

    let mut doubtful = 0;
    for (n, written) in written.into_iter().enumerate() {
        let written = written.expect("a writer ends");
        doubtful += written.in_doubt.len();
        hold(&format!("writer-{n}"), &written, &told);
    }
    assert!(told.failed > 0, "the feed was not read while the database was gone");
    #[expect(clippy::print_stderr, reason = "the test runner captures it")]
    {
        eprintln!(
            "{} changes acknowledged in {took:.2?} ({:.0} a second) across an outage of {outage:.2?}, {doubtful} in doubt; the \
             feed was drained {} times, and {} times in vain, at most {} changes at once",
            count.load(Ordering::Relaxed),
            count.load(Ordering::Relaxed) as f64 / took.saturating_sub(outage).as_secs_f64(),
            told.drains,
            told.failed,
            told.most_at_once
        );
    }
}

/// A value that nobody can make sense of is told as such, in its place: the history shows a finding and no gap.
async fn what_cannot_be_read_is_told(cluster: &Cluster, tables: &Tables) {
    let url = cluster.postgres_url().expect("it runs");
    let client = connect(&url).await.expect("it runs");
    let mut feed = ChangeFeed::open(&url, tables, "unreadable").await.expect("a slot");
    for seq in [1, -1, 2] {
        let insert = format!("insert into proof_parts values ('unreadable', 1, {seq}, 'text')");
        client.batch_execute(&insert).await.expect("a row");
    }
    let told = feed.drain().await.expect("the database is there");
    let told: Vec<String> = told
        .into_iter()
        .map(|committed| match committed.row {
            Row::Part { seq, .. } => seq.to_string(),
            Row::Unread { place, value, .. } => format!("{place} {value}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["1", "public.proof_parts.seq -1", "2"]);
}

/// Holds what one writer knows against what was told of it.
fn hold(writer: &str, written: &Written, told: &Told) {
    let numbers = told.numbers.get(writer).map_or(&[][..], Vec::as_slice);
    assert_eq!(written.acknowledged.len(), EACH, "{writer}");
    assert!(
        numbers.is_sorted_by(|a, b| a < b),
        "{writer}: told twice or out of order"
    );
    let numbers: BTreeSet<u64> = numbers.iter().copied().collect();
    let missed: Vec<_> = written.acknowledged.difference(&numbers).collect();
    assert!(missed.is_empty(), "{writer}: acknowledged and never told: {missed:?}");
    let invented = numbers
        .iter()
        .find(|n| !written.acknowledged.contains(n) && !written.in_doubt.contains(n));
    assert_eq!(invented, None, "{writer}: told and never committed");
}

/// Tables of the proof's own, beside the pods'.
async fn tables(url: &str) -> Tables {
    let client = connect(url).await.expect("it runs");
    client
        .batch_execute(
            "create table proof_parts (turn text, epoch bigint, seq bigint, text text, primary key (turn, epoch, seq))",
        )
        .await
        .expect("a table");
    Tables {
        rules: proof_rules(),
        ..reference().tables()
    }
}

/// The rule of the reference pod's parts, for the proof's own table.
fn proof_rules() -> Vec<RowRule> {
    let tables = reference().tables();
    let parts = tables.of(RowKind::Part).next().cloned();
    let table = "public.proof_parts".to_owned();
    parts.map(|parts| RowRule { table, ..parts }).into_iter().collect()
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Kills the database once half of the changes are acknowledged, and starts it again at once; how long it was gone.
async fn crash(cluster: &Cluster, count: &AtomicUsize, moved: &watch::Sender<String>) -> Duration {
    let postgres = cluster.in_role(Role::Postgres).expect("it is a part");
    let give_up = Instant::now() + WRITING;
    while count.load(Ordering::Relaxed) < BEFORE_THE_KILL {
        assert!(Instant::now() < give_up, "half is not written");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let gone = Instant::now();
    postgres.kill().await.expect("it was running");
    assert!(
        count.load(Ordering::Relaxed) < WRITERS * EACH,
        "all was written before the kill"
    );
    postgres.start().await.expect("it starts again");
    moved.send_replace(cluster.postgres_url().expect("it runs"));
    gone.elapsed()
}

/// Commits changes, one after the other, until [`EACH`] of them are acknowledged.
async fn write(writer: String, mut place: watch::Receiver<String>, count: Arc<AtomicUsize>) -> Written {
    let mut written = Written::default();
    let mut number = 0;
    while written.acknowledged.len() < EACH {
        let url = place.borrow_and_update().clone();
        if let Ok(client) = connect(&url).await {
            while written.acknowledged.len() < EACH {
                number += 1;
                match commit(&client, &writer, number).await {
                    Ok(true) => {
                        written.acknowledged.insert(number);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(false) => {}
                    Err(_) => {
                        written.in_doubt.insert(number);
                        break;
                    }
                }
            }
        }
        if written.acknowledged.len() < EACH {
            place.changed().await.expect("the database comes back");
        }
    }
    written
}

/// Whether the change is committed; one in [`ROLLED_BACK`] is not. An error says that nobody can tell.
async fn commit(client: &Client, writer: &str, number: u64) -> Result<bool, tokio_postgres::Error> {
    let insert = format!("insert into proof_parts values ('{writer}', 1, {number}, 'change {number}')");
    if number.is_multiple_of(ROLLED_BACK) {
        client.batch_execute(&format!("begin; {insert}; rollback")).await?;
        return Ok(false);
    }
    client.batch_execute(&insert).await.map(|()| true)
}

/// Reads the feed until told that all is written, and then to its end.
async fn read(mut feed: ChangeFeed, mut place: watch::Receiver<String>, over: CancellationToken) -> Told {
    let mut told = Told::default();
    loop {
        let last = over.is_cancelled();
        feed.moved(&place.borrow_and_update());
        match feed.drain().await {
            Ok(changes) => {
                told.drains += 1;
                told.most_at_once = told.most_at_once.max(changes.len());
                for change in changes {
                    let Row::Part { turn, seq, .. } = change.row else {
                        panic!("not a change of the proof's: {:?}", change.row)
                    };
                    told.numbers.entry(turn.to_string()).or_default().push(seq);
                }
                if last {
                    return told;
                }
            }
            Err(error) if last => panic!("the last reading failed: {error}"),
            Err(_) => told.failed += 1,
        }
        tokio::time::sleep(REST).await;
    }
}
