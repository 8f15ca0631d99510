//! From what is known of somebody's sign-ins to signals.

use serde::Deserialize;

use super::{Reason, Signal};
use crate::time::Timestamp;

/// Earlier sign-ins that are looked at, the latest first.
pub const LOOKED_AT: usize = 20;
/// Failures on the account within an hour that are many.
pub const MANY_ON_ACCOUNT: u32 = 5;
/// Failures from the address within an hour that are many.
pub const MANY_FROM_ADDRESS: u32 = 20;

/// Speed that nobody travels at, in kilometres an hour: airliners cruise below it.
const FASTEST: f64 = 1000.0;
/// How far off a place may be that was looked up by address, in kilometres; two of them, twice that.
const FUZZ: f64 = 150.0;
/// Mean radius of the Earth, in kilometres.
const RADIUS: f64 = 6371.0;
/// Sign-ins from which on somebody has hours of their own.
pub(super) const HABIT: usize = 10;
/// Hours on either side of an earlier sign-in that are like it.
const LIKE: i64 = 3;

/// Degrees north and east.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Coordinates {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Coordinates {
    /// A place, coarsened to a tenth of a degree (some ten kilometres): enough for journeys, and no more is kept of anybody.
    /// `None` if it is none on Earth.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        let coarse = |degrees: f64| (degrees * 10.0).round() / 10.0;
        on_earth.then(|| Self { latitude: coarse(latitude), longitude: coarse(longitude) })
    }

    /// The great-circle distance in kilometres, by the haversine formula.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_north = ((b - a) / 2.0).sin();
        let half_east = ((other.longitude - self.longitude).to_radians() / 2.0).sin();
        let h = half_north.mul_add(half_north, a.cos() * b.cos() * half_east * half_east);
        2.0 * RADIUS * h.sqrt().min(1.0).asin()
    }
}

/// Where a request came from, as far as the edge knows, and on what.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Origin {
    /// Country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Number of the network (autonomous system).
    pub network: Option<i64>,
    /// The place.
    pub place: Option<Coordinates>,
    /// Hash of the device's cookie, in hexadecimal; `None` for a program that keeps none.
    pub device: Option<String>,
    /// Family of the user agent.
    pub family: String,
}

/// An earlier sign-in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Past {
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Country.
    pub country: Option<String>,
    /// Number of the network.
    pub network: Option<i64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Hash of the device's cookie, in hexadecimal.
    pub device: Option<String>,
    /// Family of the user agent.
    pub family: String,
}

/// What is known of somebody before they sign in, as Postgres gives it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct History {
    /// Their latest sign-ins, the latest first.
    pub sign_ins: Vec<Past>,
    /// Failures on the account within the last hour.
    pub account_failures: u32,
    /// Failures from the address within the last hour, whosever account they were on.
    pub address_failures: u32,
    /// Whether the address is on the tenant's or the platform's block list.
    pub blocked: bool,
}

impl History {
    /// What is odd about a sign-in at this instant from there. Somebody's first sign-in is like no other, so nothing about it is new.
    #[must_use]
    pub fn signals(&self, from: &Origin, now: Timestamp) -> Vec<Signal> {
        let found = [
            (Reason::NewDevice, !self.knows_device(from)),
            (Reason::NewCountry, is_new(from.country.as_ref(), self.sign_ins.iter().map(|past| past.country.as_ref()))),
            (Reason::NewNetwork, is_new(from.network.as_ref(), self.sign_ins.iter().map(|past| past.network.as_ref()))),
            (Reason::ImpossibleTravel, self.travelled_too_fast(from, now)),
            (Reason::RecentFailures, self.account_failures >= MANY_ON_ACCOUNT || self.address_failures >= MANY_FROM_ADDRESS),
            (Reason::UnusualHour, self.unlike_their_hours(now)),
            (Reason::BlockedAddress, self.blocked),
        ];
        found.into_iter().filter(|(_, odd)| *odd).map(|(reason, _)| Signal::Odd(reason)).collect()
    }

    /// A device is known by its cookie while the user agent stays of one family, so that a cookie alone does not carry over; a program
    /// without cookies by its name in the same country.
    fn knows_device(&self, from: &Origin) -> bool {
        let same = |past: &Past| past.device == from.device && past.family == from.family && (from.device.is_some() || past.country == from.country);
        self.sign_ins.is_empty() || self.sign_ins.iter().any(same)
    }

    fn travelled_too_fast(&self, from: &Origin, now: Timestamp) -> bool {
        let last = self.sign_ins.iter().find_map(|past| Some((past.at, Coordinates { latitude: past.latitude?, longitude: past.longitude? })));
        let (Some(here), Some((at, there))) = (from.place, last) else { return false };
        let distance = here.distance(there) - 2.0 * FUZZ;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two sign-ins")]
        let hours = now.since(Timestamp::from_millis(at)).max(0) as f64 / 3_600_000.0;
        distance > FASTEST * hours && distance > 0.0
    }

    /// Hours are compared around the clock in UTC: where the person lives does not matter, only that they keep to it.
    fn unlike_their_hours(&self, now: Timestamp) -> bool {
        let hour = |at: i64| at.div_euclid(3_600_000).rem_euclid(24);
        let apart = |a: i64, b: i64| {
            let apart = hour(a).abs_diff(hour(b));
            apart.min(24_u64.saturating_sub(apart))
        };
        self.sign_ins.len() >= HABIT && self.sign_ins.iter().all(|past| apart(past.at, now.millis()) > LIKE.unsigned_abs())
    }
}

/// Whether a value is known and unlike all that are known from before, of which there is one at least.
fn is_new<'a, T: PartialEq + 'a>(value: Option<&T>, before: impl Iterator<Item = Option<&'a T>>) -> bool {
    let Some(value) = value else { return false };
    let mut known = before.flatten().peekable();
    known.peek().is_some() && known.all(|other| other != value)
}
