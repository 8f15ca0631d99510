//! QR codes as SVG, for authenticator apps to scan.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::Problem;

/// Light modules around the code, as its standard asks for (ISO/IEC 18004).
const QUIET: i32 = 4;

/// A text as a QR code: one SVG path, a square per dark module, black on white.
///
/// # Errors
/// `INTERNAL` if the text is too long for any code (2,331 bytes).
pub fn svg(text: &str) -> Result<String, Problem> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|error| Problem::internal(error.to_string()))?;
    let side = code.size();
    let whole = side.saturating_add(QUIET.saturating_mul(2));
    let mut path = String::new();
    for y in 0..side {
        for x in (0..side).filter(|x| code.get_module(*x, y)) {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x.saturating_add(QUIET), y.saturating_add(QUIET));
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{whole}v{whole}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_finders_and_its_quiet_zone() {
        let image = svg("otpauth://totp/Zygo:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        assert!(image.starts_with("<svg ") && image.ends_with("</svg>"));
        // The corner of the first finder pattern, and nothing before it.
        assert!(image.contains("d=\"M4 4h1v1h-1zM5 4h1v1h-1z"));
        assert!(svg(&"x".repeat(3000)).is_err());
    }
}
