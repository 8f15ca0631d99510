#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::{
    Assessment, Outcome, REFUSE_FROM, Signal, TABLE, VERIFY_FROM,
    history::{Coordinates, HABIT, History, MANY_FROM_ADDRESS, MANY_ON_ACCOUNT, Origin, Past},
};
use crate::{identity::notice::Reason, time::Timestamp};
use Reason::{BlockedAddress, DisposableMail, ImpossibleTravel, NewCountry, NewDevice, NewNetwork, RecentFailures, UnusualHour};

const HOUR: i64 = 3_600_000;
const NOW: Timestamp = Timestamp::from_millis(480_000 * HOUR);

#[test]
fn signals_score_outcome() {
    let cases: &[(&[Reason], bool, u8, Outcome)] = &[
        (&[], false, 0, Outcome::Pass),
        (&[NewNetwork], false, 5, Outcome::Pass),
        (&[UnusualHour], false, 5, Outcome::Pass),
        (&[NewDevice], false, 20, Outcome::Pass),
        (&[RecentFailures], false, 20, Outcome::Pass),
        (&[NewCountry, NewNetwork], false, 30, Outcome::Pass),
        (&[NewDevice, NewNetwork, UnusualHour], false, 30, Outcome::Pass),
        (&[NewCountry, NewNetwork, UnusualHour], false, 35, Outcome::Pass),
        (&[ImpossibleTravel, NewNetwork], false, 35, Outcome::Pass),
        (&[NewDevice, RecentFailures], false, 40, Outcome::Verify),
        (&[DisposableMail], false, 40, Outcome::Verify),
        (&[NewDevice, NewCountry], false, 45, Outcome::Verify),
        (&[NewDevice, NewCountry, NewNetwork, UnusualHour], false, 55, Outcome::Verify),
        (&[ImpossibleTravel, NewCountry, NewNetwork], false, 60, Outcome::Verify),
        (&[ImpossibleTravel, NewCountry, NewNetwork, UnusualHour], false, 65, Outcome::Verify),
        (&[NewDevice, NewCountry, NewNetwork, RecentFailures], false, 70, Outcome::Refuse),
        (&[NewDevice, ImpossibleTravel, RecentFailures], false, 70, Outcome::Refuse),
        (&[NewDevice, NewCountry, NewNetwork, ImpossibleTravel], false, 80, Outcome::Refuse),
        (&[BlockedAddress], false, 100, Outcome::Refuse),
        (&Reason::ALL, false, 100, Outcome::Refuse),
        // A passkey speaks for the person, but not for an address that is blocked.
        (&[NewDevice], true, 0, Outcome::Pass),
        (&[NewDevice, NewCountry, NewNetwork, UnusualHour], true, 25, Outcome::Pass),
        (&[NewDevice, NewCountry, NewNetwork, ImpossibleTravel], true, 50, Outcome::Verify),
        (&[BlockedAddress], true, 70, Outcome::Refuse),
    ];
    for (reasons, passkey, score, outcome) in cases {
        let mut signals: Vec<Signal> = reasons.iter().map(|reason| Signal::Odd(*reason)).collect();
        if *passkey {
            signals.push(Signal::PhishingResistant);
        }
        let assessment = Assessment::of(&signals);
        assert_eq!((assessment.score, assessment.outcome()), (*score, *outcome), "{reasons:?}");
        assert!(assessment.reasons.len() == reasons.len() && reasons.iter().all(|reason| assessment.has(*reason)));
    }
}

#[test]
fn every_signal_has_one_weight() {
    for (at, (signal, weight)) in TABLE.iter().enumerate() {
        assert!(TABLE[..at].iter().all(|(other, _)| other != signal), "{signal:?}");
        assert_eq!(*weight > 0, matches!(signal, Signal::Odd(_)), "{signal:?}");
    }
    assert!(Reason::ALL.iter().all(|reason| TABLE.iter().any(|(signal, _)| *signal == Signal::Odd(*reason))));
}

fn here() -> Origin {
    Origin {
        country: Some("DE".into()),
        network: Some(3320),
        place: Coordinates::new(52.52, 13.405),
        device: Some("aa".into()),
        family: "firefox/linux".into(),
    }
}

