use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::mail::{Language, samples};

const LOGOS: &str = "https://api.getzygo.example/logos/0193a1b2-0000-7000-8000-000000000001/";

fn colors(primary: &str) -> Colors {
    serde_json::from_value(json!({ "primary": primary })).unwrap()
}

fn named(name: &str) -> Brand {
    Brand::new("acme.example", name, Colors::default(), None, LOGOS).unwrap()
}

#[test]
fn letters_stand_out_from_what_they_are_on() {
    // Luminances by the definition, to be compared with any contrast checker.
    for (color, wanted) in [("#000000", 0.0), ("#ffffff", 1.0), ("#ff0000", 0.2126), ("#00ff00", 0.7152), ("#0000ff", 0.0722), ("#808080", 0.2159)] {
        let found = luminance(colors(color).primary.as_ref().unwrap());
        assert!((found - wanted).abs() < 0.0001, "{color}: {found}");
    }
    let table = [
        ("#000000", "#ffffff"),
        ("#ffffff", "#000000"),
        ("#1f3fb5", "#ffffff"),
        ("#ffd400", "#000000"),
        ("#757575", "#ffffff"),
        ("#767676", "#000000"),
        ("#ff0000", "#000000"),
        ("#0000ff", "#ffffff"),
    ];
    for (ground, wanted) in table {
        assert_eq!(ink(colors(ground).primary.as_ref().unwrap()), wanted, "{ground}");
    }
}

#[test]
fn every_ground_can_be_read() {
    // Of black and white one always has a contrast of 4.5 at least, which level AA asks for.
    for step in 0..=0xff_u32 {
        for color in [step << 16, step << 8, step, step * 0x01_01_01, 0xff_00_00 | step, 0x00_ff_00 | step << 16] {
            let color = colors(&format!("#{color:06x}"));
            let ground = luminance(color.primary.as_ref().unwrap());
            let contrast = if ink(color.primary.as_ref().unwrap()) == "#ffffff" { 1.05 / (ground + 0.05) } else { (ground + 0.05) / 0.05 };
            assert!(contrast >= 4.5, "{color:?}: {contrast}");
        }
    }
}

#[test]
fn names_that_are_shown_and_names_that_are_not() {
    for name in ["Acme", "Acme Inc.", "Müller & Söhne", "A/S Nordlys", "שלום", "株式会社", "می‌خواهم", "St. Mary's", "<b>Bold</b>", "\"Quoted\"", "A"]
    {
        assert_eq!(named(name).name(), Some(name));
    }
    let odd = [
        "",
        " Acme",
        "Acme\n",
        "two\nlines",
        "nul\0",
        "tab\there",
        "next\u{85}line",
        "para\u{2029}graph",
        "turned \u{202e}em",
        "marked\u{200f}",
        "isolated \u{2066}x\u{2069}",
        "soft\u{ad}hyphen",
        "tag\u{e0041}",
        "bank.example",
        "see www.bank.example",
        "https://bank.example/",
        "//bank",
        "help@bank",
        "bank。example",
        "bank．example",
    ];
    for name in odd {
        assert_eq!(named(name).name(), None, "{name:?}");
    }
    let longest = "n".repeat(LONGEST_NAME);
    assert!(named(&longest).name().is_some() && named(&format!("{longest}n")).name().is_none());
}

#[test]
fn what_is_no_domain_makes_no_brand() {
    for domain in ["", "localhost", "192.0.2.1", "acme.example/x", "a b.example", "<b>.example", "acme.example\n"] {
        assert_eq!(Brand::new(domain, "Acme", Colors::default(), None, LOGOS), None, "{domain:?}");
    }
}

#[test]
fn a_logo_is_a_file_of_the_organisations_own() {
    let shown = |logo: &str| Brand::new("acme.example", "Acme", Colors::default(), Some(logo), LOGOS).unwrap().logo().is_some();
    assert!(shown(&format!("{LOGOS}5f2c9e.webp")));
    let below = |rest: &str| format!("{LOGOS}{rest}");
    let elsewhere = "https://api.getzygo.example/logos/0193a1b2-0000-7000-8000-000000000002/5f2c9e.webp";
    for odd in [elsewhere.to_owned(), "https://evil.example/5f2c9e.webp".to_owned(), String::new()] {
        assert!(!shown(&odd), "{odd}");
    }
    for rest in ["", "../x", ".x", "a/b", "x?y", "x#y", "x\" onload=\"y", "x y", "%2e%2e", "x\n"] {
        assert!(!shown(&below(rest)), "{rest:?}");
    }
}

#[test]
fn what_concerns_an_account_is_branded_for_members_alone() {
    let branded = |member| samples::mails().filter(|mail| mail.is_branded(member)).map(|mail| mail.name()).collect::<Vec<_>>();
    let asked = ["verify_email", "account_exists", "reset_password", "magic_link", "invitation", "confirm_email", "sign_in_code"];
    assert_eq!(branded(false), asked);
    assert_eq!(branded(true).len(), samples::mails().count());
}

/// Names as somebody would choose them who wants to be taken for somebody else.
fn hostile() -> impl Strategy<Value = String> {
    let parts = ["<", ">", "\"", "'", "&", "</p>", "<img src=x>", "{{", "}}", "{%", "\n", "\r", "\u{202e}", "”", "-- ", "&lt;", " ", "a", "Ж", "."];
    prop_oneof![any::<String>(), proptest::collection::vec(proptest::sample::select(parts.to_vec()), 0..20).prop_map(|parts| parts.concat())]
}

proptest! {
    /// A mail with a name is the mail with another name, but for the name itself: it opens nothing, closes nothing, begins no line.
    #[test]
    fn no_name_breaks_out(name in hostile(), which in 0..11_usize, language in proptest::sample::select(Language::ALL.to_vec())) {
        const PLACE: &str = "QzxNameOfTheTestxzQ";
        let mail = samples::mails().nth(which).unwrap();
        let plain = mail.render(language, Some(&named(PLACE))).unwrap();
        let brand = named(&name);
        let shown = mail.render(language, Some(&brand)).unwrap();
        prop_assert_eq!(&shown.subject, &plain.subject);
        let Some(name) = brand.name() else {
            prop_assert!(!shown.html.contains("<bdi>"));
            return Ok(());
        };
        prop_assert!(!name.contains(['\n', '\r']));
        let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;");
        prop_assert_eq!(shown.html, plain.html.replace(PLACE, &escaped));
        prop_assert_eq!(shown.text, plain.text.replace(PLACE, name));
    }
}
