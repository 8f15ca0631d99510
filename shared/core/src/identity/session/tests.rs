use hmac::{Hmac, Mac};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

fn secret(n: u8) -> Secret {
    Secret::new([n; 32])
}

fn begin(idle_seconds: i64, absolute_seconds: i64) -> Session {
    Session::begin(NewSession {
        id: Uuid::from_u128(1).into(),
        tenant_id: TenantId::PLATFORM,
        user_id: Uuid::from_u128(2).into(),
        secret_hash: secret(0).hash(),
        device_name: None,
        ip: None,
        country: None,
        user_agent: None,
        client_fingerprint: "a".into(),
        amr: vec!["pwd".into()],
        mfa_at: None,
        created_at: at(0),
        idle_seconds,
        absolute_seconds,
    })
}

fn attempt(secret: &Secret, client: &str, ms: i64, salt: u8) -> Attempt {
    Attempt { secret: secret.clone(), client_fingerprint: client.into(), now: at(ms), fresh_salt: Secret::new([salt; 32]) }
}

fn rotated(outcome: Refreshed) -> Secret {
    match outcome {
        Refreshed::Rotated { successor, .. } => successor,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_successor_is_hmac_sha256() {
    // The same HMAC by the constructor that takes any length of key.
    let successor = Secret::new([0x0b; 32]).successor(&Secret::new([0xaa; 32]));
    let mut mac = Hmac::<Sha256>::new_from_slice(&[0xaa; 32]).unwrap();
    mac.update(&[0x0b; 32]);
    assert_eq!(successor.bytes(), &<[u8; 32]>::from(mac.finalize().into_bytes()));
}

#[test]
fn a_retry_by_the_same_client_gets_the_same_successor() {
    let mut session = begin(100, 1000);
    let first = rotated(session.refresh(&attempt(&secret(0), "a", 0, 1), false));
    let again = rotated(session.refresh(&attempt(&secret(0), "a", RETRY_MS, 2), true));
    assert_eq!(first.bytes(), again.bytes());
    rotated(session.refresh(&attempt(&first, "a", RETRY_MS + 1, 3), false));
}

#[test]
fn a_late_retry_or_another_client_ends_the_family() {
    for (client, ms) in [("a", RETRY_MS + 1), ("b", 1)] {
        let mut session = begin(100, 1000);
        let live = rotated(session.refresh(&attempt(&secret(0), "a", 0, 1), false));
        let reused = session.refresh(&attempt(&secret(0), client, ms, 2), true);
        assert!(matches!(reused, Refreshed::Reused { session } if session.ended.is_some()));
        assert!(matches!(session.refresh(&attempt(&live, "a", ms, 3), false), Refreshed::Revoked));
        assert!(matches!(session.refresh(&attempt(&secret(0), "a", ms, 3), true), Refreshed::Revoked));
    }
}

#[test]
fn an_older_token_ends_the_family_even_at_once() {
    let mut session = begin(100, 1000);
    let one = rotated(session.refresh(&attempt(&secret(0), "a", 0, 1), false));
    rotated(session.refresh(&attempt(&one, "a", 1, 2), false));
    assert!(matches!(session.refresh(&attempt(&secret(0), "a", 2, 3), true), Refreshed::Reused { .. }));
}

#[test]
fn a_secret_never_issued_changes_nothing() {
    let mut session = begin(100, 1000);
    assert!(matches!(session.refresh(&attempt(&secret(9), "a", 0, 1), false), Refreshed::Unknown));
    rotated(session.refresh(&attempt(&secret(0), "a", 1, 2), false));
}

#[test]
fn refreshing_slides_the_end_up_to_the_absolute_one() {
    let mut session = begin(100, 150);
    assert_eq!(session.expires_at(), at(100_000));
    let next = rotated(session.refresh(&attempt(&secret(0), "a", 60_000, 1), false));
    assert_eq!(session.expires_at(), at(150_000));
    assert!(matches!(session.refresh(&attempt(&next, "a", 150_000, 2), false), Refreshed::Expired));
    assert!(!session.is_live(at(150_000)));
}

#[test]
fn views_and_storage_show_no_secret() {
    let session = begin(100, 150);
    assert!(!serde_json::to_string(&session.view()).unwrap().contains("hash"));
    assert!(!format!("{:?}", secret(7)).contains('7'));
    let text = serde_json::to_string(&session).unwrap();
    assert_eq!(serde_json::from_str::<Session>(&text).unwrap().view(), session.view());
}

#[test]
fn a_persons_sessions_share_an_object() {
    let names: std::collections::BTreeSet<String> = (0..1000u128).map(|n| object_name(TenantId::PLATFORM, Uuid::from_u128(n).into())).collect();
    assert_eq!(names.len(), 16);
}

#[derive(Debug, Clone)]
enum Step {
    /// Presents the n-th newest secret issued so far.
    Refresh {
        back: usize,
        client: bool,
    },
    Forged,
    End,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Refresh { back: 0, client: true }),
        3 => (0usize..4, any::<bool>()).prop_map(|(back, client)| Step::Refresh { back, client }),
        1 => Just(Step::Forged),
        1 => Just(Step::End),
    ]
}

