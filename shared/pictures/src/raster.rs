//! JPEG, PNG and WebP: decoded within limits, turned upright, cut to shape, made small, encoded anew.

use std::io::Cursor;

use image::{
    DynamicImage, GenericImageView as _, ImageDecoder, ImageEncoder as _, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
    imageops,
};
use zygo_core::picture::{KEPT_SIDE, Kind, MAX_SIDE, Refusal, Shape};

use crate::Picture;

/// Most memory that decoding may take, in bytes: 4096 × 4096 pixels of four bytes. An isolate has 128 MiB.
const MEMORY: u64 = 64 * 1024 * 1024;
/// Quality of what has no transparency.
const QUALITY: u8 = 85;

pub fn clean(kind: Kind, upload: &[u8], shape: Shape) -> Result<Picture, Refusal> {
    let format = match kind {
        Kind::Png => ImageFormat::Png,
        Kind::Webp => ImageFormat::WebP,
        Kind::Jpeg | Kind::Avif => ImageFormat::Jpeg,
    };
    let picture = decode(format, upload).map_err(|error| match error {
        ImageError::Limits(_) => Refusal::TooLarge,
        ImageError::Unsupported(_) => Refusal::Unsupported,
        _ => Refusal::Broken,
    })?;
    let small = match shape {
        Shape::Square => square(&picture),
        Shape::Whole => whole(&picture),
    };
    encode(&small).map_err(|_| Refusal::Broken)
}

fn decode(format: ImageFormat, upload: &[u8]) -> Result<DynamicImage, ImageError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(upload), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    // Also where a decoder does not ask by itself.
    limits.check_dimensions(width, height)?;
    limits.reserve(decoder.total_bytes())?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The largest square in the middle, at most [`KEPT_SIDE`] pixels wide; nothing is made larger.
fn square(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = picture.dimensions();
    let side = width.min(height);
    let (left, top) = (width.saturating_sub(side).div_euclid(2), height.saturating_sub(side).div_euclid(2));
    let cut = imageops::crop_imm(picture, left, top, side, side);
    let small = side.min(KEPT_SIDE);
    // Averages what it leaves out, and needs no memory beside its result.
    DynamicImage::ImageRgba8(if small == side { cut.to_image() } else { imageops::thumbnail(&*cut, small, small) })
}

/// All of it, at most [`KEPT_SIDE`] pixels wide and high; nothing is made larger.
fn whole(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= KEPT_SIDE {
        return DynamicImage::ImageRgba8(picture.to_rgba8());
    }
    let scaled = |side: u32| {
        let exact = u64::from(side).saturating_mul(u64::from(KEPT_SIDE)).checked_div(u64::from(longest)).unwrap_or(1);
        u32::try_from(exact).unwrap_or(KEPT_SIDE).max(1)
    };
    DynamicImage::ImageRgba8(imageops::thumbnail(picture, scaled(width), scaled(height)))
}

fn encode(picture: &DynamicImage) -> Result<Picture, ImageError> {
    let pixels = picture.to_rgba8();
    let mut bytes = Vec::new();
    let kind = if pixels.pixels().any(|pixel| pixel.0.last().is_some_and(|alpha| *alpha < u8::MAX)) {
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive);
        encoder.write_image(&pixels, pixels.width(), pixels.height(), image::ExtendedColorType::Rgba8)?;
        Kind::Png
    } else {
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture.to_rgb8())?;
        Kind::Jpeg
    };
    Ok(Picture { kind, bytes })
}
