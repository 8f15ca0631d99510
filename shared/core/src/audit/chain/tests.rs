use super::*;

const TENANT: TenantId = TenantId::PLATFORM;

fn entry(seq: i64) -> Entry {
    Entry {
        seq,
        id: Uuid::from_u128(u128::try_from(seq).unwrap()),
        actor: "user:x".into(),
        user_id: Some(Uuid::from_u128(9)),
        action: "roles.update".into(),
        resource_type: "roles".into(),
        resource_id: None,
        before: Some("{\"n\": 1}".into()),
        after: None,
        request_id: Some("r".into()),
        ip: None,
        at_micros: 1_000 * seq,
    }
}

fn stretch(rows: &[Entry]) -> Stretch {
    let mut stretch = Stretch::new(TENANT);
    rows.iter().for_each(|row| stretch.push(row));
    stretch
}

/// Two seals, over the places 3, 5, 8 and 10, 11.
fn sealed() -> (Vec<Entry>, Vec<Entry>, Seal, Seal) {
    let (first, second): (Vec<Entry>, Vec<Entry>) = ([3, 5, 8].map(entry).into(), [10, 11].map(entry).into());
    let one = stretch(&first).seal(None, 0, Timestamp::from_millis(1));
    let two = stretch(&second).seal(Some(&one), 0, Timestamp::from_millis(2));
    (first, second, one, two)
}

fn found(first: &[Entry], second: &[Entry], one: &Seal, two: &Seal) -> Vec<(i64, Fault)> {
    let mut verifier = Verifier::new(two.expired_through);
    verifier.check(one, stretch(first), false);
    verifier.check(two, stretch(second), true);
    verifier.faults
}

#[test]
fn what_was_not_touched_fits() {
    let (first, second, one, two) = sealed();
    assert_eq!(found(&first, &second, &one, &two), []);
    assert_eq!((one.number, one.first_seq, one.last_seq, one.row_count), (1, 1, 8, 3));
    assert_eq!((two.number, two.first_seq, two.last_seq, two.row_count), (2, 9, 11, 2));
}

#[test]
fn an_edited_row_shows_whatever_was_edited() {
    let (first, second, one, two) = sealed();
    let edits: [fn(&mut Entry); 11] = [
        |row| row.id = Uuid::from_u128(77),
        |row| row.actor.push('y'),
        |row| row.user_id = None,
        |row| row.action.push('y'),
        |row| row.resource_type.push('y'),
        |row| row.resource_id = Some(Uuid::nil()),
        |row| row.before = None,
        |row| row.after = Some(String::new()),
        |row| row.request_id = None,
        |row| row.ip = Some("r".into()),
        |row| row.at_micros += 1,
    ];
    for edit in edits {
        let mut changed = first.clone();
        edit(&mut changed[1]);
        assert_eq!(found(&changed, &second, &one, &two), [(1, Fault::Edited)]);
    }
    // What moves from one field to the next is a change too.
    let (mut a, mut b) = (entry(1), entry(1));
    (a.action, a.resource_type) = ("ab".into(), "c".into());
    (b.action, b.resource_type) = ("a".into(), "bc".into());
    assert_ne!(a.digest(TENANT), b.digest(TENANT));
}

#[test]
fn a_deleted_row_shows_wherever_it_was() {
    let (first, second, one, two) = sealed();
    for place in 0..3 {
        let mut left = first.clone();
        left.remove(place);
        assert_eq!(found(&left, &second, &one, &two), [(1, Fault::Deleted { missing: 1 })]);
    }
    assert_eq!(found(&first, &second[1..], &one, &two), [(2, Fault::Deleted { missing: 1 })]);
}

#[test]
fn reordered_rows_show() {
    let (first, second, one, two) = sealed();
    let mut moved = first.clone();
    (moved[0].seq, moved[2].seq) = (first[2].seq, first[0].seq);
    moved.reverse();
    assert_eq!(found(&moved, &second, &one, &two), [(1, Fault::Reordered)]);
    // From one stretch to the other: neither has the rows that were sealed.
    let (mut other_first, mut other_second) = (first, second);
    std::mem::swap(&mut other_first[2], &mut other_second[0]);
    (other_first[2].seq, other_second[0].seq) = (8, 10);
    assert_eq!(found(&other_first, &other_second, &one, &two), [(1, Fault::Edited), (2, Fault::Edited)]);
}

