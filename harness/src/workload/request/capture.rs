//! Values that are taken out of answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::system::language::{PointerList, Values};

/// Most fields of an answer that are searched for a name that was meant.
const SEARCHED_MAX: usize = 1000;

/// Pointers by the name of what they lead to.
type Wanted = BTreeMap<String, PointerList>;

/// Takes all values out of one answer.
///
/// # Errors
/// A pointer leads nowhere; the error names a field that may have been meant.
pub(in crate::workload) fn captured(wanted: &Wanted, answer: &Value) -> Result<Values, String> {
    let mut captures = Captures::new(wanted);
    captures.take(answer);
    captures.done().map_err(|missing| {
        let likely =
            likely(&missing, answer).map_or(String::new(), |(name, at)| format!("; there is {name:?} at {at}"));
        format!("{missing}{likely}")
    })
}

/// Values that are taken out of the events of a stream: each out of the first event that has it.
#[derive(Debug, Clone)]
pub(in crate::workload) struct Captures<'w> {
    wanted: &'w Wanted,
    found: Values,
}

impl<'w> Captures<'w> {
    pub(in crate::workload) fn new(wanted: &'w Wanted) -> Self {
        Self {
            wanted,
            found: Values::default(),
        }
    }

    /// Takes what one event holds of the values that are still missing. Returns true if none is missing any longer.
    pub(in crate::workload) fn take(&mut self, event: &Value) -> bool {
        for (name, at) in self.wanted {
            if self.found.get(name).is_none()
                && let Some(value) = at.find(event)
            {
                self.found.set(name, value);
            }
        }
        self.missing().is_none()
    }

    /// The values.
    ///
    /// # Errors
    /// One was not found: `no value at /run_id`.
    pub(in crate::workload) fn done(self) -> Result<Values, String> {
        match self.missing() {
            Some(at) => Err(format!("no value at {at}")),
            None => Ok(self.found),
        }
    }

    fn missing(&self) -> Option<&PointerList> {
        let mut wanted = self.wanted.iter();
        wanted
            .find(|(name, _)| self.found.get(name).is_none())
            .map(|(_, at)| at)
    }
}

/// A field whose name is that of the missing pointer's last step but for case and separators, and where it is.
fn likely(missing: &str, answer: &Value) -> Option<(String, String)> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(missing.rsplit('/').next()?);
    let mut open = vec![(String::new(), answer)];
    let mut searched = 0;
    while let Some((at, value)) = open.pop() {
        let fields: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(n, item)| (n.to_string(), item))
                .collect(),
            _ => continue,
        };
        for (name, value) in fields {
            let at = format!("{at}/{name}");
            if plain(&name) == wanted && !value.is_null() {
                return Some((name, at));
            }
            searched += 1;
            if searched < SEARCHED_MAX {
                open.push((at, value));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(all: &[(&str, &str)]) -> Wanted {
        let one = |(name, at): &(&str, &str)| ((*name).to_owned(), PointerList::parse(&[at]).expect("a pointer"));
        all.iter().map(one).collect()
    }

    #[test]
    fn values_keep_their_types() {
        let wanted = wanted(&[("turn", "/run/id"), ("n", "/n")]);
        let values = captured(&wanted, &json!({ "run": { "id": "r" }, "n": 7 }));
        assert_eq!(values, Ok(Values::default().with("turn", "r").with("n", 7)));
        assert_eq!(captured(&Wanted::new(), &json!(null)), Ok(Values::default()));
    }

    #[test]
    fn a_missing_value_names_the_field_that_was_meant() {
        let wanted = wanted(&[("turn", "/runId")]);
        let error = |answer| captured(&wanted, &answer).expect_err("missing");
        assert_eq!(
            error(json!({ "run_id": "r" })),
            "no value at /runId; there is \"run_id\" at /run_id"
        );
        assert_eq!(
            error(json!({ "runs": [{ "RunID": 1 }] })),
            "no value at /runId; there is \"RunID\" at /runs/0/RunID"
        );
        assert_eq!(error(json!({ "id": "r" })), "no value at /runId");
        assert_eq!(error(json!([])), "no value at /runId");
    }

    #[test]
    fn a_stream_is_read_until_each_value_was_seen() {
        let wanted = wanted(&[("turn", "/run_id"), ("session", "/session")]);
        let mut captures = Captures::new(&wanted);
        assert!(!captures.take(&json!({ "hello": 1 })));
        assert!(!captures.take(&json!({ "run_id": "first" })));
        assert_eq!(captures.clone().done(), Err("no value at /session".to_owned()));
        assert!(captures.take(&json!({ "run_id": "second", "session": "s" })));
        let values = Values::default().with("turn", "first").with("session", "s");
        assert_eq!(captures.done(), Ok(values));
    }
}
