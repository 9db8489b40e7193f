//! Cookies of one device, or of one browser.

use crate::history::SetCookie;

/// Most cookies that are kept.
const COOKIES_MAX: usize = 100;
/// Longest `set-cookie` header that is read, in bytes.
const COOKIE_MAX: usize = 8192;
/// Prefix of a cookie's name that a browser takes over TLS only, with `Secure`.
const SECURE: &str = "__Secure-";
/// Prefix of a cookie's name that a browser takes for one host and every path only.
const HOST: &str = "__Host-";

/// Cookies that were given. A device passes over paths and `Secure`, since all pods are one site to it ([`Cookies::take`],
/// [`Cookies::header`]); a browser goes by them ([`Cookies::take_on`], [`Cookies::header_on`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::workload) struct Cookies(Vec<Kept>);

/// A page of a site that a browser asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) struct Page<'p> {
    /// Name of the host.
    pub(in crate::workload) host: &'p str,
    /// Path with its query.
    pub(in crate::workload) path: &'p str,
    /// True if it is asked for over TLS.
    pub(in crate::workload) is_tls: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    name: String,
    value: String,
    host: String,
    path: String,
    secure: bool,
    /// When it is over, in microseconds of the harness's clock; `None` if it lasts as long as the browser.
    until_us: Option<u64>,
}

impl Cookies {
    /// Keeps, replaces or drops the cookie of a `set-cookie` header on a device.
    pub(in crate::workload) fn take(&mut self, header: &str) {
        let Some((given, _)) = read(header) else { return };
        let is_over = given.value.is_empty() || given.max_age_s.is_some_and(|age| age <= 0);
        let kept = Kept {
            name: given.name,
            value: given.value,
            host: String::new(),
            path: "/".to_owned(),
            secure: false,
            until_us: None,
        };
        self.keep(kept, is_over);
    }

    /// The `cookie` header of a device's request. Returns `None` if there is no cookie.
    pub(in crate::workload) fn header(&self) -> Option<String> {
        let mut kept: Vec<&Kept> = self.0.iter().collect();
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        joined(&kept)
    }

    /// Keeps, replaces or drops the cookie of a `set-cookie` header that came with a page, as a browser does. A cookie that the page may
    /// not set is passed over.
    pub(in crate::workload) fn take_on(&mut self, page: Page<'_>, header: &str, now_us: u64) {
        let Some((given, domain)) = read(header) else { return };
        if !may_set(page, &given, domain.as_deref()) {
            return;
        }
        let path = given.path.filter(|path| path.starts_with('/'));
        let lifetime = given.max_age_s.map(|age| u64::try_from(age).unwrap_or(0));
        let kept = Kept {
            name: given.name,
            value: given.value,
            host: page.host.to_owned(),
            path: path.unwrap_or_else(|| folder_of(page.path)),
            secure: given.secure,
            until_us: lifetime.map(|s| now_us.saturating_add(s.saturating_mul(1_000_000))),
        };
        self.keep(kept, lifetime == Some(0));
    }

    /// The `cookie` header of a browser's request for a page. Returns `None` if no cookie is sent there.
    pub(in crate::workload) fn header_on(&mut self, page: Page<'_>, now_us: u64) -> Option<String> {
        joined(&self.sent_to(page, now_us))
    }

    /// The value that a browser sends to a page for a cookie.
    pub(in crate::workload) fn value_on(&mut self, page: Page<'_>, name: &str, now_us: u64) -> Option<String> {
        let sent = self.sent_to(page, now_us);
        let first = sent.iter().find(|kept| kept.name == name);
        first.map(|kept| kept.value.clone())
    }

    /// Drops each cookie of a name.
    pub(in crate::workload) fn forget(&mut self, name: &str) {
        self.0.retain(|kept| kept.name != name);
    }

