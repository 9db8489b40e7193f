//! Which services are pods, and how one is started, asked and told where the provider is.

use super::guess::Guess;
use super::http;
use super::kinds::Sorted;
use super::seen::Seen;
use super::uses::Users;
use super::variables::{self, Variables};
use crate::system::parts::Role;

/// Pods that one service becomes: a takeover needs a second one, and a third shows whom it spares.
const COPIES: u8 = 3;
/// Most pods that a description may have.
const COPIES_MAX: u64 = 9;
/// Words in names of programs that serve no clients of the agent.
const SERVES_OTHERS: [&str; 10] = [
    "worker",
    "beat",
    "cron",
    "scheduler",
    "frontend",
    "ui",
    "docs",
    "admin",
    "studio",
    "proxy",
];

/// The guesses of `[pods]`.
#[derive(Debug)]
pub(super) struct Pods<'r> {
    /// The services. Empty if none looks like a pod.
    pub(super) services: Guess<Vec<Seen<'r>>>,
    /// Number of pods that the one service becomes.
    pub(super) copies: Option<Guess<u8>>,
    /// Port at which a pod serves HTTP, if the file tells.
    pub(super) port: Option<Guess<u16>>,
    /// Path that answers while a pod lives.
    pub(super) alive: Guess<String>,
    /// Whether one boots before the others.
    pub(super) first_alone: bool,
    /// Variables of every pod.
    pub(super) variables: Variables,
}

impl<'r> Pods<'r> {
    /// Guesses the pods of a file.
    pub(super) fn of(sorted: &Sorted<'r>) -> Self {
        let services = choose(sorted);
        let first = services.value.first().copied();
        let copies = match services.value[..] {
            [one] => Some(copies_of(one)),
            _ => None,
        };
        Self {
            port: first.and_then(|pod| http::port(&pod)),
            alive: first.map_or_else(
                || Guess::inferred("/health".to_owned(), "the usual path"),
                |pod| http::alive(&pod),
            ),
            first_alone: copies.is_some() && sorted.has(Role::Postgres) && !sorted.has(Role::Job),
            variables: variables::of(&services.value, copies.is_some(), &sorted.reached_by()),
            copies,
            services,
        }
    }
}

fn copies_of(one: Seen<'_>) -> Guess<u8> {
    match one.replicas() {
        many @ 2..=COPIES_MAX => Guess::said(many.try_into().unwrap_or(COPIES), "the replicas of the compose file"),
        _ => Guess::inferred(COPIES, "there is one service; a takeover needs a second pod"),
    }
}

/// Chooses the services that are pods.
fn choose<'r>(sorted: &Sorted<'r>) -> Guess<Vec<Seen<'r>>> {
    let programs: Vec<Seen<'_>> = sorted.programs().collect();
    let built: Vec<Seen<'_>> = programs.iter().copied().filter(Seen::is_built).collect();
    if programs.is_empty() {
        return of_those_asleep(sorted);
    }
    let (candidates, are_built) = if built.is_empty() {
        (programs, false)
    } else {
        (built, true)
    };
    match candidates[..] {
        [one] if are_built => return Guess::inferred(vec![one], "the one service that is built here"),
        [one] => return Guess::inferred(vec![one], "the one service that is no store, job or edge"),
        _ => {}
    }
    let serving = |seen: &&Seen<'_>| !seen.published().is_empty();
    let published: Vec<Seen<'_>> = candidates.iter().filter(serving).copied().collect();
    let replicated: Vec<Seen<'_>> = candidates.iter().filter(|seen| seen.replicas() > 1).copied().collect();
    if let ([one], true) = (&replicated[..], published.is_empty()) {
        return Guess::inferred(vec![*one], "the compose file runs several of it");
    }
    let alike = replicas(if published.is_empty() { &candidates } else { &published });
    if !alike.is_empty() {
        return Guess::inferred(alike, "services of one image with one command");
    }
    likeliest(sorted, &candidates)
}

/// Chooses a pod where every program has a profile.
fn of_those_asleep<'r>(sorted: &Sorted<'r>) -> Guess<Vec<Seen<'r>>> {
    let programs: Vec<Seen<'_>> = sorted.sleeping_programs().collect();
    match programs[..] {
        [] => Guess::inferred(Vec::new(), "no service looks like a pod"),
        [one] => Guess::inferred(vec![one], "the one service that is no store, job or edge"),
        _ => likeliest(sorted, &programs),
    }
}

/// The largest group of services that run the same program; none if there is no second one.
fn replicas<'r>(candidates: &[Seen<'r>]) -> Vec<Seen<'r>> {
    let alike = |one: &Seen<'r>| -> Vec<Seen<'r>> {
        let others = candidates.iter().filter(|other| other.recipe() == one.recipe());
        others.copied().collect()
    };
    let groups = candidates.iter().map(alike).filter(|group| group.len() > 1);
    // Of two groups of one size the first counts.
    let largest = groups.reduce(|best, other| if other.len() > best.len() { other } else { best });
    largest.unwrap_or_default()
}

