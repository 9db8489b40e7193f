//! `[metrics]`: what pods count.

use std::collections::BTreeMap;

use crate::system::table::table;

table! {
    /// Metrics of a pod, in Prometheus' text format.
    pub Metrics = "[metrics]" {
        /// Path of the metrics.
        path: String,
        /// Counter of attempts that a pod gave up because another one had taken the turn.
        superseded: Option<String>,
        /// Gauges of which nothing may be left once all is over, each by what it counts.
        gone_at_the_end: BTreeMap<String, String>,
    }
}
