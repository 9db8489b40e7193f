//! What can go wrong while a cluster comes up, is reached, is broken on purpose or goes away.
//!
//! All of it is the world's doing, so all of it is an error and none a verdict. Each message names the thing, what was
//! awaited and for how long, the last value seen, and what to do.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::cluster::part::service::Service;

/// How much of a line that another program wrote is quoted, in characters.
const QUOTED_CHARS: usize = 240;

/// Why a cluster could not be brought up, reached, broken or removed.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// Nothing answers where a container engine could be.
    #[error("no container engine answers; tried {tried}; start it (`systemctl start docker`) or set DOCKER_HOST")]
    NoEngine {
        /// Each address that was tried, with what it said.
        tried: String,
    },
    /// The engine is on another machine.
    #[error(
        "the engine at {url}, named by {named_by}, is on {host}, not on this machine, where its published ports would be; \
         set DOCKER_HOST to an engine of this machine, or name the host with --allow-host {host} if its 127.0.0.1 is \
         reachable as this machine's"
    )]
    RemoteEngine {
        /// The address as configured.
        url: String,
        /// The setting that names it.
        named_by: String,
        /// The host in it.
        host: String,
    },
    /// The address is not one that an engine could have.
    #[error(
        "{url}, named by {named_by}, is no address of an engine that crosspod speaks to: that is unix://PATH or \
         tcp://HOST:PORT; set DOCKER_HOST to one"
    )]
    NotAnEngine {
        /// What it says.
        url: String,
        /// The setting that names it.
        named_by: String,
    },
    /// The engine is to be spoken to with TLS.
    #[error(
        "{asked_by} asks for TLS to the engine at {url}, named by {named_by}, and crosspod speaks to engines without; set \
         DOCKER_HOST to a socket of the engine (unix://PATH)"
    )]
    EngineWithTls {
        /// The address as configured.
        url: String,
        /// The setting that names it.
        named_by: String,
        /// The setting that asks for TLS.
        asked_by: String,
    },
    /// The Docker context that is in use leads to no engine.
    #[error(
        "the Docker context `{context}`, chosen by {chosen_by}, cannot be followed: {why}; choose another one \
         (`docker context ls`), or set DOCKER_HOST"
    )]
    BadContext {
        /// Its name.
        context: String,
        /// The setting that chooses it.
        chosen_by: String,
        /// What was found in its place.
        why: String,
    },
    /// A part is published where nobody has allowed the harness to connect to.
    #[error(
        "port {container_port} of {service} is published at {at}, which is not this machine's loopback; publish it on \
         127.0.0.1, or name the host with --allow-host {host}",
        host = at.ip()
    )]
    RemoteEndpoint {
        /// Which part.
        service: Service,
        /// The port inside its container.
        container_port: u16,
        /// Where the engine says that it is published.
        at: SocketAddr,
    },
    /// A container was about to be acted on that another run, or somebody else, has put there.
    #[error("container {container} carries {found} and not that of {wanted}: it is not touched")]
    NotOurs {
        /// Its id.
        container: String,
        /// What it carries.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// Neither Compose v2 nor v1 is there.
    #[error("no Compose found; tried {tried}; install the Compose plugin or docker-compose, or set CROSSPOD_COMPOSE")]
    NoCompose {
        /// Each command that was tried, with what it said.
        tried: String,
    },
    /// The engine refused a request, or broke off.
    #[error("{doing}: the engine said: {source}")]
    Engine {
        /// What was asked of it.
        doing: String,
        /// Its answer.
        source: Box<bollard::errors::Error>,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was done with it.
        doing: &'static str,
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A command of the host failed, was not there, or took too long.
    #[error("{step}: `{command}` {outcome}; {advice}{said}", said = quoted(stderr))]
    Command {
        /// What it was run for.
        step: String,
        /// The command line.
        command: String,
        /// How it ended: exit code, bound, or why it did not start.
        outcome: String,
        /// Its last lines of error output.
        stderr: Box<str>,
        /// What a person can do about it.
        advice: String,
    },
    /// An image is not to be had.
    #[error("image for {image}: {why}; {advice}")]
    Image {
        /// Which part of the cluster it is for.
        image: &'static str,
        /// Each way that was tried, with its outcome.
        why: String,
        /// What a person can do about it.
        advice: String,
    },
    /// The description of a cluster is not one that can be brought up.
    #[error("{what} is not possible: {why}")]
    Spec {
        /// The setting and its value.
        what: String,
        /// What would be.
        why: String,
    },
    /// A port that was asked for is another's.
    #[error(
        "port {port} of 127.0.0.1, asked for {service}, is in use; see by whom with `ss -ltnp 'sport = :{port}'`, or ask for \
             another one, or for none: then the engine chooses"
    )]
    PortInUse {
        /// What was to be published there.
        service: Service,
        /// The port.
        port: u16,
    },
    /// A container ended while something was awaited of it.
    #[error("{service} crashed {while_what}: exit {exit_code} after {after:.1?}{trace}")]
    Died {
        /// Which one.
        service: Service,
        /// What was awaited of it.
        while_what: String,
        /// The container's exit code.
        exit_code: i64,
        /// How long the wait had lasted.
        after: Duration,
        /// What it wrote, and where there is more.
        trace: Box<Trace>,
    },
    /// A condition did not come true within its bound.
    #[error("{service}: awaited {awaited} for {bound:.1?}, last seen: {last}{trace}")]
    NotReady {
        /// Which part.
        service: Service,
        /// The condition.
        awaited: String,
        /// How long it was waited for.
        bound: Duration,
        /// The last value seen.
        last: String,
        /// What it wrote, and where there is more.
        trace: Box<Trace>,
    },
    /// Something was asked of a part that is not running.
    #[error("{service} is not running: {doing} needs it up; start it first")]
    NotRunning {
        /// Which part.
        service: Service,
        /// What was asked.
        doing: &'static str,
    },
    /// Something was asked of a part that must not be running for it.
    #[error("{service} is running: {doing} needs it down; stop it first")]
    StillRunning {
        /// Which part.
        service: Service,
        /// What was asked.
        doing: &'static str,
    },
    /// Something that only the kernel can do to a part's process was not done.
    #[error(
        "{service}: {doing}: {source}; it takes an engine on this machine, pidfds, and the process's own user or root"
    )]
    Process {
        /// Which part.
        service: Service,
        /// What was to be done.
        doing: &'static str,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The cluster has no such part.
    #[error("no {service} in cluster {project}; it has {has}")]
    NoSuchPart {
        /// What was asked for.
        service: String,
        /// The Compose project.
        project: String,
        /// What there is.
        has: String,
    },
    /// Things of ours did not go away.
    #[error("removal of {project}: still there after {bound:.1?}: {left}; remove them with `crosspod down`")]
    StillThere {
        /// The Compose project.
        project: String,
        /// How long removal was tried.
        bound: Duration,
        /// What is left, by name.
        left: String,
    },
}

