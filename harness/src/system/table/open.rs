//! Values that nobody has said yet: `"?"`, as `crosspod init` leaves them.

use std::ops::Range;

use super::nearest::one_of;
use super::node::{Entry, Node, Value};
use super::problem::Problem;
use super::shape::{Key, Page, Presence, Shape};

/// The text that stands for a value which is still to be said.
pub const OPEN: &str = "?";

/// A value that is still to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The value's keys from the top: `calls.turn.busy`.
    pub path: String,
    /// The value's bytes in the text.
    pub span: Range<usize>,
    /// The values that are possible, in words.
    pub wanted: String,
    /// The meaning of its key, if the key is known.
    pub meaning: Option<String>,
}

impl Opening {
    /// The mistake that it is where every value must be said.
    pub fn problem(&self) -> Problem {
        let message = format!("{}: crosspod init left this open: {}", self.path, self.wanted);
        let problem = Problem::new(&self.span, message);
        match &self.meaning {
            Some(meaning) => problem.help(meaning),
            None => problem,
        }
    }
}

/// Every value of a file that is still to be said. Designs are left out: each is read as a file of its own.
pub fn open_values(root: &Node, page: fn() -> Page) -> Vec<Opening> {
    let mut found = Vec::new();
    let keys = page().keys;
    for entry in root.entries().iter().filter(|entry| entry.key != "designs") {
        let key = keys.iter().find(|key| key.name == entry.key);
        walk(&entry.node, key.map(|key| &key.shape), key, &mut found);
    }
    found
}

/// Looks at a value and all below it. `key` is the nearest one that has a meaning of its own.
fn walk(node: &Node, shape: Option<&Shape>, key: Option<&Key>, found: &mut Vec<Opening>) {
    match &node.value {
        Value::Text(text) if text == OPEN => found.push(open(node, shape, key)),
        Value::List(items) => {
            let of = shape.and_then(items_of);
            for item in items {
                walk(item, of, key, found);
            }
        }
        Value::Table(entries) => {
            let page = shape.and_then(page_of);
            for entry in entries {
                let known = page
                    .as_ref()
                    .and_then(|page| page.keys.iter().find(|key| key.name == entry.key));
                match known {
                    Some(known) => walk(&entry.node, Some(&known.shape), Some(known), found),
                    None => walk(&entry.node, shape.and_then(values_of), key, found),
                }
            }
        }
        _ => {}
    }
}

/// The shapes that a value may have.
fn alternatives(shape: &Shape) -> &[Shape] {
    match shape {
        Shape::Any(shapes) => shapes,
        one => std::slice::from_ref(one),
    }
}

fn items_of(shape: &Shape) -> Option<&Shape> {
    alternatives(shape).iter().find_map(|shape| match shape {
        Shape::List(of) => Some(&**of),
        _ => None,
    })
}

fn values_of(shape: &Shape) -> Option<&Shape> {
    alternatives(shape).iter().find_map(|shape| match shape {
        Shape::Keyed(_, of) => Some(&**of),
        _ => None,
    })
}

fn page_of(shape: &Shape) -> Option<Page> {
    alternatives(shape).iter().find_map(|shape| match shape {
        Shape::Table(page) => Some(page()),
        _ => None,
    })
}

