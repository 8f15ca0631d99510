//! Uploads as other programs write them (Pillow 13): red and green above, blue below; with comments, a place, orientations.

use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgba, RgbaImage};
use zygo_core::picture::{KEPT_SIDE, Kind, MAX_SIDE, Refusal, Shape};

use super::*;

const TURNED_JPEG: &[u8] = include_bytes!("tests/turned.jpg");
const CLEAR_PNG: &[u8] = include_bytes!("tests/clear.png");
const STILL_WEBP: &[u8] = include_bytes!("tests/still.webp");
const MOVING_WEBP: &[u8] = include_bytes!("tests/moving.webp");
const STILL_AVIF: &[u8] = include_bytes!("tests/still.avif");
const CLEAR_AVIF: &[u8] = include_bytes!("tests/clear.avif");
const TURNED_AVIF: &[u8] = include_bytes!("tests/turned.avif");

fn holds(file: &[u8], mark: &[u8]) -> bool {
    file.windows(mark.len()).any(|window| window == mark)
}

fn decoded(picture: &Picture) -> DynamicImage {
    let format = if picture.kind == Kind::Png { ImageFormat::Png } else { ImageFormat::Jpeg };
    image::load_from_memory_with_format(&picture.bytes, format).unwrap()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// Which of red, green and blue a place is.
fn colour(picture: &DynamicImage, x: u32, y: u32) -> usize {
    let Rgba([red, green, blue, _]) = picture.get_pixel(x, y);
    [red, green, blue].iter().enumerate().max_by_key(|(_, value)| **value).unwrap().0
}

#[test]
fn a_photo_comes_out_upright_square_and_without_a_word() {
    assert!(holds(TURNED_JPEG, b"secret") && holds(TURNED_JPEG, b"Exif"));
    let picture = clean(TURNED_JPEG, Shape::Square).unwrap();
    assert_eq!(picture.kind, Kind::Jpeg);
    for mark in [b"secret".as_slice(), b"Exif", b"ICC_PROFILE", b"http"] {
        assert!(!holds(&picture.bytes, mark), "{mark:?}");
    }
    let seen = decoded(&picture);
    assert_eq!(seen.dimensions(), (32, 32));
    // Turned a quarter to the right: what was above is at the right, its left end above.
    assert_eq!([colour(&seen, 4, 4), colour(&seen, 28, 4), colour(&seen, 28, 28)], [2, 0, 1]);
}

#[test]
fn what_can_be_seen_through_stays_so() {
    let picture = clean(CLEAR_PNG, Shape::Square).unwrap();
    assert_eq!(picture.kind, Kind::Png);
    assert!(!holds(&picture.bytes, b"secret") && !holds(&picture.bytes, b"eXIf") && !holds(&picture.bytes, b"tEXt"));
    assert!(decoded(&picture).to_rgba8().pixels().any(|pixel| pixel.0[3] == 128));
}

#[test]
fn webp_becomes_what_everything_reads() {
    let picture = clean(STILL_WEBP, Shape::Square).unwrap();
    assert_eq!(picture.kind, Kind::Jpeg);
    assert!(!holds(&picture.bytes, b"secret"));
    assert_eq!(decoded(&picture).dimensions(), (32, 32));
    assert_eq!(decoded(&clean(MOVING_WEBP, Shape::Square).unwrap()).dimensions(), (32, 32), "its first picture");
}

#[test]
fn avif_keeps_its_picture_and_nothing_else() {
    for (upload, has_alpha) in [(STILL_AVIF, false), (CLEAR_AVIF, true)] {
        let picture = clean(upload, Shape::Square).unwrap();
        assert_eq!((picture.kind, Kind::of(&picture.bytes)), (Kind::Avif, Some(Kind::Avif)));
        assert!(!holds(&picture.bytes, b"secret") && !holds(&picture.bytes, b"Exif"));
        let read = |file: &[u8]| avif_parse::AvifData::from_reader(&mut std::io::Cursor::new(file)).unwrap();
        let (before, after) = (read(upload), read(&picture.bytes));
        assert_eq!(before.primary_item, after.primary_item);
        assert_eq!((before.alpha_item.as_deref(), after.alpha_item.is_some()), (after.alpha_item.as_deref(), has_alpha));
        assert_eq!(clean(&picture.bytes, Shape::Square).unwrap(), picture, "once clean, always clean");
    }
    assert_eq!(clean(TURNED_AVIF, Shape::Square).unwrap_err(), Refusal::Unsupported);
}

#[test]
fn large_ones_become_small_and_small_ones_stay() {
    let large = DynamicImage::ImageRgba8(RgbaImage::from_pixel(2000, 900, Rgba([9, 99, 199, 255])));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let seen = decoded(&clean(&encoded(&large, format), Shape::Square).unwrap());
        assert_eq!(seen.dimensions(), (512, 512));
        assert_eq!(colour(&seen, 256, 256), 2);
    }
    let small = DynamicImage::ImageRgba8(RgbaImage::from_pixel(3, 1, Rgba([9, 99, 199, 255])));
    assert_eq!(decoded(&clean(&encoded(&small, ImageFormat::Png), Shape::Square).unwrap()).dimensions(), (1, 1));
}

