//! A device's name for its owner: what the owner called it, else browser and system, as far as the user agent tells.

/// Browsers by the sign in their user agent, those that pose as others first.
const BROWSERS: [(&str, &str); 7] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari/", "Safari"),
];
/// Systems, likewise.
const SYSTEMS: [(&str, &str); 6] =
    [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux")];

/// The name of a device. One that was never named bears its user agent, or the beginning of it.
#[must_use]
pub fn name(given: Option<&str>, agent: Option<&str>) -> Option<String> {
    let agent = agent.unwrap_or_default();
    match given {
        Some(given) if !agent.starts_with(given) => Some(given.to_owned()),
        _ => by_agent(agent).or_else(|| given.map(str::to_owned)),
    }
}

/// Browser and system; of a program that is none, nothing.
fn by_agent(agent: &str) -> Option<String> {
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
        (Some(one), None) => Some(one.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_by_their_user_agents() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        let cases = [
            (chrome, "Chrome, Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
                "Safari, macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox, Android"),
        ];
        for (agent, wanted) in cases {
            assert_eq!(name(Some(&agent[..90.min(agent.len())]), Some(agent)).as_deref(), Some(wanted), "{agent}");
        }
        assert_eq!(name(Some("Ada's laptop"), Some(chrome)).as_deref(), Some("Ada's laptop"));
        assert_eq!(name(Some("curl/8.5"), Some("curl/8.5")).as_deref(), Some("curl/8.5"));
        assert_eq!(name(None, None), None);
    }
}
