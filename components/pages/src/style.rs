//! The style sheet: one, of our own, in every page. It is light or dark as the reader's system is, and needs no image, no font
//! and no other host.

use accord_core::setting;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The colour of an Accord that was given none.
pub const COLOR: &str = "#2b5f75";

/// The sheet without the colour.
const SHEET: &str = include_str!("style.css");

/// The sheet with a colour, `#` and six hexadecimal digits. Anything else is told to the log, and is [`COLOR`].
pub fn sheet(color: &str) -> String {
    let known = channels(color);
    if known.is_none() {
        setting::refuse("brand_color", "# and six hexadecimal digits", color);
    }
    let color = if known.is_some() { color } else { COLOR };
    let channels = known.or_else(|| channels(COLOR)).unwrap_or_default();
    let on_brand = if is_dark(channels) { "#fff" } else { "#111" };
    format!(":root{{--brand:{color};--on-brand:{on_brand}}}{}", SHEET.trim())
}

fn channels(color: &str) -> Option<[u8; 3]> {
    let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some([channel(0)?, channel(2)?, channel(4)?])
}

/// Whether white is read better on a colour than near black is: by the relative luminance of WCAG 2.2.
fn is_dark(channels: [u8; 3]) -> bool {
    let linear = channels.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    // #111 has the luminance 0.0056: both contrasts are the same where (l + 0.05)² = 1.05 · 0.0556.
    luminance < 0.1916
}

/// The hash of a style or a script, as a `Content-Security-Policy` has it.
pub fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_the_colour_can_be_read() {
        for (color, on_brand) in
            [("#000000", "#fff"), (COLOR, "#fff"), ("#ffffff", "#111"), ("#FFD400", "#111"), ("#808080", "#111")]
        {
            assert!(sheet(color).starts_with(&format!(":root{{--brand:{color};--on-brand:{on_brand}}}")), "{color}");
        }
    }

    #[test]
    fn what_is_no_colour_gets_into_no_style_sheet() {
        for bad in ["", "red", "#fff", "#12345", "#12345é", "#1234567", "#00000}", "#+12345"] {
            assert!(sheet(bad).starts_with(&format!(":root{{--brand:{COLOR};")), "{bad}");
        }
    }
}
