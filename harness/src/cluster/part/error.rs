//! Errors of a cluster while it comes up, is reached, is broken on purpose or goes away.
//!
//! The world causes all of them, so none is a verdict. Each message names the thing, the condition that was awaited, its bound,
//! the last value seen, and what to do.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// Longest quotation of another program's line, in characters.
const QUOTED_CHARS: usize = 240;

/// A cluster could not be brought up, reached, broken or removed.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// No container engine answers.
    #[error(
        "no container engine answers; tried {tried}; start it (`systemctl start docker`), join the group that may use its socket (`docker`), or set DOCKER_HOST"
    )]
    NoEngine {
        /// Each address that was tried, with its answer.
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
    /// An address is not that of an engine.
    #[error(
        "{url}, named by {named_by}, is no address of an engine that crosspod speaks to: that is unix://PATH or \
         tcp://HOST:PORT; set DOCKER_HOST to one"
    )]
    NotAnEngine {
        /// The address.
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
        /// The reason.
        why: String,
    },
    /// A part is published on a host that is not allowed.
    #[error(
        "port {container_port} of {service} is published at {at}, which is not this machine's loopback; publish it on \
         127.0.0.1, or name the host with --allow-host {host}",
        host = at.ip()
    )]
    RemoteEndpoint {
        /// The part.
        service: String,
        /// The port inside its container.
        container_port: u16,
        /// The address at which it is published.
        at: SocketAddr,
    },
    /// A container belongs to another run, or to somebody else.
    #[error("container {container} carries {found} and not that of {wanted}: it is not touched")]
    NotOurs {
        /// Its id.
        container: String,
        /// The label that it carries.
        found: String,
        /// The run or cluster that it should belong to.
        wanted: String,
    },
    /// Neither Compose v2 nor v1 is installed.
    #[error("no Compose found; tried {tried}; install the Compose plugin or docker-compose, or set CROSSPOD_COMPOSE")]
    NoCompose {
        /// Each command that was tried, with its answer.
        tried: String,
    },
    /// The engine refused a request or ended the connection.
    #[error("{doing}: the engine said: {source}")]
    Engine {
        /// The request.
        doing: String,
        /// The answer.
        source: Box<bollard::errors::Error>,
    },
    /// A file or folder could not be read or written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A command of the host failed, is not installed, or took too long.
    #[error("{step}: `{command}` {outcome}; {advice}{said}", said = quoted(stderr))]
    Command {
        /// The purpose of the command.
        step: String,
        /// The command line.
        command: String,
        /// Its end: exit code, bound, or the reason why it did not start.
        outcome: String,
        /// Its last lines of error output.
        stderr: Box<str>,
        /// The advice to the reader.
        advice: String,
    },
    /// An image is not available.
    #[error("image for {image}: {why}; {advice}")]
    Image {
        /// The part of the cluster that it is for, or the image's own reference.
        image: String,
        /// Each way that was tried, with its outcome.
        why: String,
        /// The advice to the reader.
        advice: String,
    },
    /// A cluster of that description cannot be brought up.
    #[error("{what} is not possible: {why}")]
    Spec {
        /// The setting and its value.
        what: String,
        /// The values that are possible.
        why: String,
    },
    /// The compose files hold something that crosspod cannot bring up.
    #[error("{}: {}", paths(files), problems.join("; "))]
    Unfit {
        /// The files.
        files: Vec<PathBuf>,
        /// Everything that is in the way, each with what to change.
        problems: Vec<String>,
    },
    /// A port is in use by another program.
    #[error(
        "port {port} of 127.0.0.1, asked for {service}, is in use; see by whom with `ss -ltnp 'sport = :{port}'`, or ask for \
             another one, or for none: then the engine chooses"
    )]
    PortInUse {
        /// The part that was to be published there.
        service: String,
        /// The port.
        port: u16,
    },
    /// A part ended while a condition of it was awaited.
    #[error("{service} crashed {while_what}: exit {exit_code} after {after:.1?}{trace}")]
    Died {
        /// The part.
        service: String,
        /// The phase in which it ended.
        while_what: String,
        /// The container's exit code.
        exit_code: i64,
        /// Time since the wait began.
        after: Duration,
        /// The last lines of its log.
        trace: Box<Trace>,
    },
    /// A condition did not come true within its bound.
    #[error("{service}: awaited {awaited} for {bound:.1?}, last seen: {last}{trace}")]
    NotReady {
        /// The part.
        service: String,
        /// The condition.
        awaited: String,
        /// The bound of the wait.
        bound: Duration,
        /// The last value seen.
        last: String,
        /// The last lines of its log.
        trace: Box<Trace>,
    },
    /// A pod listens where nobody outside its container reaches it.
    #[error(
        "{service} listens on 127.0.0.1:{port} inside its container, and nowhere else after {after:.1?}: nobody outside can reach it; \
         start it with --host 0.0.0.0, or whatever it calls that (compose: command)"
    )]
    Loopback {
        /// The pod.
        service: String,
        /// The port.
        port: u16,
        /// Time since the wait began.
        after: Duration,
    },
    /// An operation needs a running part.
    #[error("{service} is not running: {doing} needs it up; start it first")]
    NotRunning {
        /// The part.
        service: String,
        /// The operation.
        doing: &'static str,
    },
    /// An operation needs a stopped part.
    #[error("{service} is running: {doing} needs it down; stop it first")]
    StillRunning {
        /// The part.
        service: String,
        /// The operation.
        doing: &'static str,
    },
    /// The kernel refused an operation on a part's process.
    #[error(
        "{service}: {doing}: {source}; it takes an engine on this machine, pidfds, and the process's own user or root"
    )]
    Process {
        /// The part.
        service: String,
        /// The operation.
        doing: &'static str,
        /// The kernel's error.
        source: std::io::Error,
    },
    /// The cluster has no such part.
    #[error("no {service} in cluster {project}; it has {has}")]
    NoSuchPart {
        /// The part that was asked for.
        service: String,
        /// The Compose project.
        project: String,
        /// The parts that it has.
        has: String,
    },
    /// Containers, networks or volumes of the project were not removed.
    #[error("removal of {project}: still there after {bound:.1?}: {left}; remove them with `crosspod down`")]
    StillThere {
        /// The Compose project.
        project: String,
        /// The bound of the removal.
        bound: Duration,
        /// The things that are left, by name.
        left: String,
    },
}

