//! `GET /assets/{file}`: what pages are dressed in.

use zygo_core::error::{Code, Problem};

use crate::{assets, ctx::Ctx, reply::Answer};

/// A file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asset {
    /// The one stylesheet.
    Style,
    /// The icon.
    Icon,
    /// What asks for passkeys.
    Passkey,
}

/// A year, in seconds: the address changes with the content.
const FOREVER: u32 = 365 * 24 * 3600;
/// Five minutes, for whoever asks without the content's mark.
const SHORTLY: u32 = 300;

const STYLE_MARK: u64 = mark(include_bytes!("../../../../public/pages/pages.css"));
const PASSKEY_MARK: u64 = mark(include_bytes!("../../../../public/pages/passkey.js"));
const ICON_MARK: u64 = mark(include_bytes!("../../../../public/pages/icon.svg"));

/// FNV-1a over a file, while compiling: the file itself does not get into the bundle.
const fn mark(mut bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    while let Some((first, rest)) = bytes.split_first() {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

impl Asset {
    const ALL: [Self; 3] = [Self::Style, Self::Icon, Self::Passkey];

    const fn name(self) -> &'static str {
        match self {
            Self::Style => "pages.css",
            Self::Icon => "icon.svg",
            Self::Passkey => "passkey.js",
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Style => "text/css; charset=utf-8",
            Self::Icon => "image/svg+xml",
            Self::Passkey => "text/javascript; charset=utf-8",
        }
    }

    const fn mark(self) -> u64 {
        match self {
            Self::Style => STYLE_MARK,
            Self::Icon => ICON_MARK,
            Self::Passkey => PASSKEY_MARK,
        }
    }
}

/// Where a file lies, with the mark of its content.
#[must_use]
pub fn href(asset: Asset) -> String {
    format!("/assets/{}?v={:016x}", asset.name(), asset.mark())
}

/// Answers a file.
///
/// # Errors
/// `NOT_FOUND` for any but ours.
pub async fn get(ctx: Ctx) -> Result<Answer, Problem> {
    let name = ctx.param("file").unwrap_or_default();
    let asset = Asset::ALL.into_iter().find(|asset| asset.name() == name).ok_or(Problem::new(Code::NotFound))?;
    let marked = ctx.query("v").is_some_and(|v| v == format!("{:016x}", asset.mark()));
    assets::serve(&ctx, &format!("pages/{name}"), asset.kind(), if marked { FOREVER } else { SHORTLY }).await
}
