//! ID tokens by all three algorithms, good and bad, and the published vectors of attacks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use rsa::{RsaPrivateKey, pkcs1v15::SigningKey, signature::SignatureEncoding as _, traits::PublicKeyParts as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    id_token::{Expected, IdClaims, Rejection, verify},
    jwks::{Alg, Key, KeySet},
};
use crate::{
    error::{Code, Problem},
    time::Timestamp,
};

mod wycheproof;

const NOW: Timestamp = Timestamp::from_millis(1_769_592_600_000);
const ISSUER: &str = "https://op.test";
const CLIENT: &str = "client";
const MICROSOFT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";
const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// A provider with a key of each algorithm.
struct Provider {
    rsa: RsaPrivateKey,
    p256: p256::ecdsa::SigningKey,
    ed25519: ed25519_dalek::SigningKey,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    /// The RSA key is RFC 7515's example (appendix A.2), the others are made of a byte.
    fn new() -> Self {
        let number = |text: &str| rsa::BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap());
        let rsa = RsaPrivateKey::from_components(
            number(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs\
                 D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV\
                 MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            ),
            number("AQAB"),
            number(
                "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0\
                 BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYT\
                 CBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
            ),
            vec![],
        );
        Self {
            rsa: rsa.unwrap(),
            p256: p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap(),
            ed25519: ed25519_dalek::SigningKey::from_bytes(&[7; 32]),
        }
    }

    fn jwks(&self) -> Value {
        let public = self.rsa.to_public_key();
        let point = self.p256.verifying_key().to_encoded_point(false);
        json!({ "keys": [
            { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "r", "n": b64(public.n().to_bytes_be()), "e": b64(public.e().to_bytes_be()) },
            { "kty": "EC", "crv": "P-256", "kid": "e", "x": b64(point.x().unwrap()), "y": b64(point.y().unwrap()) },
            { "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "d", "x": b64(self.ed25519.verifying_key().as_bytes()) },
        ] })
    }

    fn keys(&self) -> KeySet {
        KeySet::parse(self.jwks().to_string().as_bytes()).unwrap()
    }

    fn sign(&self, alg: &str, kid: Option<&str>, claims: &Value) -> String {
        let mut header = json!({ "alg": alg, "typ": "JWT" });
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = match alg {
            "RS256" => SigningKey::<Sha256>::new(self.rsa.clone()).sign(message.as_bytes()).to_vec(),
            "ES256" => {
                let signature: p256::ecdsa::Signature = self.p256.sign(message.as_bytes());
                signature.to_vec()
            }
            "EdDSA" => self.ed25519.sign(message.as_bytes()).to_vec(),
            _ => Vec::new(),
        };
        format!("{message}.{}", b64(signature))
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "person", "aud": CLIENT, "exp": NOW.seconds() + 300, "iat": NOW.seconds(), "nonce": "nonce",
        "email": "a@b.test", "email_verified": true, "groups": ["x"],
    })
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut claims = claims();
    for (key, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().shift_remove(*key);
        } else {
            claims[*key] = value.clone();
        }
    }
    claims
}

const fn expected() -> Expected<'static> {
    Expected { issuer: ISSUER, client_id: CLIENT, nonce: "nonce", now: NOW }
}

fn judge(claims: &Value) -> Result<IdClaims, Rejection> {
    let provider = Provider::new();
    verify(&provider.sign("EdDSA", Some("d"), claims), &provider.keys(), &expected())
}

#[test]
fn a_token_of_each_algorithm_is_believed() {
    let provider = Provider::new();
    for (alg, kid) in [("RS256", "r"), ("ES256", "e"), ("EdDSA", "d")] {
        for kid in [Some(kid), None] {
            let claims = verify(&provider.sign(alg, kid, &claims()), &provider.keys(), &expected()).unwrap();
            assert_eq!((claims.sub.as_str(), claims.email.as_deref(), claims.email_verified), ("person", Some("a@b.test"), true), "{alg}");
            assert_eq!(claims.more["groups"][0], "x");
        }
    }
}