/// The sum over type and contents that ends a chunk (RFC 2083, 3.4).
fn crc(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }))
}

/// A small file that says it is large.
fn with_size(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

#[test]
fn bombs_are_refused_before_they_unfold() {
    let png = encoded(&DynamicImage::ImageRgba8(RgbaImage::new(1, 1)), ImageFormat::Png);
    assert!(clean(&with_size(png.clone(), 1, 1), Shape::Square).is_ok(), "the sum is right");
    for (width, height) in [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (50_000, 50_000), (u32::MAX >> 1, u32::MAX >> 1)] {
        assert_eq!(clean(&with_size(png.clone(), width, height), Shape::Square).unwrap_err(), Refusal::TooLarge, "{width} × {height}");
    }
    // Within the sides, and still more memory than there is: eight bytes a pixel.
    let deep = encoded(&DynamicImage::ImageRgba16(image::ImageBuffer::new(1, 1)), ImageFormat::Png);
    assert_eq!(clean(&with_size(deep, MAX_SIDE, MAX_SIDE), Shape::Square).unwrap_err(), Refusal::TooLarge);
    // As large as it says it is, of which there is nothing.
    assert_eq!(clean(&with_size(png, 4000, 3000), Shape::Square).unwrap_err(), Refusal::Broken);
    let mut jpeg = TURNED_JPEG.to_vec();
    let frame = jpeg.windows(2).position(|window| window == b"\xff\xc0").unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert_eq!(clean(&jpeg, Shape::Square).unwrap_err(), Refusal::TooLarge);
}

#[test]
fn what_is_something_else_too_is_refused() {
    let with = |tail: &[u8]| [TURNED_JPEG, tail].concat();
    let archive = [b"PK\x03\x04 a file".as_slice(), b"PK\x05\x06", &[0; 18]].concat();
    for tail in [archive.as_slice(), b"<?PHP system($_GET[0]);", b"<Script>alert(1)</script>", b"<!DOCTYPE html><p>"] {
        assert_eq!(clean(&with(tail), Shape::Square).unwrap_err(), Refusal::Polyglot, "{tail:?}");
    }
    let mut document = TURNED_JPEG.to_vec();
    document.splice(2..2, b"\xff\xfe\x00\x0a%PDF-1.7".iter().copied());
    assert_eq!(clean(&document, Shape::Square).unwrap_err(), Refusal::Polyglot);
    // A film behind the picture, as telephones put it there, is dropped without a word.
    assert!(!holds(&clean(&with(b"\0\0\0\x18ftypmp42 a film"), Shape::Square).unwrap().bytes, b"film"));
}

#[test]
fn lies_and_ruins_are_refused() {
    for unknown in [b"".as_slice(), b"GIF89a", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", b"BM", b"text"] {
        assert_eq!(clean(unknown, Shape::Square).unwrap_err(), Refusal::Unknown);
    }
    for upload in [TURNED_JPEG, CLEAR_PNG, STILL_WEBP, STILL_AVIF] {
        for kept in [16, 40, 100] {
            assert!(clean(&upload[..kept], Shape::Square).is_err(), "{kept} bytes");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(400))]
    /// Whatever is done to a file, it is cleaned or refused: a panic would end the isolate.
    #[test]
    fn no_damage_panics(which in 0..7_usize, places in proptest::collection::vec((0..900_usize, 0..=255_u8), 0..12), cut in 0..900_usize) {
        let files = [TURNED_JPEG, CLEAR_PNG, STILL_WEBP, MOVING_WEBP, STILL_AVIF, CLEAR_AVIF, TURNED_AVIF];
        let mut file = files[which].to_vec();
        for (place, value) in places {
            if let Some(byte) = file.get_mut(place) {
                *byte = value;
            }
        }
        if cut % 3 == 0 {
            file.truncate(cut);
        }
        let _ = clean(&file, Shape::Square);
    }
}

#[test]
fn a_whole_picture_keeps_its_proportions() {
    for (size, kept) in [((1024, 256), (512, 128)), ((100, 300), (100, 300)), ((4096, 1), (512, 1)), ((513, 512), (512, 511))] {
        let picture = DynamicImage::ImageRgba8(RgbaImage::from_pixel(size.0, size.1, Rgba([9, 9, 9, 255])));
        let small = decoded(&clean(&encoded(&picture, ImageFormat::Png), Shape::Whole).unwrap());
        assert_eq!(small.dimensions(), kept, "{size:?}");
        assert!(small.width().max(small.height()) <= KEPT_SIDE);
    }
}
