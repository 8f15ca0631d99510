#![expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use webauthn_rp::response::register::{AttestationObject, AuthenticatorData};
use zygo_test_authenticator::{Authenticator, BACKED_UP, ELIGIBLE, Kind, PRESENT, VERIFIED};

use super::{
    Backup, Refused,
    assertion::{self, Known, Used},
    challenge::{Ceremony, Challenge, LIFE_SECONDS, Place, Purpose},
    key::{Algorithm, PublicKey},
    options::{CreationOptions, Descriptor, Person, RequestOptions},
    party::RelyingParty,
    registration::{self, Credential},
    wire::{NewCredential, UsedCredential},
};
use crate::{error::Code, id::UserId, seal::SealRing, time::Timestamp};

const ORIGIN: &str = "https://acme.app.zygo.tech";
const CHALLENGE: Challenge = [0xC5; 16];

fn party() -> RelyingParty {
    RelyingParty { id: "zygo.tech".into(), origins: vec![ORIGIN.into(), "https://console.zygo.tech".into()] }
}

fn ada() -> UserId {
    uuid::Uuid::from_bytes([7; 16]).into()
}

fn creation(challenge: &Challenge) -> Value {
    let person = Person { id: ada(), email: "ada@example.test", name: "Ada" };
    serde_json::to_value(CreationOptions::new("zygo.tech", "Zygo", person, challenge, vec![Descriptor::new(b"old", vec!["usb".into()])])).unwrap()
}

fn request(challenge: &Challenge) -> Value {
    serde_json::to_value(RequestOptions::new("zygo.tech", challenge, Vec::new())).unwrap()
}

fn register(device: &mut Authenticator, origin: &str) -> Result<Credential, Refused> {
    let answer: NewCredential = serde_json::from_value(device.create(&creation(&CHALLENGE), origin)).unwrap();
    registration::verify(&party(), &CHALLENGE, answer)
}

fn known(credential: &Credential) -> Known {
    Known { user_id: ada(), key: credential.key.clone(), sign_count: credential.sign_count, backup_eligible: credential.backup.eligible }
}

fn used(device: &mut Authenticator, origin: &str) -> UsedCredential {
    serde_json::from_value(device.get(&request(&CHALLENGE), origin)).unwrap()
}

fn check(known: &Known, answer: &UsedCredential) -> Result<Used, Refused> {
    assertion::verify(&party(), &CHALLENGE, known, answer)
}

fn device(kind: Kind) -> Authenticator {
    Authenticator::new(kind, [9; 32])
}

#[test]
fn a_passkey_is_made_and_used() {
    for (kind, algorithm, length) in [(Kind::P256, Algorithm::Es256, 33), (Kind::Ed25519, Algorithm::EdDsa, 32)] {
        let mut device = device(kind);
        let credential = register(&mut device, ORIGIN).unwrap();
        assert_eq!((credential.key.algorithm, credential.key.bytes.len(), &credential.id), (algorithm, length, &device.id));
        assert_eq!(credential.transports, ["hybrid", "internal"], "known transports only");
        assert_eq!(credential.backup, Backup { eligible: false, exists: false });
        let mut known = known(&credential);
        for count in 1..=3 {
            let origin = if count == 2 { "https://console.zygo.tech" } else { ORIGIN };
            let used = check(&known, &used(&mut device, origin)).unwrap();
            assert_eq!(used.sign_count, count);
            known.sign_count = used.sign_count;
        }
    }
}

