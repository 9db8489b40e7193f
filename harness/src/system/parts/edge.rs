//! `[edge]`: the way into the system that its clients take, and how it pins a client to a pod.

use std::path::Path;

use crate::history;
use crate::system::language::Timespan;
use crate::system::table::{Named, Node, Problem, table, words};

words! {
    /// By what an entry pins a client to a pod.
    pub Affinity {
        /// By the cookie of `[edge]`.
        Cookie = "cookie",
        /// By the client's address.
        Address = "address",
        /// The entry pins nobody.
        None = "none",
    }
}

table! {
    /// The edge: a part of the role `edge`, through which clients reach the pods. Stories that go through it need `pods.answered_by`.
    pub Edge = "[edge]" {
        /// The part, by its name in `[parts]`.
        part: String,
        /// Cookie that pins a client to a pod.
        cookie: Option<String>,
        /// Path below which the cookie is sent. By default every path.
        path: Option<String>,
        /// Lifetime of the cookie: the idle time of the session that it leads to.
        lifetime: Option<Timespan>,
        /// A request that carries the cookie begins its lifetime anew.
        slides: bool = false,
        /// Header by which an answer says how long the session that it needs took to be built, in milliseconds.
        cold_start: Option<String>,
        /// Longest from a pod's death, drain or return until the edge knows of it: two looks of its health check.
        health: Timespan,
        /// Ways into the edge, by names of your own.
        entries: Named<Entry>,
        /// Folder of the edge's container from which it takes its configuration, and which it watches. Files that the compose file
        /// mounts there from the folder of this file are copied instead, so that they can be changed while the edge runs.
        config: Option<String>,
        /// Port of the edge's own interface (Traefik's API, without TLS), by which a changed configuration is known to be in force.
        api: Option<u16>,
        /// Folder beside this one. Its files replace those of the edge's configuration while the edge is to pin nobody.
        unpinned: Option<String>,
        /// Files in the edge's container that are made at each start: a certificate for `localhost`.
        certificate: Option<Certificate>,
        /// A release that is brought up beside the pods, verified, and promoted or rolled back.
        candidate: Option<Candidate>,
    }
    check check_edge
}

table! {
    /// A way into the edge.
    pub Entry = "[edge.entries.NAME]" {
        /// Port of the edge's container.
        port: u16,
        /// By what a client is pinned to a pod: `cookie`, `address`, `none`.
        affinity: Affinity,
        /// Clients speak TLS.
        tls: bool = false,
        /// The entry leads to another one only, and sets no cookie.
        redirects: bool = false,
        /// A connection begins with a PROXY line, by which a client says its address.
        proxy_protocol: bool = false,
    }
}

table! {
    /// Where the edge looks for its certificate. crosspod makes one, and clients trust it alone.
    pub Certificate = "[edge.certificate]" {
        /// File of the certificate in the edge's container, PEM.
        certificate: String,
        /// File of its key, PEM.
        key: String,
    }
}

table! {
    /// A candidate: a service of the compose file that is no pod until it is promoted.
    pub Candidate = "[edge.candidate]" {
        /// The candidate's compose service.
        service: String,
        /// The version that it says it is.
        version: String,
        /// File below `edge.config` that says which pods get traffic.
        file: String,
        /// File beside this one: the pods get it all.
        rolled_back: String,
        /// File beside this one: pods and candidate share it.
        both: String,
        /// File beside this one: the candidate gets it all.
        promoted: String,
    }
}

impl Edge {
    /// The rules that the judge goes by.
    pub fn rules(&self) -> history::EdgeRules {
        let entries = self.entries.iter().map(|(name, entry)| history::EdgeEntry {
            name: name.to_owned(),
            affinity: entry.affinity.into(),
            tls: entry.tls,
            redirects: entry.redirects,
        });
        history::EdgeRules {
            cookie: self.cookie.clone(),
            path: self.path.clone(),
            lifetime_ms: self.lifetime.map(millis),
            slides: self.slides,
            health_ms: millis(self.health),
            entries: entries.collect(),
            candidate: self
                .candidate
                .as_ref()
                .map(|candidate| candidate.service.as_str().into()),
        }
    }
}

impl From<Affinity> for history::Affinity {
    fn from(affinity: Affinity) -> Self {
        match affinity {
            Affinity::Cookie => Self::Cookie,
            Affinity::Address => Self::Address,
            Affinity::None => Self::None,
        }
    }
}

fn millis(span: Timespan) -> u64 {
    u64::try_from(span.get().as_millis()).unwrap_or(u64::MAX)
}

fn check_edge(edge: &Edge, node: &Node, found: &mut Vec<Problem>) {
    let at = |key: &str| node.get(key).unwrap_or(node);
    check_ports(edge, node, found);
    check_config(edge, node, found);
    if edge.entries.is_empty() {
        let help = "say [edge.entries.web] with port and affinity, for example";
        found.push(Problem::at(node, "no way into the edge is named").help(help));
    }
    let pins_by_cookie = edge.entries.iter().any(|(_, entry)| entry.affinity == Affinity::Cookie);
    if pins_by_cookie && edge.cookie.is_none() {
        found.push(Problem::at(node, "an entry pins by a cookie: say cookie, its name"));
    }
    if edge.cookie.is_some() && !pins_by_cookie {
        found.push(Problem::at(at("cookie"), "no entry pins by a cookie"));
    }
    let speaks_tls = edge.entries.iter().any(|(_, entry)| entry.tls);
    let is_secure = edge.cookie.as_deref().is_some_and(|name| name.starts_with("__Secure-"));
    if is_secure && !speaks_tls {
        let message =
            "a browser keeps a cookie named __Secure-... only if it comes over TLS, and no entry has tls = true";
        found.push(Problem::at(at("cookie"), message));
    }
}

/// Ports of the edge's container: no two ways in share one.
fn check_ports(edge: &Edge, node: &Node, found: &mut Vec<Problem>) {
    let mut taken: Vec<(u16, String)> = edge.api.map(|port| (port, "api".to_owned())).into_iter().collect();
    for (name, entry) in edge.entries.iter() {
        let entry_node = node.get("entries").and_then(|entries| entries.get(name));
        let said = entry_node.and_then(|entry| entry.get("port")).unwrap_or(node);
        match taken.iter().find(|(port, _)| *port == entry.port) {
            Some((port, other)) => found.push(Problem::at(said, format!("{port} is the port of {other} too"))),
            None => taken.push((entry.port, format!("entries.{name}"))),
        }
    }
}

/// Everything that is changed while the edge runs lies in its folder, and the edge says that it took it.
fn check_config(edge: &Edge, node: &Node, found: &mut Vec<Problem>) {
    let Some(candidate) = &edge.candidate else { return };
    let at = node.get("candidate").unwrap_or(node);
    for (missing, key, example) in [
        (edge.config.is_none(), "config", "\"/etc/traefik/config\""),
        (edge.api.is_none(), "api", "8090"),
    ] {
        if missing {
            let message = format!("a candidate is promoted by a change of the edge's configuration: {key} is missing");
            found.push(Problem::at(at, message).help(format!("say {key} = {example} in [edge], for example")));
        }
    }
    let is_below = |config: &String| Path::new(&candidate.file).strip_prefix(config).is_ok();
    if let Some(config) = edge.config.as_ref().filter(|config| !is_below(config)) {
        let said = at.get("file").unwrap_or(at);
        found.push(Problem::at(
            said,
            format!("{} is not below edge.config, {config}", candidate.file),
        ));
    }
}
