//! What answers of one kind have in common: status, the headers that depend on nothing of the request, and how the log line begins.
//!
//! It is made once in an isolate and held by JavaScript, so that of most answers little more than an id has to cross.

use std::{cell::RefCell, collections::HashMap, fmt::Write as _, ptr, rc::Rc};

use zygo_runtime::js::Outline;

use super::{head::Method, record};
use crate::{
    app::App,
    metrics::Series,
    reply::{Answer, Cache},
    route::Route,
};

/// What stands on every response (OWASP secure headers; pages bring a policy of their own).
const SECURITY: &str = "strict-transport-security\nmax-age=63072000; includeSubDomains; preload\nx-content-type-options\nnosniff\n";
/// What stands on a response unless it says otherwise.
const DEFAULTS: [(&str, &str); 2] = [("content-security-policy", "default-src 'none'; frame-ancestors 'none'"), ("referrer-policy", "no-referrer")];

/// Headers that almost every response has, or those with a limit or a version, each with a value of its own.
const OWN: [&[&str]; 3] = [&["x-request-id"], &["ratelimit-policy", "ratelimit"], &["etag"]];

/// One kind of answer.
#[derive(Clone, Copy)]
pub struct Kind {
    /// What was asked for; `None` where there is no such thing.
    pub route: Option<&'static Route>,
    /// How it was asked for.
    pub method: Method,
    /// Status.
    pub status: u16,
    /// Content type; empty for none.
    pub content_type: &'static str,
    /// How long it may be kept.
    pub cache: Cache,
    /// Which of [`DEFAULTS`] it does not say otherwise.
    pub defaults: [bool; DEFAULTS.len()],
    /// Whether it took no time that a clock would show, as what is answered from memory.
    pub timeless: bool,
    /// Whether it tells of a limit.
    pub limited: bool,
    /// Whether it has an entity tag.
    pub tagged: bool,
}

/// What answers of one kind have in common.
pub struct Form {
    /// As JavaScript holds it.
    pub outline: Outline,
    /// Where they are counted.
    pub series: Rc<Series>,
}

/// What tells kinds apart. A route is where it lies: the table is made once.
type Key = (usize, Method, u16, &'static str, Cache, [bool; DEFAULTS.len()], [bool; 3]);

thread_local! {
    /// As many as there are routes, and ways in which each of them is answered.
    static FORMS: RefCell<HashMap<Key, &'static Form>> = RefCell::default();
}

impl Kind {
    /// The kind of an answer that says nothing of its own and took no time.
    #[must_use]
    pub fn new(route: Option<&'static Route>, method: Method, status: u16, (content_type, cache): (&'static str, Cache)) -> Self {
        Self { route, method, status, content_type, cache, defaults: [true; DEFAULTS.len()], timeless: true, limited: false, tagged: false }
    }

    /// The kind of an answer.
    #[must_use]
    pub fn of(route: Option<&'static Route>, method: Method, answer: &Answer) -> Self {
        let says = |name: &str| answer.headers.iter().any(|(own, _)| *own == name);
        Self {
            defaults: DEFAULTS.map(|(name, _)| !says(name)),
            tagged: says("etag"),
            ..Self::new(route, method, answer.status, (answer.content_type, answer.cache))
        }
    }

    /// What such answers have in common, made once.
    #[must_use]
    pub fn form(&self, app: &App) -> &'static Form {
        let route = self.route.map_or(0, |route| ptr::from_ref(route).addr());
        let key = (route, self.method, self.status, self.content_type, self.cache, self.defaults, [self.timeless, self.limited, self.tagged]);
        let make = || {
            let series = app.metrics.series(self.method.as_str(), record::path(self.route), self.status);
            &*Box::leak(Box::new(Form { outline: self.outline(&record::beginning(self.route, self.method, self.status)), series }))
        };
        FORMS.with(|forms| *forms.borrow_mut().entry(key).or_insert_with(make))
    }

    /// Their outline, with how their log line begins.
    #[must_use]
    pub fn outline(&self, line: &str) -> Outline {
        let with = [true, self.limited, self.tagged];
        let names: Vec<&str> = OWN.iter().zip(with).filter(|(_, with)| *with).flat_map(|(names, _)| names.iter().copied()).collect();
        Outline::new(self.status, &self.headers(), &names.join("\n"), line)
    }

    /// The headers that depend on nothing of the request.
    #[must_use]
    pub fn headers(&self) -> String {
        let mut text = String::from(SECURITY);
        if !self.content_type.is_empty() {
            let _ = write!(text, "content-type\n{}\n", self.content_type);
        }
        match self.cache {
            Cache::NoStore => text.push_str("cache-control\nno-store\n"),
            Cache::Revalidate => text.push_str("cache-control\nprivate, no-cache\n"),
            Cache::Immutable => text.push_str("cache-control\npublic, max-age=31536000, immutable\n"),
            Cache::Public(seconds) => {
                let _ = write!(text, "cache-control\npublic, max-age={seconds}\n");
            }
        }
        for ((name, value), _) in DEFAULTS.iter().zip(self.defaults).filter(|(_, wanted)| *wanted) {
            let _ = write!(text, "{name}\n{value}\n");
        }
        if self.timeless {
            timing(&mut text, [0.0; 3], 0);
        }
        text
    }
}

/// `Server-Timing` (W3C): milliseconds in all, for the token and for Postgres, and the round trips to Postgres.
pub fn timing(head: &mut String, [total, auth, db]: [f64; 3], round_trips: u32) {
    let _ = write!(head, "server-timing\ntotal;dur={total:.1}, auth;dur={auth:.1}, db;dur={db:.1}, rt;desc=\"{round_trips}\"\n");
}
