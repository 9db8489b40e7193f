//! A pod, and the sandbox that holds its network: its name, addresses and published ports outlive its process.

use serde_json::{Map, Value, json};

use crate::cluster::docker::compose::generate::ground::{Ground, LINKS, PROVIDER_NAME, literal, logging, sandbox_of};
use crate::cluster::docker::compose::generate::service::{add_aliases, described, on_loopback, unfix};
use crate::cluster::docker::compose::resolved::{Fields, Service};
use crate::cluster::part::role::{Part, Role};

/// Keys that a container with a network of its own has; a pod's are its sandbox's.
const NETWORK: [&str; 5] = ["dns", "dns_opt", "dns_search", "domainname", "extra_hosts"];
/// Further keys that a container cannot have that has joined another one's network.
const REFUSED: [&str; 6] = [
    "expose",
    "hostname",
    "links",
    "external_links",
    "mac_address",
    "networks",
];
/// Traffic inside a cluster stays there, whatever the engine or an image says of proxies.
const NO_PROXIES: [(&str, &str); 8] = [
    ("NO_PROXY", "*"),
    ("no_proxy", "*"),
    ("HTTP_PROXY", ""),
    ("http_proxy", ""),
    ("HTTPS_PROXY", ""),
    ("https_proxy", ""),
    ("ALL_PROXY", ""),
    ("all_proxy", ""),
];

impl Ground<'_> {
    pub(super) fn pod(&self, number: usize, pod: &str, of: &str) -> Fields {
        let service = &self.resolved.services[of];
        let (mut fields, limits) = self.bare(of, service);
        for key in NETWORK.iter().chain(&REFUSED) {
            fields.remove(*key);
        }
        if self.wanted.pods.are_copies() && number > 0 {
            // Built once: they share the image.
            fields.remove("build");
        }
        fields.insert("network_mode".into(), format!("service:{}", sandbox_of(pod)).into());
        fields.insert("environment".into(), self.environment(pod, service).into());
        if self.wanted.pods.as_own_user {
            let (uid, gid) = self.frame.user;
            fields.insert("user".into(), format!("{uid}:{gid}").into());
        }
        if let Some(own) = take_own_sysctls(&mut fields).0 {
            fields.insert("sysctls".into(), own.into());
        }
        self.redirect_needs(&mut fields, service);
        self.await_jobs(&mut fields);
        let wanted = &self.wanted.pods;
        let part = Part {
            ports: vec![wanted.port],
            admin: wanted.admin,
            edge: Some(self.edge_of(number)),
            alive: Some(wanted.alive.clone()),
            is_candidate: self.candidate().is_some_and(|candidate| candidate.service == pod),
            ..Part::new(pod, Role::Pod)
        };
        fields.insert("labels".into(), self.labels(&service.0, Some(&described(part, limits))));
        fields
    }

    /// The user's environment, that of the description over it.
    fn environment(&self, pod: &str, service: &Service) -> Fields {
        let mut environment = service.pairs("environment");
        for (name, value) in NO_PROXIES {
            environment.insert(name.to_owned(), value.into());
        }
        let provider = format!("http://{PROVIDER_NAME}:{}", self.provider_port());
        let of_candidate = self.candidate().filter(|candidate| candidate.service == pod);
        let of_candidate = of_candidate.into_iter().flat_map(|candidate| &candidate.variables);
        for (name, value) in self.wanted.pods.variables.iter().chain(of_candidate) {
            let value = value.replace("{pod}", pod).replace("{provider}", &provider);
            environment.insert(name.clone(), literal(&value));
        }
        environment
    }

    /// Lets a pod wait for the end of every job.
    fn await_jobs(&self, fields: &mut Fields) {
        let jobs = self.wanted.parts.iter().filter(|part| part.role == Role::Job);
        let needs = jobs.map(|job| {
            (
                job.service.clone(),
                json!({ "condition": "service_completed_successfully" }),
            )
        });
        let needs: Vec<(String, Value)> = needs.collect();
        if needs.is_empty() {
            return;
        }
        let mut all = Service(fields.clone()).depends_on();
        all.extend(needs);
        fields.insert("depends_on".into(), all.into_iter().collect::<Map<_, _>>().into());
    }

    /// The sandbox of a pod. It outlives the pod's process, with the pod's address, published ports and place in the networks. There
    /// the name of each part leads to the fault proxy.
    pub(super) fn sandbox(&self, pod: &str, of: &str) -> Fields {
        let service = &self.resolved.services[of];
        let mut networks = service.networks();
        networks.entry(self.common.clone()).or_default();
        let names = [Some(pod), Some(of), service.text("container_name")];
        let networks = networks.into_iter().map(|(network, mut fields)| {
            unfix(&mut fields);
            add_aliases(&mut fields, names.into_iter().flatten());
            (network, Value::Object(fields))
        });
        let wanted = &self.wanted.pods;
        let ports = [Some(wanted.port), wanted.admin].into_iter().flatten();
        let (uid, gid) = self.frame.user;
        let sandbox = json!({
            "image": literal(&self.frame.links_image),
            "command": ["stay"],
            "hostname": pod,
            "user": format!("{uid}:{gid}"),
            // Nothing in it needs to end in good order.
            "stop_signal": "SIGKILL",
            "restart": "no",
            "logging": logging(),
            "labels": self.labels(&Fields::new(), None),
            "networks": networks.collect::<Fields>(),
            "links": self.links_of(service),
            "ports": ports.map(|port| on_loopback(None, port)).collect::<Vec<_>>(),
        });
        let Value::Object(mut sandbox) = sandbox else {
            return Fields::new();
        };
        let held = self.held(service);
        if !held.is_empty() {
            sandbox.insert("volumes".into(), held.into());
        }
        let (_, of_network) = take_own_sysctls(&mut service.0.clone());
        let kept = NETWORK
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), service.0.get(*key)?.clone())));
        sandbox.extend(kept);
        sandbox.extend(of_network.map(|sysctls| ("sysctls".to_owned(), sysctls.into())));
        sandbox
    }

    /// The names that lead to the fault proxy in a pod's network: those of each part, and the provider's. Links of the user's to
    /// other services stay.
    fn links_of(&self, service: &Service) -> Vec<String> {
        let linked = self.linked();
        let mut links: Vec<String> = Vec::new();
        for part in &linked {
            let aliases = self.resolved.services[&part.service].aliases();
            let names = std::iter::once(part.service.clone()).chain(aliases);
            links.extend(names.map(|name| format!("{LINKS}:{name}")));
        }
        links.push(format!("{LINKS}:{PROVIDER_NAME}"));
        for (to, alias) in service.links() {
            let is_linked = linked.iter().any(|part| part.service == to);
            let to = if is_linked { LINKS } else { to.as_str() };
            links.push(format!("{to}:{alias}"));
        }
        let mut seen = std::collections::BTreeSet::new();
        links.retain(|link| seen.insert(link.clone()));
        links
    }
}

/// Takes the kernel settings out: those of a pod's own, and those of its network.
fn take_own_sysctls(fields: &mut Fields) -> (Option<Fields>, Option<Fields>) {
    let sysctls = Service(fields.clone()).pairs("sysctls");
    fields.remove("sysctls");
    let (of_network, own): (Fields, Fields) = sysctls.into_iter().partition(|(name, _)| name.starts_with("net."));
    let some = |sysctls: Fields| (!sysctls.is_empty()).then_some(sysctls);
    (some(own), some(of_network))
}
