//! The log of a part, as the engine keeps it: whole, across restarts of the container.

use std::sync::Arc;
use std::time::SystemTime;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::{ListContainersOptions, LogsOptionsBuilder};
use futures_util::StreamExt;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels;
use crate::cluster::docker::engine::log_records::{LogLine, Records, Window, comparable};
use crate::cluster::docker::engine::same_lines::each_once;
use crate::cluster::linux::command::last_lines;
use crate::cluster::part::error::ClusterError;

/// Number of different lines of a log that an error quotes.
const QUOTED_LINES: usize = 8;
/// Number of lines at the end of a log that an error tells of.
const TOLD_LINES: usize = 64;

/// Number of records at the end of a log that are read first to find a place in it: most plays write fewer.
const FIRST_LOOK_RECORDS: usize = 64;
/// Factor by which more records are read next.
const NEXT_LOOK_TIMES: usize = 8;

/// The place from which a log is read.
#[derive(Debug, Clone)]
pub(in crate::cluster) enum From {
    /// The whole log.
    Beginning,
    /// The lines at or after this time, RFC 3339 by the engine's clock.
    Instant(String),
    /// The lines after a line of that time, RFC 3339 by the engine's clock.
    Behind(String),
    /// The lines at or after this moment, to the second: the engine takes no finer one.
    Moment(SystemTime),
    /// The last line.
    Newest,
}

impl From {
    /// Returns true if a line lies before the place. The engine itself looks for a moment, and sends nothing from before it.
    fn is_past(&self, line: &LogLine) -> bool {
        match self {
            Self::Instant(start) => comparable(&line.at) < comparable(start),
            Self::Behind(at) => comparable(&line.at) <= comparable(at),
            Self::Beginning | Self::Moment(_) | Self::Newest => false,
        }
    }

    /// The first second from which the engine is to send lines, since 1970.
    fn since_s(&self) -> i32 {
        let since_s = match self {
            Self::Moment(since) => since.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            _ => 0,
        };
        i32::try_from(since_s).unwrap_or(i32::MAX)
    }
}

/// Reads the log of a part from all its containers, in the order of writing.
pub(in crate::cluster) async fn read(
    engine: &Engine,
    containers: &[Arc<str>],
    from: &From,
) -> Result<Vec<LogLine>, ClusterError> {
    let since_s = from.since_s();
    let mut lines = Vec::new();
    for container in containers {
        let of_one = match from {
            From::Beginning => collect(engine.docker(), container, None, since_s)
                .await
                .map(|window| window.lines),
            From::Newest => newest(engine, container, 1).await.map(newest_whole),
            From::Instant(_) | From::Behind(_) | From::Moment(_) => {
                let count = FIRST_LOOK_RECORDS;
                let window = |count| collect(engine.docker(), container, Some(count), since_s);
                from_its_end(
                    count,
                    |window: &Window| window.reaches(|line| from.is_past(line)),
                    window,
                )
                .await
            }
        };
        let of_one = of_one.map_err(ClusterError::engine(format!(
            "reading the log of container {container}"
        )))?;
        lines.extend(of_one.into_iter().filter(|line| !from.is_past(line)));
    }
    if containers.len() > 1 {
        lines.sort_by_cached_key(|line| comparable(&line.at));
    }
    Ok(lines)
}

/// The lines at a log's end: of as many records as are enough, found in a few steps. `window` gives the newest records. The
/// engine finds a place in a log only by reading all before it, and a cluster that is played on for hours writes much.
async fn from_its_end<E, Read>(
    first_look: usize,
    is_enough: impl Fn(&Window) -> bool,
    window: impl Fn(usize) -> Read,
) -> Result<Vec<LogLine>, E>
where
    Read: Future<Output = Result<Window, E>>,
{
    let mut count = first_look;
    loop {
        let found = window(count).await?;
        if is_enough(&found) {
            return Ok(found.lines);
        }
        count *= NEXT_LOOK_TIMES;
    }
}

/// The newest lines of a container's log, with `count` whole ones where there are as many.
async fn newest(engine: &Engine, container: &str, count: usize) -> Result<Vec<LogLine>, bollard::errors::Error> {
    let whole = |window: &Window| window.lines.iter().filter(|line| line.is_whole).count();
    let is_enough = |window: &Window| window.reaches_beginning || whole(window) >= count;
    let window = |records| collect(engine.docker(), container, Some(records), 0);
    from_its_end(count + 1, is_enough, window).await
}

