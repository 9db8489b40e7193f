//! A cursor as a request carries it: in the header `Last-Event-ID`, or in the address.

use std::fmt::Write as _;

use crate::history::CursorForm;

/// The two places of a request that may hold a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// Value of `Last-Event-ID`, where the request has one.
    pub(super) header: Option<String>,
    after: Option<String>,
}

/// Puts a cursor where its form says.
pub(super) fn carry(cursor: &str, form: CursorForm) -> Carried {
    let cursor = Some(cursor.to_owned());
    match form {
        CursorForm::LastEventId => Carried {
            header: cursor,
            after: None,
        },
        CursorForm::After => Carried {
            header: None,
            after: cursor,
        },
        CursorForm::AfterBesideEmptyHeader => Carried {
            header: Some(String::new()),
            after: cursor,
        },
    }
}

impl Carried {
    /// The address of the request, with the parameter where there is one.
    pub(super) fn in_address(&self, path: String) -> String {
        let Some(after) = &self.after else { return path };
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}after={}", escaped(after))
    }
}

/// The text as an address has it: whatever a path or another parameter could be taken for is in hexadecimal.
fn escaped(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_places() {
        let carried = |form| {
            let carried = carry("1-4-0123abcd", form);
            (carried.in_address("/attach".to_owned()), carried.header)
        };
        let header = Some("1-4-0123abcd".to_owned());
        assert_eq!(carried(CursorForm::LastEventId), ("/attach".to_owned(), header));
        let address = "/attach?after=1-4-0123abcd".to_owned();
        assert_eq!(carried(CursorForm::After), (address.clone(), None));
        let beside = carried(CursorForm::AfterBesideEmptyHeader);
        assert_eq!(beside, (address, Some(String::new())));
    }

    #[test]
    fn an_address_keeps_its_parameters_and_nonsense_stays_one_of_them() {
        let carried = carry("a&b=\u{e9} c", CursorForm::After);
        assert_eq!(
            carried.in_address("/attach?x=1".to_owned()),
            "/attach?x=1&after=a%26b%3D%C3%A9%20c"
        );
    }
}
