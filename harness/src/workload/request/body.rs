//! Bodies of requests.

use std::fmt::Write as _;

use crate::system::language::{Fields, JsonTemplate, UnknownName, Values};
use crate::system::talk::{Body, Patch};

/// Beginning of the boundary between the parts of a form.
const BOUNDARY: &str = "crosspod";

/// A body and its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) kind: String,
    pub(super) bytes: Vec<u8>,
}

/// The body of several patches, laid over one another: objects and forms are merged, and the last kind of body counts.
///
/// # Errors
/// A placeholder has no value.
pub(super) fn body(patches: &[&Patch], values: &Values) -> Result<Option<Content>, UnknownName> {
    let mut merged: Option<Merged> = None;
    for body in patches.iter().filter_map(|patch| patch.body()) {
        merged = Some(match (merged, body) {
            (Some(Merged::Json(under)), Body::Json(over)) => Merged::Json(under.merged(over)),
            (Some(Merged::Form(under)), Body::Form(over)) => Merged::Form(under.merged(over)),
            (Some(Merged::Multipart(under)), Body::Multipart(over)) => Merged::Multipart(under.merged(over)),
            (_, Body::Json(over)) => Merged::Json(over.clone()),
            (_, Body::Form(over)) => Merged::Form(over.clone()),
            (_, Body::Multipart(over)) => Merged::Multipart(over.clone()),
        });
    }
    merged.map(|merged| merged.render(values)).transpose()
}

enum Merged {
    Json(JsonTemplate),
    Form(Fields),
    Multipart(Fields),
}

impl Merged {
    fn render(&self, values: &Values) -> Result<Content, UnknownName> {
        Ok(match self {
            Self::Json(json) => Content {
                kind: "application/json".to_owned(),
                bytes: json.render(values)?.to_string().into_bytes(),
            },
            Self::Form(fields) => Content {
                kind: "application/x-www-form-urlencoded".to_owned(),
                bytes: pairs(&fields.render(values)?).into_bytes(),
            },
            Self::Multipart(fields) => multipart(&fields.render(values)?),
        })
    }
}

/// Names and values as a query or a form has them.
pub(super) fn pairs(fields: &[(String, String)]) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The text as an address has it: whatever a path or another parameter could be taken for is in hexadecimal.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut address, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(byte.into());
        } else {
            // Writing into a string does not fail.
            let _ = write!(address, "%{byte:02X}");
        }
        address
    })
}

fn multipart(fields: &[(String, String)]) -> Content {
    let is_free = |boundary: &String| {
        fields
            .iter()
            .all(|(name, value)| !name.contains(boundary) && !value.contains(boundary))
    };
    let mut boundaries = (0_u32..).map(|n| format!("{BOUNDARY}-{n}"));
    let boundary = boundaries.find(is_free).unwrap_or_default();
    let mut body = String::new();
    for (name, value) in fields {
        let name = name.replace('"', "%22").replace(['\r', '\n'], " ");
        // Writing into a string does not fail.
        let _ = write!(
            body,
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    let _ = write!(body, "--{boundary}--\r\n");
    Content {
        kind: format!("multipart/form-data; boundary={boundary}"),
        bytes: body.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::system::language::Template;

    fn fields(all: &[(&str, &str)]) -> Fields {
        let field = |(name, text): &(&str, &str)| ((*name).to_owned(), Template::parse(text).expect("a template"));
        all.iter().map(field).collect()
    }

    fn patch() -> Patch {
        Patch {
            headers: Fields::default(),
            query: Fields::default(),
            json: None,
            form: None,
            multipart: None,
        }
    }

    fn rendered(patches: &[&Patch]) -> (String, String) {
        let values = Values::default().with("text", "a&b \"c\"").with("n", 7);
        let content = body(patches, &values).expect("known names").expect("a body");
        (content.kind, String::from_utf8(content.bytes).expect("text"))
    }

    #[test]
    fn json_keeps_types_and_merges() {
        let json = |value| Patch {
            json: Some(JsonTemplate::parse(value).expect("a template")),
            ..patch()
        };
        let (kind, body) = rendered(&[
            &json(json!({ "text": "{text}", "in": { "a": 1 } })),
            &json(json!({ "in": { "after": "{n}" } })),
        ]);
        assert_eq!(kind, "application/json");
        assert_eq!(body, r#"{"in":{"a":1,"after":7},"text":"a&b \"c\""}"#);
    }

    #[test]
    fn forms_are_escaped_and_merge() {
        let form = |all| Patch {
            form: Some(fields(all)),
            ..patch()
        };
        let (kind, body) = rendered(&[&form(&[("text", "{text}")]), &form(&[("last", "{n}")])]);
        assert_eq!(kind, "application/x-www-form-urlencoded");
        assert_eq!(body, "last=7&text=a%26b%20%22c%22");
    }

    #[test]
    fn parts_of_a_form_are_told_apart() {
        let parts = Patch {
            multipart: Some(fields(&[
                ("message", "{text}"),
                ("stream", "true"),
                ("x", "crosspod-0"),
            ])),
            ..patch()
        };
        let (kind, body) = rendered(&[&parts]);
        assert_eq!(kind, "multipart/form-data; boundary=crosspod-1");
        let part = |name: &str, value: &str| {
            format!("--crosspod-1\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts = [
            part("message", "a&b \"c\""),
            part("stream", "true"),
            part("x", "crosspod-0"),
        ];
        assert_eq!(body, parts.concat() + "--crosspod-1--\r\n");
    }

    #[test]
    fn a_request_may_have_no_body() {
        assert_eq!(body(&[&patch()], &Values::default()), Ok(None));
    }
}
