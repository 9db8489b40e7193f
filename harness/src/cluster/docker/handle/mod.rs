//! The handle to one part of a live cluster: its addresses, its process, and all that is ever done to its container.
//!
//! Addresses and process belong to one *start* of the container: an ephemeral port changes with each start, and a dead part
//! has none. Signals go through a pidfd taken at the start, or through the engine if the system does not permit that.

mod beside;
pub(in crate::cluster) mod files;
pub(in crate::cluster) mod freeze;
pub(in crate::cluster) mod kill;
mod life;
mod lifecycle;
mod limits;
mod logs;
mod question;
pub(in crate::cluster) mod ready;
pub(in crate::cluster) mod replace;
mod signal;
pub(in crate::cluster) mod volume;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::guard::Claim;
use crate::cluster::docker::engine::inspected::Inspected;
use crate::cluster::docker::engine::logs::tail;
use crate::cluster::docker::handle::life::{Containers, Life};
use crate::cluster::linux::cpu::ThreadTimes;
use crate::cluster::linux::footprint::Footprint;
use crate::cluster::linux::pidfd::Pidfd;
use crate::cluster::part::error::{ClusterError, Trace};
use crate::cluster::part::role::{Part, Role};
use crate::cluster::part::state::State;

/// One part of a live cluster. Cheap to clone; all clones are the same part.
#[derive(Debug, Clone)]
pub struct PartHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    described: Part,
    containers: Mutex<Containers>,
    ready_bound: Duration,
    /// True if the container outlives this process: that of a kept cluster.
    stays: bool,
    /// The start that is alive, as far as this process knows.
    life: Mutex<Option<Arc<Life>>>,
    /// True from a request to start the container until its record was read: the requesting future may have been dropped.
    launching: AtomicBool,
}

impl PartHandle {
    /// Makes a handle to a container after the engine has confirmed that this process may act on it.
    ///
    /// # Errors
    /// [`ClusterError::NotOurs`] if it may not, [`ClusterError::RemoteEndpoint`] if a port is published on a host that is not
    /// allowed.
    pub(in crate::cluster) async fn claim(
        claim: &Claim,
        project: &str,
        engine: Engine,
        described: Part,
        container: String,
        ready_bound: Duration,
    ) -> Result<Self, ClusterError> {
        let handle = Self(Arc::new(Shared {
            engine,
            described,
            containers: Mutex::new(Containers::of(container)),
            ready_bound,
            stays: *claim == Claim::Kept,
            life: Mutex::default(),
            launching: AtomicBool::default(),
        }));
        // Before anything is done, by the engine's own record: the labels of a container never change.
        let found = handle.inspected().await?;
        claim.check(project, &handle.container(), &found.labels)?;
        if let Some(sandbox) = &found.sandbox {
            // The sandbox is started too, and its published ports are connected to.
            let found = handle.engine().inspect(sandbox).await?;
            claim.check(project, sandbox, &found.labels)?;
        }
        handle.take_over(&found)?;
        Ok(handle)
    }

    /// The description of the part.
    pub fn part(&self) -> &Part {
        &self.0.described
    }

    /// The name of the part: that of its service, or of the pod.
    pub fn service(&self) -> &str {
        &self.0.described.service
    }

    /// True for a replica of the system.
    pub fn is_pod(&self) -> bool {
        self.0.described.role == Role::Pod
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

    /// The engine's record of the part's container.
    pub(in crate::cluster) async fn inspected(&self) -> Result<Inspected, ClusterError> {
        self.0.engine.inspect(&self.container()).await
    }

    /// As [`PartHandle::inspected`], without the ports that another container's network publishes.
    pub(in crate::cluster) async fn inspected_alone(&self) -> Result<Inspected, ClusterError> {
        self.0.engine.inspect_alone(&self.container()).await
    }

    /// A command that shows the part's log.
    pub fn way_to_look(&self) -> String {
        let container = self.container();
        format!("docker logs {}", container.get(..12).unwrap_or(&container))
    }

    /// The last lines of the part's log, and a command that shows more where the container stays.
    pub(in crate::cluster) async fn trace(&self) -> Box<Trace> {
        Box::new(Trace {
            log: tail(&self.0.engine, &self.container()).await,
            look: self.0.stays.then(|| self.way_to_look()),
        })
    }

    /// Address at which the part does its main work, HTTP for a pod; `None` while it is down.
    pub fn address(&self) -> Option<SocketAddr> {
        self.published(self.part().port()?)
    }

    /// Address of the part's admin interface; `None` while it is down, or if it has none.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.published(self.part().admin?)
    }

