//! `list`: stories, the defects that they must catch, faults, and promises.

use serde_json::{Value, json};

use crate::cli::output::{Format, say, say_json};
use crate::judge::PROMISES;
use crate::nemesis::{FAULTS, FaultKind, On};
use crate::run::Story;
use crate::system::System;

pub(in crate::cli) fn list(stories: &[Story], format: Format) -> u8 {
    let system = System::reference();
    if format == Format::Json {
        let stories: Vec<_> = stories
            .iter()
            .map(|s| json!({"story": s.name, "about": s.about, "catches": s.catches, "evidence": s.evidence}))
            .collect();
        let defects: Vec<_> = system
            .defects
            .iter()
            .map(|d| json!({"defect": d.name, "promises": d.promises}))
            .collect();
        let promises: Vec<_> = PROMISES
            .iter()
            .map(|p| json!({"number": p.number, "promise": p.name, "statement": p.statement}))
            .collect();
        let faults: Vec<_> = FAULTS.iter().copied().map(fault).collect();
        say_json(&json!({
            "schema": 1, "stories": stories, "defects": defects, "faults": faults, "promises": promises,
            "designs": system.designs,
        }));
        return 0;
    }
    say("Stories");
    for story in stories {
        say(&format!("  {:<30} {}", story.name, story.about));
        if !story.catches.is_empty() {
            say(&format!("  {:<30} catches {}", "", story.catches.join(", ")));
        }
    }
    say("\nDefects (run --defect NAME), each with the promise that names it");
    for defect in &system.defects {
        say(&format!("  {:<36} {}", defect.name, defect.promises.join(" or ")));
    }
    say("\nFaults, each with the places that it can be aimed at");
    for fault in FAULTS {
        say(&format!("  {:<22} {}", fault.name, fault.about));
        say(&format!("  {:<22} on {}", "", places(fault).join(", ")));
    }
    say("\nPromises, judged on every run");
    for promise in PROMISES {
        say(&format!(
            "  {:>2} {}\n     {}",
            promise.number, promise.name, promise.statement
        ));
    }
    0
}

/// A fault as JSON: its needs by name.
fn fault(fault: &FaultKind) -> Value {
    let powers: Vec<&str> = fault.needs.powers.iter().map(|power| power.name()).collect();
    json!({
        "fault": fault.name, "about": fault.about, "on": places(fault), "powers": powers, "admin": fault.needs.admin,
    })
}

fn places(fault: &FaultKind) -> Vec<&'static str> {
    match fault.needs.on {
        On::Part(roles) => roles.iter().map(|role| role.name()).collect(),
        On::Link => vec!["link"],
    }
}
