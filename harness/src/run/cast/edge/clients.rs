//! Clients of the edge, and the story's own user as one of them.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::history::{ClientNo, EdgeRules, PodName};
use crate::run::cast::Cast;
use crate::run::stopped::Stopped;
use crate::system::parts::{Affinity, Edge};
use crate::workload::{Browser, EdgeClient, EntryPlace, Trust, Way};

/// How much longer than the edge's own window a client tries: the edge's looks do not begin with a death, and the edge holds a request
/// while it tries a dead pod again itself. Traefik goes on with that by the configuration under which the request came, of which no
/// health check tells any more once another one is in force: until its last try, up to five seconds with the reference's six.
const BEYOND: Duration = Duration::from_secs(6);

/// The answer to a request through the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// The pod that answered, by its own word; `None` if the edge answered itself.
    pub pod: Option<PodName>,
}

impl Answered {
    /// True if a pod did what it was asked.
    pub fn is_served(&self) -> bool {
        (200..300).contains(&self.status) && self.pod.is_some()
    }
}

impl Cast {
    /// A new client at an entry of the edge: its jar is empty.
    pub fn edge_client(&mut self, entry: &str) -> Result<EdgeClient, Stopped> {
        let no = ClientNo(u32::try_from(self.edge_clients.len() + 1).unwrap_or(u32::MAX));
        let browser = Browser::new(no, self.edge_rules()?.cookie.as_deref());
        self.same_browser(&browser, entry)
    }

    /// The same browser at another entry: it has the same jar and the same address.
    pub fn same_browser(&mut self, browser: &Browser, entry: &str) -> Result<EdgeClient, Stopped> {
        let place = self.entry_place(entry)?;
        let client = EdgeClient::open(browser.clone(), place, self.recorder.clone());
        let client = client.map_err(Stopped::Harness)?;
        self.edge_clients.push(client.clone());
        Ok(client)
    }

    /// The first entry that pins by this, without a redirect; the play ends if there is none.
    pub fn entry_by(&self, affinity: Affinity) -> Result<String, Stopped> {
        let mut entries = self.edge_rules()?.entries.iter();
        let found = entries.find(|(_, entry)| entry.affinity == affinity && !entry.redirects);
        let name = found.map(|(name, _)| name.to_owned());
        name.ok_or_else(|| Stopped::GaveUp(format!("no entry of the edge pins by {affinity:?}")))
    }

    /// Every entry that only leads to another one.
    pub fn redirecting_entries(&self) -> Result<Vec<String>, Stopped> {
        let entries = self.edge_rules()?.entries.iter();
        Ok(entries
            .filter(|(_, entry)| entry.redirects)
            .map(|(name, _)| name.to_owned())
            .collect())
    }

    /// Every entry that leads to the pods.
    pub fn serving_entries(&self) -> Result<Vec<String>, Stopped> {
        let entries = self.edge_rules()?.entries.iter();
        Ok(entries
            .filter(|(_, entry)| !entry.redirects)
            .map(|(name, _)| name.to_owned())
            .collect())
    }

    /// Lets the story's own user go through an entry of the edge from now on, as a new client: whatever pod a post or an attach names.
    pub fn enter_by(&mut self, entry: &str) -> Result<(), Stopped> {
        let client = self.edge_client(entry)?;
        self.door = Some(self.way_of(&client)?);
        Ok(())
    }

    /// Lets the story's own user go straight to the pods again.
    pub fn go_straight(&mut self) {
        self.door = None;
    }

    /// Reads the play's thread as a client, whatever comes of it. `None` if there was no answer.
    pub async fn read_by(&self, client: &EdgeClient) -> Option<Answered> {
        let session = self.session_of(self.whose(&self.thread));
        let turn = self.turns.iter().rfind(|turn| turn.thread == self.thread);
        let api = self.slot.api.through(client);
        let read = api.who_reads(client.at(), session, &self.thread, turn.map(|turn| &turn.id));
        let (status, pod) = read.await.ok()?;
        Some(Answered { status, pod })
    }

    /// Asks for a path as a client without a sign-in, whatever comes of it. `None` if there was no answer.
    pub async fn get_by(&self, client: &EdgeClient, path: &str) -> Option<Answered> {
        let (status, pod) = self.slot.api.through(client).get(client.at(), path).await.ok()?;
        Some(Answered { status, pod })
    }

    /// The path below which the affinity cookie is sent.
    pub fn cookie_path(&self) -> Result<String, Stopped> {
        Ok(self.edge_rules()?.path.clone().unwrap_or_else(|| "/".to_owned()))
    }

