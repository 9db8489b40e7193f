//! Keys that no table has: the key that was meant, or the table that it belongs to.

use super::nearest::{is_slip, nearest, one_of};
use super::node::{Entry, Node, Value};
use super::problem::Problem;
use super::shape::{Page, Shape, pages};

/// Notes each key of a file that its table does not have.
pub fn unknown_keys(root: &Node, page: fn() -> Page, found: &mut Vec<Problem>) {
    let pages = pages(page);
    walk(root, &Shape::Table(page), &pages, found);
}

fn walk(node: &Node, shape: &Shape, pages: &[Page], found: &mut Vec<Problem>) {
    match (&node.value, shape) {
        (Value::List(items), Shape::List(of)) => items.iter().for_each(|item| walk(item, of, pages, found)),
        (Value::Table(entries), Shape::Keyed(_, of)) => {
            for entry in entries {
                walk(&entry.node, of, pages, found);
            }
        }
        (Value::Table(entries), Shape::Table(page)) => {
            let page = page();
            for entry in entries {
                match page.keys.iter().find(|key| key.name == entry.key) {
                    Some(key) => walk(&entry.node, &key.shape, pages, found),
                    None => found.push(unknown(entry, node, &page, pages)),
                }
            }
        }
        (_, Shape::Any(shapes)) => {
            if let Some(shape) = shapes.iter().find(|shape| fits(node, shape)) {
                walk(node, shape, pages, found);
            }
        }
        _ => {}
    }
}

fn fits(node: &Node, shape: &Shape) -> bool {
    matches!(
        (&node.value, shape),
        (Value::List(_), Shape::List(_)) | (Value::Table(_), Shape::Table(_) | Shape::Keyed(..))
    )
}

fn unknown(entry: &Entry, table: &Node, page: &Page, pages: &[Page]) -> Problem {
    let place = match &*table.path {
        "" => " at the top of the file".to_owned(),
        path => format!(" in [{path}]"),
    };
    Problem::new(&entry.span, format!("unknown key {}{place}", entry.key)).help(meant(&entry.key, page, pages))
}

/// The key that was meant, else the table that has such a key, else the keys that there are.
fn meant(key: &str, page: &Page, pages: &[Page]) -> String {
    let known = || page.keys.iter().map(|key| key.name);
    let near = nearest(key, known());
    let did_you_mean = |near: &str| format!("did you mean {near}?");
    if let Some(slip) = near.filter(|near| is_slip(key, near)) {
        return did_you_mean(slip);
    }
    let owner = pages
        .iter()
        .find(|other| other.keys.iter().any(|other| other.name == key));
    match (owner, near) {
        (Some(root), _) if root.name == pages[0].name => {
            "it belongs to the top of the file, before the first [section]".to_owned()
        }
        (Some(owner), _) => format!("it belongs to {}", owner.name),
        (None, Some(near)) => did_you_mean(near),
        (None, None) => format!("the keys here are {}", one_of(known())),
    }
}
