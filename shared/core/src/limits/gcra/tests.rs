use proptest::prelude::*;

use super::*;

fn check(key: &str, limit: Limit) -> Check {
    Check { key: key.into(), policy: "test".into(), limit, cost: 1 }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

#[test]
fn a_full_bucket_gives_its_burst_and_then_one_by_one() {
    let mut meters = Meters::default();
    let checks = [check("k", Limit::per(10, 900_000))];
    for left in (0..10).rev() {
        let decision = meters.take(&checks, at(0)).decision.unwrap();
        assert!(decision.allowed);
        assert_eq!(decision.remaining, left);
    }
    let refused = meters.take(&checks, at(0)).decision.unwrap();
    assert!(!refused.allowed);
    assert_eq!((refused.retry_after_ms, refused.reset_after_ms), (90_000, 900_000));
    assert!(!meters.take(&checks, at(89_999)).decision.unwrap().allowed);
    assert!(meters.take(&checks, at(90_000)).decision.unwrap().allowed);
}

#[test]
fn one_refusal_takes_from_none() {
    let mut meters = Meters::default();
    let (narrow, wide) = (check("narrow", Limit::per(1, 60_000)), check("wide", Limit::per(5, 60_000)));
    assert!(meters.take(&[wide.clone(), narrow.clone()], at(0)).decision.unwrap().allowed);
    let refused = meters.take(&[wide.clone(), narrow], at(0));
    assert!(refused.changed.is_empty());
    assert!(!refused.decision.unwrap().allowed);
    assert_eq!(meters.take(&[Check { cost: 0, ..wide }], at(0)).decision.unwrap().remaining, 4);
}

#[test]
fn a_key_named_twice_pays_twice() {
    let mut meters = Meters::default();
    let one = check("k", Limit::per(3, 60_000));
    assert_eq!(meters.take(&[one.clone(), one.clone()], at(0)).decision.unwrap().remaining, 1);
    assert!(!meters.take(&[one.clone(), one], at(0)).decision.unwrap().allowed);
}

#[test]
fn a_limit_of_nothing_allows_nothing() {
    let mut meters = Meters::default();
    let decision = meters.take(&[check("k", Limit::per(0, 1000))], at(0)).decision.unwrap();
    assert!(!decision.allowed);
    assert_eq!(decision.retry_after_ms, 1000);
}

proptest! {
    /// Over any window the key admits at most its burst and what flowed back.
    #[test]
    fn never_leaks(count in 1u32..50, period in 1000u64..100_000, burst in 1u32..50, gaps in prop::collection::vec(0i64..3000, 1..300)) {
        let limit = Limit { count, period_ms: period, burst };
        let (mut meters, mut now, mut admitted) = (Meters::default(), 0, Vec::new());
        for gap in gaps {
            now += gap;
            if meters.take(&[check("k", limit)], at(now)).decision.unwrap().allowed {
                admitted.push(now);
            }
        }
        for (i, from) in admitted.iter().enumerate() {
            for (j, to) in admitted.iter().enumerate().skip(i) {
                let window = i128::from(to - from);
                let bound = i128::from(burst) + window * i128::from(count) / i128::from(period);
                prop_assert!((j - i + 1) as i128 <= bound, "{} in {window} ms, bound {bound}", j - i + 1);
            }
        }
    }

    /// What `retry_after_ms` says is true: refused a millisecond before, allowed then.
    #[test]
    fn retry_after_is_exact(count in 1u32..5000, period in 1000u64..100_000, burst in 1u32..20, spent in 0u32..40) {
        let limit = Limit { count, period_ms: period, burst };
        let mut meters = Meters::default();
        for _ in 0..spent {
            meters.take(&[check("k", limit)], at(0));
        }
        let decision = meters.clone().take(&[check("k", limit)], at(0)).decision.unwrap();
        let wait = i64::try_from(decision.retry_after_ms).unwrap();
        prop_assert_eq!(decision.allowed, wait == 0);
        prop_assert!(meters.clone().take(&[check("k", limit)], at(wait)).decision.unwrap().allowed);
        if wait > 0 {
            prop_assert!(!meters.take(&[check("k", limit)], at(wait - 1)).decision.unwrap().allowed);
        }
    }

    #[test]
    fn no_input_panics(tat: i64, now: i64, count: u32, period: u64, burst: u32, cost: u32) {
        let mut meters = Meters::restore([("k".to_owned(), tat)]);
        let limit = Limit { count, period_ms: period, burst };
        let _ = meters.take(&[Check { cost, ..check("k", limit) }], Timestamp::from_millis(now));
    }
}
