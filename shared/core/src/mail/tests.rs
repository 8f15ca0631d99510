use super::*;

const LINK: &str = "https://getzygo.example/verify-email?token=zv_AAAA&next=%2Fhome";

/// One of each template: notices differ in their words alone.
fn mails() -> Vec<Mail<'static>> {
    samples::mails().take(samples::TEMPLATES.len() + 1).collect()
}

/// Every mail in every language, for review.
#[test]
fn every_mail() {
    for mail in mails() {
        for language in Language::ALL {
            let Rendered { subject, text, html, links, tokens } = mail.render(language, None).unwrap();
            let shown = format!("Subject: {subject}\nLinks: {links:?}\nTokens: {tokens:?}\n\n{text}\n==== HTML ====\n{html}");
            insta::assert_snapshot!(format!("{}_{}", mail.name(), language.tag()), shown);
        }
    }
}

/// Every mail in the look of an organisation, in every language, for review.
#[test]
fn every_mail_in_the_look_of_an_organisation() {
    let brand = samples::brand("https://api.getzygo.example").unwrap();
    for mail in mails() {
        for language in Language::ALL {
            let Rendered { subject, text, html, .. } = mail.render(language, Some(&brand)).unwrap();
            let shown = format!("Subject: {subject}\n\n{text}\n==== HTML ====\n{html}");
            insta::assert_snapshot!(format!("branded_{}_{}", mail.name(), language.tag()), shown);
        }
    }
}

#[test]
fn a_brand_is_a_colour_a_logo_a_name_and_the_domain() {
    let brand = samples::brand("https://api.getzygo.example").unwrap();
    for mail in mails() {
        for language in Language::ALL {
            let (plain, branded) = (mail.render(language, None).unwrap(), mail.render(language, Some(&brand)).unwrap());
            for of_the_brand in ["acme.example", "Acme &amp; Söhne", "<img", "#ffd400"] {
                assert!(!plain.html.contains(of_the_brand), "{of_the_brand}");
            }
            assert!(branded.html.contains("<strong>acme.example</strong>") && branded.html.contains("<bdi>Acme &amp; Söhne</bdi>"));
            assert!(branded.text.contains("acme.example") && branded.text.contains("Acme & Söhne"));
            assert_eq!((branded.html.matches("<img").count(), branded.html.matches("src=\"https://api.getzygo.example/logos/").count()), (1, 1));
            assert!(branded.html.contains("alt=\"acme.example\" height=\"48\""));
            // However large the picture is, or how narrow, what the mail says stands right below it.
            assert!(branded.html.contains("height:48px;width:auto;max-width:240px;"));
            let button = branded.html.contains("background:#ffd400;color:#000000;");
            assert_eq!(button, mail.link().is_some(), "{mail:?}");
            assert_eq!((plain.subject, plain.links, plain.tokens), (branded.subject, branded.links, branded.tokens));
        }
    }
}

#[test]
fn every_sample_can_be_written() {
    for mail in samples::mails() {
        for language in Language::ALL {
            let written = mail.render(language, None).unwrap();
            assert!(!written.subject.is_empty() && written.text.starts_with(&written.subject), "{mail:?}");
        }
    }
    assert!(Language::ALL.map(samples::short_message).iter().all(|text| text.contains("000000")));
}

#[test]
fn html_fetches_nothing_and_can_be_read_aloud() {
    for mail in mails() {
        for language in Language::ALL {
            let html = mail.render(language, None).unwrap().html;
            for forbidden in ["<img", "src=", "url(", "<script", "<link", "@import", "<table"] {
                assert!(!html.contains(forbidden), "{forbidden} in {html}");
            }
            assert!(html.starts_with("<!doctype html>\n"));
            assert!(html.contains(&format!("<html lang=\"{}\"", language.tag())));
            assert_eq!(html.matches("<h1").count(), 1);
        }
    }
}

#[test]
fn both_forms_carry_the_link() {
    let mail = mails()[0].render(Language::English, None).unwrap();
    assert!(mail.text.lines().any(|line| line == LINK), "on a line of its own");
    assert!(mail.html.contains(&format!("href=\"{}\"", LINK.replace('&', "&amp;"))));
    assert_eq!(mail.links, [LINK]);
    assert_eq!(mail.tokens["verify"], "zv_AAAA");
    assert!(!mail.subject.contains('\n'));
}

#[test]
fn markup_in_a_value_stays_text() {
    let link = "https://x.example/?a=\"><script>'{{ 7*7 }}";
    let html = Mail::AccountExists { link }.render(Language::English, None).unwrap().html;
    assert!(html.contains("https://x.example/?a=&quot;&gt;&lt;script&gt;&#39;{{ 7*7 }}"));
    assert!(!html.contains("<script>"));
}

#[test]
fn a_link_is_one_of_the_web() {
    assert!(Mail::AccountExists { link: "javascript:alert(1)" }.render(Language::English, None).is_err());
}

#[test]
fn languages() {
    let of = |text: &str| Language::of(Some(&Locale::parse(text).unwrap()));
    assert_eq!([of("de"), of("de-AT"), of("en-GB"), of("fr"), Language::of(None)], {
        use Language::{English, German};
        [German, German, English, English, English]
    });
}

#[test]
fn debug_shows_no_token() {
    assert_eq!(format!("{:?}", mails()[0]), "verify_email");
    assert!(!format!("{:?}", mails()[0].render(Language::English, None).unwrap()).contains("zv_"));
}
