//! What came back: counts and times.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

/// Counts and times of some requests.
#[derive(Default)]
pub struct Stats {
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by the round trips to Postgres that they report.
    pub round_trips: BTreeMap<String, u64>,
    /// Connections that broke.
    pub broken: u64,
    micros: Vec<u32>,
}

impl Stats {
    /// Counts an answer.
    pub fn answer(&mut self, status: u16, spent: Duration) {
        let count = self.statuses.entry(status).or_default();
        *count = count.saturating_add(1);
        self.micros.push(u32::try_from(spent.as_micros()).unwrap_or(u32::MAX));
    }

    /// Counts the round trips that an answer reports.
    pub fn trips(&mut self, reported: &str) {
        let count = self.round_trips.entry(reported.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds what another connection counted.
    pub fn add(&mut self, other: Self) {
        self.broken = self.broken.saturating_add(other.broken);
        self.micros.extend(other.micros);
        for (status, n) in other.statuses {
            let count = self.statuses.entry(status).or_default();
            *count = count.saturating_add(n);
        }
        for (reported, n) in other.round_trips {
            let count = self.round_trips.entry(reported).or_default();
            *count = count.saturating_add(n);
        }
    }

    /// As JSON; rates per second of `elapsed`, latencies in milliseconds.
    #[must_use]
    pub fn report(mut self, elapsed: Duration) -> Value {
        self.micros.sort_unstable();
        let statuses: BTreeMap<String, u64> = self.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect();
        #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
        let rate = self.micros.len() as f64 / elapsed.as_secs_f64();
        json!({
            "requests": self.micros.len(), "seconds": elapsed.as_secs_f64(), "rate": rate, "broken": self.broken,
            "statuses": statuses, "round_trips": self.round_trips,
            "ms": { "p50": self.at(50), "p90": self.at(90), "p99": self.at(99), "max": self.at(100) },
        })
    }

    /// The given percentile in milliseconds (nearest rank); `null` of nothing.
    fn at(&self, percent: usize) -> Option<f64> {
        let rank = self.micros.len().saturating_mul(percent).div_ceil(100);
        self.micros.get(rank.saturating_sub(1)).map(|micros| f64::from(*micros) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut stats = Stats::default();
        for n in 1..=100 {
            stats.answer(200, Duration::from_millis(n));
        }
        let report = stats.report(Duration::from_secs(1));
        assert_eq!(report.pointer("/ms/p50"), Some(&json!(50.0)));
        assert_eq!(report.pointer("/ms/p99"), Some(&json!(99.0)));
        assert_eq!(report.pointer("/statuses/200"), Some(&json!(100)));
        assert_eq!(Stats::default().report(Duration::from_secs(1)).pointer("/ms/p50"), Some(&Value::Null));
    }
}