#[test]
fn every_check_of_a_registration_is_made() {
    type Bend = fn(&mut Authenticator);
    let cases: [(Bend, Refused); 11] = [
        (|a| a.client_data = json!({ "type": "webauthn.get" }), Refused::ClientData),
        (|a| a.client_data = json!({ "challenge": "AAAA" }), Refused::ClientData),
        (|a| a.client_data = json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAA" }), Refused::Challenge),
        (|a| a.client_data = json!({ "origin": "https://evil.example" }), Refused::Origin),
        (|a| a.client_data = json!({ "origin": "http://acme.app.zygo.tech" }), Refused::Origin),
        (|a| a.client_data = json!({ "crossOrigin": true }), Refused::CrossOrigin),
        (|a| a.rp_id = Some("tech".into()), Refused::RpIdHash),
        (|a| a.flags = VERIFIED, Refused::UserPresent),
        (|a| a.flags = PRESENT, Refused::UserVerified),
        (|a| a.flags = PRESENT | VERIFIED | BACKED_UP, Refused::AuthenticatorData),
        (|a| a.flags = PRESENT | VERIFIED | 0x80, Refused::AuthenticatorData),
    ];
    for (bend, refused) in cases {
        let mut device = device(Kind::P256);
        bend(&mut device);
        assert_eq!(register(&mut device, ORIGIN), Err(refused));
    }
}

#[test]
fn every_check_of_a_use_is_made() {
    type Bend = fn(&mut Authenticator, &mut Known);
    let cases: [(Bend, Refused); 13] = [
        (|a, _| a.client_data = json!({ "type": "webauthn.create" }), Refused::ClientData),
        (|a, _| a.client_data = json!({ "challenge": "AAAAAAAAAAAAAAAAAAAAAA" }), Refused::Challenge),
        (|a, _| a.client_data = json!({ "origin": "https://acme.app.zygo.tech.evil.example" }), Refused::Origin),
        (|a, _| a.client_data = json!({ "crossOrigin": true }), Refused::CrossOrigin),
        (|a, _| a.rp_id = Some("getzygo.com".into()), Refused::RpIdHash),
        (|a, _| a.flags = VERIFIED, Refused::UserPresent),
        (|a, _| a.flags = PRESENT, Refused::UserVerified),
        (|a, _| a.flags |= ELIGIBLE, Refused::BackupEligibility),
        (|_, k| k.sign_count = 1, Refused::Counter),
        (|_, k| k.sign_count = u32::MAX, Refused::Counter),
        (|a, k| (a.counter, k.sign_count) = (None, 5), Refused::Counter),
        (|_, k| k.user_id = uuid::Uuid::from_bytes([8; 16]).into(), Refused::UserHandle),
        (|_, k| k.key = register(&mut Authenticator::new(Kind::P256, [1; 32]), ORIGIN).unwrap().key, Refused::Signature),
    ];
    for (bend, refused) in cases {
        let mut device = device(Kind::P256);
        let mut known = known(&register(&mut device, ORIGIN).unwrap());
        bend(&mut device, &mut known);
        assert_eq!(check(&known, &used(&mut device, ORIGIN)), Err(refused));
    }
}

#[test]
fn what_was_signed_cannot_be_changed() {
    for kind in [Kind::P256, Kind::Ed25519] {
        let mut device = device(kind);
        let known = known(&register(&mut device, ORIGIN).unwrap());
        let good = used(&mut device, ORIGIN);
        check(&known, &good).unwrap();
        let mut counted = good.clone();
        counted.authenticator_data[36] ^= 2;
        assert_eq!(check(&known, &counted), Err(Refused::Signature));
        let mut spaced = good.clone();
        spaced.client_data.push(b' ');
        assert_eq!(check(&known, &spaced), Err(Refused::Signature));
        for at in 0..good.signature.len() {
            let mut bent = good.clone();
            bent.signature[at] ^= 1;
            assert_eq!(check(&known, &bent), Err(Refused::Signature), "byte {at}");
        }
        let mut short = good.clone();
        short.signature.pop();
        assert_eq!(check(&known, &short), Err(Refused::Signature));
    }
}

#[test]
fn truncated_answers_are_refused() {
    let mut device = device(Kind::P256);
    let made: NewCredential = serde_json::from_value(device.create(&creation(&CHALLENGE), ORIGIN)).unwrap();
    for length in 0..made.attestation.len() {
        let short = NewCredential { attestation: made.attestation[..length].to_vec(), ..made.clone() };
        assert_eq!(registration::verify(&party(), &CHALLENGE, short), Err(Refused::AuthenticatorData), "{length} bytes");
    }
    let mut long = made.clone();
    long.attestation.push(0);
    assert_eq!(registration::verify(&party(), &CHALLENGE, long), Err(Refused::AuthenticatorData));
    let mut other = made.clone();
    other.id.push(0);
    assert_eq!(registration::verify(&party(), &CHALLENGE, other), Err(Refused::CredentialId));
    let known = known(&registration::verify(&party(), &CHALLENGE, made).unwrap());
    let good = used(&mut device, ORIGIN);
    for length in 0..good.authenticator_data.len() {
        let short = UsedCredential { authenticator_data: good.authenticator_data[..length].to_vec(), ..good.clone() };
        assert_eq!(check(&known, &short), Err(Refused::AuthenticatorData), "{length} bytes");
    }
}

#[test]
fn a_counter_that_stays_zero_is_none() {
    let mut device = device(Kind::Ed25519);
    device.counter = None;
    device.flags |= ELIGIBLE | BACKED_UP;
    let credential = register(&mut device, ORIGIN).unwrap();
    assert_eq!(credential.backup.methods(), ["swk", "user", "mfa"]);
    for _ in 0..2 {
        let used = check(&known(&credential), &used(&mut device, ORIGIN)).unwrap();
        assert_eq!((used.sign_count, used.backup.exists), (0, true));
    }
    // It may have been moved off the cloud meanwhile; that it may be there does not change.
    device.flags &= !BACKED_UP;
    assert!(!check(&known(&credential), &used(&mut device, ORIGIN)).unwrap().backup.exists);
}

#[test]
fn an_answer_without_a_user_handle_is_the_owners() {
    let mut device = device(Kind::P256);
    let known = known(&register(&mut device, ORIGIN).unwrap());
    let mut answer = used(&mut device, ORIGIN);
    answer.user_handle = None;
    check(&known, &answer).unwrap();
}

#[test]
fn keys_that_are_none_are_refused() {
    let es256 = |bytes: &[u8]| PublicKey { algorithm: Algorithm::Es256, bytes: bytes.to_vec() }.verify(b"", b"");
    let eddsa = |bytes: &[u8]| PublicKey { algorithm: Algorithm::EdDsa, bytes: bytes.to_vec() }.verify(b"", b"");
    assert!(es256(&[2; 32]).is_err() && es256(&[]).is_err());
    assert_eq!((eddsa(&[]), eddsa(&[0; 32])), (Err(Refused::Key), Err(Refused::Key)), "too short, and of small order");
    assert_eq!(Algorithm::ALL.map(Algorithm::cose), [-8, -7]);
    assert!(Algorithm::ALL.into_iter().all(|algorithm| Algorithm::from_cose(algorithm.cose()) == Some(algorithm)));
    assert_eq!(Algorithm::from_cose(-257), None);
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The public key verifies the published assertion, and no changed one.
fn published(key: &PublicKey, data: &str, client: &str, signature: &str) {
    let signed = [unhex(data), Sha256::digest(unhex(client)).to_vec()].concat();
    key.verify(&signed, &unhex(signature)).unwrap();
    assert_eq!(key.verify(&signed[1..], &unhex(signature)), Err(Refused::Signature));
}

/// WebAuthn level 3, 16.2: an ES256 credential without attestation. Its challenge has 32 bytes and ours have 16, so what is
/// taken from it is the attestation object, the key and the signature.
#[test]
fn the_published_es256_credential() {
    let object = unhex(
        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b5590000\
         00008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f\
         97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
    );
    let object = AttestationObject::try_from(object.as_slice()).unwrap();
    let data = object.auth_data();
    assert_eq!(data.rp_id_hash(), Sha256::digest("example.org").as_slice());
    assert_eq!(Backup::read(data.flags().backup), Backup { eligible: true, exists: true });
    assert!(data.flags().user_present && !data.flags().user_verified);
    published(
        &PublicKey::read(data.attested_credential_data().credential_public_key).unwrap(),
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039\
         745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13\
         653e331e87",
    );
}

/// WebAuthn level 3, 16.11: an Ed25519 credential; of its attestation object the authenticator data.
#[test]
fn the_published_ed25519_credential() {
    let data = unhex(
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b54100000000d5aa33581e8ca478e20fe713f5d32ff20020ce9f840ed96599580cd140\
         fbc7bb3230633f50f61041aff73308ae71caa8a2bda401010327200621582044e06ddd331c36a8dc667bab52bcae63486c916aa5e339e6acebaa84934bf832",
    );
    let data = AuthenticatorData::try_from(data.as_slice()).unwrap();
    published(
        &PublicKey::read(data.attested_credential_data().credential_public_key).unwrap(),
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50100000000",
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a2269566c583442786a4f6d6d44534b4c596f7870557439736e364d48454f7943\
         413135726947514a6e763949222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
        "f5c59c7e46c34f6f8cc197101ddf9934fa2595f68eb1913a637e8419eb9ba4cfdfc48f85393bc0d40b011f0d6fecb097d6607525713223a0dc0d453993dae00b",
    );
}

fn ring() -> SealRing {
    SealRing::parse(r#"[{"kid":"one","key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]"#).unwrap()
}

#[test]
fn a_ceremony_is_finished_where_and_for_what_it_was_begun() {
    let (ring, now) = (ring(), Timestamp::from_millis(1_000_000));
    let here = Place { tenant_id: uuid::Uuid::from_bytes([1; 16]).into(), host: "Acme.app.localhost:8787" };
    let ceremony = Ceremony::begin(CHALLENGE, Some(ada()), now);
    for purpose in Purpose::ALL {
        let sealed = ceremony.seal(&ring, purpose, here, [3; 12]).unwrap();
        let open = |purpose, place, now| Ceremony::open(&ring, &sealed, purpose, place, now).map_err(|problem| problem.code());
        let same = Place { host: "acme.app.localhost:8787", ..here };
        assert_eq!(open(purpose, same, now), Ok(ceremony.clone()));
        assert_eq!(open(purpose, here, now.plus_seconds(LIFE_SECONDS - 1)), Ok(ceremony.clone()));
        assert_eq!(open(purpose, here, now.plus_seconds(LIFE_SECONDS)), Err(Code::TokenExpired));
        for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
            assert_eq!(open(other, here, now), Err(Code::TokenInvalid));
        }
        let elsewhere = [Place { host: "globex.app.localhost:8787", ..here }, Place { tenant_id: uuid::Uuid::nil().into(), ..here }];
        for place in elsewhere {
            assert_eq!(open(purpose, place, now), Err(Code::TokenInvalid));
        }
        for text in ["", "zs1", "zs1.one.AAAA", &sealed[..sealed.len() - 1]] {
            assert_eq!(Ceremony::open(&ring, text, purpose, here, now).map_err(|problem| problem.code()), Err(Code::TokenInvalid));
        }
    }
}

#[test]
fn the_browser_is_told_what_is_wanted() {
    insta::assert_json_snapshot!("creation", creation(&CHALLENGE));
    let allowed = vec![Descriptor::new(b"one", vec!["internal".into()])];
    insta::assert_json_snapshot!("request", RequestOptions::new("zygo.tech", &CHALLENGE, allowed));
}

#[test]
fn odd_credentials_are_no_input() {
    let mut device = device(Kind::P256);
    let good = device.get(&request(&CHALLENGE), ORIGIN);
    assert!(serde_json::from_value::<UsedCredential>(good.clone()).is_ok());
    let bent: [(&str, Value); 9] = [
        ("/id", json!("AAAA")),
        ("/rawId", json!("")),
        ("/rawId", json!("*")),
        ("/type", json!("private-key")),
        ("/response", json!([])),
        ("/response/signature", json!(7)),
        ("/response/signature", json!("a b")),
        ("/response/authenticatorData", Value::Null),
        ("/response/userHandle", json!("?")),
    ];
    for (pointer, value) in bent {
        let mut odd = good.clone();
        *odd.pointer_mut(pointer).unwrap() = value;
        assert!(serde_json::from_value::<UsedCredential>(odd).is_err(), "{pointer}");
    }
    let mut long = good;
    long["id"] = json!("A".repeat(1366));
    long["rawId"] = long["id"].clone();
    assert!(serde_json::from_value::<UsedCredential>(long).is_err());
}

proptest! {
    #[test]
    fn no_bytes_panic(attestation: Vec<u8>, client_data: Vec<u8>, at in 0_usize..400, byte: u8) {
        let mut device = device(Kind::P256);
        let made: NewCredential = serde_json::from_value(device.create(&creation(&CHALLENGE), ORIGIN)).unwrap();
        let known = known(&registration::verify(&party(), &CHALLENGE, made.clone()).unwrap());
        let good = used(&mut device, ORIGIN);
        let _ = registration::verify(&party(), &CHALLENGE, NewCredential { attestation: attestation.clone(), ..made.clone() });
        let _ = registration::verify(&party(), &CHALLENGE, NewCredential { client_data: client_data.clone(), ..made.clone() });
        let bent = [
            UsedCredential { authenticator_data: attestation.clone(), ..good.clone() },
            UsedCredential { signature: attestation, ..good.clone() },
            UsedCredential { client_data, ..good },
        ];
        for answer in bent {
            let refused = check(&known, &answer).is_err();
            prop_assert!(refused);
        }
        // One byte of the attestation object: nothing that reads it falls over.
        let mut bent = made;
        if let Some(place) = bent.attestation.get_mut(at) {
            *place = byte;
        }
        let _ = registration::verify(&party(), &CHALLENGE, bent);
    }
}
