//! A handle to one part of a live cluster: where it is, and what can be done to its process.
//!
//! The address and the process belong to one *start* of the container: an ephemeral port changes with each, and a dead
//! part has none. Signals go through a pidfd taken at start; where the system does not permit that, through the engine.

mod descriptors;
pub(in crate::cluster) mod freeze;
pub(in crate::cluster) mod kill;
pub(in crate::cluster) mod limits;
pub(in crate::cluster) mod ready;
mod replace;
pub(in crate::cluster) mod volume;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bollard::errors::Error as EngineError;
use bollard::query_parameters::{KillContainerOptions, UploadToContainerOptionsBuilder};
use rustix::process::Signal;

use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::logs::{self, LogLine};
use crate::cluster::docker::engine::{Engine, Inspected};
use crate::cluster::docker::handle::replace::Containers;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::{ClusterError, Trace};
use crate::cluster::part::service::Service;
use crate::cluster::part::state::{Exit, Proof, Remedy, State};

/// How long the kernel may take to end a killed process, and the engine to notice.
pub(in crate::cluster) const DEATH_BOUND: Duration = Duration::from_secs(10);

/// How engines say that a file system is full: the kernel's own words for it.
const NO_ROOM: &str = "no space left on device";

/// One part of a live cluster. Cheap to clone; all clones are the same part.
#[derive(Debug, Clone)]
pub struct PartHandle(Arc<Part>);

#[derive(Debug)]
struct Part {
    engine: Engine,
    service: Service,
    containers: Mutex<Containers>,
    ready_bound: Duration,
    /// The start that is alive, as far as is known.
    life: Mutex<Option<Arc<Life>>>,
    /// A start was asked of the engine and has not been looked up: whoever asked was dropped meanwhile, or is at it.
    launching: AtomicBool,
}

/// One start of the container.
#[derive(Debug)]
pub(in crate::cluster) struct Life {
    /// None where the process cannot be had from here: another machine, or a kernel without pidfds.
    pub(in crate::cluster) pidfd: Option<Pidfd>,
    ports: BTreeMap<u16, SocketAddr>,
    /// Addresses that connections to its published ports come from.
    gateways: Vec<String>,
    started_at: String,
    /// Frozen by the engine. One that is stopped by a signal is asked for at the kernel.
    pub(in crate::cluster) paused: AtomicBool,
}

/// How a file that the harness writes into a part's container came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// All of it is there.
    Whole,
    /// As much of it is there as its file system had room for.
    NoRoom {
        /// What the engine said.
        said: String,
    },
}

impl PartHandle {
    /// A handle to a container that the engine says is this process's to act on, looked up as it is now.
    ///
    /// # Errors
    /// [`ClusterError::NotOurs`] where it is not, [`ClusterError::RemoteEndpoint`] where it is published elsewhere.
    pub(in crate::cluster) async fn claim(
        claim: &Claim,
        project: &str,
        engine: Engine,
        service: Service,
        container: String,
        ready_bound: Duration,
    ) -> Result<Self, ClusterError> {
        let handle = Self(Arc::new(Part {
            engine,
            service,
            containers: Mutex::new(Containers::of(container)),
            ready_bound,
            life: Mutex::default(),
            launching: AtomicBool::default(),
        }));
        // The engine's own word, and before anything is done: labels never change for as long as a container is.
        let found = handle.inspected().await?;
        claim.check(project, &handle.container(), &found.labels)?;
        if let Some(sandbox) = &found.sandbox {
            // It is started where it is not running, and what it publishes is connected to.
            let found = handle.engine().inspect(sandbox).await?;
            claim.check(project, sandbox, &found.labels)?;
        }
        handle.take_over(&found)?;
        Ok(handle)
    }

    /// Which part it is.
    pub fn service(&self) -> &Service {
        &self.0.service
    }

    pub(in crate::cluster) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The container that the part is now.
    pub(in crate::cluster) fn container(&self) -> Arc<str> {
        self.containers().current()
    }

