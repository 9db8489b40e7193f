//! A client's sign-in on one device, and what is known of threads and turns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::request::{Cookies, Prepared};
use crate::history::{TenantId, ThreadId, TurnId, TurnKey};
use crate::system::language::Values;

/// A sign-in of an account on one device. Its secrets are never written to a history.
#[derive(Clone)]
pub struct Session {
    /// The account's owner, as the system names it; else the account's name.
    pub tenant: TenantId,
    /// Values that every device of the account has.
    pub(super) account: Values,
    /// Those, and what this device captured.
    pub(super) values: Values,
    /// True once every step of the sign-in was taken.
    pub(super) is_signed_in: bool,
    cookies: Arc<Mutex<Cookies>>,
}

impl Session {
    /// A device of an account, before its sign-in.
    pub(super) fn of(account: Values) -> Self {
        let mut session = Self {
            tenant: TenantId::from(""),
            values: account.clone(),
            account,
            is_signed_in: false,
            cookies: Arc::default(),
        };
        session.name();
        session
    }

    /// Takes what a step of the sign-in captured, for every device of the account or for this one.
    pub(super) fn take(&mut self, captured: &Values, is_for_all: bool) {
        self.values.add(captured);
        if is_for_all {
            self.account.add(captured);
        }
        self.name();
    }

    fn name(&mut self) {
        let name = self.values.text("tenant").or_else(|| self.values.text("account"));
        self.tenant = TenantId::from(name.unwrap_or_default());
    }

    /// A request with the device's cookies.
    pub(super) fn with_cookies(&self, mut prepared: Prepared) -> Prepared {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner).header();
        if let Some(cookies) = cookies {
            prepared.set_default("cookie", cookies);
        }
        prepared
    }

    /// Keeps the cookies of an answer.
    pub(super) fn keep_cookies<'h>(&self, headers: impl Iterator<Item = &'h str>) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        headers.for_each(|header| cookies.take(header));
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

/// Values that were captured for threads and turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<Places>>);

#[derive(Debug, Default)]
struct Places {
    threads: BTreeMap<ThreadId, Values>,
    turns: BTreeMap<TurnId, Values>,
    keys: BTreeMap<TurnKey, TurnId>,
}

impl Known {
    /// Keeps the values of a thread.
    pub(super) fn keep_thread(&self, thread: &ThreadId, values: &Values) {
        self.change(|places| places.threads.entry(thread.clone()).or_default().add(values));
    }

    /// Keeps the values of a turn.
    pub(super) fn keep_turn(&self, turn: &TurnId, values: &Values) {
        self.change(|places| places.turns.entry(turn.clone()).or_default().add(values));
    }

    /// Keeps the turn that answers the message with a key.
    pub(super) fn keep_key(&self, key: TurnKey, turn: &TurnId) {
        self.change(|places| drop(places.keys.insert(key, turn.clone())));
    }

    /// The turn that answers the message with a key, once that is known.
    pub(super) fn turn_of(&self, key: &TurnKey) -> Option<TurnId> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.keys.get(key).cloned()
    }

    /// The values of a thread and a turn: with what was captured, at least their ids.
    pub(super) fn of(&self, thread: Option<&ThreadId>, turn: Option<&TurnId>) -> Values {
        let mut values = Values::default();
        self.change(|places| {
            if let Some(thread) = thread {
                values.set("thread", thread.as_str());
                places
                    .threads
                    .get(thread)
                    .into_iter()
                    .for_each(|known| values.add(known));
            }
            if let Some(turn) = turn {
                values.set("turn", turn.as_str());
                places.turns.get(turn).into_iter().for_each(|known| values.add(known));
            }
        });
        values
    }

    fn change(&self, change: impl FnOnce(&mut Places)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_s_values_are_kept_apart_from_those_of_a_device() {
        let mut session = Session::of(Values::default().with("account", "own"));
        assert_eq!(session.tenant.as_str(), "own");
        session.take(&Values::default().with("tenant", "t-1"), true);
        session.take(&Values::default().with("token", "secret"), false);
        assert_eq!(session.tenant.as_str(), "t-1");
        assert_eq!(session.account.names().collect::<Vec<_>>(), ["account", "tenant"]);
        assert_eq!(
            session.values.names().collect::<Vec<_>>(),
            ["account", "tenant", "token"]
        );
        assert!(!format!("{session:?}").contains("secret"));
    }

    #[test]
    fn threads_and_turns_keep_what_was_captured_for_them() {
        let known = Known::default();
        let (thread, turn) = (ThreadId::from("7"), TurnId::from("u"));
        known.keep_thread(&thread, &Values::default().with("thread", 7).with("room", "r"));
        known.keep_turn(&turn, &Values::default().with("task", 1));
        let expected = Values::default().with("thread", 7).with("room", "r");
        assert_eq!(known.of(Some(&thread), None), expected);
        assert_eq!(
            known.of(Some(&thread), Some(&turn)),
            expected.with("turn", "u").with("task", 1)
        );
        known.keep_key("k".into(), &turn);
        assert_eq!(
            (known.turn_of(&"k".into()), known.turn_of(&"x".into())),
            (Some(turn), None)
        );
        assert_eq!(known.of(Some(&"8".into()), None), Values::default().with("thread", "8"));
    }
}