#[test]
fn every_claim_is_held_to_its_rule() {
    let now = NOW.seconds();
    for (name, changes, rejection) in [
        ("another issuer", vec![("iss", json!("https://evil.test"))], Rejection::Issuer),
        ("issuer with a slash more", vec![("iss", json!("https://op.test/"))], Rejection::Issuer),
        ("another client", vec![("aud", json!("other"))], Rejection::Audience),
        ("other clients", vec![("aud", json!(["other", "third"]))], Rejection::Audience),
        ("no client", vec![("aud", json!([]))], Rejection::Audience),
        ("ours among others", vec![("aud", json!([CLIENT, "other"]))], Rejection::Audience),
        ("ours among others, for another", vec![("aud", json!([CLIENT, "other"])), ("azp", json!("other"))], Rejection::Audience),
        ("ours, for another", vec![("azp", json!("other"))], Rejection::Audience),
        ("over", vec![("exp", json!(now - 60))], Rejection::Expired),
        ("without an end", vec![("exp", Value::Null)], Rejection::Expired),
        ("issued tomorrow", vec![("iat", json!(now + 61))], Rejection::IssuedAt),
        ("issued long ago", vec![("iat", json!(now - 901))], Rejection::IssuedAt),
        ("issued never", vec![("iat", Value::Null)], Rejection::IssuedAt),
        ("not begun", vec![("nbf", json!(now + 61))], Rejection::IssuedAt),
        ("another nonce", vec![("nonce", json!("other"))], Rejection::Nonce),
        ("no nonce", vec![("nonce", Value::Null)], Rejection::Nonce),
        ("about nobody", vec![("sub", json!(""))], Rejection::Subject),
        ("an endless subject", vec![("sub", json!("a".repeat(256)))], Rejection::Subject),
        // What does not even have the form of an ID token fails with its signature.
        ("no subject", vec![("sub", Value::Null)], Rejection::Signature),
        ("no issuer", vec![("iss", Value::Null)], Rejection::Signature),
        ("no audience", vec![("aud", Value::Null)], Rejection::Signature),
        ("a number as subject", vec![("sub", json!(1))], Rejection::Signature),
    ] {
        assert_eq!(judge(&with(&changes)).unwrap_err(), rejection, "{name}");
    }
    for (name, changes) in [
        ("at the edge of its end", vec![("exp", json!(now - 59))]),
        ("a clock ahead", vec![("iat", json!(now + 60)), ("nbf", json!(now + 60))]),
        ("a list of one", vec![("aud", json!([CLIENT]))]),
        ("ours among others, for us", vec![("aud", json!([CLIENT, "other"])), ("azp", json!(CLIENT))]),
    ] {
        assert!(judge(&with(&changes)).is_ok(), "{name}");
    }
}

#[test]
fn an_address_is_verified_only_where_the_provider_says_so() {
    for (said, believed) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("false"), false),
        (json!(false), false),
        (json!(1), false),
        (json!([]), false),
        (Value::Null, false),
    ] {
        assert_eq!(judge(&with(&[("email_verified", said.clone())])).unwrap().email_verified, believed, "{said}");
    }
}

#[test]
fn forged_signatures_are_refused() {
    let provider = Provider::new();
    let keys = provider.keys();
    let good = provider.sign("RS256", Some("r"), &claims());
    let (message, _) = good.rsplit_once('.').unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let secret = b64(provider.jwks()["keys"][0].to_string());
    let none = format!("{}.{}.", b64(json!({ "alg": "none", "kid": "r" }).to_string()), parts[1]);
    for (name, token, rejection) in [
        ("unsigned", none, Rejection::Algorithm),
        ("NONE", provider.sign("NONE", Some("r"), &claims()), Rejection::Algorithm),
        (
            "HS256 with the public key",
            format!("{}.{}.{secret}", b64(json!({ "alg": "HS256", "kid": "r" }).to_string()), parts[1]),
            Rejection::Algorithm,
        ),
        ("RS512", provider.sign("RS512", Some("r"), &claims()), Rejection::Algorithm),
        ("no signature", format!("{message}."), Rejection::Signature),
        ("changed claims", format!("{}.{}.{}", parts[0], b64(with(&[("sub", json!("other"))]).to_string()), parts[2]), Rejection::Signature),
        ("another's key", provider.sign("ES256", Some("r"), &claims()), Rejection::UnknownKey),
        ("unknown key", provider.sign("RS256", Some("x"), &claims()), Rejection::UnknownKey),
        ("no token", String::new(), Rejection::Malformed),
        ("dots", "..".to_owned(), Rejection::Malformed),
        ("endless", "a".repeat(40_000), Rejection::Malformed),
    ] {
        let rejected = verify(&token, &keys, &expected()).unwrap_err();
        assert_eq!(rejected, rejection, "{name}");
        assert_eq!(Problem::from(rejected).code(), Code::TokenInvalid);
    }
}

