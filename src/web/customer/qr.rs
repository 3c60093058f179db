//! A text as a QR code, for a second screen or a machine without a clipboard.

use qrcode::{EcLevel, QrCode};

/// Modules that must stay empty around the code (ISO/IEC 18004).
const QUIET: usize = 4;

/// A drawing to be put into an `<svg>`.
#[derive(Debug)]
pub struct Drawing {
    /// Width and height, in modules.
    pub size: usize,
    /// The dark modules, as the `d` of a `<path>`.
    pub path: String,
}

/// The code of `text`; `None` when it is longer than a QR code can hold.
pub fn draw(text: &str) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (row, colors) in code.to_colors().chunks(width).enumerate() {
        for (column, _) in colors.iter().enumerate().filter(|(_, color)| **color == qrcode::Color::Dark) {
            path.push_str(&format!("M{} {}h1v1h-1z", column + QUIET, row + QUIET));
        }
    }
    Some(Drawing { size: width + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_key_fits_the_third_size_and_a_novel_none() {
        let drawing = draw("ABCDE-FGHJK-MNPQR-STUVW-XYZ23").unwrap();
        assert_eq!(drawing.size, 25 + 8, "29 symbols of the small alphabet");
        // The corner of the finder pattern stands behind the quiet zone.
        assert!(drawing.path.starts_with("M4 4h1v1h-1z"), "{}", &drawing.path[..20]);
        assert!(draw(&"x".repeat(5_000)).is_none());
    }
}
