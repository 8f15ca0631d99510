use jwt_compact::{AlgorithmExt as _, UntrustedToken, alg::Es256};
use p256::{ecdsa::SigningKey, pkcs8::EncodePrivateKey as _};
use serde_json::{Value, json};

use super::*;
use crate::{error::Code, identity::oidc::id_token::IdClaims, text::Name, time::Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_769_592_600_000);

fn claims(more: &Value) -> IdClaims {
    let mut claims = json!({ "iss": "i", "sub": "s", "aud": "c", "email": "Ada@Example.test", "email_verified": true });
    for (key, value) in more.as_object().unwrap() {
        claims[key] = value.clone();
    }
    serde_json::from_value(claims).unwrap()
}

fn name(name: Option<Name>) -> Option<String> {
    name.map(Name::into_string)
}

#[test]
fn providers_are_found_by_name() {
    for provider in Provider::ALL {
        assert_eq!(Provider::parse(provider.key()), Some(provider));
        assert_eq!(serde_json::to_value(provider).unwrap(), provider.key());
        assert_eq!(provider.posts_back(), provider.endpoints(None).more.contains(&("response_mode", "form_post")));
    }
    assert_eq!(Provider::parse("facebook"), None);
}

#[test]
fn providers_are_where_they_are_and_in_tests_elsewhere() {
    let discovery = |provider: Provider, base| match provider.endpoints(base).kind {
        Kind::OpenId { discovery, issuer } => (discovery, issuer),
        Kind::Github { authorize, token, api } => (format!("{authorize} {token}"), api),
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        discovery(Provider::Google, None),
        pair("https://accounts.google.com/.well-known/openid-configuration", "https://accounts.google.com")
    );
    assert_eq!(discovery(Provider::Apple, None), pair("https://appleid.apple.com/.well-known/openid-configuration", "https://appleid.apple.com"));
    assert_eq!(
        discovery(Provider::Microsoft, None),
        pair("https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", "https://login.microsoftonline.com/{tenantid}/v2.0")
    );
    assert_eq!(
        discovery(Provider::Github, None),
        pair("https://github.com/login/oauth/authorize https://github.com/login/oauth/access_token", "https://api.github.com")
    );
    for provider in Provider::ALL {
        let (first, second) = discovery(provider, Some("http://here"));
        assert!(first.starts_with("http://here/") && second.starts_with("http://here"));
    }
}

#[test]
fn a_person_of_an_id_token() {
    let person = Person::of(Provider::Google, &claims(&json!({ "given_name": "Ada", "family_name": " Lovelace " })));
    assert_eq!((person.subject.as_str(), person.email.as_ref().map(|email| email.as_str())), ("s", Some("ada@example.test")));
    assert_eq!((name(person.given_name), name(person.family_name)), (Some("Ada".into()), Some("Lovelace".into())));
    let odd = Person::of(Provider::Google, &claims(&json!({ "email": "nobody", "given_name": "\u{0}", "family_name": "x".repeat(200) })));
    assert!(odd.email.is_none() && odd.given_name.is_none());
    assert_eq!(name(odd.family_name).map(|name| name.len()), Some(100));
}

#[test]
fn microsofts_addresses_count_only_where_it_vouches_for_them() {
    for (more, vouches) in [
        (json!({}), false),
        (json!({ "tid": "72f988bf-86f1-41af-91ab-2d7cd011db47" }), false),
        (json!({ "tid": "9188040d-6c67-4c5b-b112-36a304b66dad" }), true),
        (json!({ "xms_edov": true }), true),
        (json!({ "xms_edov": "1" }), true),
        (json!({ "xms_edov": 1 }), true),
        (json!({ "xms_edov": false }), false),
        (json!({ "xms_edov": "0" }), false),
        (json!({ "xms_edov": "" }), false),
    ] {
        assert_eq!(Person::of(Provider::Microsoft, &claims(&more)).email_verified, vouches, "{more}");
    }
}

