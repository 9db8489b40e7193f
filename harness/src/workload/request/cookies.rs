//! Cookies of one device.

use std::collections::BTreeMap;

/// Most cookies that a device keeps.
const COOKIES_MAX: usize = 100;
/// Longest cookie that is kept, in bytes.
const COOKIE_MAX: usize = 8192;

/// Cookies that a device was given, by name. All pods are one site: domains, paths and `Secure` are passed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::workload) struct Cookies(BTreeMap<String, String>);

impl Cookies {
    /// Keeps, replaces or drops the cookie of a `set-cookie` header.
    pub(in crate::workload) fn take(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let pair = parts.next().and_then(|pair| pair.split_once('='));
        let Some((name, value)) = pair.map(|(name, value)| (name.trim(), value.trim())) else {
            return;
        };
        if name.is_empty() || header.len() > COOKIE_MAX {
            return;
        }
        if parts.any(is_over) || value.is_empty() {
            self.0.remove(name);
        } else if self.0.len() < COOKIES_MAX || self.0.contains_key(name) {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The `cookie` header of a request. Returns `None` if there is no cookie.
    pub(in crate::workload) fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// True for an attribute by which a server takes a cookie back.
fn is_over(attribute: &str) -> bool {
    let Some((name, value)) = attribute.split_once('=') else {
        return false;
    };
    let value = value.trim();
    match name.trim().to_ascii_lowercase().as_str() {
        "max-age" => value.starts_with('-') || value == "0",
        "expires" => value.contains(" 1970 ") || value.contains("-1970 ") || value.contains("-70 "),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_replaced_and_dropped() {
        let mut cookies = Cookies::default();
        assert_eq!(cookies.header(), None);
        for header in [
            "session=a=1; Path=/; HttpOnly; Secure",
            "other=x",
            "session=b; Max-Age=3600",
            "=nameless",
            "no pair",
            "; x=1",
        ] {
            cookies.take(header);
        }
        assert_eq!(cookies.header().as_deref(), Some("other=x; session=b"));
        cookies.take("other=; Max-Age=0");
        assert_eq!(cookies.header().as_deref(), Some("session=b"));
        cookies.take("session=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(cookies.header(), None);
    }

    #[test]
    fn a_flood_of_cookies_is_bounded() {
        let mut cookies = Cookies::default();
        cookies.take(&format!("long={}", "x".repeat(COOKIE_MAX)));
        for n in 0..2 * COOKIES_MAX {
            cookies.take(&format!("c{n}=1"));
        }
        assert_eq!(cookies.0.len(), COOKIES_MAX);
        cookies.take("c1=2");
        assert_eq!(cookies.0["c1"], "2");
    }
}