/// The newest whole line. A line that the part is still writing is left out.
fn newest_whole(lines: Vec<LogLine>) -> Vec<LogLine> {
    lines.into_iter().rfind(|line| line.is_whole).into_iter().collect()
}

/// The last lines of a container's log, each once, for an error's message; empty if they cannot be read.
pub(in crate::cluster) async fn tail(engine: &Engine, container: &str) -> String {
    let lines = newest(engine, container, TOLD_LINES).await.unwrap_or_default();
    let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let lines = each_once(&lines[lines.len().saturating_sub(TOLD_LINES)..]);
    last_lines(&lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n"))
}

/// The whole logs of a project's containers, by their services. Returns none for a container that has written nothing.
///
/// # Errors
/// The engine does not answer.
pub async fn project_logs(engine: &Engine, project: &str) -> Result<Vec<(String, Vec<LogLine>)>, ClusterError> {
    let options = ListContainersOptions {
        all: true,
        filters: Some(labels::of_project(project)),
        ..Default::default()
    };
    let listed = engine.docker().list_containers(Some(options)).await;
    let listed = listed.map_err(ClusterError::engine(format!("listing the containers of {project}")))?;
    let mut logs = Vec::new();
    for container in listed {
        let service = container.labels.and_then(|mut labels| labels.remove(labels::SERVICE));
        let (Some(service), Some(id)) = (service, container.id) else {
            continue;
        };
        let lines = read(engine, &[id.into()], &From::Beginning).await?;
        if !lines.is_empty() {
            logs.push((service, lines));
        }
    }
    Ok(logs)
}

/// Reads the newest records of a container's log, or all of them.
async fn collect(
    docker: &Docker,
    container: &str,
    newest: Option<usize>,
    since_s: i32,
) -> Result<Window, bollard::errors::Error> {
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .tail(&newest.map_or_else(|| "all".to_owned(), |count| count.to_string()))
        .since(since_s)
        .build();
    let mut output = Box::pin(docker.logs(container, Some(options)));
    let mut records = Records::default();
    while let Some(output) = output.next().await {
        let output = output?;
        let error = matches!(output, LogOutput::StdErr { .. });
        for record in output.into_bytes().split_inclusive(|byte| *byte == b'\n') {
            records.take(error, record);
        }
    }
    Ok(records.window(newest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::docker::engine::fake::FakeEngine;

    /// A log of so many lines, one each microsecond, and what it gives from a place on; how many records were looked at.
    async fn read_back(lines: usize, from: &From) -> (Vec<String>, Vec<usize>) {
        let looked_at = std::cell::RefCell::new(Vec::new());
        let window = |count: usize| {
            looked_at.borrow_mut().push(count);
            let mut records = Records::default();
            for n in lines.saturating_sub(count)..lines {
                records.take(false, format!("{} {n}\n", time_of(n)).as_bytes());
            }
            std::future::ready(Ok::<_, ()>(records.window(Some(count))))
        };
        let is_enough = |window: &Window| window.reaches(|line| from.is_past(line));
        let read = from_its_end(FIRST_LOOK_RECORDS, is_enough, window)
            .await
            .expect("a log that can be read");
        let of_interest = read.into_iter().filter(|line| !from.is_past(line));
        (of_interest.map(|line| line.text).collect(), looked_at.into_inner())
    }

    fn time_of(n: usize) -> String {
        format!("2026-01-02T03:04:05.{n:06}000Z")
    }

    fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|n| n.to_string()).collect()
    }

    #[tokio::test]
    async fn what_came_behind_a_place_is_found_from_the_end() {
        for behind in [0, 1, 6_000, 9_934, 9_935, 9_936, 9_998, 9_999] {
            let (texts, _) = read_back(10_000, &From::Behind(time_of(behind))).await;
            assert_eq!(texts, numbers(behind + 1..10_000));
            let (texts, _) = read_back(10_000, &From::Instant(time_of(behind))).await;
            assert_eq!(texts, numbers(behind..10_000));
        }
        let (texts, _) = read_back(10_000, &From::Behind("2026-01-01T00:00:00Z".into())).await;
        assert_eq!(texts.len(), 10_000, "nothing is from before");
        for short in [0, 1, 63, 64, 65] {
            let (texts, _) = read_back(short, &From::Moment(SystemTime::UNIX_EPOCH)).await;
            assert_eq!(texts, numbers(0..short));
        }
    }

    #[tokio::test]
    async fn a_long_log_is_not_read_for_its_end() {
        let (_, looked_at) = read_back(1_000_000, &From::Behind(time_of(999_950))).await;
        assert_eq!(looked_at, [64]);
        let (_, looked_at) = read_back(1_000_000, &From::Behind(time_of(999_000))).await;
        assert_eq!(looked_at, [64, 512, 4096]);
    }

    /// A record as the engine sends it: behind the number of its stream and its length.
    fn framed(record: &str) -> Vec<u8> {
        let length = u32::try_from(record.len()).expect("a short one").to_be_bytes();
        [&[1, 0, 0, 0], &length[..], record.as_bytes()].concat()
    }

    /// The log of a container: a line of 1 MB, cut as Docker cuts it, between two short ones.
    fn log_with_a_long_line() -> Vec<String> {
        let pieces = "x".repeat(16_384);
        let mut records = vec![format!("{} first\n", time_of(1))];
        records.extend((0..61).map(|_| format!("{} {pieces}", time_of(2))));
        records.extend([format!("{} {{\n", time_of(2)), format!("{} last\n", time_of(3))]);
        records
    }

    #[tokio::test]
    async fn a_line_of_a_megabyte_is_one_line_from_wherever_a_log_is_read() {
        let fake = FakeEngine::answering(|path| {
            let records = log_with_a_long_line();
            let tail = path
                .split("tail=")
                .nth(1)
                .and_then(|rest| rest.split('&').next()?.parse().ok());
            let from = records.len().saturating_sub(tail.unwrap_or(records.len()));
            records[from..].iter().flat_map(|record| framed(record)).collect()
        });
        let engine = fake.connect().await;
        let long = "x".repeat(61 * 16_384) + "{";
        let containers = [Arc::from("c")];
        for (from, expected) in [
            (From::Beginning, vec!["first", &long, "last"]),
            (From::Behind(time_of(1)), vec![&long, "last"]),
            (From::Instant(time_of(2)), vec![&long, "last"]),
            (From::Behind(time_of(2)), vec!["last"]),
            (From::Newest, vec!["last"]),
        ] {
            let lines = read(&engine, &containers, &from).await.expect("a log");
            let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            assert!(texts == expected, "{from:?}: {} lines", texts.len());
        }
        assert!(tail(&engine, "c").await.ends_with("{\nlast"));
    }

    #[tokio::test]
    async fn an_error_quotes_what_came_before_a_line_that_came_often() {
        let fake = FakeEngine::answering(|_| {
            let often = (2..60).map(|n| framed(&format!("{} again\n", time_of(n))));
            std::iter::once(framed(&format!("{} first\n", time_of(1))))
                .chain(often)
                .flatten()
                .collect()
        });
        assert_eq!(
            tail(&fake.connect().await, "c").await,
            "first\n[58 of the last 59 lines] again"
        );
    }

    #[tokio::test]
    async fn the_logs_of_a_project_are_those_of_its_services_that_have_written() {
        let fake = FakeEngine::answering(|path| match path {
            path if path.contains("/containers/json") => {
                let container =
                    |id: &str, service: &str| serde_json::json!({ "Id": id, "Labels": { labels::SERVICE: service } });
                serde_json::json!([container("a", "edge"), container("b", "silent"), { "Id": "c" }])
                    .to_string()
                    .into_bytes()
            }
            path if path.contains("/containers/a/") => framed(&format!("{} up\n", time_of(1))),
            path if path.contains("/containers/b/") => Vec::new(),
            other => panic!("nobody asks for {other}"),
        });
        let logs = project_logs(&fake.connect().await, "p").await.expect("it answers");
        let texts = logs
            .iter()
            .map(|(service, lines)| (service.as_str(), lines[0].text.as_str()));
        assert_eq!(texts.collect::<Vec<_>>(), [("edge", "up")]);
    }
}
