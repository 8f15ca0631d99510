use proptest::prelude::*;

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_769_592_600_000 + millis)
}

fn entry(slug: &str, version: i64) -> DirectoryEntry {
    DirectoryEntry {
        tenant_id: TenantId::from(uuid::Uuid::from_u128(7)),
        slug: Slug::parse(slug).unwrap(),
        plan: Plan::Free,
        status: TenantStatus::Active,
        redirect_to: None,
        settings: Value::Null,
        version,
    }
}

#[test]
fn known_hosts_live_30_seconds_and_unknown_ones_10() {
    let mut cache = HostCache::new(10);
    cache.put("acme.app.localhost", Some(entry("acme", 1)), at(0));
    cache.put("nobody.app.localhost", None, at(0));
    assert_eq!(cache.get("acme.app.localhost", at(29_999)), Lookup::Known(&entry("acme", 1)));
    assert_eq!(cache.get("acme.app.localhost", at(30_000)), Lookup::Miss);
    assert_eq!(cache.get("nobody.app.localhost", at(9_999)), Lookup::Unknown);
    assert_eq!(cache.get("nobody.app.localhost", at(10_000)), Lookup::Miss);
    assert_eq!(cache.get("other.app.localhost", at(0)), Lookup::Miss);
}

#[test]
fn an_older_version_does_not_replace_a_newer_one() {
    let mut cache = HostCache::new(10);
    cache.put("h", Some(entry("acme", 2)), at(0));
    cache.put("h", Some(entry("acme", 1)), at(10));
    assert_eq!(cache.get("h", at(20)), Lookup::Known(&entry("acme", 2)));
    cache.put("h", Some(entry("acme", 3)), at(20));
    assert_eq!(cache.get("h", at(20)), Lookup::Known(&entry("acme", 3)));
    // Another organisation took the host over; its versions count for themselves.
    let mut taken_over = entry("globex", 1);
    taken_over.tenant_id = TenantId::from(uuid::Uuid::from_u128(8));
    cache.put("h", Some(taken_over.clone()), at(20));
    assert_eq!(cache.get("h", at(20)), Lookup::Known(&taken_over));
}

#[test]
fn a_host_that_appears_is_no_longer_unknown_and_the_other_way_round() {
    let mut cache = HostCache::new(10);
    cache.put("h", None, at(0));
    cache.put("h", Some(entry("acme", 1)), at(1));
    assert_eq!(cache.get("h", at(2)), Lookup::Known(&entry("acme", 1)));
    cache.put("h", None, at(3));
    assert_eq!(cache.get("h", at(4)), Lookup::Unknown);
    cache.forget("h");
    assert_eq!(cache.get("h", at(4)), Lookup::Miss);
}

#[test]
fn unknown_hosts_never_push_out_known_ones() {
    let mut cache = HostCache::new(10);
    cache.put("acme.app.localhost", Some(entry("acme", 1)), at(0));
    for i in 0..1_000 {
        cache.put(&format!("made-up-{i}"), None, at(i));
    }
    assert_eq!(cache.get("acme.app.localhost", at(1_000)), Lookup::Known(&entry("acme", 1)));
    assert_eq!(cache.unknown.entries.len(), 10);
}

#[test]
fn a_flood_of_made_up_hosts_stays_within_the_budget() {
    let mut cache = HostCache::new(100);
    let mut asked = 0;
    for i in 0..60_000 {
        let host = format!("made-up-{i}");
        if cache.get(&host, at(i)) == Lookup::Miss && cache.may_ask_postgres(at(i)) {
            asked += 1;
            cache.put(&host, None, at(i));
        }
    }
    // A minute of 1,000 distinct hosts a second: the burst, and two a second.
    assert_eq!(asked, 20 + 119);
}

#[test]
fn known_hosts_do_not_spend_the_budget() {
    let mut cache = HostCache::new(1_000);
    for i in 0..1_000 {
        assert!(cache.may_ask_postgres(at(0)), "{i}");
        cache.refund();
    }
    assert_eq!((0..1_000).filter(|_| cache.may_ask_postgres(at(0))).count(), 20);
}

#[test]
fn an_entry_survives_json() {
    let json = serde_json::to_string(&entry("acme", 1)).unwrap();
    assert_eq!(json, r#"{"tenant_id":"00000000-0000-0000-0000-000000000007","slug":"acme","plan":"free","status":"active","version":1}"#);
    assert_eq!(serde_json::from_str::<DirectoryEntry>(&json).unwrap(), entry("acme", 1));
    for status in TenantStatus::ALL {
        assert_eq!(TenantStatus::from_key(status.key()), Some(status));
    }
}

proptest! {
    /// Against a model without bound: what the cache knows is what was put last, unexpired; and memory stays bounded.
    #[test]
    fn the_cache_never_lies(steps in prop::collection::vec((0_u8..30, any::<bool>(), 0_i64..8_000), 0..200)) {
        let mut cache = HostCache::new(8);
        let mut model: HashMap<String, (Option<DirectoryEntry>, i64)> = HashMap::new();
        let (mut now, mut version) = (0, 0);
        for (host, known, pause) in steps {
            now += pause;
            version += 1;
            let host = format!("h{host}");
            let found = known.then(|| entry("acme", version));
            cache.put(&host, found.clone(), at(now));
            model.insert(host, (found, now));
            prop_assert!(cache.known.entries.len() <= 8 && cache.unknown.entries.len() <= 8);
            prop_assert!(cache.known.order.len() <= 16 && cache.unknown.order.len() <= 16);
            for (host, (found, since)) in &model {
                match cache.get(host, at(now)) {
                    Lookup::Known(entry) => prop_assert!(found.as_ref() == Some(entry) && now - since < POSITIVE_MS),
                    Lookup::Unknown => prop_assert!(found.is_none() && now - since < NEGATIVE_MS),
                    Lookup::Miss => {}
                }
            }
        }
    }

    /// In any stretch of time no more is asked than the burst and what flowed back.
    #[test]
    fn the_budget_holds(pauses in prop::collection::vec(0_i64..2_000, 1..300)) {
        let mut cache = HostCache::new(8);
        let mut now = 0;
        let mut asked = Vec::new();
        for pause in pauses {
            now += pause;
            if cache.may_ask_postgres(at(now)) {
                asked.push(now);
            }
        }
        for (i, start) in asked.iter().enumerate() {
            for (j, end) in asked.iter().enumerate().skip(i) {
                let count = i64::try_from(j - i + 1).unwrap();
                prop_assert!(count <= BURST + (end - start) / INTERVAL_MS + 1);
            }
        }
    }
}