    /// Address at which a port of the container is published; `None` while the part is down.
    pub fn published(&self, container_port: u16) -> Option<SocketAddr> {
        self.alive()?.ports.get(&container_port).copied()
    }

    /// The kernel's counts of each thread since it began, by thread number; `None` if the part is down or this process may
    /// not look.
    pub fn thread_times(&self) -> Option<HashMap<String, ThreadTimes>> {
        let life = self.alive()?;
        life.pidfd.as_ref()?.times(&life.gateways).ok()
    }

    /// Descriptors and memory that the part's process and its children hold now; `None` if the part is down, or is not on this machine.
    pub fn footprint(&self) -> Option<Footprint> {
        let life = self.alive()?;
        life.pidfd.as_ref()?.footprint().ok()
    }

    /// The state of the part. The kernel knows if a signal has stopped it, the engine knows the rest.
    pub async fn state(&self) -> Result<State, ClusterError> {
        if self.is_stopped() {
            return Ok(State::Paused);
        }
        Ok(self.inspected_alone().await?.state)
    }

    /// Returns true if a signal has stopped the process.
    pub(super) fn is_stopped(&self) -> bool {
        self.alive().is_some_and(|life| life.is_stopped())
    }

    /// Reads the engine's record of the part again.
    pub(in crate::cluster) async fn refresh(&self) -> Result<Inspected, ClusterError> {
        let found = self.inspected().await?;
        self.take_over(&found)?;
        Ok(found)
    }

    /// Takes the engine's record for the start that is alive.
    ///
    /// # Errors
    /// A port is published on a host that is not allowed.
    fn take_over(&self, found: &Inspected) -> Result<(), ClusterError> {
        for (port, at) in &found.ports {
            self.0.engine.allowed().endpoint(self.service(), *port, *at)?;
        }
        let life = (found.pid > 0).then(|| Arc::new(Life::of(found, &self.container(), self.service())));
        *self.0.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        self.0.launching.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The error for a wait that has timed out, with the last lines of the part's log.
    pub(in crate::cluster) async fn late(&self, awaited: &str, bound: Duration, last: &str) -> ClusterError {
        ClusterError::NotReady {
            service: self.service().to_owned(),
            awaited: awaited.to_owned(),
            bound,
            last: last.to_owned(),
            trace: self.trace().await,
        }
    }

    /// Acts on the part's process.
    ///
    /// # Errors
    /// The part does not run, or the process is not reachable from this machine.
    pub(in crate::cluster) fn with_process<T>(
        &self,
        doing: &'static str,
        act: impl FnOnce(&Pidfd) -> io::Result<T>,
    ) -> Result<T, ClusterError> {
        let life = self.running(doing)?;
        let done = match &life.pidfd {
            Some(pidfd) => act(pidfd),
            None => Err(io::Error::other("its process is not reachable from here")),
        };
        done.map_err(|source| ClusterError::Process {
            service: self.service().to_owned(),
            doing,
            source,
        })
    }

    /// The start that is alive. The kernel is asked, not the engine: there is no round trip.
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
            service: self.service().to_owned(),
            doing,
        }
    }

    pub(in crate::cluster) fn forget(&self, life: &Arc<Life>) {
        let mut current = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|current| Arc::ptr_eq(current, life));
    }

    pub(super) fn forget_dead(&self) {
        let mut current = self.0.life.lock().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|life| life.pidfd.as_ref().is_none_or(|pidfd| pidfd.is_dead().unwrap_or(true)));
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