    /// How long the affinity cookie lives; `None` if the description does not say it.
    pub fn cookie_lifetime(&self) -> Result<Option<Duration>, Stopped> {
        Ok(self.timed_rules()?.lifetime_ms.map(Duration::from_millis))
    }

    /// True if a request that carries the affinity cookie begins its lifetime anew.
    pub fn cookie_slides(&self) -> Result<bool, Stopped> {
        Ok(self.edge_rules()?.slides)
    }

    /// The path at which pods say that they are alive, which no cookie's path holds.
    pub fn public_path(&self) -> String {
        self.slot.api.system().description.pods.alive.clone()
    }

    /// The time within which the edge knows of a pod's death, drain or return.
    pub fn health_window(&self) -> Result<Duration, Stopped> {
        Ok(Duration::from_millis(self.timed_rules()?.health_ms))
    }

    /// The way to a pod: that of the story's user through the edge, if it goes there.
    pub(in crate::run) fn way_to(&self, pod: &PodName) -> Result<Way, Stopped> {
        match &self.door {
            Some(door) => Ok(door.clone()),
            None => Ok(Way::to(&self.slot.api, pod, self.slot.address(pod)?)),
        }
    }

    /// The way to a pod of somebody else than the story's user: a client of its own, if the story goes through the edge.
    pub(in crate::run) fn way_of_another(&mut self, pod: &PodName) -> Result<Way, Stopped> {
        let entry = self.door.as_ref().and_then(|door| door.client.as_ref());
        match entry.map(|client| client.entry().to_owned()) {
            None => self.way_to(pod),
            Some(entry) => {
                let client = self.edge_client(&entry)?;
                // Clients that are told apart by their address are not all led to one pod.
                let last = u8::try_from(client.browser().no().0 % 250 + 1).unwrap_or(1);
                drop(client.at_address(Ipv4Addr::new(198, 51, 100, last)));
                self.way_of(&client)
            }
        }
    }

    /// The way of a client.
    pub(in crate::run) fn way_of(&self, client: &EdgeClient) -> Result<Way, Stopped> {
        Ok(Way::through(&self.slot.api, client, &self.edge_rules()?.part))
    }

    /// How long a client of a way tries again. Nobody does who goes straight to a pod.
    pub(in crate::run) fn patience_of(&self, way: &Way) -> Duration {
        match (&way.client, self.health_window()) {
            (Some(_), Ok(window)) => window + BEYOND,
            _ => Duration::ZERO,
        }
    }

    /// The description of the edge.
    pub(in crate::run) fn edge_rules(&self) -> Result<&Edge, Stopped> {
        let system = self.slot.api.system();
        let edge = system.description.edge.as_ref();
        edge.ok_or_else(|| Stopped::GaveUp(format!("{} has no edge", system.name())))
    }

    /// The rules that the judge goes by: the description of the edge with the timings of the profile that is played.
    fn timed_rules(&self) -> Result<EdgeRules, Stopped> {
        let system = self.slot.api.system();
        let rules = system.rules().edge;
        rules.ok_or_else(|| Stopped::GaveUp(format!("{} has no edge", system.name())))
    }

    fn entry_place(&self, name: &str) -> Result<EntryPlace, Stopped> {
        let described = self.edge_rules()?.entries.get(name);
        let described = described.ok_or_else(|| Stopped::GaveUp(format!("the edge has no entry {name}")))?;
        let edge = self.slot.edge()?;
        let pem = described.tls.then(|| edge.certificate_pem());
        let trust = match pem {
            None => None,
            Some(None) => return Err(Stopped::GaveUp("edge.certificate is not said".to_owned())),
            Some(Some(pem)) => Some(Trust::only(pem).map_err(Stopped::Harness)?),
        };
        let description = &self.slot.api.system().description;
        Ok(EntryPlace {
            name: name.to_owned(),
            at: edge.entry(name).map_err(|e| Stopped::Harness(e.to_string()))?,
            trust,
            takes_address: described.proxy_protocol,
            answered_by: description.pods.answered_by.clone(),
            cold_start: self.edge_rules()?.cold_start.clone(),
        })
    }

    /// Leads every client to where the edge listens now.
    pub(in crate::run) fn find_edge_again(&self) -> Result<(), Stopped> {
        let edge = self.slot.edge()?;
        for client in &self.edge_clients {
            let at = edge
                .entry(client.entry())
                .map_err(|e| Stopped::Harness(e.to_string()))?;
            client.moved(at);
        }
        Ok(())
    }
}
