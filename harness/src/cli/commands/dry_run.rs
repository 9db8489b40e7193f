//! `run --dry-run`: prints what the run would do, for a person or as JSON.

use std::fmt::Write as _;

use crate::cli::output::{Format, fail, say, say_json};
use crate::cluster::{AllowedHosts, Preview};
use crate::history::PodName;
use crate::plan::{BackgroundVisits, Manner};
use crate::run::{DryRun, Options, PlannedPlay, Selected, Setting};

/// Prints what a run would do. Returns 0 if the run could be done.
pub(in crate::cli) async fn dry_run(
    selected: &Selected,
    options: &Options,
    setting: &Setting,
    allowed: &AllowedHosts,
    format: Format,
) -> u8 {
    let ahead = match DryRun::look(selected, options, setting, allowed).await {
        Ok(ahead) => ahead,
        Err(e) => return fail(&e.to_string()),
    };
    match format {
        Format::Json => say_json(&ahead),
        Format::Human => say(&render(&ahead)),
    }
    0
}

fn render(ahead: &DryRun) -> String {
    let mut text = "Dry run: nothing is brought up, broken or removed.\n".to_owned();
    would(&mut text, &ahead.would);
    let defect = ahead.defect.as_deref().unwrap_or("none");
    line(
        &mut text,
        &format!("\nStories, design {}, defect {defect}", ahead.design),
    );
    for play in &ahead.plays {
        one(&mut text, play);
    }
    if !ahead.not_applicable.is_empty() {
        line(&mut text, "\nStories that the system cannot play");
    }
    for left_out in &ahead.not_applicable {
        line(&mut text, &format!("  {}: {}", left_out.story, left_out.why));
    }
    line(&mut text, &format!("\n{}", ahead.faults));
    text
}

fn would(text: &mut String, would: &Preview) {
    line(text, &format!("\nEngine {}, Compose `{}`", would.engine, would.compose));
    for image in &would.images {
        let how = match &image.present {
            Some(reference) => format!("{reference} is present"),
            None => format!("not present: the run {}", image.otherwise),
        };
        line(text, &format!("  image      {}: {how}", image.image));
    }
    for project in &would.orphaned {
        line(text, &format!("Would remove {project}: its run is gone"));
    }
    for project in &would.kept {
        line(
            text,
            &format!("Would use {project}, which is kept, where it is what the run needs, instead of:"),
        );
    }
    for cluster in &would.clusters {
        line(
            text,
            &format!(
                "Would bring up, and take away at the end, {} (RUN: the run's name, drawn when it begins)",
                cluster.project
            ),
        );
        for container in &cluster.containers {
            line(text, &format!("  container  {container}"));
        }
        line(text, &format!("  networks   {}", cluster.networks.join(" ")));
        for volume in &cluster.volumes {
            line(text, &format!("  volume     {volume}"));
        }
    }
}

fn one(text: &mut String, ahead: &PlannedPlay) {
    let plan = &ahead.plan;
    let pods: Vec<&str> = plan.pods.iter().map(PodName::as_str).collect();
    line(text, &format!("  {} seed {}", plan.story, plan.seed));
    line(text, &format!("    command: {}", ahead.again));
    line(text, &format!("    {}", ahead.about));
    line(text, &format!("    pods by role: {}", pods.join(", ")));
    line(
        text,
        &format!("    beside it: {}", background_visits(&plan.background_visits)),
    );
    let evidence = match ahead.evidence {
        [] => "none".to_owned(),
        marks => marks.join(", "),
    };
    line(text, &format!("    evidence: {evidence}"));
}

/// The background watchers in one line.
fn background_visits(visits: &BackgroundVisits) -> String {
    let all = || visits.lanes.iter().flatten();
    let slow = all().filter(|v| matches!(v.manner, Manner::Slow { .. })).count();
    let vanishing = all().filter(|v| matches!(v.manner, Manner::Vanishing { .. })).count();
    format!(
        "up to {} visits of {} background watchers ({slow} slow, {vanishing} gone in the middle of a frame)",
        all().count(),
        visits.lanes.len()
    )
}

fn line(text: &mut String, line: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{line}");
}
