//! What a part wrote, as the engine kept it: whole, across restarts of the container.

use std::sync::Arc;
use std::time::SystemTime;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;

use crate::cluster::docker::engine::Engine;
use crate::cluster::linux::command::last_lines;
use crate::cluster::part::error::ClusterError;

/// How many lines of a log an error quotes.
const QUOTED_LINES: usize = 8;

/// Lines from the end of a log that are looked at first for what came behind a place in it: most plays write fewer.
const FIRST_LOOK_LINES: usize = 64;
/// How many times as many are looked at next.
const NEXT_LOOK_TIMES: usize = 8;

/// One line that a part wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine took it, RFC 3339 with nanoseconds, by the engine's clock.
    pub at: String,
    /// Whether it came on standard error.
    pub error: bool,
    /// The line, without its end.
    pub text: String,
}

/// From where a log is read.
#[derive(Debug, Clone)]
pub(in crate::cluster) enum From {
    /// All of it.
    Beginning,
    /// What came at or after this time, RFC 3339 by the engine's clock.
    Instant(String),
    /// What came behind a line of that time, RFC 3339 by the engine's clock.
    Behind(String),
    /// What came at or after this moment, to the second: the engine takes no finer one.
    Moment(SystemTime),
    /// The last line alone.
    Newest,
}

impl From {
    /// Whether a line lies before what is asked for. A moment is the engine's to look for: it sends nothing from before it.
    fn is_past(&self, line: &LogLine) -> bool {
        match self {
            Self::Instant(start) => comparable(&line.at) < comparable(start),
            Self::Behind(at) => comparable(&line.at) <= comparable(at),
            Self::Beginning | Self::Moment(_) | Self::Newest => false,
        }
    }

    /// The first second of which the engine is to send anything, since 1970.
    fn since_s(&self) -> i32 {
        let since_s = match self {
            Self::Moment(since) => since.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()),
            _ => 0,
        };
        i32::try_from(since_s).unwrap_or(i32::MAX)
    }
}

/// Reads the log of a part, which may have been several containers, in the order in which it was written.
pub(in crate::cluster) async fn read(
    engine: &Engine,
    containers: &[Arc<str>],
    from: &From,
) -> Result<Vec<LogLine>, ClusterError> {
    let since_s = from.since_s();
    let mut lines = Vec::new();
    for container in containers {
        let of_one = match from {
            From::Beginning => collect(engine.docker(), container, "all".into(), since_s).await,
            From::Newest => collect(engine.docker(), container, "1".into(), since_s).await,
            From::Instant(_) | From::Behind(_) | From::Moment(_) => {
                from_its_end(from, |count| {
                    collect(engine.docker(), container, count.to_string(), since_s)
                })
                .await
            }
        };
        lines.extend(of_one.map_err(ClusterError::engine(format!(
            "reading the log of container {container}"
        )))?);
    }
    if containers.len() > 1 {
        lines.sort_by_cached_key(|line| comparable(&line.at));
    }
    Ok(lines)
}

/// What a log holds from a place on. `newest` gives so many of its newest lines: as many as reach back to the place, in a few
/// steps. The engine finds a place only by reading all before it, and a cluster that is played on for hours writes much.
async fn from_its_end<E, Lines>(from: &From, newest: impl Fn(usize) -> Lines) -> Result<Vec<LogLine>, E>
where
    Lines: Future<Output = Result<Vec<LogLine>, E>>,
{
    let mut count = FIRST_LOOK_LINES;
    loop {
        let mut lines = newest(count).await?;
        if lines.len() < count || lines.first().is_some_and(|oldest| from.is_past(oldest)) {
            lines.retain(|line| !from.is_past(line));
            return Ok(lines);
        }
        count *= NEXT_LOOK_TIMES;
    }
}

/// The last lines of a container's log, for an error's message; empty where they cannot be had.
pub(in crate::cluster) async fn tail(engine: &Engine, container: &str) -> String {
    let lines = collect(engine.docker(), container, QUOTED_LINES.to_string(), 0)
        .await
        .unwrap_or_default();
    let text: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    last_lines(&text.join("\n"))
}

async fn collect(
    docker: &Docker,
    container: &str,
    tail: String,
    since_s: i32,
) -> Result<Vec<LogLine>, bollard::errors::Error> {
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .tail(&tail)
        .since(since_s)
        .build();
    let mut output = Box::pin(docker.logs(container, Some(options)));
    let mut lines = Vec::new();
    while let Some(output) = output.next().await {
        let output = output?;
        let error = matches!(output, LogOutput::StdErr { .. });
        let text = String::from_utf8_lossy(&output.into_bytes()).into_owned();
        lines.extend(text.lines().map(|line| parse(line, error)));
    }
    Ok(lines)
}

fn parse(line: &str, error: bool) -> LogLine {
    let (at, text) = line.split_once(' ').unwrap_or((line, ""));
    LogLine {
        at: at.to_owned(),
        error,
        text: text.to_owned(),
    }
}

/// A form in which UTC times of unequal precision sort by time: the engine cuts trailing zeros off in some places.
fn comparable(at: &str) -> String {
    let at = at.trim_end_matches('Z');
    let (seconds, fraction) = at.split_once('.').unwrap_or((at, ""));
    format!("{seconds}.{fraction:0<9}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of so many lines, one each microsecond, and what it gives from a place on; how many lines were looked at.
    async fn read_back(lines: usize, from: &From) -> (Vec<String>, Vec<usize>) {
        let log: Vec<LogLine> = (0..lines)
            .map(|n| parse(&format!("{} {n}", time_of(n)), false))
            .collect();
        let looked_at = std::cell::RefCell::new(Vec::new());
        let newest = |count: usize| {
            looked_at.borrow_mut().push(count);
            std::future::ready(Ok::<_, ()>(log[lines.saturating_sub(count)..].to_vec()))
        };
        let read = from_its_end(from, newest).await.expect("a log that can be read");
        let texts = read.into_iter().map(|line| line.text).collect();
        (texts, looked_at.into_inner())
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

    #[test]
    fn times_of_unequal_precision_compare_by_time() {
        let ordered = [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.1Z",
            "2026-01-02T03:04:05.120000000Z",
        ];
        assert!(ordered.windows(2).all(|pair| comparable(pair[0]) < comparable(pair[1])));
        assert_eq!(
            comparable("2026-01-02T03:04:05.12Z"),
            comparable("2026-01-02T03:04:05.120000000Z")
        );
    }

    #[test]
    fn a_line_is_split_at_its_time_and_an_empty_one_stays_empty() {
        let line = parse("2026-01-02T03:04:05.1Z hello  there", true);
        assert_eq!(
            (line.at.as_str(), line.text.as_str()),
            ("2026-01-02T03:04:05.1Z", "hello  there")
        );
        assert_eq!(parse("2026-01-02T03:04:05.1Z", false).text, "");
    }
}
