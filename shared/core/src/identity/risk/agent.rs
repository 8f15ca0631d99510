//! Which program on which system somebody uses, as far as tells devices apart and survives updates.

/// Longest name of a program that is no browser.
const LONGEST: usize = 40;

/// What a user agent calls a browser, the more particular first: most call themselves by others' names too.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("Firefox/", "firefox"),
    ("FxiOS/", "firefox"),
    ("Chrome/", "chrome"),
    ("CriOS/", "chrome"),
    ("Safari/", "safari"),
    ("AppleWebKit/", "webview"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "windows"),
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("Mac OS X", "macos"),
    ("CrOS", "chromeos"),
    ("Linux", "linux"),
];

/// Whether a user agent is a browser's, which keeps cookies.
#[must_use]
pub fn is_browser(agent: &str) -> bool {
    agent.starts_with("Mozilla/")
}

/// The family of a user agent: browser and system without versions, such as `firefox/linux`; another program's own name in lower
/// case. Empty for none.
#[must_use]
pub fn family(agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    if is_browser(agent) {
        return format!("{}/{}", find(&BROWSERS).unwrap_or("browser"), find(&SYSTEMS).unwrap_or("other"));
    }
    let name = agent.split(['/', ' ']).next().unwrap_or_default();
    name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(LONGEST).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_survive_updates() {
        let cases = [
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "safari/macos"),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36", "chrome/windows"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0",
                "edge/windows",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", "firefox/linux"),
            ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Mobile Safari/537.36", "chrome/android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/144.0 Mobile/15E148 Safari/604.1",
                "chrome/ios",
            ),
            ("Mozilla/5.0 (compatible)", "browser/other"),
            ("curl/8.14.1", "curl"),
            ("Python-Requests/2.32 urllib3", "python-requests"),
            ("zygo-tests/1", "zygo-tests"),
            ("", ""),
            ("\u{1F980}\n/1", ""),
        ];
        for (agent, expected) in cases {
            assert_eq!(family(agent), expected, "{agent}");
        }
        assert_eq!(family(&"x".repeat(1000)).len(), LONGEST);
        assert!(is_browser("Mozilla/5.0") && !is_browser("curl/8"));
    }
}
