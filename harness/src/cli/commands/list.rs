//! `list`: stories, the defects that they must catch, faults, and promises; what of it a system can be tried and judged by, and the
//! rest with the reason.

use std::fmt::Display;

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::json;

use crate::cli::chosen::Chosen;
use crate::cli::output::{Format, fail, say, say_json};
use crate::judge::{self, Offer, PROMISES, Promise};
use crate::nemesis::{FAULTS, FaultKind};
use crate::run::Story;
use crate::system::System;
use crate::system::needs::Need;

/// Options of `list`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Print a table of the stories, one of the faults and one of the promises, with their needs, in Markdown.
    #[arg(long, conflicts_with = "format")]
    markdown: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(in crate::cli) fn list(stories: &[Story], args: &Args) -> u8 {
    let system = match args.chosen.system(stories) {
        Ok(system) => system,
        Err(e) => return fail(&e),
    };
    let listed = Listed::of(stories, &system);
    match args.format {
        _ if args.markdown => say(&listed.markdown()),
        Format::Human => say(&listed.text(&system)),
        Format::Json => say_json(&listed.json(&system)),
    }
    0
}

/// Everything that there is, held against a system.
pub(super) struct Listed {
    stories: Vec<ListedStory>,
    faults: Vec<ListedFault>,
    pub(super) promises: Vec<ListedPromise>,
}

#[derive(Serialize)]
struct ListedStory {
    story: &'static str,
    about: &'static str,
    needs: Vec<String>,
    faults: &'static [&'static str],
    catches: &'static [&'static str],
    evidence: &'static [&'static str],
    not_applicable: Option<String>,
}

#[derive(Serialize)]
struct ListedFault {
    fault: &'static str,
    about: &'static str,
    on: Vec<String>,
    needs: Vec<String>,
    not_applicable: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ListedPromise {
    number: u32,
    pub(super) promise: &'static str,
    statement: &'static str,
    needs: Vec<String>,
    clauses: Vec<ListedClause>,
    pub(super) not_applicable: Option<String>,
}

#[derive(Serialize)]
struct ListedClause {
    clause: &'static str,
    needs: Vec<String>,
    not_applicable: Option<String>,
}

impl Listed {
    pub(super) fn of(stories: &[Story], system: &System) -> Self {
        let bounds = system.bounds();
        let offer = Offer {
            capabilities: system.capabilities(),
            lacks: system.lacks(),
            bounds: &bounds,
            rounds: true,
        };
        Self {
            stories: stories.iter().map(|story| ListedStory::of(story, system)).collect(),
            faults: FAULTS.iter().map(|fault| ListedFault::of(fault, system)).collect(),
            promises: PROMISES
                .iter()
                .map(|promise| ListedPromise::of(promise, offer))
                .collect(),
        }
    }

    fn json(&self, system: &System) -> serde_json::Value {
        let defects: Vec<_> = system
            .defects()
            .iter()
            .map(|defect| json!({"defect": defect.name, "promises": defect.promises.to_vec()}))
            .collect();
        json!({
            "schema": 1, "system": system.name(), "stories": self.stories, "defects": defects, "faults": self.faults,
            "promises": self.promises, "designs": system.designs,
        })
    }

    fn text(&self, system: &System) -> String {
        let mut lines = vec!["Stories".to_owned()];
        for story in &self.stories {
            lines.push(format!("  {:<30} {}", story.story, story.about));
            if !story.catches.is_empty() {
                lines.push(format!("  {:<30} catches {}", "", story.catches.join(", ")));
            }
            lines.extend(story.not_applicable.iter().map(|why| not_applicable(30, why)));
        }
        if !system.defects().is_empty() {
            lines.push("\nDefects (run --defect NAME), each with the promise that names it".to_owned());
        }
        for defect in system.defects() {
            lines.push(format!("  {:<36} {}", defect.name, defect.promises.join(" or ")));
        }
        lines.push("\nFaults, each with the places that it can be aimed at".to_owned());
        for fault in &self.faults {
            lines.push(format!("  {:<22} {}", fault.fault, fault.about));
            lines.push(format!("  {:<22} on {}", "", fault.on.join(", ")));
            lines.extend(fault.not_applicable.iter().map(|why| not_applicable(22, why)));
        }
        lines.push("\nPromises, judged on every run".to_owned());
        for promise in &self.promises {
            lines.push(format!("  {:>2} {}", promise.number, promise.promise));
            lines.push(format!("     {}", promise.statement));
            lines.extend(promise.not_applicable.iter().map(|why| not_applicable(2, why)));
            let lacking = promise.lacking();
            lines.extend(lacking.map(|(clause, why)| format!("     in part: not \"{clause}\": {why}")));
        }
        lines.push(format!("\n{}", self.sum(system)));
        lines.join("\n")
    }

