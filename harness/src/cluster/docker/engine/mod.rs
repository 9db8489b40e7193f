//! One connection to the container engine: its address, its version, and its records of containers.

pub(in crate::cluster) mod client_settings;
pub(in crate::cluster) mod events;
pub(in crate::cluster) mod guard;
pub(in crate::cluster) mod inspected;
pub(in crate::cluster) mod labels;
pub(in crate::cluster) mod leftovers;
pub(in crate::cluster) mod log_records;
pub(in crate::cluster) mod logs;
pub(in crate::cluster) mod removal;
mod same_lines;

use std::env;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::WaitContainerOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt;

use crate::cluster::docker::engine::client_settings::{ClientSettings, EngineAddress};
use crate::cluster::docker::engine::guard::AllowedHosts;
use crate::cluster::docker::engine::inspected::Inspected;
use crate::cluster::part::error::ClusterError;

/// Longest until an engine answers the first request.
const ANSWER_BOUND: Duration = Duration::from_secs(5);
/// Longest for any one request to the engine, in bollard's unit.
const REQUEST_BOUND_SECS: u64 = 120;

/// Pause before the next question to an engine that has answered a wait for a container's end too early.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A reachable engine. Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Engine {
    docker: Docker,
    host: String,
    version: String,
    api: String,
    arch: String,
    rootless: bool,
    cpus: usize,
    allowed: Arc<AllowedHosts>,
}

impl Engine {
    /// Finds the engine that `DOCKER_HOST` or the Docker context in use names, else one at the usual sockets, and agrees on
    /// an API version with it.
    ///
    /// # Errors
    /// [`ClusterError::NoEngine`] if none answers within 5 s, [`ClusterError::RemoteEngine`] if it is on a host that is not
    /// allowed, or the setting that names the engine cannot be followed.
    pub async fn connect(allowed: &AllowedHosts) -> Result<Self, ClusterError> {
        Self::connect_to_first(ClientSettings::read().engines()?, allowed).await
    }

    async fn connect_to_first(addresses: Vec<EngineAddress>, allowed: &AllowedHosts) -> Result<Self, ClusterError> {
        let allowed = Arc::new(allowed.clone());
        let mut tried = Vec::new();
        for address in addresses {
            allowed.engine(&address)?;
            let EngineAddress { url, named_by } = address;
            match tokio::time::timeout(ANSWER_BOUND, Self::connect_to(&url, &allowed)).await {
                Ok(Ok(engine)) => return Ok(engine),
                Ok(Err(error)) => tried.push(format!("{url} by {named_by} ({})", root_cause(&error))),
                Err(_) => tried.push(format!("{url} by {named_by} (no answer in {ANSWER_BOUND:?})")),
            }
        }
        Err(ClusterError::NoEngine {
            tried: tried.join(", "),
        })
    }

    async fn connect_to(host: &str, allowed: &Arc<AllowedHosts>) -> Result<Self, bollard::errors::Error> {
        let docker = match host.strip_prefix("unix://") {
            Some(_) => Docker::connect_with_unix(host, REQUEST_BOUND_SECS, API_DEFAULT_VERSION)?,
            None => Docker::connect_with_http(host, REQUEST_BOUND_SECS, API_DEFAULT_VERSION)?,
        };
        let docker = docker.negotiate_version().await?;
        let (version, info) = tokio::try_join!(docker.version(), docker.info())?;
        let security = info.security_options.unwrap_or_default();
        Ok(Self {
            api: docker.client_version().to_string(),
            docker,
            host: host.to_owned(),
            version: version.version.unwrap_or_default(),
            arch: version.arch.unwrap_or_default(),
            cpus: info.ncpu.and_then(|n| usize::try_from(n).ok()).unwrap_or(1),
            rootless: security.iter().any(|option| option.contains("name=rootless")),
            allowed: allowed.clone(),
        })
    }

    /// Address of the engine, as in `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Version of the engine, as it writes it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Version of the API that was agreed on.
    pub fn api_version(&self) -> &str {
        &self.api
    }

    /// Returns true if its address is on this machine.
    pub(in crate::cluster) fn is_here(&self) -> bool {
        guard::is_here(&self.host)
    }

    /// Hosts at which its parts may be published.
    pub(in crate::cluster) fn allowed(&self) -> &AllowedHosts {
        &self.allowed
    }

    /// Number of processors that its containers share.
    pub fn cpus(&self) -> usize {
        self.cpus
    }

    pub(in crate::cluster) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Its processor, by its own name.
    pub(in crate::cluster) fn arch(&self) -> &str {
        &self.arch
    }

    /// Returns true if programs of this machine run in its containers.
    pub(in crate::cluster) fn runs_this_machines_programs(&self) -> bool {
        let ours = match env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        self.arch == ours
    }

    /// User and group that a container must run as for its process to be the invoking user's on this machine.
    pub(in crate::cluster) fn own_user(&self) -> (u32, u32) {
        if self.rootless {
            // A rootless engine maps its root to the user that started it.
            return (0, 0);
        }
        (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw())
    }