#[test]
fn githubs_person_has_the_primary_address_of_the_list() {
    let user = br#"{"id":42,"login":"ada","name":"Ada","email":"profile@example.test"}"#;
    let list = |entries: Value| entries.to_string().into_bytes();
    let entry = |email: &str, primary: bool, verified: bool| json!({ "email": email, "primary": primary, "verified": verified, "visibility": null });
    let email = |entries: Value| {
        let person = github_person(user, &list(entries)).unwrap();
        assert_eq!(person.subject, "42");
        (person.email.map(|email| email.as_str().to_owned()), person.email_verified)
    };
    let (a, b) = ("a@example.test", "b@example.test");
    assert_eq!(email(json!([entry(a, false, true), entry(b, true, true)])), (Some(b.into()), true));
    assert_eq!(email(json!([entry(a, false, true), entry(b, true, false)])), (Some(b.into()), false));
    assert_eq!(email(json!([entry(a, false, true)])), (None, false));
    assert_eq!(email(json!([])), (None, false));
    for (user, emails) in [("{}", "[]"), ("[]", "[]"), (r#"{"id":1}"#, "{}"), ("<html>", "[]"), (r#"{"id":"1"}"#, "[]")] {
        assert_eq!(github_person(user.as_bytes(), emails.as_bytes()).unwrap_err().code(), Code::DependencyUnavailable);
    }
}

#[test]
fn apples_names_come_once_and_are_only_names() {
    let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"ada@example.test"}"#;
    let (given, family) = apple_names(user);
    assert_eq!((name(given), name(family)), (Some("Ada".into()), Some("Lovelace".into())));
    for odd in ["", "{}", "[]", r#"{"name":1}"#, r#"{"name":{"firstName":"\u0000"}}"#, r#"{"name":{}}"#] {
        assert_eq!(apple_names(odd), (None, None), "{odd}");
    }
}

#[test]
fn apples_secret_is_signed_by_the_teams_key() {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let pem = key.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap();
    let config = json!({ "apple": { "client_id": "test.zygo", "team_id": "TEAM", "key_id": "KEY", "private_key": pem.as_str() } });
    let clients = Clients::parse(&config.to_string()).unwrap();
    let secret = clients.get("apple").unwrap().secret("https://appleid.apple.com", NOW).unwrap();
    let token = UntrustedToken::new(&*secret).unwrap();
    assert_eq!((token.algorithm(), token.header().key_id.as_deref()), ("ES256", Some("KEY")));
    let claims = Es256.validator::<Value>(key.verifying_key()).validate(&token).unwrap().into_parts().1;
    assert_eq!(claims.custom, json!({ "iss": "TEAM", "sub": "test.zygo", "aud": "https://appleid.apple.com" }));
    assert_eq!(claims.issued_at.unwrap().timestamp(), NOW.seconds());
    assert_eq!(claims.expiration.unwrap().timestamp(), NOW.seconds() + 300);
}

#[test]
fn clients_are_whole_or_refused() {
    let clients = Clients::parse(r#"{"google":{"client_id":"a","client_secret":"b"}}"#).unwrap();
    assert_eq!(clients.get("google").unwrap().secret("x", NOW).unwrap(), "b");
    assert!(clients.get("github").is_none());
    for odd in [
        "",
        "[]",
        r#"{"google":{}}"#,
        r#"{"google":{"client_id":"a"}}"#,
        r#"{"google":{"client_id":"a","client_secret":"b","other":1}}"#,
        r#"{"apple":{"client_id":"a","team_id":"t","key_id":"k"}}"#,
        r#"{"apple":{"client_id":"a","team_id":"t","key_id":"k","private_key":"no key"}}"#,
        r#"{"apple":{"client_id":"a","client_secret":"s","team_id":"t","key_id":"k","private_key":"no key"}}"#,
    ] {
        assert!(Clients::parse(odd).is_err(), "{odd}");
    }
}