    /// How much of all this the system can be tried and judged by.
    pub(super) fn sum(&self, system: &System) -> String {
        let stories = self
            .stories
            .iter()
            .filter(|story| story.not_applicable.is_none())
            .count();
        let faults = self
            .faults
            .iter()
            .filter(|fault| fault.not_applicable.is_none())
            .count();
        let judged: Vec<_> = self
            .promises
            .iter()
            .filter(|promise| promise.not_applicable.is_none())
            .collect();
        let in_part = judged
            .iter()
            .filter(|promise| promise.lacking().next().is_some())
            .count();
        format!(
            "{}: {stories} of {} stories can be played, and {faults} of {} faults injected; of {} promises {} are judged in full, \
             {in_part} in part, {} not",
            system.name(),
            self.stories.len(),
            self.faults.len(),
            self.promises.len(),
            judged.len() - in_part,
            self.promises.len() - judged.len(),
        )
    }

    fn markdown(&self) -> String {
        let stories = self
            .stories
            .iter()
            .map(|s| [code(s.story), words(&s.needs), s.about.to_owned()]);
        let faults = self.faults.iter().map(|f| {
            let needs = words(&f.needs);
            [code(f.fault), f.on.join(", "), needs, f.about.to_owned()]
        });
        let promises = self.promises.iter().map(|p| {
            let clauses = p.clauses.iter().filter(|clause| !clause.needs.is_empty());
            let clauses = clauses.map(|clause| format!("{}: {}", clause.clause, words(&clause.needs)));
            let own = (!p.needs.is_empty() || p.clauses.is_empty()).then(|| words(&p.needs));
            let needs: Vec<String> = own.into_iter().chain(clauses).collect();
            [
                format!("{} {}", p.number, p.promise),
                needs.join("; "),
                p.statement.to_owned(),
            ]
        });
        [
            table(["story", "needs", "about"], stories),
            table(["fault", "on", "needs", "about"], faults),
            table(["promise", "needs, by clause", "about"], promises),
        ]
        .join("\n")
    }
}

impl ListedStory {
    fn of(story: &Story, system: &System) -> Self {
        Self {
            story: story.name,
            about: story.about,
            needs: shown(&story.all_needs()),
            faults: story.faults,
            catches: story.catches,
            evidence: story.evidence,
            not_applicable: story.available(system).err().map(|why| why.to_string()),
        }
    }
}

impl ListedFault {
    fn of(fault: &FaultKind, system: &System) -> Self {
        Self {
            fault: fault.name,
            about: fault.about,
            on: fault.on.places(),
            needs: shown(fault.needs),
            not_applicable: fault.available(system).err().map(|why| why.to_string()),
        }
    }
}

impl ListedPromise {
    fn of(promise: &Promise, offer: Offer<'_>) -> Self {
        let lacking = promise.in_part(offer);
        let why_not = |name: &str| {
            lacking
                .iter()
                .find(|lack| lack.clause == name)
                .map(|lack| lack.why.clone())
        };
        let clauses = promise.clauses.iter().map(|clause| ListedClause {
            clause: clause.name,
            needs: of_promise(clause.needs),
            not_applicable: why_not(clause.name),
        });
        Self {
            number: promise.number,
            promise: promise.name,
            statement: promise.statement,
            needs: of_promise(promise.needs),
            clauses: clauses.collect(),
            not_applicable: promise.not_applicable(offer).map(|lack| lack.why),
        }
    }

