//! The rows that the database holds of one thread, as text to keep.

use super::connect::DatabaseError;
use super::owners::Owners;
use crate::history::ThreadId;
use crate::system::stored::{Column, RowKind, RowRule, Tables};

/// The rows of a thread as CSV with a header line, by table.
///
/// # Errors
/// The database cannot be reached, is slow, or refuses.
pub async fn rows(owners: &Owners, tables: &Tables, thread: &ThreadId) -> Result<Vec<(String, String)>, DatabaseError> {
    let mut out = Vec::new();
    for rule in &tables.rules {
        if let Some(select) = select(tables, rule, thread) {
            let (_, name) = rule.schema_and_name();
            out.push((name.to_owned(), owners.csv(&select).await?));
        }
    }
    Ok(out)
}

/// The statement that selects a table's rows of a thread. Returns `None` if the table does not tell to which thread a row belongs.
fn select(tables: &Tables, rule: &RowRule, thread: &ThreadId) -> Option<String> {
    // COPY takes no parameters; an id is quoted as SQL wants it.
    let id = format!("'{}'", thread.as_str().replace('\'', "''"));
    let plain = |column: &Option<Column>| column.as_ref().filter(|column| column.is_plain()).map(Column::as_text);
    let condition = if let Some(thread) = plain(&rule.thread) {
        format!("{thread} = {id}")
    } else {
        let own = plain(&rule.turn)?;
        let mut turns = tables.of(RowKind::Turn);
        let (turns, turn, thread) =
            turns.find_map(|turns| Some((turns, plain(&turns.turn)?, plain(&turns.thread)?)))?;
        format!(
            "{own} in (select {turn} from {} where {thread} = {id})",
            turns.quoted_table()
        )
    };
    let order: Vec<String> = [&rule.epoch, &rule.seq]
        .into_iter()
        .flatten()
        .map(Column::quoted_name)
        .collect();
    let order = if order.is_empty() {
        String::new()
    } else {
        format!(" order by {}", order.join(", "))
    };
    Some(format!(
        "select * from {} where {condition}{order}",
        rule.quoted_table()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::load::reference::reference;

    #[test]
    fn the_rows_of_a_thread_are_selected_by_the_description() {
        let tables = reference().tables();
        let selects: Vec<Option<String>> = tables
            .rules
            .iter()
            .map(|rule| select(&tables, rule, &"it's".into()))
            .collect();
        let expected = [
            Some("select * from \"public\".\"threads\" where \"id\"::text = 'it''s' order by \"epoch\""),
            Some("select * from \"public\".\"turns\" where \"thread\"::text = 'it''s' order by \"epoch\""),
            Some(
                "select * from \"public\".\"parts\" where \"turn\"::text in (select \"id\"::text from \"public\".\"turns\" \
                 where \"thread\"::text = 'it''s') order by \"epoch\", \"seq\"",
            ),
            None,
        ];
        assert_eq!(selects, expected.map(|select| select.map(str::to_owned)));
    }
}