/// What a part wrote before it failed, and where there is more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its last lines of log.
    pub log: String,
    /// A command that shows more.
    pub look: String,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "; look further with `{}` while it is there{}",
            self.look,
            quoted(&self.log)
        )
    }
}

impl ClusterError {
    /// Wraps an engine's answer with what was asked of it; made for `map_err`.
    pub(in crate::cluster) fn engine(doing: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Engine {
            doing,
            source: Box::new(source),
        }
    }

    /// Wraps a file error with what was done; made for `map_err`.
    pub(in crate::cluster) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}

/// Lines of another program's output, set off at the end of a message, or nothing where there are none. A line is cut
/// where it would bury the message: logs for machines know no end of it.
fn quoted(lines: &str) -> String {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let indented: Vec<String> = lines
        .map(|line| match line.char_indices().nth(QUOTED_CHARS) {
            Some((end, _)) => format!("\n    {}...", &line[..end]),
            None => format!("\n    {line}"),
        })
        .collect();
    if indented.is_empty() {
        return String::new();
    }
    format!("; its last words:{}", indented.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_names_the_part_the_code_the_log_and_the_next_command() {
        let error = ClusterError::Died {
            service: Service::pod(2),
            while_what: "at boot".into(),
            exit_code: 1,
            after: Duration::from_millis(420),
            trace: Box::new(Trace {
                log: format!("unknown defect `no-such`\n\n{}\n", "x".repeat(QUOTED_CHARS + 1)),
                look: "docker logs abc".into(),
            }),
        };
        let text = error.to_string();
        assert!(
            text.starts_with("pod-2 crashed at boot: exit 1 after 420.0ms"),
            "{text}"
        );
        assert!(
            text.contains("; look further with `docker logs abc` while it is there; its last words:\n"),
            "{text}"
        );
        let cut = format!("\n    unknown defect `no-such`\n    {}...", "x".repeat(QUOTED_CHARS));
        assert!(text.ends_with(&cut), "{text}");
    }

    #[test]
    fn a_silent_command_leaves_no_empty_quotation() {
        let error = ClusterError::Command {
            step: "compose up".into(),
            command: "docker compose up -d".into(),
            outcome: "exited with 14".into(),
            stderr: "  \n".into(),
            advice: "free some disk".into(),
        };
        assert_eq!(
            error.to_string(),
            "compose up: `docker compose up -d` exited with 14; free some disk"
        );
    }
}
