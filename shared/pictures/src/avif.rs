//! AVIF: the coded picture is taken out of its container and put into one made anew, which holds nothing else. It stays as
//! large as it is, within bounds.

use std::io::Cursor;

use avif_parse::{AV1Metadata, AvifData};
use avif_serialize::Aviffy;
use zygo_core::picture::{Kind, MAX_SIDE, Refusal};

use crate::Picture;

/// Where a container says that its picture is turned or mirrored, which the new one could not say.
const TURNED: [&[u8]; 2] = [b"irot", b"imir"];

pub fn clean(upload: &[u8]) -> Result<Picture, Refusal> {
    let head = upload.windows(4).position(|window| window == b"mdat").and_then(|end| upload.get(..end)).unwrap_or(upload);
    if TURNED.iter().any(|mark| head.windows(mark.len()).any(|window| window == *mark)) {
        return Err(Refusal::Unsupported);
    }
    let data = AvifData::from_reader(&mut Cursor::new(upload)).map_err(|_| Refusal::Broken)?;
    let seen = data.primary_item_metadata().map_err(|_| Refusal::Broken)?;
    let alpha = data.alpha_item_metadata().map_err(|_| Refusal::Broken)?;
    if alpha.as_ref().is_some_and(|alpha| size(alpha) != size(&seen)) {
        return Err(Refusal::Broken);
    }
    let (width, height) = size(&seen);
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(Refusal::TooLarge);
    }
    let mut container = Aviffy::new();
    container
        .set_seq_profile(seen.seq_profile)
        .set_chroma_subsampling(seen.chroma_subsampling)
        .set_monochrome(seen.monochrome)
        .set_premultiplied_alpha(data.premultiplied_alpha);
    let bytes = container.to_vec(&data.primary_item, data.alpha_item.as_deref(), width, height, seen.bit_depth);
    Ok(Picture { kind: Kind::Avif, bytes })
}

const fn size(of: &AV1Metadata) -> (u32, u32) {
    (of.max_frame_width.get(), of.max_frame_height.get())
}
