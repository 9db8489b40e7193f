//! What a part wrote, as the engine kept it: whole, across restarts of the container.

use std::sync::Arc;
use std::time::SystemTime;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;

use super::command::last_lines;
use super::engine::Engine;
use super::error::ClusterError;

/// How many lines of a log an error quotes.
const QUOTED_LINES: &str = "8";

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
pub(super) enum From {
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

/// Reads the log of a part, which may have been several containers, in the order in which it was written.
pub(super) async fn read(engine: &Engine, containers: &[Arc<str>], from: &From) -> Result<Vec<LogLine>, ClusterError> {
    let (tail, since_s) = match from {
        From::Newest => ("1", 0),
        From::Moment(since) => (
            "all",
            since.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        ),
        From::Beginning | From::Instant(_) | From::Behind(_) => ("all", 0),
    };
    let since_s = i32::try_from(since_s).unwrap_or(i32::MAX);
    let mut lines = Vec::new();
    for container in containers {
        let of_one = collect(engine.docker(), container, tail, since_s).await;
        lines.extend(of_one.map_err(ClusterError::engine(format!(
            "reading the log of container {container}"
        )))?);
    }
    if containers.len() > 1 {
        lines.sort_by_cached_key(|line| comparable(&line.at));
    }
    match from {
        From::Instant(start) => {
            let start = comparable(start);
            lines.retain(|line| comparable(&line.at) >= start);
        }
        From::Behind(at) => {
            let at = comparable(at);
            lines.retain(|line| comparable(&line.at) > at);
        }
        From::Beginning | From::Moment(_) | From::Newest => {}
    }
    Ok(lines)
}

/// The last lines of a container's log, for an error's message; empty where they cannot be had.
pub(super) async fn tail(engine: &Engine, container: &str) -> String {
    let lines = collect(engine.docker(), container, QUOTED_LINES, 0)
        .await
        .unwrap_or_default();
    let text: Vec<String> = lines.into_iter().map(|line| line.text).collect();
    last_lines(&text.join("\n"))
}

async fn collect(
    docker: &Docker,
    container: &str,
    tail: &str,
    since_s: i32,
) -> Result<Vec<LogLine>, bollard::errors::Error> {
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .tail(tail)
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
