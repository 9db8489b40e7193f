//! The plain entry leads to the one with TLS and issues no cookie: a browser would keep it for a site that it never asked for.
//! Catches: cookie-on-redirect.

use crosspod::run::{Cast, Played};
use crosspod::system::parts::Affinity;

pub(crate) async fn no_cookie_from_a_redirect(c: &mut Cast) -> Played {
    let (entry, path) = (c.entry_by(Affinity::Cookie)?, c.cookie_path()?);
    let client = c.edge_client(&entry)?;
    let mut redirected = 0;
    for redirecting in c.redirecting_entries()? {
        let plain = c.same_browser(client.browser(), &redirecting)?;
        for asked in [path.clone(), c.public_path()] {
            let answered = c.get_by(&plain, &asked).await;
            redirected += u32::from(answered.is_some_and(|answered| (300..400).contains(&answered.status)));
        }
        // The redirect is followed by hand, and what it leads to pins the client; then the plain entry is asked once more.
        c.served(&client).await?;
        c.get_by(&plain, &path).await;
    }
    c.evidence("a client without a cookie was redirected", redirected >= 2);
    Ok(())
}