#[test]
fn microsofts_issuer_is_completed_by_the_tokens_directory_alone() {
    let provider = Provider::new();
    let expected = Expected { issuer: MICROSOFT, ..expected() };
    let own = MICROSOFT.replace("{tenantid}", TENANT);
    let other = MICROSOFT.replace("{tenantid}", "00000000-0000-0000-0000-000000000001");
    let judge = |iss: &str, tid: Value, of_key: Option<&str>| {
        let mut jwks = provider.jwks();
        if let Some(issuer) = of_key {
            jwks["keys"][2]["issuer"] = json!(issuer);
        }
        let keys = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
        verify(&provider.sign("EdDSA", Some("d"), &with(&[("iss", json!(iss)), ("tid", tid)])), &keys, &expected).map(|claims| claims.tid)
    };
    let good = Ok(Some(TENANT.to_owned()));
    assert_eq!(judge(&own, json!(TENANT), None), good);
    assert_eq!(judge(&own, json!(TENANT), Some(MICROSOFT)), good);
    assert_eq!(judge(&own, json!(TENANT), Some(&own)), good);
    for (name, iss, tid, of_key) in [
        ("another directory", other.as_str(), json!(TENANT), None),
        ("no directory", own.as_str(), Value::Null, None),
        ("the template itself", MICROSOFT, json!("{tenantid}"), None),
        ("a path as directory", "https://login.microsoftonline.com/../evil/v2.0", json!("../evil"), None),
        ("a key of another directory", own.as_str(), json!(TENANT), Some(other.as_str())),
    ] {
        assert_eq!(judge(iss, tid, of_key), Err(Rejection::Issuer), "{name}");
    }
}

#[test]
fn keys_that_sign_no_id_token_are_left_out() {
    let provider = Provider::new();
    let jwks = provider.jwks();
    let with = |at: usize, key: &str, value: Value| {
        let mut jwk = jwks["keys"][at].clone();
        jwk[key] = value;
        jwk
    };
    for at in 0..3 {
        assert!(Key::parse(&jwks["keys"][at]).is_some());
    }
    let weak = b64([[0x80].as_slice(), &[1; 127]].concat());
    let strong = b64([[0x80].as_slice(), &[1; 512]].concat());
    for (name, jwk) in [
        ("for encryption", with(0, "use", json!("enc"))),
        ("of another algorithm", with(0, "alg", json!("RS512"))),
        ("RSA-PSS", with(0, "alg", json!("PS256"))),
        ("algorithm of another kind", with(1, "alg", json!("RS256"))),
        ("1024 bits", with(0, "n", json!(weak))),
        ("4104 bits", with(0, "n", json!(strong))),
        ("no exponent", with(0, "e", json!(""))),
        ("exponent 1", with(0, "e", json!(b64([1])))),
        ("another curve", with(1, "crv", json!("P-384"))),
        ("a point off the curve", with(1, "y", json!(b64([1; 32])))),
        ("half a point", with(1, "x", json!(b64([1; 16])))),
        ("X25519", with(2, "crv", json!("X25519"))),
        ("a shared secret", json!({ "kty": "oct", "k": "AAAA", "kid": "o" })),
        ("no kind", json!({ "kid": "k" })),
        ("no object", json!("k")),
    ] {
        assert!(Key::parse(&jwk).is_none(), "{name}");
    }
}

#[test]
fn a_token_without_a_key_id_needs_a_single_key() {
    let provider = Provider::new();
    let mut jwks = provider.jwks();
    let mut twin = jwks["keys"][2].clone();
    twin["kid"] = json!("d2");
    jwks["keys"].as_array_mut().unwrap().push(twin);
    let keys = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
    assert!(keys.find(None, Alg::EdDsa).is_none() && keys.find(Some("d2"), Alg::EdDsa).is_some());
    assert!(keys.find(None, Alg::Rs256).is_some() && keys.find(Some("d"), Alg::Rs256).is_none());
}

#[test]
fn what_is_no_key_set_is_the_providers_fault() {
    for text in ["", "{}", "[]", "<html>", r#"{"keys":1}"#] {
        assert_eq!(KeySet::parse(text.as_bytes()).unwrap_err().code(), Code::DependencyUnavailable, "{text}");
    }
    assert!(KeySet::parse(br#"{"keys":[1,{},{"kty":"EC"}]}"#).unwrap().find(None, Alg::Es256).is_none());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(token in "[A-Za-z0-9_.-]{0,200}") {
        let _ = verify(&token, &KeySet::default(), &expected());
    }
}
