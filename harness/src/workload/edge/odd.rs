//! Odd cookies: what a client may send in place of the affinity cookie that it was given. Pure.

/// Longest value that a client is told to send, in bytes: twice what a browser keeps.
pub(super) const ODD_MAX: usize = 8192;
/// A value as an edge makes it, of a server that there never was.
const UNKNOWN: &str = "ffffffffffffffff";

/// An affinity cookie that no edge gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OddCookie {
    /// The cookie names a server that there never was.
    UnknownServer,
    /// Another service's cookie stands before the client's own, under a name that begins alike.
    AnotherService,
    /// The cookie's value has so many bytes; at most 8192 are sent.
    Oversized {
        /// The length of the value.
        bytes: usize,
    },
    /// The cookie is sent twice: one that names no server, and then the client's own.
    Repeated,
    /// The cookie has no value.
    Empty,
    /// The cookie's value has characters that no cookie may have.
    Garbled,
}

impl OddCookie {
    /// The pairs that are sent for the affinity cookie `name`, of which the client holds `own`.
    pub(super) fn pairs(self, name: &str, own: Option<&str>) -> Vec<(String, String)> {
        let pair = |value: &str| (name.to_owned(), value.to_owned());
        let held = own.map(pair);
        match self {
            Self::UnknownServer => vec![pair(UNKNOWN)],
            Self::AnotherService => {
                let other = (format!("{name}-other"), UNKNOWN.to_owned());
                std::iter::once(other).chain(held).collect()
            }
            Self::Oversized { bytes } => vec![pair(&"f".repeat(bytes.min(ODD_MAX)))],
            Self::Repeated => std::iter::once(pair(UNKNOWN)).chain(held).collect(),
            Self::Empty => vec![pair("")],
            Self::Garbled => vec![pair("\"a,b\\ c=;\"")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(odd: OddCookie) -> Vec<(String, String)> {
        odd.pairs("aff", Some("own"))
    }

    #[test]
    fn a_client_s_own_cookie_stands_behind_an_odd_one_or_is_not_sent() {
        let values = |odd| pairs(odd).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(values(OddCookie::UnknownServer), [UNKNOWN]);
        assert_eq!(values(OddCookie::Repeated), [UNKNOWN, "own"]);
        assert_eq!(values(OddCookie::Empty), [""]);
        let other = pairs(OddCookie::AnotherService);
        assert_eq!((other[0].0.as_str(), other[1].1.as_str()), ("aff-other", "own"));
    }

    #[test]
    fn an_oversized_cookie_is_bounded() {
        let length = |bytes| pairs(OddCookie::Oversized { bytes })[0].1.len();
        assert_eq!([length(5000), length(usize::MAX)], [5000, ODD_MAX]);
    }
}
