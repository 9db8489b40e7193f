//! Requests as a description says them, rendered with values, and what is taken out of their answers. Pure.
//!
//! The host is no part of a request: it is always the address of the pod that is asked.

mod body;
mod capture;
mod cookies;
mod prepared;

pub(super) use capture::{Captures, captured};
pub(super) use cookies::{Cookies, Page, read as read_cookie};
pub(super) use prepared::Prepared;