    /// The record of one container, with the ports that it publishes through another container's network.
    pub(in crate::cluster) async fn inspect(&self, container: &str) -> Result<Inspected, ClusterError> {
        let mut found = self.inspect_alone(container).await?;
        if let Some(sandbox) = &found.sandbox {
            found.ports = self.inspect_alone(sandbox).await?.ports;
        }
        Ok(found)
    }

    /// The record of one container alone.
    pub(in crate::cluster) async fn inspect_alone(&self, container: &str) -> Result<Inspected, ClusterError> {
        let found = self.docker.inspect_container(container, None).await;
        found
            .map(Inspected::from)
            .map_err(ClusterError::engine(format!("inspecting container {container}")))
    }

    /// Waits, without a bound of its own, until the container has ended, or the start of it that is named. Returns the exit
    /// code.
    ///
    /// An engine's answer to a wait proves nothing: Podman gives it while the container still runs. Its record does.
    pub(in crate::cluster) async fn exited(&self, container: &str, start: Option<&str>) -> Result<i64, ClusterError> {
        loop {
            let answer = self.await_end(container).await?;
            if let Some(end) = self.inspect_alone(container).await?.end(start) {
                return Ok(end.code.or(answer).unwrap_or_default());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The engine's answer to a wait for a container's end: the exit code; `None` if the engine ends the answer without one.
    async fn await_end(&self, container: &str) -> Result<Option<i64>, ClusterError> {
        let options = WaitContainerOptions {
            condition: "not-running".into(),
        };
        let mut answers = Box::pin(self.docker.wait_container(container, Some(options)));
        match answers.next().await {
            Some(Ok(answer)) => Ok(Some(answer.status_code)),
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(Some(code)),
            Some(Err(error)) => Err(ClusterError::engine(format!(
                "awaiting the end of container {container}"
            ))(error)),
            None => Ok(None),
        }
    }
}

/// The text of the innermost error: the outer ones say only that a request failed.
pub(in crate::cluster) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod fake;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_named_with_what_to_do() {
        let at = |url: &str| {
            vec![EngineAddress {
                url: url.to_owned(),
                named_by: "DOCKER_HOST".to_owned(),
            }]
        };
        let here = AllowedHosts::this_machine();
        let error = Engine::connect_to_first(at("unix:///no/such/engine.sock"), &here)
            .await
            .expect_err("nothing is there")
            .to_string();
        assert!(error.contains("unix:///no/such/engine.sock"), "{error}");
        assert!(error.contains("DOCKER_HOST"), "{error}");
        let elsewhere = Engine::connect_to_first(at("tcp://192.0.2.7:2375"), &here).await;
        assert!(matches!(elsewhere, Err(ClusterError::RemoteEngine { .. })));
    }

    const START: &str = "2026-01-02T03:04:05.678Z";
    const LATER: &str = "2026-01-02T03:04:06Z";

    fn record(running: bool, started_at: &str) -> String {
        format!(r#"{{"Id":"c","State":{{"Running":{running},"ExitCode":137,"StartedAt":"{started_at}"}}}}"#)
    }

    /// The outcome of a wait at an engine that answers at once, as Podman does, and has these records, one after the
    /// other. How often the record was read.
    async fn exited(records: Vec<String>, start: Option<&str>) -> (Result<i64, String>, usize) {
        let mut records = records.into_iter();
        let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = read.clone();
        let fake = fake::FakeEngine::answering(move |path| {
            if path.contains("/wait") {
                return r#"{"StatusCode":7}"#.into();
            }
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            records.next().expect("no more than these").into_bytes()
        });
        let engine = fake.connect().await;
        let outcome = tokio::time::timeout(Duration::from_millis(300), engine.exited("c", start)).await;
        let outcome = match outcome {
            Ok(code) => code.map_err(|error| error.to_string()),
            Err(_) => Err("it goes on waiting".to_owned()),
        };
        (outcome, read.load(std::sync::atomic::Ordering::Relaxed))
    }

    #[tokio::test]
    async fn an_engine_that_answers_a_wait_too_early_proves_no_death() {
        let (alive, dead) = (record(true, START), record(false, START));
        let early = vec![alive.clone(), alive.clone(), dead];
        assert_eq!(exited(early, Some(START)).await, (Ok(137), 3));
        let never = exited(vec![alive; 64], Some(START)).await.0;
        assert_eq!(never, Err("it goes on waiting".to_owned()));
    }

    #[tokio::test]
    async fn a_start_is_over_when_its_container_runs_again_and_a_container_is_not() {
        let again = record(true, LATER);
        assert_eq!(exited(vec![again.clone()], Some(START)).await, (Ok(7), 1));
        let whole = exited(vec![again.clone(), record(false, LATER)], None).await;
        assert_eq!(whole, (Ok(137), 2));
    }
}
