//! The rows that the database holds of one thread, as text to keep.

use super::connect::DatabaseError;
use super::owners::Owners;
use crate::history::ThreadId;
use crate::system::Database;

/// The rows of a thread as CSV with a header line, by table.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses.
pub async fn rows(
    owners: &Owners,
    database: &Database,
    thread: &ThreadId,
) -> Result<Vec<(String, String)>, DatabaseError> {
    // COPY takes no parameters; an id is quoted as SQL wants it.
    let id = thread.as_str().replace('\'', "''");
    let Database {
        threads, turns, parts, ..
    } = database;
    let selected = [
        (threads, format!("select * from {threads} where id = '{id}'")),
        (turns, format!("select * from {turns} where thread = '{id}'")),
        (
            parts,
            format!(
                "select p.* from {parts} p join {turns} t on t.id = p.turn where t.thread = '{id}' order by p.epoch, p.seq"
            ),
        ),
    ];
    let mut out = Vec::new();
    for (table, select) in selected {
        out.push((table.clone(), owners.csv(&select).await?));
    }
    Ok(out)
}
