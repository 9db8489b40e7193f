//! Promises about isolation: tenants, leftovers, idle pods and logs.

pub(in crate::judge) mod bounded_idle_work;
pub(in crate::judge) mod no_leak;
pub(in crate::judge) mod quiet_logs;
pub(in crate::judge) mod tenant_isolation;