fn open(node: &Node, shape: Option<&Shape>, key: Option<&Key>) -> Opening {
    Opening {
        path: node.path.clone(),
        span: node.span.clone(),
        wanted: shape.map_or_else(|| "a value".to_owned(), wanted),
        meaning: key.map(|key| key.doc.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// The value without what is open, and without each table of which a required key is open. Returns `None` if nothing is left.
///
/// Paths and spans are those of the whole file.
pub fn without_open(node: &Node, page: fn() -> Page) -> Option<Node> {
    said(node, Some(&Shape::Table(page)))
}

fn said(node: &Node, shape: Option<&Shape>) -> Option<Node> {
    let value = match &node.value {
        Value::Text(text) if text == OPEN => return None,
        Value::List(items) => {
            let of = shape.and_then(items_of);
            let left: Vec<Node> = items.iter().filter_map(|item| said(item, of)).collect();
            if left.is_empty() && !items.is_empty() {
                return None;
            }
            Value::List(left)
        }
        Value::Table(entries) => Value::Table(said_entries(entries, shape)?),
        plain => plain.clone(),
    };
    Some(Node { value, ..node.clone() })
}

/// The entries of a table that are said. Returns `None` if one that is required is not.
fn said_entries(entries: &[Entry], shape: Option<&Shape>) -> Option<Vec<Entry>> {
    let page = shape.and_then(page_of);
    let mut left = Vec::new();
    for entry in entries {
        let keys = page.as_ref().map_or(&[][..], |page| &page.keys);
        let key = keys.iter().find(|key| key.name == entry.key);
        let of = key.map_or_else(|| shape.and_then(values_of), |key| Some(&key.shape));
        match said(&entry.node, of) {
            Some(node) => left.push(Entry { node, ..entry.clone() }),
            None if key.is_some_and(|key| key.presence == Presence::Required) => return None,
            None => {}
        }
    }
    Some(left)
}

/// The shape of a value in words: of several the simplest, which stands first.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Words(words) => one_of(words.iter().map(|(word, _)| *word)),
        Shape::List(of) => wanted(of),
        Shape::Any(shapes) => shapes.first().map_or_else(String::new, wanted),
        other => other.words().replace('`', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::{Named, Number, Read, table, words};

    words! {
        /// Sizes.
        Size {
            /// Little.
            Small = "small",
            /// Much.
            Large = "large",
        }
    }

    table! {
        /// A box.
        Chest = "[boxes.NAME]" {
            /// Its size.
            size: Option<Size>,
            /// How many.
            count: Option<Number<1, 9>>,
            /// Colour of its lid.
            lid: String,
        }
    }

    table! {
        /// The file.
        File = "the top" {
            /// Words,
            /// in order.
            words: Vec<String>,
            /// The boxes.
            boxes: Named<Chest>,
        }
    }

    fn page() -> Page {
        match File::shape() {
            Shape::Table(page) => page(),
            _ => unreachable!("a table"),
        }
    }

    #[test]
    fn each_open_value_is_named_with_what_it_wants() {
        let text = "words = ['a', '?']\nother = { deep = ['?'] }\n[boxes.z]\nsize = '?'\ncount = '?'\n[designs.x]\nwords = ['?']\n";
        let (root, _) = Node::parse(text);
        let found: Vec<(String, Option<String>)> = open_values(&root, page)
            .iter()
            .map(Opening::problem)
            .map(|problem| (problem.message, problem.help))
            .collect();
        let expected = [
            ("words[1]: crosspod init left this open: text", Some("Words, in order.")),
            ("other.deep[0]: crosspod init left this open: a value", None),
            (
                "boxes.z.size: crosspod init left this open: small or large",
                Some("Its size."),
            ),
            (
                "boxes.z.count: crosspod init left this open: number, 1 to 9",
                Some("How many."),
            ),
        ];
        let expected = expected.map(|(message, help)| (message.to_owned(), help.map(str::to_owned)));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_text_that_only_holds_a_question_mark_somewhere_is_said() {
        let (root, _) = Node::parse("words = ['/chat?stream=true', '??', '']\n");
        assert_eq!(open_values(&root, page), []);
    }

    #[test]
    fn what_is_said_is_left_without_tables_that_need_what_is_open() {
        let left = |text: &str| {
            let (root, _) = Node::parse(text);
            without_open(&root, page).map(|left| left.to_json())
        };
        let text = "words = ['a', '?']\nother = { deep = ['?'], more = 1 }\n[boxes.z]\nsize = '?'\ncount = 2\n[boxes.y]\nlid = '?'\n";
        let expected = serde_json::json!({ "words": ["a"], "other": { "more": 1 }, "boxes": { "z": { "count": 2 } } });
        assert_eq!(left(text), Some(expected));
        assert_eq!(
            left("[boxes.y]\nlid = 'red'\n"),
            Some(serde_json::json!({ "boxes": { "y": { "lid": "red" } } }))
        );
        assert_eq!(left("words = []\n"), Some(serde_json::json!({ "words": [] })));
    }
}