/// The last lines of a part's log, and a command that shows more if it outlives the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The last lines of its log.
    pub log: String,
    /// A command that shows more. `None` if the container is removed with the run that names it.
    pub look: Option<String>,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(look) = &self.look {
            write!(f, "; look further with `{look}`")?;
        }
        f.write_str(&quoted(&self.log))
    }
}

impl ClusterError {
    /// Adds the request to an engine's answer; made for `map_err`.
    pub(in crate::cluster) fn engine(doing: impl Into<String>) -> impl FnOnce(bollard::errors::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Engine {
            doing,
            source: Box::new(source),
        }
    }

    /// Adds the operation to a file error; made for `map_err`.
    pub(in crate::cluster) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}

fn paths(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

/// Lines of another program's output as the end of a message; empty if there are none. Long lines are cut, because they would
/// hide the message.
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
        let text = |look: Option<&str>| {
            let error = ClusterError::Died {
                service: "pod-2".into(),
                while_what: "at boot".into(),
                exit_code: 1,
                after: Duration::from_millis(420),
                trace: Box::new(Trace {
                    log: format!("unknown defect `no-such`\n\n{}\n", "x".repeat(QUOTED_CHARS + 1)),
                    look: look.map(str::to_owned),
                }),
            };
            error.to_string()
        };
        let crashed = "pod-2 crashed at boot: exit 1 after 420.0ms";
        let cut = format!(
            "; its last words:\n    unknown defect `no-such`\n    {}...",
            "x".repeat(QUOTED_CHARS)
        );
        assert_eq!(text(None), format!("{crashed}{cut}"));
        let kept = format!("{crashed}; look further with `docker logs abc`{cut}");
        assert_eq!(text(Some("docker logs abc")), kept);
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
