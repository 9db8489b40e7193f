//! Rows as text: the statement that asks for one, and the values of its columns.

use serde_json::Value;

use super::rows::{Column, RowKind, RowRule};
use crate::system::language::Values;

/// A statement that reads one row; `$1` is the id. Every column comes as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The statement.
    pub sql: String,
    /// Keys of the rule, in the order of the columns.
    pub keys: Vec<&'static str>,
    /// The columns.
    pub columns: Vec<Column>,
}

impl RowRule {
    /// The statement that reads the row of an id. Returns `None` if the id is only a piece of its column: such rows are followed, not
    /// asked for.
    pub fn asked(&self) -> Option<Asked> {
        let key = match self.is {
            RowKind::Thread => "thread",
            RowKind::Turn | RowKind::Part => "turn",
            RowKind::Feedback => "item",
        };
        self.asked_by(key)
    }

    /// The statement that reads the row with a value in the column of `key`; of several rows one with an owner. Returns `None` if there
    /// is no such column, or the value is only a piece of it.
    pub fn asked_by(&self, key: &str) -> Option<Asked> {
        let (_, by) = self
            .columns()
            .find(|(known, column)| *known == key && column.is_plain())?;
        let (keys, columns): (Vec<_>, Vec<_>) = self.columns().unzip();
        let columns: Vec<Column> = columns.into_iter().cloned().collect();
        let selected: Vec<String> = columns.iter().map(Column::as_text).collect();
        let order = self.owner.as_ref().map_or(String::new(), |owner| {
            format!(" order by {} is null", owner.quoted_name())
        });
        let (selected, table) = (selected.join(", "), self.quoted_table());
        let sql = format!(
            "select {selected} from {table} where {} = $1{order} limit 1",
            by.as_text()
        );
        Some(Asked { sql, keys, columns })
    }

    /// Schema and name of the table, quoted for a statement.
    pub fn quoted_table(&self) -> String {
        let (schema, name) = self.schema_and_name();
        format!("{}.{}", quoted(schema), quoted(name))
    }

    /// Schema and name of the table.
    pub fn schema_and_name(&self) -> (&str, &str) {
        self.table.split_once('.').unwrap_or(("public", &self.table))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Column {
    /// The column's name, quoted for a statement.
    pub fn quoted_name(&self) -> String {
        quoted(self.name())
    }

    /// The column as text, whatever its type, for a statement.
    pub fn as_text(&self) -> String {
        format!("{}::text", self.quoted_name())
    }

    /// True if the value is the whole column.
    pub fn is_plain(&self) -> bool {
        self.rule.reads.is_none() && self.rule.at.is_none()
    }

    /// The value that a row holds under a key of its rule, from the column's text. `known` are names that a pattern may use.
    ///
    /// Returns `None` if the text does not hold the value where the rule says: it is a row of something else.
    pub fn value(&self, key: &str, text: &str, known: &Values) -> Option<String> {
        let text = match &self.rule.at {
            None => text.to_owned(),
            Some(at) => plain(&at.find(&serde_json::from_str(text).ok()?)?),
        };
        match &self.rule.reads {
            None => Some(text),
            Some(reads) => reads.reads(&text, known)?.text(key),
        }
    }
}

/// A JSON value as text: a text as it is, everything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::{Node, Read};

    fn rule(text: &str) -> RowRule {
        let (node, mut found) = Node::parse(text);
        let rule = RowRule::read(&node, &mut found);
        assert_eq!(found, []);
        rule.expect("a rule")
    }

    #[test]
    fn a_row_is_asked_for_by_its_id() {
        let runs =
            rule("table = 'public.runs'\nis = 'turn'\nturn = 'run_id'\nstatus = 'status'\nowner = 'claimed_by'\n");
        let asked = runs.asked().expect("a statement");
        assert_eq!(
            asked.sql,
            "select \"run_id\"::text, \"status\"::text, \"claimed_by\"::text from \"public\".\"runs\" \
             where \"run_id\"::text = $1 order by \"claimed_by\" is null limit 1"
        );
        assert_eq!(asked.keys, ["turn", "status", "owner"]);
        assert_eq!(runs.schema_and_name(), ("public", "runs"));
        assert_eq!(runs.asked_by("thread"), None);
        let odd = rule("table = 'a.b\"c'\nis = 'feedback'\nitem = 'i'\n");
        let sql = odd.asked().map(|asked| asked.sql);
        let expected = "select \"i\"::text from \"a\".\"b\"\"c\" where \"i\"::text = $1 limit 1";
        assert_eq!(sql.as_deref(), Some(expected));
    }

    #[test]
    fn values_are_cut_out_of_their_columns() {
        let parts = rule(
            "table = 'public.parts'\nis = 'part'\nturn = { column = 'id', reads = '{turn}:*' }\n\
             seq = { column = 'id', reads = '*:*:{seq}' }\ntext = { column = 'part', at = '/text' }\n",
        );
        assert_eq!(parts.asked(), None, "the id is a piece of its column");
        let value = |key: &str, text: &str| {
            let column = parts.columns().find(|(known, _)| *known == key).expect("a column").1;
            column.value(key, text, &Values::default())
        };
        assert_eq!(value("turn", "u1:m2:7").as_deref(), Some("u1"));
        assert_eq!(value("seq", "u1:m2:7").as_deref(), Some("7"));
        assert_eq!(value("text", "{\"text\":\"hi\"}").as_deref(), Some("hi"));
        assert_eq!(value("text", "{\"tool\":1}"), None);
        assert_eq!(value("text", "{"), None);
        assert_eq!(value("seq", "u1"), None);
    }
}
