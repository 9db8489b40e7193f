//! The kind of an image, by its name.

use crate::system::parts::Role;

/// Names that begin so are of Postgres servers, if nothing of [`NO_SERVER`] follows.
const POSTGRES: [&str; 9] = [
    "postgres",
    "postgresql",
    "pgvector",
    "postgis",
    "timescaledb",
    "pgvecto-rs",
    "paradedb",
    "citus",
    "spilo",
];
const REDIS: [&str; 8] = [
    "redis",
    "redis-stack",
    "redis-stack-server",
    "valkey",
    "valkey-bundle",
    "keydb",
    "dragonfly",
    "garnet",
];
const NATS: [&str; 2] = ["nats", "nats-server"];
const EDGE: [&str; 8] = [
    "traefik",
    "nginx",
    "nginx-unprivileged",
    "nginx-proxy",
    "openresty",
    "caddy",
    "envoy",
    "haproxy",
];
/// Words in names of images that talk to a server and are none.
const NO_SERVER: [&str; 7] = ["exporter", "backup", "pool", "bouncer", "operator", "meta", "client"];

/// Ports that servers of well-known images listen on.
const USUAL_PORTS: [(&str, u16); 14] = [
    ("mysql", 3306),
    ("mariadb", 3306),
    ("mongo", 27017),
    ("rabbitmq", 5672),
    ("memcached", 11211),
    ("minio", 9000),
    ("qdrant", 6333),
    ("weaviate", 8080),
    ("chroma", 8000),
    ("elasticsearch", 9200),
    ("opensearch", 9200),
    ("kafka", 9092),
    ("redpanda", 9092),
    ("clickhouse-server", 8123),
];

/// The last part of an image's reference, without registry, tag and digest.
fn name(reference: &str) -> String {
    let reference = reference.split('@').next().unwrap_or_default();
    let last = reference.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default().to_lowercase()
}

/// The role of a server of that image. Returns `None` if the image says nothing.
pub(super) fn role(reference: &str) -> Option<Role> {
    let name = &*name(reference);
    if is_postgres(name) {
        return Some(Role::Postgres);
    }
    let roles = [
        (&REDIS[..], Role::Redis),
        (&NATS[..], Role::Nats),
        (&EDGE[..], Role::Edge),
    ];
    roles
        .into_iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, role)| role)
}

fn is_postgres(name: &str) -> bool {
    let begins = |known: &&str| {
        let behind = name.strip_prefix(*known);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['-', '_', '.']))
    };
    POSTGRES.iter().any(begins) && !NO_SERVER.iter().any(|word| name.contains(word))
}

/// The port that a server of that image listens on, of images that are no part of a known role.
pub(super) fn usual_port(reference: &str) -> Option<u16> {
    let name = name(reference);
    let known = USUAL_PORTS.iter().find(|(known, _)| *known == name);
    known.map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_the_name_of_their_image() {
        for (reference, expected) in [
            ("postgres", Some(Role::Postgres)),
            ("pgvector/pgvector:pg18", Some(Role::Postgres)),
            ("reg.test:5000/bitnami/postgresql:16@sha256:abc", Some(Role::Postgres)),
            ("timescale/timescaledb-ha:pg17", Some(Role::Postgres)),
            ("imresamu/postgis-arm64", Some(Role::Postgres)),
            ("prometheuscommunity/postgres-exporter", None),
            ("postgrest/postgrest", None),
            ("redis:7-alpine", Some(Role::Redis)),
            ("valkey/valkey", Some(Role::Redis)),
            ("eqalpha/keydb", Some(Role::Redis)),
            ("redis/redisinsight", None),
            ("nats:2.15", Some(Role::Nats)),
            ("natsio/nats-box", None),
            ("traefik:v3", Some(Role::Edge)),
            ("envoyproxy/envoy:v1", Some(Role::Edge)),
            ("Caddy", Some(Role::Edge)),
            ("myorg/chat", None),
            ("", None),
        ] {
            assert_eq!(role(reference), expected, "{reference}");
        }
        assert_eq!(usual_port("minio/minio:latest"), Some(9000));
        assert_eq!(usual_port("myorg/chat"), None);
    }
}
