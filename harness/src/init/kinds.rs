//! The kind that each service seems to be of: a part of a known role, a job, a program, or asleep.

use std::collections::BTreeSet;

use super::guess::Guess;
use super::image;
use super::seen::Seen;
use crate::cluster::Resolved;
use crate::system::parts::Role;

/// Names by which a database is called whose image says nothing.
const DATABASES: [&str; 3] = ["db", "database", "pg"];
/// The word in the name of a job that brings a schema up to date.
const MIGRATES: &str = "migrat";

/// The kind that a service seems to be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A part of a role that crosspod knows more of.
    Known(Guess<Role>),
    /// A program: a pod, or something else.
    Program,
    /// It has a profile, and nothing that is started needs it.
    Asleep {
        /// True if it would be a program.
        is_program: bool,
    },
}

/// The services of a file, each with what it seems to be.
#[derive(Debug)]
pub(super) struct Sorted<'r>(Vec<(Seen<'r>, Kind)>);

impl<'r> Sorted<'r> {
    /// Sorts the services of a file.
    pub(super) fn of(resolved: &'r Resolved) -> Self {
        let all = Seen::all(resolved);
        let started = started(&all);
        let awaited: BTreeSet<String> = all.iter().flat_map(Seen::awaits).collect();
        let kind = |seen: &Seen<'_>| match certain(seen, &awaited) {
            role if !started.contains(seen.name) => Kind::Asleep {
                is_program: role.is_none(),
            },
            Some(role) => Kind::Known(role),
            None => Kind::Program,
        };
        let mut sorted: Vec<(Seen<'_>, Kind)> = all.iter().map(|seen| (*seen, kind(seen))).collect();
        let jobs: Vec<Option<Guess<Role>>> = sorted.iter().map(|(seen, kind)| likely_job(seen, kind)).collect();
        let mut programs = sorted.iter().zip(&jobs).filter(|((_, kind), _)| *kind == Kind::Program);
        // A file whose only program looks like a job has no job.
        if programs.any(|(_, job)| job.is_none()) {
            for ((_, kind), job) in sorted.iter_mut().zip(jobs) {
                if let Some(job) = job {
                    *kind = Kind::Known(job);
                }
            }
        }
        Self(sorted)
    }

    /// The programs.
    pub(super) fn programs(&self) -> impl Iterator<Item = Seen<'r>> {
        let programs = self.0.iter().filter(|(_, kind)| *kind == Kind::Program);
        programs.map(|(seen, _)| *seen)
    }

    /// The services of known roles.
    pub(super) fn known(&self) -> impl Iterator<Item = (Seen<'r>, &Guess<Role>)> {
        self.0.iter().filter_map(|(seen, kind)| match kind {
            Kind::Known(role) => Some((*seen, role)),
            Kind::Program | Kind::Asleep { .. } => None,
        })
    }

    /// The services that are not started.
    pub(super) fn asleep(&self) -> impl Iterator<Item = Seen<'r>> {
        let asleep = self.0.iter().filter(|(_, kind)| matches!(kind, Kind::Asleep { .. }));
        asleep.map(|(seen, _)| *seen)
    }

    /// The programs among them.
    pub(super) fn sleeping_programs(&self) -> impl Iterator<Item = Seen<'r>> {
        let is_program = Kind::Asleep { is_program: true };
        let programs = self.0.iter().filter(move |(_, kind)| *kind == is_program);
        programs.map(|(seen, _)| *seen)
    }

    /// The names of all services.
    pub(super) fn names(&self) -> Vec<&'r str> {
        self.0.iter().map(|(seen, _)| seen.name).collect()
    }

    /// The names by which the services are reached.
    pub(super) fn reached_by(&self) -> BTreeSet<String> {
        self.0.iter().flat_map(|(seen, _)| seen.names()).collect()
    }

    /// Services that hold data, by name.
    pub(super) fn stores(&self) -> impl Iterator<Item = Seen<'r>> {
        let is_store = |role| matches!(role, Role::Postgres | Role::Redis | Role::Nats);
        self.known()
            .filter(move |(_, role)| is_store(role.value))
            .map(|(seen, _)| seen)
    }

    /// True if a service has that role.
    pub(super) fn has(&self, role: Role) -> bool {
        self.known().any(|(_, known)| known.value == role)
    }

    /// True if a service cannot be started without one of `others`, or without one that needs them.
    pub(super) fn depends_on(&self, seen: Seen<'_>, others: &BTreeSet<String>) -> bool {
        let mut known = BTreeSet::new();
        let mut next: Vec<String> = seen.needs().into_iter().collect();
        while let Some(name) = next.pop() {
            if others.contains(&name) {
                return true;
            }
            if known.insert(name.clone()) {
                let needed = self.0.iter().find(|(seen, _)| seen.name == name);
                next.extend(needed.iter().flat_map(|(seen, _)| seen.needs()));
            }
        }
        false
    }
}