    pub(in crate::cluster) fn containers(&self) -> MutexGuard<'_, Containers> {
        self.0.containers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::cluster) async fn inspected(&self) -> Result<Inspected, ClusterError> {
        self.0.engine.inspect(&self.container()).await
    }

    /// The same, but for what is published through another container's network.
    pub(in crate::cluster) async fn inspected_alone(&self) -> Result<Inspected, ClusterError> {
        self.0.engine.inspect_alone(&self.container()).await
    }

    /// A command that shows what it wrote.
    pub fn way_to_look(&self) -> String {
        let container = self.container();
        format!("docker logs {}", container.get(..12).unwrap_or(&container))
    }

    /// The last lines that it wrote, and a command that shows more.
    pub(in crate::cluster) async fn trace(&self) -> Box<Trace> {
        Box::new(Trace {
            log: logs::tail(&self.0.engine, &self.container()).await,
            look: self.way_to_look(),
        })
    }

    /// Where this start of a pod serves HTTP; none while it is down.
    pub fn address(&self) -> Option<SocketAddr> {
        self.published(8080)
    }

    /// Where this start publishes a port of the container; none while the part is down.
    pub fn published(&self, container_port: u16) -> Option<SocketAddr> {
        self.alive()?.ports.get(&container_port).copied()
    }

    /// How long each thread of this start of it has waited for a processor since it began, by the thread's number; none where it is
    /// down or this process may not look.
    pub fn waited(&self) -> Option<HashMap<String, Duration>> {
        let life = self.alive()?;
        life.pidfd.as_ref()?.waited(&life.gateways).ok()
    }

    /// What the engine says it is doing; of a process that a signal has stopped the kernel says more.
    pub async fn state(&self) -> Result<State, ClusterError> {
        if self.is_stopped() {
            return Ok(State::Paused);
        }
        Ok(self.inspected_alone().await?.state)
    }

    /// Whether a signal has stopped the process.
    fn is_stopped(&self) -> bool {
        self.alive().is_some_and(|life| life.is_stopped())
    }

    /// Asks the process to end: with SIGTERM, or, where that would wait for the part's clients to leave, with the signal that
    /// does not. Without a grace it returns as soon as the signal is sent; with one it waits
    /// that long for the end, then kills, and says how the process ended.
    pub async fn terminate(&self, grace: Option<Duration>) -> Result<Option<Exit>, ClusterError> {
        let life = self.running("a SIGTERM")?;
        let began = Instant::now();
        self.signal(&life, self.service().stop_signal()).await?;
        let Some(grace) = grace else { return Ok(None) };
        if self.dead(&life, grace, "the end within its grace").await.is_err() {
            match self.kill().await {
                // It ended by itself after all, in the last moment.
                Ok(_) | Err(ClusterError::NotRunning { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.forget(&life);
        let exit = self.wait_exit(DEATH_BOUND).await?;
        Ok(Some(Exit {
            took: began.elapsed(),
            ..exit
        }))
    }

    /// Waits until the engine has seen the process end, and says with which code. At once where it has ended already.
    pub async fn wait_exit(&self, bound: Duration) -> Result<Exit, ClusterError> {
        let began = Instant::now();
        match tokio::time::timeout(bound, self.0.engine.exited(&self.container())).await {
            Ok(code) => {
                self.forget_dead();
                Ok(Exit {
                    code: code?,
                    took: began.elapsed(),
                })
            }
            Err(_) => Err(self
                .late("the end of its process", bound, &format!("{:?}", self.state().await?))
                .await),
        }
    }

    /// Starts a part that has ended, and returns its new address for container port 8080, if it has one, once it is
    /// ready. A part that runs is only awaited.
    pub async fn start(&self) -> Result<Option<SocketAddr>, ClusterError> {
        let began = Instant::now();
        if !self.is_running().await? {
            self.launch().await?;
        }
        self.ready("at its start", self.0.ready_bound).await?;
        tracing::debug!(part = %self.service(), took = ?began.elapsed(), "started and ready");
        Ok(self.address())
    }

    /// Starts a part that has ended and does not wait for it: it runs when this returns, and may not serve yet.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn begin_start(&self) -> Result<(), ClusterError> {
        self.launch().await.map(drop)
    }

    /// Waits until the part answers as it should; `while_what` says of a crash when it happened. Returns how long it took.
    pub async fn ready(&self, while_what: &str, bound: Duration) -> Result<Duration, ClusterError> {
        ready::await_ready(self, while_what, bound).await
    }

    /// Writes a file of so many zero bytes into a folder of the part's container, in place of one of that name, whether the part
    /// runs or not.
    ///
    /// # Errors
    /// The engine refuses for another reason than that there is no room.
    pub async fn write_zeros(&self, folder: &str, name: &str, bytes: usize) -> Result<Written, ClusterError> {
        let doing = format!("writing {bytes} bytes to {folder}/{name} of {}", self.service());
        let packed = pack(name, &vec![0; bytes]).map_err(ClusterError::file("packing", name))?;
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let (docker, body) = (self.0.engine.docker(), bollard::body_full(packed.into()));
        match docker.upload_to_container(&self.container(), Some(options), body).await {
            Ok(()) => Ok(Written::Whole),
            Err(EngineError::DockerResponseServerError { message, .. }) if message.contains(NO_ROOM) => {
                Ok(Written::NoRoom { said: message })
            }
            Err(error) => Err(ClusterError::engine(doing)(error)),
        }
    }

    /// Its whole log, across restarts, in the order in which it was written.
    pub async fn logs(&self) -> Result<Vec<LogLine>, ClusterError> {
        self.logs_from(logs::From::Beginning).await
    }

    /// What it wrote since a moment, across restarts, to the second.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn logs_after(&self, since: SystemTime) -> Result<Vec<LogLine>, ClusterError> {
        self.logs_from(logs::From::Moment(since)).await
    }

    /// The newest line that it wrote, if it wrote any.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn newest_line(&self) -> Result<Option<LogLine>, ClusterError> {
        Ok(self.logs_from(logs::From::Newest).await?.pop())
    }

    /// What it wrote behind a line of its own, across restarts; all of it without one.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn logs_behind(&self, line: Option<&LogLine>) -> Result<Vec<LogLine>, ClusterError> {
        let from = line.map_or(logs::From::Beginning, |line| logs::From::Behind(line.at.clone()));
        self.logs_from(from).await
    }

    /// Its log since its latest start.
    pub async fn logs_since_start(&self) -> Result<Vec<LogLine>, ClusterError> {
        let started_at = match self.alive() {
            Some(life) => life.started_at.clone(),
            None => self.inspected().await?.started_at,
        };
        self.logs_from(logs::From::Instant(started_at)).await
    }

    async fn logs_from(&self, from: logs::From) -> Result<Vec<LogLine>, ClusterError> {
        let containers = self.containers().all();
        logs::read(&self.0.engine, &containers, &from).await
    }

    /// Whether it runs, frozen or not. The kernel's word comes first: the engine's record lags behind a kill.
    async fn is_running(&self) -> Result<bool, ClusterError> {
        match self.alive() {
            None if self.0.launching.load(Ordering::Relaxed) => {
                self.refresh().await?;
                Ok(self.alive().is_some())
            }
            None => Ok(false),
            Some(life) if life.pidfd.is_some() => Ok(true),
            Some(_) => Ok(matches!(self.state().await?, State::Running | State::Paused)),
        }
    }

    /// Starts it where it is dead, lets it go on where it is frozen. Says what it had to do.
    pub(in crate::cluster) async fn put_right(&self) -> Result<Option<Remedy>, ClusterError> {
        if !self.is_running().await? {
            return Ok(Some(Remedy::Restarted {
                exit_code: self.launch().await?.code,
            }));
        }
        let found = self.inspected_alone().await?;
        if self.is_stopped() || found.state == State::Paused {
            self.unpause().await?;
            return Ok(Some(Remedy::Unpaused));
        }
        let lifted = self.lift(found.limits).await?;
        let given_back = self
            .alive()
            .is_some_and(|life| life.pidfd.as_ref().is_some_and(Pidfd::give_back));
        Ok((lifted || given_back).then_some(Remedy::Unlimited))
    }

    /// Starts a part that has ended, without waiting until it is ready. Says with which code it had ended.
    pub(in crate::cluster) async fn launch(&self) -> Result<Exit, ClusterError> {
        // The kernel's proof of death comes before the engine's own: until then a start would be taken for a repetition.
        let exit = self.wait_exit(DEATH_BOUND).await?;
        // What it was held to is not its new life's.
        self.lift_limits().await?;
        self.0.launching.store(true, Ordering::Relaxed);
        let docker = self.0.engine.docker();
        let starting = |what: &str| ClusterError::engine(format!("starting {what}{}", self.service()));
        if let Some(sandbox) = self.inspected().await?.sandbox {
            // It runs all the time, but for a kept cluster's whose machine was started anew.
            docker
                .start_container(&sandbox, None)
                .await
                .map_err(starting("the sandbox of "))?;
        }
        docker
            .start_container(&self.container(), None)
            .await
            .map_err(starting(""))?;
        self.refresh().await?;
        Ok(exit)
    }

    /// Looks the part up again: after `up`, and after each start.
    pub(in crate::cluster) async fn refresh(&self) -> Result<Inspected, ClusterError> {
        let found = self.inspected().await?;
        self.take_over(&found)?;
        Ok(found)
    }

    /// Takes what the engine says for the start that is alive, where its addresses may be connected to.
    fn take_over(&self, found: &Inspected) -> Result<(), ClusterError> {
        for (port, at) in &found.ports {
            self.0.engine.allowed().endpoint(self.service(), *port, *at)?;
        }
        let life = (found.pid > 0).then(|| Arc::new(Life::of(found, &self.0)));
        *self.0.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        self.0.launching.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// An error for a wait that was in vain, with the part's last lines of log.
    pub(in crate::cluster) async fn late(&self, awaited: &str, bound: Duration, last: &str) -> ClusterError {
        ClusterError::NotReady {
            service: self.service().clone(),
            awaited: awaited.to_owned(),
            bound,
            last: last.to_owned(),
            trace: self.trace().await,
        }
    }

    /// The process of the start that is alive.
    ///
    /// # Errors
    /// It does not run, or the process cannot be had from here.
    pub(in crate::cluster) fn with_process<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Pidfd) -> io::Result<T>,
    ) -> Result<T, ClusterError> {
        let life = self.running(doing)?;
        let done = match &life.pidfd {
            Some(pidfd) => act(pidfd),
            None => Err(io::Error::other("its process cannot be had from here")),
        };
        done.map_err(|source| ClusterError::Process {
            service: self.service().clone(),
            doing,
            source,
        })
    }

    /// The start that is alive. Asks the kernel, not the engine: no round trip.
    pub(in crate::cluster) fn alive(&self) -> Option<Arc<Life>> {
        let life = self.0.life.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let dead = life
            .pidfd
            .as_ref()
            .is_some_and(|pidfd| pidfd.is_dead().unwrap_or(false));
        (!dead).then_some(life)
    }

    pub(in crate::cluster) fn running(&self, doing: &'static str) -> Result<Arc<Life>, ClusterError> {
        self.alive().ok_or_else(|| self.not_running(doing))
    }

    pub(in crate::cluster) fn not_running(&self, doing: &'static str) -> ClusterError {
        ClusterError::NotRunning {
            service: self.service().clone(),
            doing,
        }
    }

    pub(in crate::cluster) fn forget(&self, life: &Arc<Life>) {
        let mut current = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|current| Arc::ptr_eq(current, life));
    }

    fn forget_dead(&self) {
        let mut current = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|life| life.pidfd.as_ref().is_none_or(|pidfd| pidfd.is_dead().unwrap_or(true)));
    }

    /// Sends a signal the quickest permitted way, and says what will prove its effect.
    async fn signal(&self, life: &Life, signal: Signal) -> Result<Proof, ClusterError> {
        match self.signal_directly(life, signal)? {
            Some(proof) => Ok(proof),
            None => self.signal_by_engine(life, signal).await,
        }
    }

    /// Signals the process itself, where that is possible from here.
    pub(in crate::cluster) fn signal_directly(
        &self,
        life: &Life,
        signal: Signal,
    ) -> Result<Option<Proof>, ClusterError> {
        let Some(pidfd) = &life.pidfd else { return Ok(None) };
        match pidfd.signal(signal) {
            Ok(()) => Ok(Some(Proof::Pidfd)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::debug!(part = %self.service(), "not permitted to signal, asking the engine");
                Ok(None)
            }
            Err(_) => Err(self.not_running("a signal")),
        }
    }

    pub(in crate::cluster) async fn signal_by_engine(
        &self,
        life: &Life,
        signal: Signal,
    ) -> Result<Proof, ClusterError> {
        let name = match signal {
            Signal::KILL => "SIGKILL",
            Signal::INT => "SIGINT",
            _ => "SIGTERM",
        };
        let options = KillContainerOptions { signal: name.into() };
        let doing = format!("sending {name} to {}", self.service());
        let sent = self
            .0
            .engine
            .docker()
            .kill_container(&self.container(), Some(options))
            .await;
        sent.map_err(ClusterError::engine(doing))?;
        Ok(if life.pidfd.is_some() {
            Proof::Pidfd
        } else {
            Proof::Engine
        })
    }

    /// Waits for the proof that a start has ended.
    pub(in crate::cluster) async fn dead(
        &self,
        life: &Life,
        bound: Duration,
        awaited: &str,
    ) -> Result<(), ClusterError> {
        let end = async {
            match &life.pidfd {
                Some(pidfd) => pidfd.dead().await.map_err(|error| error.to_string()),
                None => self
                    .0
                    .engine
                    .exited(&self.container())
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string()),
            }
        };
        match tokio::time::timeout(bound, end).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.late(awaited, bound, &error).await),
            Err(_) => Err(self.late(awaited, bound, "the process is still there").await),
        }
    }

    pub(in crate::cluster) async fn expect_state(&self, expected: State) -> Result<(), ClusterError> {
        let state = self.state().await?;
        if state == expected {
            return Ok(());
        }
        Err(self
            .late(&format!("to be {expected:?}"), Duration::ZERO, &format!("{state:?}"))
            .await)
    }
}

/// An archive of one file.
fn pack(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, bytes)?;
    archive.into_inner()
}

impl Part {
    fn current(&self) -> Arc<str> {
        let containers = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        containers.current()
    }
}

impl Life {
    fn of(found: &Inspected, part: &Part) -> Self {
        let pidfd = match Pidfd::of_container(found.pid, &part.current()) {
            Ok(pidfd) => Some(pidfd),
            Err(error) => {
                tracing::info!(part = %part.service, %error, "no pidfd, signals go through the engine");
                None
            }
        };
        Self {
            pidfd,
            ports: found.ports.clone(),
            gateways: found.gateways.clone(),
            started_at: found.started_at.clone(),
            paused: (found.state == State::Paused).into(),
        }
    }

    /// Whether its process is stopped by a signal, by whomever.
    pub(in crate::cluster) fn is_stopped(&self) -> bool {
        self.pidfd
            .as_ref()
            .is_some_and(|pidfd| pidfd.is_stopped().unwrap_or(false))
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pidfd => "pidfd readable",
            Self::Engine => "the engine saw it end",
        })
    }
}
