//! Spreads: the percentiles of a figure that a run has many of. Pure.

use serde::{Deserialize, Serialize};

/// Nearest-rank percentiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Number of values.
    pub n: usize,
}

impl Spread {
    /// Spread of some values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let rank = |p: f64| {
            // The rank is the first that leaves no more than `1 - p` of the values above it.
            let at = (1..=sorted.len()).find(|rank| *rank as f64 >= p * sorted.len() as f64)?;
            sorted.get(at - 1).copied()
        };
        Self {
            p50: rank(0.50),
            p95: rank(0.95),
            p99: rank(0.99),
            n: sorted.len(),
        }
    }

    /// True if it is of no value.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let spread = Spread::of((1..=100).map(f64::from));
        assert_eq!(
            (spread.p50, spread.p95, spread.p99, spread.n),
            (Some(50.0), Some(95.0), Some(99.0), 100)
        );
        assert_eq!(Spread::of([3.0]).p99, Some(3.0));
        assert_eq!(Spread::of([]).p50, None);
    }
}