    /// The cookies for a page: those of the longest path first.
    fn sent_to(&mut self, page: Page<'_>, now_us: u64) -> Vec<&Kept> {
        self.0.retain(|kept| kept.until_us.is_none_or(|until| now_us < until));
        let mut sent: Vec<&Kept> = self.0.iter().filter(|kept| kept.is_for(page)).collect();
        sent.sort_by_key(|kept| std::cmp::Reverse(kept.path.len()));
        sent
    }

    fn keep(&mut self, kept: Kept, is_over: bool) {
        let same = |known: &Kept| known.name == kept.name && known.host == kept.host && known.path == kept.path;
        let place = self.0.iter().position(same);
        match place {
            Some(place) if is_over => drop(self.0.remove(place)),
            Some(place) => self.0[place] = kept,
            None if !is_over && self.0.len() < COOKIES_MAX => self.0.push(kept),
            None => {}
        }
    }
}

impl Kept {
    fn is_for(&self, page: Page<'_>) -> bool {
        self.host == page.host && (page.is_tls || !self.secure) && is_below(&self.path, page.path)
    }
}

/// Reads a `set-cookie` header: the cookie, and the domain that it names. Returns `None` for one that is no cookie or too long.
///
/// Of dates in `Expires` only those of 1970 are understood, by which servers take cookies back; they count as a `Max-Age` of 0.
pub(in crate::workload) fn read(header: &str) -> Option<(SetCookie, Option<String>)> {
    let mut parts = header.split(';').map(str::trim);
    let (name, value) = parts.next()?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || header.len() > COOKIE_MAX {
        return None;
    }
    let mut given = SetCookie {
        name: name.to_owned(),
        value: value.to_owned(),
        max_age_s: None,
        path: None,
        secure: false,
        http_only: false,
        same_site: None,
    };
    let (mut domain, mut is_past) = (None, false);
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "max-age" => given.max_age_s = age(value).or(given.max_age_s),
            "expires" => is_past |= is_of_1970(value),
            "path" => given.path = Some(value.to_owned()),
            "domain" => domain = Some(value.trim_start_matches('.').to_ascii_lowercase()),
            "secure" => given.secure = true,
            "httponly" => given.http_only = true,
            "samesite" => given.same_site = Some(value.to_owned()),
            _ => {}
        }
    }
    given.max_age_s = given.max_age_s.or(is_past.then_some(0));
    Some((given, domain.filter(|domain| !domain.is_empty())))
}

/// A `Max-Age`. One that is too large for a number lasts for ever.
fn age(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let extreme = if digits.len() < text.len() { 0 } else { i64::MAX };
    is_number.then(|| text.parse().unwrap_or(extreme))
}

fn is_of_1970(date: &str) -> bool {
    date.contains(" 1970 ") || date.contains("-1970 ") || date.contains("-70 ")
}

/// True if a page may set a cookie in a browser: its own host's, `Secure` over TLS only, and what the name's prefix asks for.
fn may_set(page: Page<'_>, given: &SetCookie, domain: Option<&str>) -> bool {
    let is_own = domain.is_none_or(|domain| domain == page.host);
    let is_safe = page.is_tls || !given.secure;
    let is_secure = !given.name.starts_with(SECURE) || given.secure;
    let for_host = given.secure && domain.is_none() && given.path.as_deref() == Some("/");
    is_own && is_safe && is_secure && (!given.name.starts_with(HOST) || for_host)
}

