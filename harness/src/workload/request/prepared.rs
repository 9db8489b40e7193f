//! A request that is ready to be sent.

use super::body::{body, escaped, pairs};
use crate::system::language::{Fields, UnknownName, Values};
use crate::system::talk::{Patch, Request};

/// A request that is ready to be sent to any pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Prepared {
    pub(in crate::workload) method: &'static str,
    /// The path with its query.
    pub(in crate::workload) path: String,
    /// Headers in their order, each name once.
    pub(in crate::workload) headers: Vec<(String, String)>,
    pub(in crate::workload) body: Option<Vec<u8>>,
}

impl Prepared {
    /// A plain request for a path.
    pub(in crate::workload) fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Renders a request with what is added to it and the headers of every call.
    ///
    /// # Errors
    /// A placeholder has no value.
    pub(in crate::workload) fn of(
        request: &Request,
        added: Option<&Patch>,
        headers: &Fields,
        values: &Values,
    ) -> Result<Self, UnknownName> {
        let patches: Vec<&Patch> = [Some(&request.patch), added].into_iter().flatten().collect();
        let mut prepared = Self {
            method: request.line.method.word(),
            path: request.line.path.text_with(values, |value| escaped(&value))?,
            headers: headers.render(values)?,
            body: None,
        };
        for patch in &patches {
            for (name, value) in patch.headers.render(values)? {
                prepared.set_header(&name, value);
            }
            let query = pairs(&patch.query.render(values)?);
            if !query.is_empty() {
                let joint = if prepared.path.contains('?') { '&' } else { '?' };
                prepared.path = format!("{}{joint}{query}", prepared.path);
            }
        }
        if let Some(content) = body(&patches, values)? {
            prepared.set_default("content-type", content.kind);
            prepared.body = Some(content.bytes);
        }
        Ok(prepared)
    }

    /// A header's value. Returns `None` if there is none of that name.
    pub(in crate::workload) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let same = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_str())
    }

    /// Sets a header, in place of one of that name.
    pub(in crate::workload) fn set_header(&mut self, name: &str, value: String) {
        let same = self
            .headers
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        match same {
            Some(header) => header.1 = value,
            None => self.headers.push((name.to_owned(), value)),
        }
    }

    /// Sets a header unless there is one of that name.
    pub(in crate::workload) fn set_default(&mut self, name: &str, value: impl Into<String>) {
        if !self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            self.headers.push((name.to_owned(), value.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::table::{Node, Read as _};

    fn request(text: &str) -> Request {
        read(text, Request::read)
    }

    fn patch(text: &str) -> Patch {
        read(text, Patch::read)
    }

    fn read<T>(text: &str, read: impl Fn(&Node, &mut Vec<crate::system::table::Problem>) -> Option<T>) -> T {
        let (root, mut found) = Node::parse(text);
        let read = read(&root, &mut found);
        assert!(found.is_empty(), "{found:?}");
        read.expect("it is read")
    }

    fn values() -> Values {
        let values = Values::default()
            .with("thread", "a/b")
            .with("cursor", 7)
            .with("token", "s3");
        values.with("message", "m-1").with("text", "hi \"you\"")
    }

    fn headers() -> Fields {
        toml::from_str("authorization = \"Bearer {token}\"").expect("fields")
    }

    fn header<'p>(prepared: &'p Prepared, name: &str) -> Vec<&'p str> {
        let all = prepared
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        all.map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn a_value_stays_one_piece_of_the_path() {
        let request = request("request = \"POST /threads/{thread}/runs?x=1&y={text}\"");
        let prepared = Prepared::of(&request, None, &Fields::default(), &values()).expect("known names");
        assert_eq!(prepared.path, "/threads/a%2Fb/runs?x=1&y=hi%20%22you%22");
        assert_eq!((prepared.method, prepared.body), ("POST", None));
        assert_eq!(prepared.headers, []);
    }

    #[test]
    fn each_form_of_a_cursor_has_its_place() {
        let request = request("request = \"GET /attach\"\nheaders = { last-event-id = \"none\" }");
        let with = |added: &str| {
            let added = patch(added);
            Prepared::of(&request, Some(&added), &headers(), &values()).expect("known names")
        };
        let by_header = with("headers = { Last-Event-ID = \"{cursor}\" }");
        assert_eq!(header(&by_header, "last-event-id"), ["7"]);
        assert_eq!(header(&by_header, "authorization"), ["Bearer s3"]);
        let by_query = with("query = { after = \"{cursor}\", z = \"{thread}\" }");
        assert_eq!(by_query.path, "/attach?after=7&z=a%2Fb");
        let beside = with("headers = { last-event-id = \"\" }\nquery = { after = \"{cursor}\" }");
        assert_eq!(
            (header(&beside, "last-event-id"), &*beside.path),
            (vec![""], "/attach?after=7")
        );
    }

    #[test]
    fn a_body_has_a_content_type_that_the_request_may_say_itself() {
        let text = "request = \"POST /m\"\njson = { text = \"{text}\", id = \"{message}\" }";
        let prepared = Prepared::of(&request(text), None, &headers(), &values()).expect("known names");
        assert_eq!(
            prepared.body.as_deref(),
            Some(&br#"{"id":"m-1","text":"hi \"you\""}"#[..])
        );
        let expected = [("authorization", "Bearer s3"), ("content-type", "application/json")];
        assert_eq!(
            prepared.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let own = format!("{text}\nheaders = {{ Content-Type = \"application/x+json\" }}");
        let prepared = Prepared::of(&request(&own), None, &headers(), &values()).expect("known names");
        assert_eq!(header(&prepared, "content-type"), ["application/x+json"]);
    }

    #[test]
    fn an_unknown_name_is_an_error() {
        let request = request("request = \"GET /{turn}\"");
        let error = Prepared::of(&request, None, &Fields::default(), &values()).expect_err("no turn");
        assert!(
            error
                .to_string()
                .starts_with("{turn} is no placeholder here; there are {cursor}"),
            "{error}"
        );
    }
}
