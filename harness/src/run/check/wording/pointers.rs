//! Pointers to values in the JSON of a frame.

use serde_json::Value;

/// Most values of a frame that are looked at.
const VALUES_MAX: usize = 10_000;

/// Pointers to every value for which something holds, in the order of the text.
pub(in crate::run) fn pointers(value: &Value, holds: &dyn Fn(&Value) -> bool) -> Vec<String> {
    let (mut found, mut left) = (Vec::new(), VALUES_MAX);
    search(value, String::new(), holds, &mut found, &mut left);
    found
}

/// Pointers to the texts in which another one stands.
pub(in crate::run) fn pointers_to_text(value: &Value, wanted: &str) -> Vec<String> {
    pointers(value, &|value| value.as_str().is_some_and(|text| text.contains(wanted)))
}

fn search(value: &Value, at: String, holds: &dyn Fn(&Value) -> bool, found: &mut Vec<String>, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match value {
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                search(item, format!("{at}/{n}"), holds, found, left);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                search(field, format!("{at}/{name}"), holds, found, left);
            }
        }
        plain if holds(plain) => found.push(at),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_found_at_any_depth() {
        let value = json!([{ "content": "~k.c1", "a/b": { "x~y": "see ~k.c1" } }, "~k"]);
        assert_eq!(pointers_to_text(&value, "~k.c1"), ["/0/a~1b/x~0y", "/0/content"]);
        assert_eq!(pointers_to_text(&value, "nothing"), Vec::<String>::new());
        assert_eq!(pointers(&json!(7), &Value::is_number), [""]);
    }
}
