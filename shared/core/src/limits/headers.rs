//! Header values that tell a client its limits, as `draft-ietf-httpapi-ratelimit-headers`
//! (from revision 8 on) has them: lists of structured-field items, one per policy.

use super::gcra::Decision;

/// Values of the headers of one limited response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// `RateLimit-Policy`: name, quota `q` and window `w` in seconds.
    pub policy: String,
    /// `RateLimit`: name, remaining units `r`, and `t`, the seconds until more can be had
    /// (if nothing is left) or until all is there again.
    pub limit: String,
    /// `Retry-After` in seconds, on refusals only.
    pub retry_after: Option<u64>,
}

impl RateLimitHeaders {
    /// The headers for a decision.
    #[must_use]
    pub fn new(decision: &Decision) -> Self {
        let Decision { policy, limit, remaining, .. } = decision;
        let retry_after = (!decision.allowed).then(|| seconds_up(decision.retry_after_ms).max(1));
        let t = retry_after.unwrap_or_else(|| seconds_up(decision.reset_after_ms));
        Self {
            policy: format!("\"{policy}\";q={};w={}", limit.count, seconds_up(limit.period_ms)),
            limit: format!("\"{policy}\";r={remaining};t={t}"),
            retry_after,
        }
    }

    /// Names and values, ready to be set.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("RateLimit-Policy", self.policy.clone()), ("RateLimit", self.limit.clone())];
        pairs.extend(self.retry_after.map(|seconds| ("Retry-After", seconds.to_string())));
        pairs
    }
}

const fn seconds_up(millis: u64) -> u64 {
    millis.div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::gcra::Limit;

    fn decision() -> Decision {
        Decision { allowed: true, policy: "sign-in".into(), limit: Limit::per(10, 900_000), remaining: 7, reset_after_ms: 269_001, retry_after_ms: 0 }
    }

    #[test]
    fn an_allowed_request_learns_what_is_left() {
        let headers = RateLimitHeaders::new(&decision());
        assert_eq!(headers.policy, r#""sign-in";q=10;w=900"#);
        assert_eq!(headers.limit, r#""sign-in";r=7;t=270"#);
        assert_eq!(headers.retry_after, None);
    }

    #[test]
    fn a_refused_one_learns_when_to_come_back() {
        let refused = Decision { allowed: false, remaining: 0, retry_after_ms: 1, ..decision() };
        let headers = RateLimitHeaders::new(&refused);
        assert_eq!(headers.limit, r#""sign-in";r=0;t=1"#);
        assert_eq!(headers.pairs().last().unwrap(), &("Retry-After", "1".to_owned()));
    }
}
