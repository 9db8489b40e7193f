//! A session is revoked on one pod. Every other pod must refuse it within the bound, whatever it remembers of it, and a
//! stranger's session is never good for this thread.
//! Catches: attach-skips-tenant-check, session-cached-per-pod, error-leaks-other-tenant.

use crosspod::history::Credential;
use crosspod::plan::{Answer, Pod};
use crosspod::run::{Cast, Played};

const ROUTES: [&str; 3] = ["read", "attach", "post"];

pub(crate) async fn session_revoked_everywhere(c: &mut Cast) -> Played {
    let turn = c.post(Pod::first(), Answer::tokens(4)).await?;
    c.settled(&turn).await?;
    let mut honoured = true;
    for pod in c.pods() {
        let status = c.try_access(&pod, Credential::Owner, "read").await?;
        honoured &= status.is_some_and(|status| (200..300).contains(&status));
        for route in ROUTES {
            c.try_access(&pod, Credential::Foreign, route).await?;
        }
    }
    c.evidence("the session was honoured on every pod before", honoured);
    c.revoke_session(Pod::first()).await?;
    c.evidence("the revocation was taken", true);
    c.revocation_bound_passes().await;
    for pod in c.pods() {
        for route in ROUTES {
            c.try_access(&pod, Credential::Revoked, route).await?;
        }
    }
    Ok(())
}
