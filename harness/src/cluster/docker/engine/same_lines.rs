//! Lines of a log that say the same of several containers, or say it again: an error quotes each once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// A date with a time, as servers write it before a line.
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let time = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?";
    Regex::new(time).expect("an expression that is tested")
});

/// A container of a cluster, as a server that watches the engine names it: service, project and the container's id.
static CONTAINER: LazyLock<Regex> = LazyLock::new(|| {
    let container = r"([A-Za-z0-9_.-]+?)[-_]crosspod-r[0-9a-f]+-\d+-[0-9a-f]{64}";
    Regex::new(container).expect("an expression that is tested")
});

/// Lines that differ in times and containers alone.
struct Same<'l> {
    /// The line without times and containers.
    plain: Cow<'l, str>,
    newest: &'l str,
    times: usize,
    services: BTreeSet<&'l str>,
}

/// The lines in the order of their newest occurrence, each once. A line that came more often begins with how often, and with the
/// services that it names.
pub(super) fn each_once<'l>(lines: &[&'l str]) -> Vec<String> {
    let mut found: Vec<Same<'l>> = Vec::new();
    for line in lines {
        let plain = plain(line);
        let known = found.iter().position(|same| same.plain == plain);
        let mut same = match known {
            Some(known) => found.remove(known),
            None => Same {
                plain,
                newest: line,
                times: 0,
                services: BTreeSet::new(),
            },
        };
        same.newest = line;
        same.times += 1;
        same.services.extend(services(line));
        found.push(same);
    }
    found.iter().map(|same| same.quote(lines.len())).collect()
}

impl Same<'_> {
    fn quote(&self, of_lines: usize) -> String {
        if self.times == 1 {
            return self.newest.to_owned();
        }
        let services: Vec<&str> = self.services.iter().copied().collect();
        let of = if services.is_empty() {
            String::new()
        } else {
            format!(", of {}", services.join(", "))
        };
        format!("[{} of the last {of_lines} lines{of}] {}", self.times, self.newest)
    }
}

/// A line without what differs from time to time and from container to container.
fn plain(line: &str) -> Cow<'_, str> {
    match TIME.replace_all(line, "") {
        Cow::Borrowed(line) => CONTAINER.replace_all(line, ""),
        Cow::Owned(line) => Cow::Owned(CONTAINER.replace_all(&line, "").into_owned()),
    }
}

/// The services of the containers that a line names.
fn services(line: &str) -> impl Iterator<Item = &str> {
    let named = CONTAINER.captures_iter(line);
    named.filter_map(|named| Some(named.get(1)?.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line of Traefik's about a label of a pod.
    fn of_a_label(second: u32, pod: u32, node: &str) -> String {
        let id = format!("{pod:064x}");
        format!(
            "2026-11-30T14:03:{second:02}Z ERR error=\"field not found, node: {node}\" container=pod-{pod}-crosspod-r278581bf43-0-{id} \
             providerName=docker"
        )
    }

    #[test]
    fn a_line_that_is_said_of_each_pod_is_quoted_once() {
        let lines: Vec<String> = [16, 18]
            .into_iter()
            .flat_map(|second| (1..=3).map(move |pod| of_a_label(second, pod, "healthchek")))
            .collect();
        let other = of_a_label(19, 2, "porrt");
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.insert(2, &other);
        let newest = of_a_label(18, 3, "healthchek");
        assert_eq!(
            each_once(&lines),
            [
                other.clone(),
                format!("[6 of the last 7 lines, of pod-1, pod-2, pod-3] {newest}")
            ]
        );
    }

    #[test]
    fn lines_that_differ_in_their_times_alone_are_the_same() {
        let lines = [
            "2026/11/30 14:03:16 connection refused",
            "listening",
            "2026/11/30 14:03:17 connection refused",
            "{\"time\":\"2026-11-30T14:03:16.5+01:00\",\"msg\":\"up\"}",
            "{\"time\":\"2026-11-30T14:03:17.25+01:00\",\"msg\":\"up\"}",
        ];
        assert_eq!(
            each_once(&lines),
            [
                lines[1],
                &format!("[2 of the last 5 lines] {}", lines[2]),
                &format!("[2 of the last 5 lines] {}", lines[4])
            ]
        );
        let different = ["status 502 of pod-1", "status 503 of pod-1", "status 502 of pod-2"];
        assert_eq!(each_once(&different), different);
    }
}
