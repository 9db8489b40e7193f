//! The shape of a value, for the reference page and for the JSON schema that editors read.

/// The shape of a value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A text; the words say which: `text`, `path`, `regular expression`.
    Text(&'static str),
    /// A whole number between two bounds, both included.
    Whole(i64, i64),
    /// `true` or `false`.
    Flag,
    /// One of these words, each with its meaning.
    Words(&'static [(&'static str, &'static str)]),
    /// A list of such values.
    List(Box<Shape>),
    /// A table with keys of the user's choice; the name stands for the key: `NAME`, `SERVICE`.
    Keyed(&'static str, Box<Shape>),
    /// A table with keys of its own.
    Table(fn() -> Page),
    /// Any of these.
    Any(Vec<Shape>),
    /// Any TOML value; the words say which.
    Free(&'static str),
}

/// A table of a description, as the reference page shows it.
#[derive(Debug, Clone)]
pub struct Page {
    /// Its name, as the table's type has it.
    pub name: &'static str,
    /// Its meaning.
    pub doc: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// Its meaning.
    pub doc: String,
    /// The shape of its value.
    pub shape: Shape,
    /// Whether it may be left out, and the value that it has then.
    pub presence: Presence,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must be said.
    Required,
    /// It has no value where it is left out.
    Optional,
    /// It has this value where it is left out.
    Default(&'static str),
}

impl Shape {
    /// The shape in the words of the reference page.
    pub fn words(&self) -> String {
        match self {
            Self::Text(words) | Self::Free(words) => (*words).to_owned(),
            Self::Whole(from, to) if *to == i64::MAX => format!("number, {from} or more"),
            Self::Whole(from, to) => format!("number, {from} to {to}"),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Words(words) => words
                .iter()
                .map(|(word, _)| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" "),
            Self::List(of) => format!("list of: {}", of.words()),
            Self::Keyed(name, of) => format!("table, {name} = {}", of.words()),
            Self::Table(page) => match page().name {
                header if header.starts_with('[') => format!("table `{header}`"),
                name => format!("table: {name}"),
            },
            Self::Any(shapes) => shapes.iter().map(Self::words).collect::<Vec<_>>().join(", or "),
        }
    }

    /// The pages of every table that the shape holds, those within them included.
    fn tables(&self, found: &mut Vec<Page>) {
        match self {
            Self::List(of) | Self::Keyed(_, of) => of.tables(found),
            Self::Any(shapes) => shapes.iter().for_each(|shape| shape.tables(found)),
            Self::Table(page) => {
                let page = page();
                if found.iter().all(|known| known.name != page.name) {
                    let keys = page.keys.clone();
                    found.push(page);
                    for key in keys {
                        key.shape.tables(found);
                    }
                }
            }
            Self::Text(_) | Self::Whole(..) | Self::Flag | Self::Words(_) | Self::Free(_) => {}
        }
    }
}

/// A table and every table within it, each once, the outer before the inner.
pub fn pages(root: fn() -> Page) -> Vec<Page> {
    let mut found = Vec::new();
    Shape::Table(root).tables(&mut found);
    found
}