/// The candidate that most speaks for.
fn likeliest<'r>(sorted: &Sorted<'r>, candidates: &[Seen<'r>]) -> Guess<Vec<Seen<'r>>> {
    let marked: Vec<(u32, Seen<'_>)> = candidates.iter().map(|seen| (mark(sorted, *seen), *seen)).collect();
    let best = marked.iter().map(|(mark, _)| *mark).max().unwrap_or_default();
    let (first, others): (Vec<_>, Vec<_>) = marked.into_iter().partition(|(mark, _)| *mark == best);
    let names = |of: &[(u32, Seen<'_>)]| of.iter().map(|(_, seen)| seen.name).collect::<Vec<_>>().join(", ");
    let reason = match (&first[..], &others[..]) {
        ([one], others) => format!("{}, unlike {}", reason(sorted, one.1), names(others)),
        (several, _) => format!("one of {}: which of them answers clients?", names(several)),
    };
    let chosen = first.first().map(|(_, seen)| *seen);
    Guess::inferred(chosen.into_iter().collect(), reason)
}

/// How much speaks for a service: what it shows weighs more than how it is called.
fn mark(sorted: &Sorted<'_>, seen: Seen<'_>) -> u32 {
    let is_published = !seen.published().is_empty();
    let has_store = !stores_of(sorted, seen).is_empty();
    let serves_others = seen
        .name
        .split(['-', '_', '.'])
        .any(|word| SERVES_OTHERS.contains(&word));
    let marks = [
        (is_published, 8),
        (has_store, 8),
        (http::serves(&seen), 4),
        (variables::names_the_provider(&seen), 4),
        (seen.health_check().is_some(), 1),
        (!serves_others, 2),
    ];
    marks.iter().filter(|(holds, _)| *holds).map(|(_, mark)| mark).sum()
}

/// The stores that a service uses, by name.
fn stores_of(sorted: &Sorted<'_>, seen: Seen<'_>) -> Vec<String> {
    let users = Users::of(&[seen]);
    let stores = sorted.stores().filter(|store| users.use_of(store));
    stores.map(|store| store.name.to_owned()).collect()
}

fn reason(sorted: &Sorted<'_>, seen: Seen<'_>) -> String {
    let port = if seen.published().is_empty() { "" } else { "has a port" };
    let stores = match &stores_of(sorted, seen)[..] {
        [] => String::new(),
        stores => format!("uses {}", stores.join(", ")),
    };
    let said: Vec<&str> = [port, &stores].into_iter().filter(|text| !text.is_empty()).collect();
    match &said[..] {
        [] => "its name and settings speak for it".to_owned(),
        said => format!("it {}", said.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Resolved;

    /// The pods of a file: names, copies and the reason.
    fn chosen(services: &str) -> (String, Option<u8>, String) {
        let resolved = Resolved::read(&format!("services:\n{services}")).expect("a file");
        let sorted = Sorted::of(&resolved);
        let pods = Pods::of(&sorted);
        let names: Vec<&str> = pods.services.value.iter().map(|seen| seen.name).collect();
        (
            names.join(" "),
            pods.copies.map(|copies| copies.value),
            pods.services.why,
        )
    }

    fn check(services: &str, names: &str, copies: Option<u8>, why: &str) {
        let expected = (names.to_owned(), copies, why.to_owned());
        assert_eq!(chosen(services), expected, "{services}");
    }

    #[test]
    fn the_one_that_is_built_here_is_the_pod() {
        let file = "  chat: { build: . }\n  db: { image: postgres }\n  jaeger: { image: jaeger, ports: [1] }\n";
        check(file, "chat", Some(3), "guess: the one service that is built here");
        let file = "  chat: { build: ., deploy: { replicas: 5 } }\n";
        check(file, "chat", Some(5), "guess: the one service that is built here");
    }

    #[test]
    fn services_of_one_image_and_command_are_all_pods() {
        let why = "guess: services of one image with one command";
        let file = "  a: { image: x, ports: ['1:80'] }\n  b: { image: x, ports: ['2:80'] }\n  w: { image: x, command: work }\n";
        check(file, "a b", None, why);
        check(
            "  one: { image: x }\n  two: { image: x, depends_on: [one] }\n",
            "one two",
            None,
            why,
        );
        // One of them alone is for clients.
        let file = "  app: { image: x, ports: ['1:80'] }\n  store: { image: x }\n";
        check(file, "app", Some(3), "guess: it has a port, unlike store");
        let file = "  app: { image: x, deploy: { replicas: 3 } }\n  front: { image: x, depends_on: [app] }\n";
        check(file, "app", Some(3), "guess: the compose file runs several of it");
    }

    #[test]
    fn of_several_programs_the_one_with_a_port_and_a_store_is_the_pod() {
        let file = "  api: { build: ./api, ports: ['8000:8000'], environment: { DATABASE_URL: 'postgres://u:p@db/d' } }\n  \
                    db: { image: postgres }\n  web: { build: ./web, ports: ['3000:3000'] }\n  \
                    worker: { build: ./api, command: work, depends_on: [db] }\n";
        check(
            file,
            "api",
            Some(3),
            "guess: it has a port and uses db, unlike web, worker",
        );
        let file = "  a: { build: ./a, ports: ['1:1'] }\n  b: { build: ./b, ports: ['2:2'] }\n";
        check(file, "a", Some(3), "guess: one of a, b: which of them answers clients?");
    }

    #[test]
    fn a_file_without_programs_has_no_pod() {
        check(
            "  db: { image: postgres }\n",
            "",
            None,
            "guess: no service looks like a pod",
        );
    }
}
