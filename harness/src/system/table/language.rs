//! The language's types as values of a description: each mistake in a text is noted at that text.

use std::collections::BTreeMap;

use super::node::{Node, Value};
use super::problem::Problem;
use super::read::{Read, parsed, wrong_kind};
use super::shape::{Presence, Shape};
use super::table;
use crate::system::language::{
    Expression, Fields, Glob, JsonTemplate, Lookup, Pattern, Pointer, PointerList, Predicate, Share, Template, Timespan,
};

/// Reads a type that has a grammar of its own from a text.
macro_rules! from_text {
    ($($name:ident: $words:literal, $wanted:literal;)+) => { $(
        impl Read for $name {
            fn shape() -> Shape {
                Shape::Text($words)
            }

            fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
                parsed(node, $wanted, $name::parse, found)
            }
        }
    )+ };
}

from_text! {
    Template: "text with placeholders", "a text";
    Pointer: "pointer", "a pointer, such as \"/id\"";
    Pattern: "pattern", "a pattern, such as \"{n}\"";
    Timespan: "duration", "a duration, such as \"5s\"";
    Share: "share in percent", "a share, such as \"5%\"";
    Expression: "regular expression", "a regular expression in single quotes";
}

impl Read for Glob {
    fn shape() -> Shape {
        Shape::Text("text, `*` stands for anything")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        String::read(node, found).map(|text| Self::new(&text))
    }
}

table! {
    /// A pointer to a text, and the pattern that takes the value out of it.
    pub LookupInFull = "a pointer in full" {
        /// Pointer to the text.
        at: Pointer,
        /// Pattern; its first placeholder is the value.
        reads: Pattern,
    }
}

impl Read for Lookup {
    fn shape() -> Shape {
        Shape::Any(vec![Pointer::shape(), LookupInFull::shape()])
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        if !matches!(node.value, Value::Table(_)) {
            return Pointer::read(node, found).map(Self::at);
        }
        let LookupInFull { at, reads } = LookupInFull::read(node, found)?;
        Self::reading(at, reads)
            .map_err(|e| found.push(Problem::at(node, e)))
            .ok()
    }
}

impl Read for PointerList {
    fn shape() -> Shape {
        Shape::Any(vec![Lookup::shape(), Vec::<Lookup>::shape()])
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let places = match &node.value {
            Value::List(_) => Vec::<Lookup>::read(node, found)?,
            _ => vec![Lookup::read(node, found)?],
        };
        Self::of(places).map_err(|e| found.push(Problem::at(node, e))).ok()
    }
}

impl Read for Predicate {
    fn shape() -> Shape {
        Shape::Keyed("pointer", Box::new(Shape::Free("value, or list of values")))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            wrong_kind(node, "a table of pointers and values", found);
            return None;
        };
        let said: BTreeMap<String, serde_json::Value> = entries
            .iter()
            .map(|entry| (entry.key.clone(), entry.node.to_json()))
            .collect();
        Self::parse(&said).map_err(|e| found.push(Problem::at(node, e))).ok()
    }
}

impl Read for Fields {
    fn shape() -> Shape {
        Shape::Keyed("NAME", Box::new(Template::shape()))
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            wrong_kind(node, "a table of texts", found);
            return None;
        };
        let mut field = |node: &Node| match &node.value {
            Value::Whole(_) | Value::Real(_) | Value::Flag(_) => Some(Template::literal(&node.to_json().to_string())),
            _ => Template::read(node, found),
        };
        let read: Vec<_> = entries
            .iter()
            .map(|entry| Some((entry.key.clone(), field(&entry.node)?)))
            .collect();
        read.into_iter().collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn presence() -> Presence {
        Presence::Default("{}")
    }
}

impl Read for JsonTemplate {
    fn shape() -> Shape {
        Shape::Free("JSON with placeholders in its texts")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        let before = found.len();
        check_texts(node, found);
        if found.len() > before {
            return None;
        }
        Self::parse(node.to_json())
            .map_err(|e| found.push(Problem::at(node, e)))
            .ok()
    }
}

/// Notes each text below a value that is no template.
fn check_texts(node: &Node, found: &mut Vec<Problem>) {
    match &node.value {
        Value::Text(_) => drop(Template::read(node, found)),
        Value::List(items) => items.iter().for_each(|item| check_texts(item, found)),
        Value::Table(entries) => entries.iter().for_each(|entry| check_texts(&entry.node, found)),
        Value::Whole(_) | Value::Real(_) | Value::Flag(_) | Value::Date(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Read>(text: &str) -> (Option<T>, Vec<String>) {
        let (root, mut found) = Node::parse(text);
        let read = T::read(root.get("k").expect("the key k"), &mut found);
        let place = |problem: Problem| format!("{} {}", problem.span.start, problem.message);
        (read, found.into_iter().map(place).collect())
    }

    #[test]
    fn a_mistake_deep_in_json_is_noted_where_it_stands() {
        let (json, found) = read::<JsonTemplate>("k = { a = [\"{x\", 1], b = \"{y\" }\n");
        assert_eq!(json, None);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("11 k.a[0]: \"{x\" has no closing"), "{found:?}");
        assert!(found[1].starts_with("25 k.b: \"{y\" has no closing"), "{found:?}");
    }

    #[test]
    fn fields_take_texts_numbers_and_flags() {
        let (fields, found) = read::<Fields>("k = { a = \"{x}\", b = -1, c = true }\n");
        assert_eq!(found, [""; 0]);
        let fields = fields.expect("nothing is wrong");
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let (_, found) = read::<Fields>("k = { a = [1] }\n");
        assert_eq!(found, ["10 k.a: wants a text, not a list"]);
    }

    #[test]
    fn a_list_of_pointers_is_read_in_its_order() {
        let (list, found) = read::<PointerList>("k = [\"/a\", \"/b#/c\"]\n");
        assert_eq!(found, [""; 0]);
        assert_eq!(list, PointerList::parse(&["/a", "/b#/c"]).ok());
        let (list, _) = read::<PointerList>("k = \"/a\"\n");
        assert_eq!(list, PointerList::parse(&["/a"]).ok());
        let (list, found) = read::<PointerList>("k = [\"/a\", { at = \"/id\", reads = \"{turn}.*\" }]\n");
        assert_eq!(found, [""; 0]);
        let id = serde_json::json!({ "id": "u1.3" });
        assert_eq!(list.and_then(|list| list.text(&id)).as_deref(), Some("u1"));
        let (list, found) = read::<PointerList>("k = [\"a\", 1]\n");
        assert_eq!((list, found.len()), (None, 2));
    }

    #[test]
    fn an_expression_must_be_one() {
        let (read, found) = read::<Expression>("k = '('\n");
        assert_eq!(read, None);
        assert!(found[0].starts_with("4 k: "), "{found:?}");
        assert!(found[0].contains("unclosed group"), "{found:?}");
    }
}
