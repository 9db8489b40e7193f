//! `[[rows]]`: tables whose every committed change is followed.

use crate::system::language::{Pattern, Pointer};
use crate::system::table::node::Value;
use crate::system::table::{Keys, Node, Problem, Read, Section, Shape, table, words};

words! {
    /// What a row of a table is.
    pub RowKind {
        /// A thread; needs `thread`, and in one of its rules `status`.
        Thread = "thread",
        /// A turn; needs `turn`, and in one of its rules `status`.
        Turn = "turn",
        /// A piece of an answer; needs `turn` and `text`, and `seq` where order matters.
        Part = "part",
        /// An item of feedback; needs `item`.
        Feedback = "feedback",
    }
}

table! {
    /// A table whose every committed change is followed. Rules for one kind add up: one table may tell the owner of a turn, another one its
    /// status. `is` says which columns a rule needs.
    pub RowRule = "[[rows]]" {
        /// The table, with its schema: `public.runs`.
        table: String,
        /// What a row is.
        is: RowKind,
        /// Column of the thread's id.
        thread: Option<Column>,
        /// Column of the turn's id.
        turn: Option<Column>,
        /// Column of the message's id, as the client gave it.
        message: Option<Column>,
        /// Column of the status, a word of `[statuses]`.
        status: Option<Column>,
        /// Column of the owner; see `[owner]`.
        owner: Option<Column>,
        /// Column of any value that changes with each claim of a turn. Without it and `epoch` claims are counted.
        attempt: Option<Column>,
        /// Column of a number that rises with each claim over a whole thread, a fence.
        epoch: Option<Column>,
        /// Column of a part's place in its answer.
        seq: Option<Column>,
        /// Column of the text.
        text: Option<Column>,
        /// Column of the error that a person reads.
        error: Option<Column>,
        /// Column of the feedback's id.
        item: Option<Column>,
    }
    check check_row
}

table! {
    /// A column in full. The value must be the one that clients know: the id of a turn is the `{turn}` that a request captures. Another
    /// id of the same turn is not translated; capture that one.
    pub ColumnInFull = "a column" {
        /// Its name.
        column: String,
        /// Pattern that takes the value out of the column's text; the new placeholder is named as the key.
        reads: Option<Pattern>,
        /// Pointer to the value in the column's JSON.
        at: Option<Pointer>,
    }
}

/// A column: its name, and how the value is read out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The column, and how it is read.
    pub rule: ColumnInFull,
}

impl Column {
    /// Name of the column.
    pub fn name(&self) -> &str {
        &self.rule.column
    }
}

impl Read for Column {
    fn shape() -> Shape {
        Shape::Any(vec![Shape::Text("column"), ColumnInFull::shape()])
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        if let Value::Table(_) = node.value {
            let rule = ColumnInFull::take(&mut Keys::of(node, ColumnInFull::keys(), found)?)?;
            return Some(Self { rule });
        }
        let column = String::read(node, found)?;
        let rule = ColumnInFull {
            column,
            reads: None,
            at: None,
        };
        Some(Self { rule })
    }
}

impl RowRule {
    /// The columns that are said, each with its key.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &Column)> {
        let all = [
            ("thread", &self.thread),
            ("turn", &self.turn),
            ("message", &self.message),
            ("status", &self.status),
            ("owner", &self.owner),
            ("attempt", &self.attempt),
            ("epoch", &self.epoch),
            ("seq", &self.seq),
            ("text", &self.text),
            ("error", &self.error),
            ("item", &self.item),
        ];
        all.into_iter()
            .filter_map(|(key, column)| Some((key, column.as_ref()?)))
    }
}

/// Columns without which a row of a kind tells nothing. The status of a thread or turn may stand in another rule of the kind.
const NEEDED: [(RowKind, &[&str]); 4] = [
    (RowKind::Thread, &["thread"]),
    (RowKind::Turn, &["turn"]),
    (RowKind::Part, &["turn", "text"]),
    (RowKind::Feedback, &["item"]),
];

fn check_row(rule: &RowRule, node: &Node, found: &mut Vec<Problem>) {
    let at = |key: &str| node.get(key).unwrap_or(node);
    if rule.table.split('.').filter(|part| !part.is_empty()).count() != 2 {
        let problem = Problem::at(at("table"), format!("{:?} lacks its schema", rule.table));
        found.push(problem.help(format!("say \"public.{}\", for example", rule.table)));
    }
    let needed = NEEDED.iter().find(|(kind, _)| *kind == rule.is);
    for key in needed.into_iter().flat_map(|(_, keys)| *keys) {
        if rule.columns().all(|(said, _)| said != *key) {
            let problem = Problem::at(node, format!("a {} needs a column for {key}", rule.is));
            found.push(problem.help(format!("say {key} = \"{key}_id\", for example")));
        }
    }
    if let (Some(_), true) = (&rule.text, rule.is != RowKind::Part) {
        let problem = Problem::at(
            at("text"),
            format!("the text of a {} is not read from its row", rule.is),
        );
        found.push(
            problem.help("leave it out: [calls.read] tells what is stored, or a table of pieces with is = \"part\""),
        );
    }
    for (key, column) in rule.columns() {
        if let Some(reads) = &column.rule.reads
            && !reads.names().any(|name| name == key)
        {
            let node = at(key).get("reads").unwrap_or(node);
            found.push(Problem::at(
                node,
                format!("the pattern has no {{{key}}}: nothing is taken out"),
            ));
        }
    }
}
