//! Sign-ins: the requests of `[auth]`, device by device.

use std::net::SocketAddr;

use super::{Api, ApiError};
use crate::history::{Outcome, PodName};
use crate::system::language::Values;
use crate::system::talk::Account;
use crate::workload::session::Session;

/// The accounts of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The account of the stories.
    Own,
    /// An account that may see nothing of the first.
    Stranger,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Stranger => "stranger",
        }
    }
}

impl Api {
    /// Signs a new account in, on its first device. A description without a stranger has a second account of its own instead.
    ///
    /// # Errors
    /// A step was not accepted, or its answer lacks a value.
    pub async fn sign_in(&self, pod: &PodName, at: SocketAddr, who: Who) -> Result<Session, ApiError> {
        let auth = self.system.description.auth.as_ref();
        let accounts = auth.map(|auth| &auth.accounts);
        let named = accounts.and_then(|accounts| match who {
            Who::Own => Some(&accounts.own),
            Who::Stranger => accounts.stranger.as_ref().or(Some(&accounts.own)),
        });
        let values = self.given.clone().with("account", who.name()).with("nonce", word());
        let values = match named {
            Some(account) => begun(account, values).map_err(|e| failed(pod, e.to_string()))?,
            None => values,
        };
        self.device(pod, at, Session::of(values), true).await
    }

    /// Signs the account of a session in on another device.
    ///
    /// # Errors
    /// A step was not accepted, or its answer lacks a value.
    pub async fn another_device(&self, pod: &PodName, at: SocketAddr, session: &Session) -> Result<Session, ApiError> {
        self.device(pod, at, Session::of(session.account.clone()), false).await
    }

    /// Ends a device's sign-in. The status tells whether it was taken.
    pub async fn revoke(&self, at: SocketAddr, session: &Session) -> Outcome<()> {
        let revoke = self
            .system
            .description
            .auth
            .as_ref()
            .and_then(|auth| auth.revoke.as_ref());
        match revoke {
            Some(revoke) => self.outcome_of(at, session, revoke, &session.values).await,
            None => Outcome::Unknown {
                reason: "the description has no auth.revoke".to_owned(),
            },
        }
    }

    async fn device(
        &self,
        pod: &PodName,
        at: SocketAddr,
        mut session: Session,
        is_first: bool,
    ) -> Result<Session, ApiError> {
        let steps = self
            .system
            .description
            .auth
            .iter()
            .flat_map(|auth| auth.steps.iter().enumerate());
        for (n, step) in steps.filter(|(_, step)| is_first || !step.once) {
            let what = format!("sign in, step {} ({})", n + 1, step.request.line);
            let values = session.values.clone();
            let (_, captured) = self.must((&what, pod, at), &session, &step.request, &values).await?;
            session.take(&captured, step.once);
        }
        session.is_signed_in = true;
        Ok(session)
    }
}

/// The values that an account begins with; each may use those before it in the alphabet.
fn begun(account: &Account, mut values: Values) -> Result<Values, crate::system::language::UnknownName> {
    for (name, template) in account {
        let value = template.render(&values)?;
        values.set(name.as_str(), value);
    }
    Ok(values)
}

fn failed(pod: &PodName, got: String) -> ApiError {
    ApiError {
        what: "sign in".to_owned(),
        pod: pod.clone(),
        status: None,
        got,
    }
}

/// A word that nobody has used before.
pub(super) fn word() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..12].to_owned()
}
