//! A request: its method and path, what goes with it, which answers are good, and what is taken out of one.

use std::collections::BTreeMap;
use std::fmt;

use crate::system::language::{Fields, JsonTemplate, PointerList, Template};
use crate::system::table::nearest::{nearest, one_of};
use crate::system::table::read::parsed;
use crate::system::table::{Node, Number, Problem, Read, Shape, table};

/// Methods of requests.
const METHODS: [(&str, Method); 6] = [
    ("GET", Method::Get),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
    ("HEAD", Method::Head),
];

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
    /// `HEAD`.
    Head,
}

impl Method {
    /// The method as it is sent.
    pub fn word(self) -> &'static str {
        METHODS
            .iter()
            .find(|(_, method)| *method == self)
            .map_or("", |(word, _)| word)
    }
}

/// Method and path of a request: `POST /threads/{thread}/runs`. The path may have a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: Template,
}

impl RequestLine {
    /// Reads a method and a path.
    ///
    /// # Errors
    /// The method is unknown, the path does not begin with `/`, or a placeholder is broken.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sample = "write it as \"POST /threads\"";
        let (word, path) = text
            .split_once(' ')
            .ok_or_else(|| format!("{text:?} is no method and path; {sample}"))?;
        let Some((_, method)) = METHODS.iter().find(|(known, _)| *known == word) else {
            let known = METHODS.iter().map(|(known, _)| *known);
            return Err(match nearest(word, known.clone()) {
                Some(near) => format!("{word:?} is no method; did you mean {near}?"),
                None => format!("{word:?} is no method; there are {}", one_of(known)),
            });
        };
        let path = path.trim();
        if !path.starts_with('/') {
            return Err(format!("the path {path:?} does not begin with /; {sample}"));
        }
        let path = Template::parse(path).map_err(|e| e.to_string())?;
        Ok(Self { method: *method, path })
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.word(), self.path)
    }
}

impl Read for RequestLine {
    fn shape() -> Shape {
        Shape::Text("METHOD /path, with placeholders")
    }

    fn read(node: &Node, found: &mut Vec<Problem>) -> Option<Self> {
        parsed(
            node,
            "a method and a path, such as \"POST /threads\"",
            Self::parse,
            found,
        )
    }
}

table! {
    /// What goes with a request. All texts may have placeholders.
    pub Patch = "parts of a request" {
        /// Headers.
        headers: Fields,
        /// Query, behind that of the path.
        query: Fields,
        /// Body as JSON. A text that is one placeholder keeps the type that it was captured with.
        json: Option<JsonTemplate>,
        /// Body as a form.
        form: Option<Fields>,
        /// Body as `multipart/form-data`.
        multipart: Option<Fields>,
    }
    check one_body
}

table! {
    /// A request of a client's.
    pub Request = "a request" {
        +
        /// What goes with it.
        patch: Patch,
        /// Method and path.
        line as "request": RequestLine,
        /// Statuses that are taken for success. By default any 2xx.
        accept: Vec<Number<100, 599>>,
        /// Values that are taken out of the answer, by name: a pointer, or a list of which the first that leads somewhere counts.
        capture: BTreeMap<String, PointerList>,
    }
}

/// The body of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Body<'p> {
    /// JSON.
    Json(&'p JsonTemplate),
    /// A form.
    Form(&'p Fields),
    /// `multipart/form-data`.
    Multipart(&'p Fields),
}

impl Patch {
    /// The body, if there is one.
    pub fn body(&self) -> Option<Body<'_>> {
        let json = self.json.as_ref().map(Body::Json);
        let form = self.form.as_ref().map(Body::Form);
        json.or(form).or(self.multipart.as_ref().map(Body::Multipart))
    }
}

impl Patch {
    /// True if a placeholder of that name is used.
    pub fn uses(&self, name: &str) -> bool {
        let in_fields = |fields: &Fields| fields.names().any(|used| used == name);
        let bodies = [&self.form, &self.multipart];
        [&self.headers, &self.query].into_iter().any(in_fields)
            || bodies.into_iter().flatten().any(in_fields)
            || self.json.as_ref().is_some_and(|json| json.names().contains(&name))
    }
}

impl Request {
    /// True if a placeholder of that name is used.
    pub fn uses(&self, name: &str) -> bool {
        self.line.path.names().any(|used| used == name) || self.patch.uses(name)
    }

    /// True if a status is taken for success.
    pub fn accepts(&self, status: u16) -> bool {
        if self.accept.is_empty() {
            return (200..300).contains(&status);
        }
        self.accept.iter().any(|good| good.get() == i64::from(status))
    }
}

fn one_body(_: &Patch, node: &Node, found: &mut Vec<Problem>) {
    let bodies: Vec<&str> = ["json", "form", "multipart"]
        .into_iter()
        .filter(|key| node.get(key).is_some())
        .collect();
    if bodies.len() > 1 {
        let said = bodies.join(" and ");
        found.push(Problem::at(node, format!("a request has one body; there are {said}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_a_method_and_a_path() {
        let line = RequestLine::parse("POST /threads/{thread}/runs?wait=1").expect("a request line");
        assert_eq!(line.method, Method::Post);
        assert_eq!(line.path.names().collect::<Vec<_>>(), ["thread"]);
        assert_eq!(line.to_string(), "POST /threads/{thread}/runs?wait=1");
        for (text, why) in [
            ("/threads", "\"/threads\" is no method and path"),
            ("POTS /threads", "did you mean POST?"),
            ("GET threads", "does not begin with /"),
            ("GET /{thread", "closing"),
        ] {
            let error = RequestLine::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
