//! Counters of one isolate, in Prometheus' text format.
//!
//! An isolate sees its own share of the traffic only; whoever scrapes adds up.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt::Write as _,
    rc::Rc,
};

/// Upper bounds of the duration histogram, in seconds.
const BUCKETS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// The requests of one method, route and status.
#[derive(Default)]
pub struct Series {
    count: Cell<u64>,
    seconds: Cell<f64>,
    buckets: [Cell<u64>; BUCKETS.len()],
}

fn one_more(count: &Cell<u64>) {
    count.set(count.get().saturating_add(1));
}

impl Series {
    /// Counts a request that was answered.
    pub fn count(&self, millis: f64) {
        one_more(&self.count);
        let seconds = millis / 1000.0;
        self.seconds.set(self.seconds.get() + seconds);
        self.buckets.iter().zip(BUCKETS).filter(|(_, bound)| seconds <= *bound).for_each(|(bucket, _)| one_more(bucket));
    }
}

#[derive(Default)]
struct Counters {
    requests: BTreeMap<(&'static str, &'static str, u16), Rc<Series>>,
    codes: BTreeMap<&'static str, u64>,
    round_trips: u64,
}

/// The counters.
#[derive(Default)]
pub struct Metrics {
    counters: RefCell<Counters>,
}

impl Metrics {
    /// Where the requests of a method, route and status are counted: whoever has many of them looks it up once.
    #[must_use]
    pub fn series(&self, method: &'static str, route: &'static str, status: u16) -> Rc<Series> {
        Rc::clone(self.counters.borrow_mut().requests.entry((method, route, status)).or_default())
    }

    /// Counts round trips to Postgres.
    pub fn round_trips(&self, round_trips: u32) {
        let mut counters = self.counters.borrow_mut();
        counters.round_trips = counters.round_trips.saturating_add(u64::from(round_trips));
    }

    /// Counts a problem by its code.
    pub fn problem(&self, code: &'static str) {
        let mut counters = self.counters.borrow_mut();
        let count = counters.codes.entry(code).or_default();
        *count = count.saturating_add(1);
    }

    /// Writes all counters.
    #[must_use]
    pub fn render(&self) -> String {
        let counters = self.counters.borrow();
        let mut out = String::new();
        out.push_str(
            "# HELP zygo_request_duration_seconds Requests of this isolate by route and status.\n# TYPE zygo_request_duration_seconds histogram\n",
        );
        for ((method, route, status), series) in &counters.requests {
            let labels = format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"");
            for (count, bound) in series.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(out, "zygo_request_duration_seconds_bucket{{{labels},le=\"{bound}\"}} {}", count.get());
            }
            let _ = writeln!(out, "zygo_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {}", series.count.get());
            let _ = writeln!(out, "zygo_request_duration_seconds_sum{{{labels}}} {}", series.seconds.get());
            let _ = writeln!(out, "zygo_request_duration_seconds_count{{{labels}}} {}", series.count.get());
        }
        out.push_str("# HELP zygo_problems_total Problems answered, by code.\n# TYPE zygo_problems_total counter\n");
        for (code, count) in &counters.codes {
            let _ = writeln!(out, "zygo_problems_total{{code=\"{code}\"}} {count}");
        }
        out.push_str(
            "# HELP zygo_postgres_round_trips_total Round trips to Postgres after connecting.\n# TYPE zygo_postgres_round_trips_total counter\n",
        );
        let _ = writeln!(out, "zygo_postgres_round_trips_total {}", counters.round_trips);
        out.push_str("# HELP zygo_object_calls_total Calls to Durable Objects, by binding.\n# TYPE zygo_object_calls_total counter\n");
        for (binding, count) in zygo_objects::calls() {
            let _ = writeln!(out, "zygo_object_calls_total{{binding=\"{binding}\"}} {count}");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        metrics.series("GET", "/health", 200).count(7.0);
        let text = metrics.render();
        assert!(text.contains("le=\"0.005\"} 0\n") && text.contains("le=\"0.01\"} 1\n") && text.contains("le=\"+Inf\"} 1\n"));
    }
}
