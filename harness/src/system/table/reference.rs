//! The reference page and the JSON schema, both from the declared tables.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::shape::{Key, Page, Presence, Shape, pages};

/// The reference page in Markdown: an introduction, and a section for each table.
pub fn markdown(introduction: &str, root: fn() -> Page) -> String {
    let mut text = format!("{}\n", introduction.trim());
    for page in pages(root) {
        text.push_str(&section(&page));
    }
    text
}

fn section(page: &Page) -> String {
    let heading = if page.name.starts_with('[') {
        format!("`{}`", page.name)
    } else {
        page.name[..1].to_uppercase() + &page.name[1..]
    };
    let mut text = format!(
        "\n## {heading}\n{}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n",
        one_line(&page.doc)
    );
    for key in &page.keys {
        let default = match key.presence {
            Presence::Required => "required".to_owned(),
            Presence::Optional => "none".to_owned(),
            Presence::Default(default) => format!("`{default}`"),
        };
        let cells = [format!("`{}`", key.name), key.shape.words(), default, meaning(key)];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        // Writing to a text does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The meaning of a key, and of each of the words that it takes.
fn meaning(key: &Key) -> String {
    let mut meaning = one_line(&key.doc);
    if let Shape::Words(words) = &key.shape {
        for (word, doc) in *words {
            let _ = write!(meaning, " `{word}`: {}", one_line(doc));
        }
    }
    meaning
}

fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The JSON schema of a description, for editors: draft 7, which all of them read.
pub fn json_schema(title: &str, root: fn() -> Page) -> Value {
    let pages = pages(root);
    let mut schema = object(&pages[0]);
    schema.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
    schema.insert("title".to_owned(), title.into());
    let definitions: Map<String, Value> = pages[1..]
        .iter()
        .map(|page| (id(page.name), Value::Object(object(page))))
        .collect();
    schema.insert("definitions".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// The name of a table inside the schema.
fn id(name: &str) -> String {
    let kept = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect::<String>();
    kept.split_whitespace().collect::<Vec<_>>().join("-")
}

fn object(page: &Page) -> Map<String, Value> {
    let property = |key: &Key| {
        let described = json!({ "description": one_line(&key.doc), "allOf": [shape(&key.shape)] });
        (key.name.to_owned(), described)
    };
    let required = page.keys.iter().filter(|key| key.presence == Presence::Required);
    let mut object = Map::new();
    object.insert("type".to_owned(), "object".into());
    object.insert("description".to_owned(), one_line(&page.doc).into());
    object.insert("properties".to_owned(), page.keys.iter().map(property).collect());
    object.insert("required".to_owned(), required.map(|key| key.name).collect());
    object.insert("additionalProperties".to_owned(), false.into());
    object
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text(words) => json!({ "type": "string", "title": words }),
        Shape::Whole(from, i64::MAX) => json!({ "type": "integer", "minimum": from }),
        Shape::Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Words(words) => {
            let word = |(word, doc): &(&str, &str)| json!({ "const": word, "description": one_line(doc) });
            json!({ "oneOf": words.iter().map(word).collect::<Vec<_>>() })
        }
        Shape::List(of) => json!({ "type": "array", "items": shape(of) }),
        Shape::Keyed(_, of) => json!({ "type": "object", "additionalProperties": shape(of) }),
        Shape::Table(page) => json!({ "$ref": format!("#/definitions/{}", id(page().name)) }),
        Shape::Any(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
        Shape::Free(words) => json!({ "title": words }),
    }
}
