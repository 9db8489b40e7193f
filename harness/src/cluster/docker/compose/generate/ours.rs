//! The services beside the user's: the provider and the fault proxy.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cluster::docker::compose::generate::ground::{
    Ground, LINKS, PROVIDER, PROVIDER_NAME, PROVIDER_PORT, literal, logging, sandbox_of,
};
use crate::cluster::docker::compose::generate::service::on_loopback;
use crate::cluster::docker::compose::resolved::Fields;
use crate::cluster::part::role::{Part, Role};

/// Port of the provider's admin interface.
const PROVIDER_ADMIN: u16 = 8081;
/// The first of the provider's ports that each belong to one pod.
const CALLERS: u16 = 8101;
/// Port of the fault proxy's admin interface, where no part has it.
const LINKS_ADMIN: u16 = 8474;

impl Ground<'_> {
    /// The provider. Each pod has a port of its own there, which tells whose call it is.
    pub(super) fn provider(&self) -> Fields {
        let part = Part {
            ports: vec![PROVIDER_PORT],
            admin: Some(PROVIDER_ADMIN),
            alive: Some("/health".into()),
            ..Part::new(PROVIDER, Role::Provider)
        };
        let listen = [
            "--listen".to_owned(),
            format!("0.0.0.0:{PROVIDER_PORT}"),
            "--admin".to_owned(),
            format!("0.0.0.0:{PROVIDER_ADMIN}"),
        ];
        let pods = self.replicas();
        let callers = (CALLERS..).zip(&pods);
        let callers = callers.flat_map(|(port, (pod, _))| ["--caller".to_owned(), format!("{pod}=0.0.0.0:{port}")]);
        let command: Vec<String> = listen.into_iter().chain(callers).collect();
        let ports = [on_loopback(None, PROVIDER_PORT), on_loopback(None, PROVIDER_ADMIN)];
        self.own(
            &part,
            &self.frame.provider_image,
            &command,
            &ports,
            ["CMD", "/mock-ai", "health"],
        )
    }

    /// The fault proxy: every connection of a pod to a part runs through it, and clients' to a pod where a story asks for it.
    pub(super) fn links(&self) -> Fields {
        let admin = self.free_port(LINKS_ADMIN, 0);
        let part = Part {
            ports: vec![admin],
            admin: Some(admin),
            alive: Some("/version".into()),
            ..Part::new(LINKS, Role::Links)
        };
        let edges = (0..self.replicas().len()).map(|number| self.edge_of(number));
        let ports = std::iter::once(admin).chain(edges).map(|port| on_loopback(None, port));
        let ports: Vec<Value> = ports.collect();
        let command = ["-host", "0.0.0.0", "-port", &admin.to_string()].map(str::to_owned);
        let mut links = self.own(
            &part,
            &self.frame.links_image,
            &command,
            &ports,
            ["CMD", "/crosspod-links", "health"],
        );
        let proxies = Value::from(self.proxies()).to_string();
        let environment = json!({
            "RUST_LOG": literal(&self.frame.log_level),
            "CROSSPOD_LINKS_PORT": admin.to_string(),
            "CROSSPOD_LINKS_PROXIES": literal(&proxies),
        });
        links.insert("environment".into(), environment);
        // A pod's are held by its sandbox. Other parts have none.
        let of_parts = self.wanted.parts.iter().map(|part| &part.service);
        let of_parts = of_parts.filter_map(|name| self.resolved.services.get(name));
        let held: BTreeSet<String> = of_parts.flat_map(|service| self.held(service)).collect();
        if !held.is_empty() {
            links.insert("volumes".into(), held.into_iter().collect::<Vec<_>>().into());
        }
        links
    }

    /// The proxies: of each pod to each port of each part and to the provider, and of clients to each pod.
    fn proxies(&self) -> Vec<Value> {
        let mut proxies = Vec::new();
        for (number, (pod, _)) in self.replicas().into_iter().enumerate() {
            let mut add = |name: String, listen: u16, upstream: String| {
                let from = sandbox_of(&pod);
                proxies.push(
                    json!({ "name": name, "listen": format!("0.0.0.0:{listen}"), "from": from, "upstream": upstream }),
                );
            };
            for part in self.linked() {
                let Part { service, ports, .. } = part;
                for (at, port) in ports.iter().enumerate() {
                    let name = if at == 0 {
                        format!("{pod}-{service}")
                    } else {
                        format!("{pod}-{service}-{port}")
                    };
                    add(name, *port, format!("{service}:{port}"));
                }
            }
            let own = usize::from(CALLERS) + number;
            add(
                format!("{pod}-{PROVIDER_NAME}"),
                self.provider_port(),
                format!("{PROVIDER}:{own}"),
            );
            proxies.push(json!({
                "name": format!("{pod}-edge"),
                "listen": format!("0.0.0.0:{}", self.edge_of(number)),
                "upstream": format!("{}:{}", sandbox_of(&pod), self.wanted.pods.port),
            }));
        }
        proxies
    }

    /// A service of crosspod's own.
    fn own(&self, part: &Part, image: &str, command: &[String], ports: &[Value], health: [&str; 3]) -> Fields {
        let (uid, gid) = self.frame.user;
        let service = json!({
            "image": literal(image),
            // The invoking user's, so that the harness may signal the process without being root.
            "user": format!("{uid}:{gid}"),
            "command": command,
            "environment": { "RUST_LOG": literal(&self.frame.log_level) },
            "labels": self.labels(&Fields::new(), Some(part)),
            "logging": logging(),
            "restart": "no",
            "networks": { self.common.clone(): {} },
            "ports": ports,
            // For people: each look starts a process in the container.
            "healthcheck": { "test": health, "interval": "1m", "timeout": "2s", "retries": 3 },
        });
        match service {
            Value::Object(fields) => fields,
            _ => Fields::new(),
        }
    }
}
