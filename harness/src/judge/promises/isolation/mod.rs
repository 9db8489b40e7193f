//! Promises about isolation: tenants, leftovers and logs.

pub(in crate::judge) mod no_leak;
pub(in crate::judge) mod quiet_logs;
pub(in crate::judge) mod tenant_isolation;