    /// The clauses that are not judged, with the reasons, of a promise that is.
    pub(super) fn lacking(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let judged = self.not_applicable.is_none();
        let clauses = self.clauses.iter().filter(move |_| judged);
        clauses.filter_map(|clause| Some((clause.clause, clause.not_applicable.as_ref()?)))
    }
}

/// The needs of a promise, in the words of stories and faults.
fn of_promise(needs: &[judge::Need]) -> Vec<String> {
    let needs = needs.iter().map(|need| match need {
        judge::Need::Can(capability) => Need::Has(*capability).to_string(),
        judge::Need::Within(bound) => Need::Bound(*bound).to_string(),
        judge::Need::IdleCpu => Need::IdleCpu.to_string(),
        judge::Need::Rounds => "rounds of turns".to_owned(),
    });
    needs.collect()
}

fn shown(needs: &[impl Display]) -> Vec<String> {
    needs.iter().map(ToString::to_string).collect()
}

fn not_applicable(indent: usize, why: &str) -> String {
    format!("  {:<indent$} not applicable: {why}", "")
}

fn words(needs: &[String]) -> String {
    match needs {
        [] => "nothing".to_owned(),
        needs => needs.join(", "),
    }
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let row = |cells: [String; N]| {
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = ["---"; N].map(str::to_owned);
    let lines = [head.map(str::to_owned), rule].into_iter().chain(rows);
    lines.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::parts::Role;

    fn listed() -> (Listed, System) {
        let story = |name, needs, faults| Story {
            name,
            about: "a | b",
            needs,
            faults,
            catches: &["no-fencing"],
            evidence: &[],
            play: |_| Box::pin(async { Ok(()) }),
        };
        let stories = [
            story("plain", &[Need::Attach], &["kill"]),
            story("on_redis", &[Need::Part(Role::Redis)], &[]),
        ];
        let mut system = System::reference();
        system.description.feedback = None;
        (Listed::of(&stories, &system), system)
    }

    #[test]
    fn what_is_not_applicable_says_why_beside_it() {
        let (listed, system) = listed();
        let text = listed.text(&system);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let at = |line: &str| lines.iter().position(|other| *other == line);
        let why = "not applicable: no part has role \"redis\" ([parts.SERVICE] role)";
        let story = at("on_redis                       a | b").expect("the story");
        assert_eq!(lines[story + 2], why, "behind its defects");
        let fault = lines
            .iter()
            .position(|line| line.starts_with("flushed "))
            .expect("the fault");
        assert_eq!(lines[fault + 2], why);
        let sum = lines.last().expect("a line");
        assert!(
            sum.starts_with("reference: 1 of 2 stories can be played, and "),
            "{sum}"
        );
    }

    #[test]
    fn json_has_needs_and_reasons() {
        let (listed, system) = listed();
        let json = listed.json(&system);
        assert_eq!(json["stories"][0]["needs"], json!(["attach", "PROOF_OF_DEATH"]));
        assert_eq!(json["stories"][0]["not_applicable"], json!(null));
        assert_eq!(
            json["stories"][1]["not_applicable"],
            json!("no part has role \"redis\" ([parts.SERVICE] role)")
        );
        let promises = json["promises"].as_array().expect("a list");
        assert_eq!(promises.len(), PROMISES.len());
        assert!(
            promises
                .iter()
                .any(|promise| promise["clauses"][0]["needs"] != json!(null))
        );
    }

    #[test]
    fn markdown_is_one_table_for_each_kind() {
        let (listed, _) = listed();
        let text = listed.markdown();
        let tables: Vec<&str> = text.split("\n\n").collect();
        assert_eq!(tables.len(), 3, "{text}");
        let stories: Vec<&str> = tables[0].lines().collect();
        assert_eq!(
            stories,
            [
                "| story | needs | about |",
                "| --- | --- | --- |",
                "| `plain` | attach, PROOF_OF_DEATH | a \\| b |",
                "| `on_redis` | part redis | a \\| b |",
            ]
        );
        assert!(tables[1].contains("| `kill` | pod, postgres, "), "{}", tables[1]);
    }
}