fn past(hours_ago: i64, from: &Origin) -> Past {
    Past {
        at: NOW.millis() - hours_ago * HOUR,
        country: from.country.clone(),
        network: from.network,
        latitude: from.place.map(|place| place.latitude),
        longitude: from.place.map(|place| place.longitude),
        device: from.device.clone(),
        family: from.family.clone(),
    }
}

fn reasons(history: &History, from: &Origin) -> Vec<Reason> {
    Assessment::of(&history.signals(from, NOW)).reasons
}

fn after(hours_ago: i64, from: &Origin) -> History {
    History { sign_ins: vec![past(hours_ago, from)], ..History::default() }
}

#[test]
fn the_first_sign_in_and_the_same_again_are_not_odd() {
    assert_eq!(reasons(&History::default(), &here()), []);
    assert_eq!(reasons(&after(1, &here()), &here()), []);
    // What the edge does not know is no evidence.
    let unknown = Origin { country: None, network: None, place: None, ..here() };
    assert_eq!(reasons(&after(1, &here()), &unknown), []);
    assert_eq!(reasons(&after(1, &unknown), &here()), []);
}

#[test]
fn devices_are_known_by_cookie_and_family() {
    let history = after(1, &here());
    for stranger in
        [Origin { device: Some("bb".into()), ..here() }, Origin { device: None, ..here() }, Origin { family: "chrome/windows".into(), ..here() }]
    {
        assert_eq!(reasons(&history, &stranger), [NewDevice], "{stranger:?}");
    }
    let two = History { sign_ins: vec![past(1, &Origin { device: Some("bb".into()), ..here() }), past(9, &here())], ..History::default() };
    assert_eq!(reasons(&two, &here()), []);
    // A program without cookies is known by name and country.
    let program = Origin { device: None, family: "curl".into(), ..here() };
    assert_eq!(reasons(&after(1, &program), &program), []);
    assert_eq!(reasons(&after(1, &program), &Origin { network: Some(1), ..program.clone() }), [NewNetwork]);
    assert_eq!(reasons(&after(1, &program), &Origin { country: Some("PT".into()), ..program.clone() }), [NewDevice, NewCountry]);
    let nowhere = Origin { country: None, network: None, ..program };
    assert_eq!(reasons(&after(1, &nowhere), &nowhere), []);
}

#[test]
fn countries_and_networks_are_compared_with_all_that_are_known() {
    let abroad = Origin { country: Some("PT".into()), network: Some(2860), place: None, ..here() };
    assert_eq!(reasons(&after(1, &here()), &abroad), [NewCountry, NewNetwork]);
    let both = History { sign_ins: vec![past(1, &here()), past(900, &abroad)], ..History::default() };
    assert_eq!(reasons(&both, &abroad), []);
}

#[test]
fn travel_is_judged_by_its_speed() {
    let at = |latitude, longitude| Origin { place: Coordinates::new(latitude, longitude), ..here() };
    let (tokyo, paris) = (at(35.68, 139.69), at(48.86, 2.35));
    // Berlin to Tokyo, 8,900 km: less than nine hours is too fast.
    assert_eq!(reasons(&after(8, &here()), &tokyo), [ImpossibleTravel]);
    assert_eq!(reasons(&after(9, &here()), &tokyo), []);
    assert_eq!(reasons(&after(0, &here()), &tokyo), [ImpossibleTravel]);
    // A clock that went back makes nobody slower.
    assert_eq!(reasons(&after(-1, &here()), &tokyo), [ImpossibleTravel]);
    // Berlin to Paris, 880 km, within the hour; and what geolocation alone may be off by.
    assert_eq!(reasons(&after(1, &here()), &paris), []);
    assert_eq!(reasons(&after(0, &here()), &paris), [ImpossibleTravel]);
    assert_eq!(reasons(&after(0, &here()), &at(53.55, 9.99)), []);
    // Between the last two: Tokyo yesterday does not matter if Berlin was this morning. One without a place is passed over.
    let nowhere = Origin { place: None, ..here() };
    let history = History { sign_ins: vec![past(1, &nowhere), past(2, &here()), past(3, &tokyo)], ..History::default() };
    assert_eq!(reasons(&history, &here()), []);
    assert_eq!(reasons(&history, &tokyo), [ImpossibleTravel]);
}