/// The services that Compose starts: those without a profile, and all that these need.
fn started(all: &[Seen<'_>]) -> BTreeSet<String> {
    let by_default = all.iter().filter(|seen| seen.profiles().is_empty());
    let mut next: Vec<&Seen<'_>> = by_default.collect();
    let mut started = BTreeSet::new();
    while let Some(seen) = next.pop() {
        if started.insert(seen.name.to_owned()) {
            let needs = seen.needs();
            next.extend(all.iter().filter(|other| needs.contains(other.name)));
        }
    }
    started
}

/// The role of which there is little doubt.
fn certain(seen: &Seen<'_>, awaited: &BTreeSet<String>) -> Option<Guess<Role>> {
    if awaited.contains(seen.name) {
        return Some(Guess::said(Role::Job, "depends_on: others wait for its end"));
    }
    let image = seen.image().unwrap_or_default();
    if let Some(role) = image::role(&image) {
        return Some(Guess::inferred(role, format_args!("image {image}")));
    }
    if !seen.is_built() {
        return None;
    }
    let is_database = DATABASES.contains(&seen.name) && seen.environment().contains_key("POSTGRES_DB");
    let by_name = image::role(seen.name).or(is_database.then_some(Role::Postgres));
    by_name.map(|role| Guess::inferred(role, "its name"))
}

/// The role of a program that looks as if it ran to an end.
fn likely_job(seen: &Seen<'_>, kind: &Kind) -> Option<Guess<Role>> {
    let stays = seen.health_check().is_some() || !seen.published().is_empty() || !seen.exposed().is_empty();
    if *kind != Kind::Program || stays {
        return None;
    }
    match seen.restart() {
        Some("no") => Some(Guess::inferred(Role::Job, "restart is \"no\", and it has no port")),
        None | Some("on-failure") if seen.name.contains(MIGRATES) => Some(Guess::inferred(Role::Job, "its name")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(services: &str) -> Vec<String> {
        let resolved = Resolved::read(&format!("services:\n{services}")).expect("a file");
        let sorted = Sorted::of(&resolved);
        let shown = sorted.0.iter().map(|(seen, kind)| match kind {
            Kind::Known(role) => format!("{}: {} ({})", seen.name, role.value, role.why),
            Kind::Program => format!("{}: program", seen.name),
            Kind::Asleep { .. } => format!("{}: asleep", seen.name),
        });
        shown.collect()
    }

    #[test]
    fn services_are_known_by_image_name_and_by_who_waits_for_them() {
        let file = "  api: { build: ., depends_on: { init: { condition: service_completed_successfully } } }\n  \
                    init: { image: postgres, command: psql }\n  \
                    pg: { build: ./pg, environment: { POSTGRES_DB: a } }\n  nginx: { build: ./nginx }\n  \
                    cache: { image: valkey/valkey }\n";
        assert_eq!(
            kinds(file),
            [
                "api: program",
                "cache: redis (guess: image valkey/valkey)",
                "init: job (from depends_on: others wait for its end)",
                "nginx: edge (guess: its name)",
                "pg: postgres (guess: its name)",
            ]
        );
    }

    #[test]
    fn a_job_is_a_guess_unless_nothing_else_is_left() {
        let file = "  api: { build: . }\n  migrate: { build: . }\n  seed: { build: ., restart: 'no' }\n  \
                    migrations-ui: { build: ., ports: ['80:80'] }\n";
        assert_eq!(
            kinds(file),
            [
                "api: program",
                "migrate: job (guess: its name)",
                "migrations-ui: program",
                "seed: job (guess: restart is \"no\", and it has no port)",
            ]
        );
        assert_eq!(kinds("  api: { build: ., restart: 'no' }\n"), ["api: program"]);
    }

    #[test]
    fn a_service_with_a_profile_is_asleep_unless_it_is_needed() {
        let file = "  api: { build: ., depends_on: [store] }\n  store: { image: redis, profiles: [full] }\n  \
                    tools: { image: postgres, profiles: [tools] }\n";
        assert_eq!(
            kinds(file),
            ["api: program", "store: redis (guess: image redis)", "tools: asleep"]
        );
    }

    #[test]
    fn what_is_needed_is_found_through_others() {
        let file = "  web: { image: a, depends_on: [front] }\n  front: { image: b, depends_on: [web, api] }\n  api: { build: . }\n  alone: { image: c }\n";
        let resolved = Resolved::read(&format!("services:\n{file}")).expect("a file");
        let sorted = Sorted::of(&resolved);
        let api = BTreeSet::from(["api".to_owned()]);
        let depend = sorted.programs().filter(|seen| sorted.depends_on(*seen, &api));
        assert_eq!(depend.map(|seen| seen.name).collect::<Vec<_>>(), ["front", "web"]);
    }
}
