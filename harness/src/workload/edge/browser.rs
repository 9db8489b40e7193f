//! A browser: one client number, one cookie jar, one address, whichever entry it uses.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::odd::OddCookie;
use crate::history::{ClientNo, SetCookie};
use crate::workload::request::{Cookies, Page, read_cookie};

/// A browser. Clones are the same browser.
#[derive(Debug, Clone)]
pub struct Browser {
    no: ClientNo,
    /// The affinity cookie's name, if the edge has one.
    affinity: Option<Arc<str>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    jar: Cookies,
    address: Option<Ipv4Addr>,
    odd: Option<OddCookie>,
}

/// The cookies of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sent {
    /// The `cookie` header, if a cookie is sent.
    pub(super) header: Option<String>,
    /// The first affinity cookie's value among them.
    pub(super) affinity: Option<String>,
}

impl Browser {
    /// A browser with an empty jar. `affinity` is the name of the cookie that pins a client.
    pub fn new(no: ClientNo, affinity: Option<&str>) -> Self {
        Self {
            no,
            affinity: affinity.map(Arc::from),
            state: Arc::default(),
        }
    }

    /// The browser's number in the history.
    pub fn no(&self) -> ClientNo {
        self.no
    }

    /// Drops the affinity cookie, as a user does that clears it.
    pub fn forget_cookie(&self) {
        if let Some(name) = &self.affinity {
            self.state().jar.forget(name);
        }
    }

    /// Drops every cookie, as a new browser has none.
    pub fn forget_all(&self) {
        self.state().jar = Cookies::default();
    }

    /// Sends this in place of the affinity cookie from now on; its own again with `None`.
    pub fn send_oddly(&self, odd: Option<OddCookie>) {
        self.state().odd = odd;
    }

    /// The address that it has in the edge's eyes, where it chose one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.state().address
    }

    pub(super) fn set_address(&self, address: Ipv4Addr) {
        self.state().address = Some(address);
    }

    /// The affinity cookie that it would send to a page.
    pub(super) fn held(&self, page: Page<'_>, now_us: u64) -> Option<String> {
        let name = self.affinity.as_deref()?;
        self.state().jar.value_on(page, name, now_us)
    }

    /// The cookies that it sends to a page, behind those that `others` names already.
    pub(super) fn cookies_for(&self, page: Page<'_>, others: Option<&str>, now_us: u64) -> Sent {
        let mut state = self.state();
        let own = self.affinity.as_deref();
        let own = own.and_then(|name| state.jar.value_on(page, name, now_us));
        let (mut parts, mut affinity): (Vec<String>, _) = (others.map(str::to_owned).into_iter().collect(), own);
        if let (Some(odd), Some(name)) = (state.odd, &self.affinity) {
            let pairs = odd.pairs(name, affinity.as_deref());
            affinity = pairs
                .iter()
                .find(|(n, _)| **n == **name)
                .map(|(_, value)| value.clone());
            parts.extend(pairs.iter().map(|(name, value)| format!("{name}={value}")));
            let mut rest = state.jar.clone();
            rest.forget(name);
            parts.extend(rest.header_on(page, now_us));
        } else {
            parts.extend(state.jar.header_on(page, now_us));
        }
        Sent {
            header: (!parts.is_empty()).then(|| parts.join("; ")),
            affinity,
        }
    }

    /// Keeps the cookies that an answer set. Returns the affinity cookies among them.
    pub(super) fn keep<'h>(
        &self,
        page: Page<'_>,
        headers: impl Iterator<Item = &'h str>,
        now_us: u64,
    ) -> Vec<SetCookie> {
        let mut state = self.state();
        let mut set = Vec::new();
        for header in headers {
            state.jar.take_on(page, header, now_us);
            let given = read_cookie(header).map(|(given, _)| given);
            set.extend(given.filter(|given| self.affinity.as_deref() == Some(given.name.as_str())));
        }
        set
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Page<'static> = Page {
        host: "localhost",
        path: "/v1/x",
        is_tls: true,
    };

    fn browser() -> Browser {
        let browser = Browser::new(ClientNo(1), Some("aff"));
        let headers = ["aff=a; Path=/v1; Secure", "other=o; Path=/"];
        let set = browser.keep(PAGE, headers.into_iter(), 0);
        assert_eq!(set.len(), 1, "{set:?}");
        browser
    }

    #[test]
    fn the_affinity_cookie_is_told_apart_and_can_be_forgotten() {
        let browser = browser();
        let sent = browser.cookies_for(PAGE, Some("sid=s"), 0);
        assert_eq!(sent.header.as_deref(), Some("sid=s; aff=a; other=o"));
        assert_eq!(sent.affinity.as_deref(), Some("a"));
        browser.clone().forget_cookie();
        let sent = browser.cookies_for(PAGE, None, 0);
        assert_eq!((sent.header.as_deref(), sent.affinity), (Some("other=o"), None));
        browser.forget_all();
        assert_eq!(browser.cookies_for(PAGE, None, 0), Sent::default());
    }

    #[test]
    fn an_odd_cookie_is_sent_until_it_is_taken_back() {
        let browser = browser();
        browser.send_oddly(Some(OddCookie::Empty));
        let sent = browser.cookies_for(PAGE, None, 0);
        assert_eq!(sent.header.as_deref(), Some("aff=; other=o"));
        assert_eq!(sent.affinity.as_deref(), Some(""));
        browser.send_oddly(None);
        assert_eq!(browser.cookies_for(PAGE, None, 0).affinity.as_deref(), Some("a"));
    }
}
