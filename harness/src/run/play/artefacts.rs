//! Artefacts beside a play's history: the parts' logs, the provider's calls, the stream log and the rows.
//!
//! They help to find the reason of a failure. A verdict rests on the history alone, so an artefact that cannot be kept is only a
//! warning in the harness's log.

use std::time::SystemTime;

use crate::cluster::LogLine;
use crate::report::{Folder, FolderError};
use crate::roles::postgres::dump;
use crate::run::cast::Cast;

/// Writes the play's artefacts into its folder.
pub(in crate::run) async fn keep(cast: &Cast, folder: &Folder, since: SystemTime) {
    let (logs, provider, rows, stream) = tokio::join!(
        logs(cast, folder, since),
        provider(cast, folder),
        rows(cast, folder),
        stream(cast, folder)
    );
    for failed in [logs, provider, rows, stream].into_iter().filter_map(Result::err) {
        tracing::warn!(story = cast.plan.story, "not kept: {failed}");
    }
}

async fn logs(cast: &Cast, folder: &Folder, since: SystemTime) -> Result<(), String> {
    for part in cast.slot.cluster.parts() {
        let lines = part.logs_after(since).await.map_err(|e| e.to_string())?;
        write_log(folder, &format!("pods/{}.log", part.service()), &lines).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Writes the lines of a log, each behind its time.
///
/// # Errors
/// The file cannot be written.
pub(in crate::run) fn write_log(folder: &Folder, name: &str, lines: &[LogLine]) -> Result<(), FolderError> {
    let lines: Vec<String> = lines.iter().map(|line| format!("{} {}", line.at, line.text)).collect();
    folder.write_text(name, &(lines.join("\n") + "\n"))
}

async fn provider(cast: &Cast, folder: &Folder) -> Result<(), String> {
    let mut text = String::new();
    for turn in &cast.turns {
        for call in cast.slot.provider.calls(&turn.key).await.map_err(|e| e.to_string())? {
            text.push_str(&serde_json::to_string(&call).map_err(|e| e.to_string())?);
            text.push('\n');
        }
    }
    folder.write_text("provider.jsonl", &text).map_err(|e| e.to_string())
}

async fn rows(cast: &Cast, folder: &Folder) -> Result<(), String> {
    let tables = cast.slot.api.system().tables();
    for (table, csv) in dump::rows(&cast.slot.owners, &tables, &cast.thread)
        .await
        .map_err(|e| e.to_string())?
    {
        folder
            .write_text(&format!("postgres/{table}.csv"), &csv)
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}

async fn stream(cast: &Cast, folder: &Folder) -> Result<(), String> {
    match cast.slot.dump_log(&cast.thread).await {
        None => Ok(()),
        Some(text) => folder
            .write_text("stream.jsonl", &text.map_err(|e| e.to_string())?)
            .map_err(|e| e.to_string()),
    }
}