#[test]
fn distances_are_right() {
    let at = |latitude, longitude| Coordinates::new(latitude, longitude).unwrap();
    let cases = [
        (at(52.5, 13.4), at(48.9, 2.4), 874.0),
        (at(0.0, 0.0), at(0.0, 180.0), 20_015.0),
        (at(90.0, 0.0), at(-90.0, 77.0), 20_015.0),
        (at(35.7, 139.7), at(37.8, -122.4), 8270.0),
    ];
    for (a, b, kilometres) in cases {
        assert!((a.distance(b) - kilometres).abs() < 10.0, "{} instead of {kilometres}", a.distance(b));
        assert!((a.distance(b) - b.distance(a)).abs() < 1e-6);
    }
    assert_eq!(Coordinates::new(52.5163, 13.3777), Some(at(52.5, 13.4)), "no finer than a tenth of a degree");
    for (latitude, longitude) in [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
        assert_eq!(Coordinates::new(latitude, longitude), None);
    }
}

#[test]
fn failures_count_by_account_and_by_address() {
    let of = |account_failures, address_failures| History { account_failures, address_failures, ..after(1, &here()) };
    assert_eq!(reasons(&of(MANY_ON_ACCOUNT - 1, MANY_FROM_ADDRESS - 1), &here()), []);
    assert_eq!(reasons(&of(MANY_ON_ACCOUNT, 0), &here()), [RecentFailures]);
    assert_eq!(reasons(&of(0, MANY_FROM_ADDRESS), &here()), [RecentFailures]);
    assert_eq!(reasons(&History { blocked: true, ..after(1, &here()) }, &here()), [BlockedAddress]);
}

#[test]
fn hours_are_compared_around_the_clock() {
    // At three hours before this hour of the day, every day.
    let daily = |hours: i64, days: usize| History {
        sign_ins: (1..=i64::try_from(days).unwrap()).map(|day| past(day * 24 + hours, &here())).collect(),
        ..History::default()
    };
    for (hours, odd) in [(0, false), (3, false), (4, true), (12, true), (20, true), (21, false), (23, false)] {
        assert_eq!(reasons(&daily(hours, HABIT), &here()) == [UnusualHour], odd, "{hours} hours apart");
    }
    assert_eq!(reasons(&daily(12, HABIT - 1), &here()), [], "no habit yet");
}

#[test]
fn postgres_gives_the_history_as_json() {
    let row = r#"{"at": 1769592600000, "country": null, "network": 3320, "latitude": 52.5, "longitude": 13.4, "device": "aa", "family": "curl"}"#;
    let json = format!(r#"{{"sign_ins": [{row}], "account_failures": 1, "address_failures": 0, "blocked": false}}"#);
    let history: History = serde_json::from_str(&json).unwrap();
    assert_eq!(history.sign_ins.first().map(|past| (past.at, past.network, past.latitude)), Some((1_769_592_600_000, Some(3320), Some(52.5))));
}

proptest! {
    #[test]
    fn scores_stay_in_bounds_and_decide(picked in proptest::collection::vec(0_usize..9, 0..12)) {
        let signals: Vec<Signal> = picked.iter().map(|at| TABLE[*at].0).collect();
        let assessment = Assessment::of(&signals);
        prop_assert!(assessment.score <= 100);
        let expected = match assessment.score {
            score if score < VERIFY_FROM => Outcome::Pass,
            score if score < REFUSE_FROM => Outcome::Verify,
            _ => Outcome::Refuse,
        };
        prop_assert_eq!(assessment.outcome(), expected);
        let mut once = signals.clone();
        once.dedup();
        prop_assert_eq!(Assessment::of(&once), assessment);
    }

    #[test]
    fn no_past_panics(at: i64, latitude: f64, longitude: f64, now: i64) {
        let past = Past { at, latitude: Some(latitude), longitude: Some(longitude), ..past(0, &here()) };
        let _ = History { sign_ins: vec![past; 12], ..History::default() }.signals(&here(), Timestamp::from_millis(now));
    }
}
