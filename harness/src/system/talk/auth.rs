//! `[auth]`: how a client signs in.

use std::collections::BTreeMap;

use super::request::Request;
use crate::system::language::{Fields, Template};
use crate::system::table::table;

/// The names that an account begins with, and their values.
pub type Account = BTreeMap<String, Template>;

table! {
    /// How a client signs in. Without this table nobody does.
    pub Auth = "[auth]" {
        /// Headers of every call; in steps only those whose placeholders are all known. Cookies are kept for each device.
        headers: Fields,
        /// The accounts.
        accounts: Accounts,
        /// Requests of a sign-in, in order.
        steps: Vec<Step>,
        /// Request that ends a device's sign-in; it makes revocation applicable.
        revoke: Option<Request>,
    }
}

table! {
    /// Accounts, each with the names that it begins with. Tokens from outside: `own = { token = "{env.TOKEN}" }`.
    pub Accounts = "[auth.accounts]" {
        /// The account of the stories.
        own: Account,
        /// A second account, which may see nothing of the first; it makes TenantIsolation applicable.
        stranger: Option<Account>,
    }
}

table! {
    /// A request of a sign-in.
    pub Step = "[[auth.steps]]" {
        +
        /// The request.
        request: Request,
        /// True: on the account's first device only.
        once: bool = false,
    }
}
