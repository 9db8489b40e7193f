//! One file that has most of what compose files have, as both Composes resolve it, and short ones for the rest.

use serde_json::json;

use super::ground::Frame;
use super::*;
use crate::cluster::part::role::{Part, Role};
use crate::cluster::wanted::WantedPods;

const V1: &str = include_str!("../../../../../tests/compose/v1.yaml");
const V2: &str = include_str!("../../../../../tests/compose/v2.json");
/// The file that becomes of a small one.
const WHOLE: &str = include_str!("../../../../../tests/compose/generated.json");

fn frame() -> Frame {
    Frame {
        labels: [("dev.crosspod.run", "r1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        part_label: "dev.crosspod.part",
        links_image: "links:1".into(),
        provider_image: "mock:1".into(),
        user: (7, 8),
        postgres_port: None,
        built: [("chat".to_owned(), "crosspod-built:1".to_owned())].into(),
        log_level: "info".into(),
    }
}

fn wanted(pods: &[&str], copies: u8, parts: &[(&str, Role)]) -> Wanted {
    Wanted {
        compose: Vec::new(),
        pods: WantedPods {
            services: pods.iter().map(|&name| name.to_owned()).collect(),
            copies,
            port: 2026,
            admin: None,
            alive: "/live".into(),
            first_alone: false,
            variables: [("URL", "{provider}/v1"), ("NAME", "{pod}"), ("PRICE", "1$")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            defects_of_others: BTreeSet::new(),
            as_own_user: false,
        },
        edge: None,
        compose_variables: BTreeMap::new(),
        drain: None,
        parts: parts.iter().map(|&(name, role)| Part::new(name, role)).collect(),
        images: BTreeMap::new(),
        stand_ins: None,
        left_out: BTreeSet::new(),
    }
}

fn chat() -> Wanted {
    wanted(&["chat"], 3, &[("db", Role::Postgres), ("redis", Role::Redis)])
}

fn generated(text: &str, wanted: &Wanted) -> Generated {
    let resolved = Resolved::read(text).expect("a compose file");
    generate(&resolved, wanted, &frame()).expect("possible")
}

fn refused(file: &Value, wanted: &Wanted) -> String {
    let resolved = Resolved::read(&file.to_string()).expect("a compose file");
    generate(&resolved, wanted, &frame()).expect_err("refused").join("\n")
}

#[test]
fn what_is_started_is_the_pods_the_parts_and_what_has_no_profile() {
    for text in [V1, V2] {
        let of = generated(text, &chat());
        let expected = [
            "chat-1",
            "chat-2",
            "chat-3",
            "crosspod-links",
            "crosspod-net-chat-1",
            "crosspod-net-chat-2",
            "crosspod-net-chat-3",
            "crosspod-provider",
            "db",
            "redis",
            "web",
        ];
        assert_eq!(of.services, expected);
        let with_profile = generated(text, &wanted(&["chat"], 2, &[("worker", Role::Job)]));
        assert!(
            with_profile.services.contains(&"worker".to_owned()),
            "a part is started whatever its profile"
        );
        let worker = &with_profile.file["services"]["chat-1"]["depends_on"]["worker"];
        assert_eq!(worker["condition"], "service_completed_successfully");
    }
}

#[test]
fn nothing_is_tied_to_one_cluster_and_everything_bears_the_labels() {
    for text in [V1, V2] {
        let file = generated(text, &chat()).file;
        for section in ["services", "networks", "volumes"] {
            for (name, of) in file[section].as_object().expect("a section") {
                assert_eq!(of["labels"]["dev.crosspod.run"], "r1", "{section}.{name}");
                assert!(
                    of.get("name").is_none() && of.get("container_name").is_none(),
                    "{section}.{name}"
                );
            }
        }
        for (name, service) in file["services"].as_object().expect("services") {
            assert_eq!(service["restart"], "no", "{name}");
            assert_eq!(service["logging"]["driver"], "json-file", "{name}");
            for port in service.get("ports").and_then(Value::as_array).into_iter().flatten() {
                assert!(
                    port.as_str().is_some_and(|port| port.starts_with("127.0.0.1::")),
                    "{name}: {port}"
                );
            }
        }
        let db = &file["services"]["db"];
        assert_eq!(db["ports"], json!(["127.0.0.1::5432"]));
        assert_eq!(
            db["networks"]["back"]["aliases"],
            json!(["mydb"]),
            "its name stays a name in the network"
        );
        let part: Part =
            serde_json::from_str(db["labels"]["dev.crosspod.part"].as_str().expect("a label")).expect("a part");
        assert_eq!((part.role, part.ports), (Role::Postgres, vec![5432]));
        assert!(file["services"]["web"].get("ports").is_none() && file["services"]["web"]["network_mode"] == "host");
    }
}

#[test]
fn copies_of_a_service_are_pods_with_a_sandbox_each() {
    for text in [V1, V2] {
        let of = generated(text, &chat());
        let services = &of.file["services"];
        assert_eq!(
            of.builds,
            BTreeMap::from([("chat-1".to_owned(), "crosspod-built:1".to_owned())])
        );
        assert_eq!(services["chat-3"]["image"], "crosspod-built:1");
        for (pod, other) in [("chat-1", "chat-2"), ("chat-2", "chat-1")] {
            let (pod_of, sandbox) = (&services[pod], &services[sandbox_of(pod)]);
            assert_eq!(pod_of["network_mode"], format!("service:crosspod-net-{pod}"));
            assert_eq!(pod_of["environment"]["NAME"], pod);
            assert_eq!(pod_of["environment"]["URL"], "http://provider:8080/v1");
            assert_eq!(
                (&pod_of["environment"]["B"], &pod_of["environment"]["PRICE"]),
                (&json!("2"), &json!("1$$"))
            );
            assert_eq!(pod_of["depends_on"]["db"]["condition"], "service_healthy");
            for moved in ["extra_hosts", "networks", "ports", "hostname"] {
                assert!(pod_of.get(moved).is_none() && sandbox.get(moved).is_some(), "{moved}");
            }
            let aliases = &sandbox["networks"]["front"]["aliases"];
            assert_eq!((aliases, &sandbox["hostname"]), (&json!([pod, "chat"]), &json!(pod)));
            assert!(!aliases.to_string().contains(other));
            assert_eq!(sandbox["ports"], json!(["127.0.0.1::2026"]));
            let links = ["db", "mydb", "redis", "cache", "provider"].map(|name| format!("crosspod-links:{name}"));
            assert_eq!(sandbox["links"], json!(links));
        }
        let needs: Vec<&String> = services["web"]["depends_on"]
            .as_object()
            .expect("needs")
            .keys()
            .collect();
        assert_eq!(needs, ["chat-1", "chat-2", "chat-3"]);
        assert_eq!(services["chat-1"]["secrets"][0]["source"], "key");
        assert!(
            of.file["secrets"]["key"]["file"]
                .as_str()
                .is_some_and(|file| file.ends_with("key.txt"))
        );
        assert!(
            of.remarks.contains(&"chat became chat-1, chat-2, chat-3".to_owned()),
            "{:?}",
            of.remarks
        );
    }
}

#[test]
fn limits_of_the_users_are_kept_and_told_with_the_part() {
    for text in [V1, V2] {
        let file = generated(text, &chat()).file;
        let chat = &file["services"]["chat-2"];
        assert_eq!(
            (&chat["mem_limit"], &chat["cpu_quota"]),
            (&json!(256 << 20), &json!(50_000))
        );
        assert_eq!(
            (&chat["ulimits"]["nofile"]["hard"], &chat["stop_grace_period"]),
            (&json!(2000), &json!("30s"))
        );
        assert!(chat.get("deploy").is_none());
        let part = Part::from_label("chat-2", chat["labels"]["dev.crosspod.part"].as_str().expect("a label"));
        let part = part.expect("a part");
        assert_eq!(
            (part.memory, part.cpu_quota_us, part.edge),
            (Some(256 << 20), Some(50_000), Some(18002))
        );
    }
}

#[test]
fn every_pod_has_a_proxy_of_its_own_to_each_part_and_to_the_provider() {
    let file = generated(V2, &chat()).file;
    let links = &file["services"]["crosspod-links"];
    let proxies = links["environment"]["CROSSPOD_LINKS_PROXIES"].as_str().expect("JSON");
    let proxies: Vec<Value> = serde_json::from_str(proxies).expect("JSON");
    assert_eq!(proxies.len(), 3 * 4);
    let named = |name: &str| {
        proxies
            .iter()
            .find(|proxy| proxy["name"] == name)
            .expect("a proxy")
            .clone()
    };
    let to_db =
        json!({ "name": "chat-2-db", "listen": "0.0.0.0:5432", "from": "crosspod-net-chat-2", "upstream": "db:5432" });
    assert_eq!(named("chat-2-db"), to_db);
    let provider = named("chat-2-provider");
    assert_eq!(
        (&provider["listen"], &provider["upstream"]),
        (&json!("0.0.0.0:8080"), &json!("crosspod-provider:8102"))
    );
    let edge = named("chat-3-edge");
    assert_eq!(
        (&edge["listen"], &edge["upstream"]),
        (&json!("0.0.0.0:18003"), &json!("crosspod-net-chat-3:2026"))
    );
    assert!(edge.get("from").is_none(), "clients come from anywhere");
    let command = file["services"]["crosspod-provider"]["command"].to_string();
    assert!(command.contains("chat-2=0.0.0.0:8102"), "{command}");
    assert_eq!(
        links["networks"],
        json!({ "back": {} }),
        "the network that pods and parts share"
    );
}

#[test]
fn a_network_of_crosspods_own_joins_what_shares_none() {
    let file = json!({
        "services": {
            "chat": { "image": "a", "networks": { "front": null } },
            "db": { "image": "b", "networks": ["back"] },
        },
        "networks": { "front": { "external": true, "name": "mine" }, "back": { "ipam": { "config": [{ "subnet": "10.9.0.0/24" }] } } },
    });
    let of = generated(&file.to_string(), &wanted(&["chat"], 1, &[("db", Role::Postgres)]));
    let services = &of.file["services"];
    let networks = |name: &str| {
        services[name]["networks"]
            .as_object()
            .expect("networks")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(networks("crosspod-links"), ["crosspod-common"]);
    assert_eq!(networks("crosspod-net-chat"), ["crosspod-common", "front"]);
    assert_eq!(networks("db"), ["back", "crosspod-common"]);
    let labels = json!({ "labels": { "dev.crosspod.run": "r1" } });
    assert_eq!(
        of.file["networks"],
        json!({ "back": labels, "front": labels, "crosspod-common": labels })
    );
    assert!(
        of.remarks
            .iter()
            .any(|remark| remark.contains("network front is external")),
        "{:?}",
        of.remarks
    );
}

#[test]
fn one_pod_boots_alone_with_all_that_needs_no_other() {
    let first_alone = |mut wanted: Wanted| {
        wanted.pods.first_alone = true;
        wanted
    };
    let first = generated(V1, &first_alone(chat())).first.expect("one is alone");
    let expected = [
        "chat-1",
        "crosspod-links",
        "crosspod-net-chat-1",
        "crosspod-net-chat-2",
        "crosspod-net-chat-3",
        "crosspod-provider",
        "db",
        "redis",
    ];
    assert_eq!(first, expected);
    assert_eq!(generated(V1, &chat()).first, None);
    let single = json!({ "services": { "chat": { "image": "a" } } }).to_string();
    assert_eq!(
        generated(&single, &first_alone(wanted(&["chat"], 1, &[]))).first,
        None,
        "it is alone anyway"
    );
}

#[test]
fn a_part_that_has_the_providers_port_keeps_it() {
    let file = json!({ "services": { "chat": { "image": "a" }, "api": { "image": "b" } } }).to_string();
    let mut wanted = wanted(&["chat"], 2, &[("api", Role::Other)]);
    wanted.parts[0].ports = vec![8080, 8474];
    let of = generated(&file, &wanted).file;
    assert_eq!(
        of["services"]["chat-1"]["environment"]["URL"],
        "http://provider:8081/v1"
    );
    assert_eq!(
        of["services"]["crosspod-links"]["command"],
        json!(["-host", "0.0.0.0", "-port", "8475"])
    );
    let proxies = of["services"]["crosspod-links"]["environment"]["CROSSPOD_LINKS_PROXIES"].to_string();
    assert!(proxies.contains("chat-1-api-8474"), "{proxies}");
}

#[test]
fn a_volume_in_memory_is_held_and_links_of_old_lead_where_they_must() {
    let file = json!({
        "services": {
            "chat": {
                "image": "a", "volumes": ["spool:/spool", "/srv:/srv:ro", "data:/data"], "links": ["db:sql", "mail"],
                "sysctls": { "net.core.somaxconn": 10, "kernel.shmmax": 7 },
            },
            "db": { "image": "b", "volumes": ["store:/store", "data:/other"] }, "mail": { "image": "c" },
        },
        "volumes": {
            "spool": { "driver_opts": { "type": "tmpfs", "device": "tmpfs" } },
            "store": { "driver_opts": { "type": "tmpfs", "device": "tmpfs" } },
            "data": null,
        },
    });
    let of = generated(&file.to_string(), &wanted(&["chat"], 2, &[("db", Role::Postgres)])).file;
    let sandbox = &of["services"]["crosspod-net-chat-1"];
    assert_eq!(sandbox["volumes"], json!(["spool:/held/spool:ro"]));
    let proxy = &of["services"]["crosspod-links"];
    assert_eq!(
        proxy["volumes"],
        json!(["store:/held/store:ro"]),
        "a part's outlives the part, too"
    );
    let links = [
        "crosspod-links:db",
        "crosspod-links:provider",
        "crosspod-links:sql",
        "mail:mail",
    ];
    assert_eq!(sandbox["links"], json!(links));
    assert_eq!(sandbox["sysctls"], json!({ "net.core.somaxconn": 10 }));
    assert_eq!(of["services"]["chat-1"]["sysctls"], json!({ "kernel.shmmax": 7 }));
    assert_eq!(of["volumes"]["spool"]["driver_opts"]["type"], "tmpfs");
}

#[test]
fn what_cannot_be_brought_up_is_refused_with_what_to_change() {
    let file = json!({
        "services": {
            "chat": { "image": "a", "deploy": { "replicas": 3 } }, "db": { "image": "b", "network_mode": "host" },
            "second": { "image": "b" }, "side": { "image": "c", "network_mode": "service:chat" },
            "provider": { "image": "d" }, "store": { "image": "e", "volumes": ["data:/data"] },
        },
        "volumes": { "data": { "external": true } },
    });
    let said = |pods: &[&str], copies: u8, parts: &[(&str, Role)]| refused(&file, &wanted(pods, copies, parts));
    let unknown = said(&["chatt"], 1, &[("reddis", Role::Redis)]);
    assert!(
        unknown.contains("pods.services: \"chatt\" is no service of the compose file; there are chat, db,"),
        "{unknown}"
    );
    assert!(unknown.contains("parts: \"reddis\" is no service"), "{unknown}");
    let all = said(&["chat"], 1, &[("db", Role::Postgres), ("second", Role::Postgres)]);
    for words in [
        "chat has 3 replicas in the compose file: say pods.copies = 3",
        "parts: db has network_mode host",
        "parts.db and parts.second both listen on 5432",
        "the service provider has a name that crosspod needs",
        "volume data is external",
    ] {
        assert!(all.contains(words), "{words} in {all}");
    }
    assert!(said(&["chat", "second"], 2, &[]).contains("pods.copies needs exactly one service; there are 2"));
    assert!(said(&["chat"], 2, &[]).contains("side: network_mode leads to chat, of which there will be several"));
    assert!(said(&["chat"], 10, &[]).contains("10 are too many"));
    assert!(said(&["chat"], 3, &[("second", Role::Other)]).contains("parts.second: say ports"));
    let clash = json!({ "services": { "a": { "image": "x" }, "a-2": { "image": "y" } } });
    assert!(refused(&clash, &wanted(&["a"], 2, &[])).contains("a-2 is a service of the compose file already"));
    let script = json!({ "services": { "a": { "image": "x" }, "db": { "image": "y", "command": "sh -c x" } } });
    assert!(refused(&script, &wanted(&["a"], 2, &[("db", Role::Postgres)])).contains("wal_level=logical"));
}

#[test]
fn the_whole_file_is_what_it_was() {
    let file = json!({
        "services": {
            "chat": { "image": "chat:1", "ports": ["8000:2026"], "restart": "always", "environment": ["A=1"] },
            "db": { "image": "postgres:15", "container_name": "mydb", "volumes": ["data:/var/lib/postgresql/data"] },
        },
        "volumes": { "data": { "name": "mine" } },
    });
    let of = generated(&file.to_string(), &wanted(&["chat"], 2, &[("db", Role::Postgres)]));
    let whole = serde_json::to_string_pretty(&of.file).expect("JSON");
    assert_eq!(
        whole,
        WHOLE.trim_end(),
        "if the new one is right, keep it as harness/tests/compose/generated.json"
    );
}