/// True if a path, with or without a query, lies below a cookie's path.
fn is_below(cookie_path: &str, path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let rest = path.strip_prefix(cookie_path);
    rest.is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

/// The path of a cookie that names none: that of the page up to its last slash.
fn folder_of(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    match path.rfind('/') {
        Some(end) if end > 0 => path[..end].to_owned(),
        _ => "/".to_owned(),
    }
}

fn joined(cookies: &[&Kept]) -> Option<String> {
    let pairs: Vec<String> = cookies
        .iter()
        .map(|kept| format!("{}={}", kept.name, kept.value))
        .collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn page(path: &str, is_tls: bool) -> Page<'_> {
        Page {
            host: "localhost",
            path,
            is_tls,
        }
    }

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
        let known = cookies.0.iter().find(|kept| kept.name == "c1");
        assert_eq!(known.map(|kept| kept.value.as_str()), Some("2"));
    }

    #[test]
    fn a_browser_sends_a_cookie_below_its_path_only() {
        let mut jar = Cookies::default();
        jar.take_on(page("/v1/threads", true), "a=1; Path=/v1", 0);
        for (path, sent) in [
            ("/v1", true),
            ("/v1/x?after=/", true),
            ("/v1?x", true),
            ("/v11", false),
            ("/", false),
        ] {
            assert_eq!(jar.header_on(page(path, true), 0).is_some(), sent, "{path}");
        }
        jar.take_on(page("/v1/threads/7?x=/y/", true), "b=2", 0);
        jar.take_on(page("/", true), "c=3; Path=none", 0);
        assert_eq!(
            jar.header_on(page("/v1/threads/8", true), 0).as_deref(),
            Some("b=2; a=1; c=3")
        );
        assert_eq!(jar.header_on(page("/healthz", true), 0).as_deref(), Some("c=3"));
    }

    #[test]
    fn a_browser_drops_a_cookie_when_its_life_is_over() {
        let mut jar = Cookies::default();
        jar.take_on(page("/", true), "a=1; Max-Age=3; Path=/", 5 * SECOND);
        jar.take_on(page("/", true), "b=1; Path=/", 5 * SECOND);
        assert_eq!(
            jar.header_on(page("/", true), 8 * SECOND - 1).as_deref(),
            Some("a=1; b=1")
        );
        // A cookie that is sent does not begin its life anew.
        assert_eq!(jar.value_on(page("/", true), "a", 8 * SECOND), None);
        jar.take_on(page("/", true), "a=2; Max-Age=99999999999999999999; Path=/", 9 * SECOND);
        assert_eq!(jar.value_on(page("/", true), "a", u64::MAX - 1).as_deref(), Some("2"));
        jar.take_on(page("/", true), "a=2; Max-Age=-1; Path=/", 9 * SECOND);
        jar.forget("b");
        assert_eq!(jar.header_on(page("/", true), 9 * SECOND), None);
    }

    #[test]
    fn a_secure_cookie_is_taken_and_sent_over_tls_only() {
        let mut jar = Cookies::default();
        for refused in [
            "__Secure-a=1; Path=/",
            "__Host-a=1; Secure; Path=/v1",
            "a=1; Domain=example.org",
        ] {
            jar.take_on(page("/", true), refused, 0);
        }
        jar.take_on(page("/", false), "a=1; Secure; Path=/", 0);
        assert_eq!(jar, Cookies::default());
        jar.take_on(page("/", true), "__Secure-a=1; Secure; Path=/; Domain=localhost", 0);
        assert_eq!(jar.header_on(page("/", true), 0).as_deref(), Some("__Secure-a=1"));
        assert_eq!(jar.header_on(page("/", false), 0), None);
        let elsewhere = Page {
            host: "example.org",
            ..page("/", true)
        };
        assert_eq!(jar.header_on(elsewhere, 0), None);
    }

    #[test]
    fn every_attribute_of_a_cookie_is_read() {
        let header = "__Secure-crosspod=5f; Path=/v1; Max-Age=3; HttpOnly; Secure; SameSite=Lax; Domain=.LOCALHOST";
        let (given, domain) = read(header).expect("a cookie");
        let expected = SetCookie {
            name: "__Secure-crosspod".to_owned(),
            value: "5f".to_owned(),
            max_age_s: Some(3),
            path: Some("/v1".to_owned()),
            secure: true,
            http_only: true,
            same_site: Some("Lax".to_owned()),
        };
        assert_eq!((given, domain.as_deref()), (expected, Some("localhost")));
        assert_eq!(read("a=1; max-age=x").map(|(given, _)| given.max_age_s), Some(None));
    }
}