#[test]
fn a_cut_off_end_shows() {
    let (first, second, one, two) = sealed();
    assert_eq!(found(&first, &second[..1], &one, &two), [(2, Fault::CutOff { after: 10 })]);
    assert_eq!(found(&first, &[], &one, &two), [(2, Fault::CutOff { after: 8 })]);
    // With its seal gone too, the copy tells.
    let mut verifier = Verifier::new(0);
    verifier.check(&one, stretch(&first), true);
    assert_eq!(verifier.faults, []);
    verifier.check_copy(&one, Some(&one));
    verifier.check_copy(&two, None);
    assert_eq!(verifier.faults, [(2, Fault::CutOff { after: 1 })]);
}

#[test]
fn an_added_row_shows() {
    let (mut first, second, one, two) = sealed();
    first.insert(1, entry(4));
    assert_eq!(found(&first, &second, &one, &two), [(1, Fault::Inserted { surplus: 1 })]);
}

#[test]
fn a_forged_seal_shows() {
    let (first, second, one, two) = sealed();
    // One edits a row and the seal to match, but cannot match the next seal.
    let mut changed = first.clone();
    changed[0].actor = "somebody else".into();
    let forged = stretch(&changed).seal(None, 0, one.sealed_at);
    assert_eq!(found(&changed, &second, &forged, &two), [(2, Fault::Seal)]);
    // Or forges the whole chain, but not the copies.
    let next = stretch(&second).seal(Some(&forged), 0, two.sealed_at);
    let mut verifier = Verifier::new(0);
    verifier.check(&forged, stretch(&changed), false);
    verifier.check(&next, stretch(&second), true);
    assert_eq!(verifier.faults, []);
    verifier.check_copy(&one, Some(&forged));
    assert_eq!(verifier.faults, [(1, Fault::Seal)]);
    // Any number or hash in it.
    let edits: [fn(&mut Seal); 5] = [
        |s| s.row_count += 1,
        |s| s.expired_through += 9,
        |s| s.rows_mixed[0] ^= 1,
        |s| s.previous_hash = None,
        |s| s.sealed_at = Timestamp::from_millis(7),
    ];
    for edit in edits {
        let mut edited = two.clone();
        edit(&mut edited);
        assert!(found(&first, &second, &one, &edited).contains(&(2, Fault::Seal)));
    }
}

#[test]
fn what_expired_may_be_gone_in_part_or_whole() {
    let (first, second, one, two) = sealed();
    let three = stretch(&[]).seal(Some(&two), one.last_seq, Timestamp::from_millis(3));
    assert_eq!((three.first_seq, three.last_seq, three.row_count, three.expired_through), (12, 11, 0, 8));
    for left in [&first[..], &first[1..], &[]] {
        let mut verifier = Verifier::new(three.expired_through);
        verifier.check(&one, stretch(left), false);
        verifier.check(&two, stretch(&second), false);
        verifier.check(&three, stretch(&[]), true);
        assert_eq!(verifier.faults, []);
    }
    let four = stretch(&[entry(12)]).seal(Some(&three), 0, Timestamp::from_millis(4));
    assert_eq!((four.first_seq, four.last_seq, four.expired_through), (12, 12, 8));
    // What did not expire may not be gone.
    let mut verifier = Verifier::new(three.expired_through);
    verifier.check(&one, stretch(&[]), false);
    verifier.check(&two, stretch(&second[1..]), false);
    assert_eq!(verifier.faults, [(2, Fault::Deleted { missing: 1 })]);
}

#[test]
fn a_copy_reads_as_it_was_written() {
    let (_, _, one, two) = sealed();
    for seal in [one, two] {
        let text = serde_json::to_string(&seal).unwrap();
        assert_eq!(serde_json::from_str::<Seal>(&text).unwrap(), seal);
    }
    assert_eq!(sealed().2.key(), "00000000-0000-0000-0000-000000000000/000000000001.json");
}