proptest! {
    /// Any interleaving of refreshes, retries, reuse, forgeries and ends keeps the invariants.
    #[test]
    fn invariants_hold(steps in prop::collection::vec((step(), 0i64..20_000), 1..80), idle in 15i64..60, absolute in 30i64..300) {
        let mut session = begin(idle, absolute);
        // All secrets ever issued, oldest first; every one but the last has rotated.
        let mut issued = vec![secret(0)];
        let (mut now, mut dead, mut rotated_at) = (0, false, None::<i64>);
        for (n, (step, gap)) in steps.into_iter().enumerate() {
            now += gap;
            let salt = u8::try_from(n).unwrap() + 1;
            let was_live = session.is_live(at(now));
            match step {
                Step::End => {
                    prop_assert_eq!(session.end(EndReason::SignedOut, at(now)), was_live);
                    dead |= was_live;
                }
                Step::Forged => {
                    let outcome = session.refresh(&attempt(&Secret::new([0xff; 32]), "a", now, salt), false);
                    prop_assert!(matches!(outcome, Refreshed::Unknown));
                    prop_assert_eq!(session.is_live(at(now)), was_live);
                }
                Step::Refresh { back, client } => {
                    let index = issued.len().saturating_sub(back + 1);
                    let newest = index + 1 == issued.len();
                    let client = if client { "a" } else { "b" };
                    let outcome = session.refresh(&attempt(&issued[index].clone(), client, now, salt), !newest);
                    let retry = index + 2 == issued.len() && client == "a" && rotated_at.is_some_and(|t| now - t <= RETRY_MS);
                    match outcome {
                        Refreshed::Rotated { successor, session: view } => {
                            prop_assert!(was_live && !dead, "revived");
                            prop_assert!(view.is_live(at(now)));
                            if newest {
                                prop_assert!(issued.iter().all(|old| old.bytes() != successor.bytes()));
                                issued.push(successor);
                                // Retries are recognised for client "a" alone in this model.
                                rotated_at = (client == "a").then_some(now);
                            } else {
                                prop_assert!(retry || (index + 2 == issued.len() && client == "b" && rotated_at.is_none()));
                                prop_assert_eq!(successor.bytes(), issued.last().unwrap().bytes());
                            }
                        }
                        Refreshed::Reused { .. } => {
                            prop_assert!(was_live && !newest && !retry);
                            dead = true;
                        }
                        Refreshed::Revoked => prop_assert!(dead),
                        Refreshed::Expired => prop_assert!(!was_live && !dead),
                        Refreshed::Unknown => prop_assert!(false, "an issued secret is known"),
                    }
                }
            }
            prop_assert!(!(dead && session.is_live(at(now))));
            prop_assert!(session.expires_at() <= at(absolute * 1000));
        }
    }
}
