//! Telephone numbers, as ITU-T E.164 has them.

use crate::values::region::{self, Region};

/// Fewest digits, country code included. E.164 says nothing of it; the shortest in service (Niue, Tokelau) have seven.
const MIN_DIGITS: usize = 7;

/// Most digits, country code included (E.164, section 6.1).
const MAX_DIGITS: usize = 15;

/// The country codes that the ITU has assigned, those of global services (such as 800 and 881) among them. None is the
/// beginning of another.
#[rustfmt::skip]
const COUNTRY_CODES: [u16; 215] = [
    1, 7, 20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61,
    62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
    211, 212, 213, 216, 218, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237,
    238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256, 257, 258, 260, 261,
    262, 263, 264, 265, 266, 267, 268, 269, 290, 291, 297, 298, 299,
    350, 351, 352, 353, 354, 355, 356, 357, 358, 359, 370, 371, 372, 373, 374, 375, 376, 377, 378, 379, 380, 381, 382,
    383, 385, 386, 387, 389, 420, 421, 423,
    500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 590, 591, 592, 593, 594, 595, 596, 597, 598, 599,
    670, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 683, 685, 686, 687, 688, 689, 690, 691, 692,
    800, 808, 850, 852, 853, 855, 856, 870, 878, 880, 881, 882, 883, 886,
    960, 961, 962, 963, 964, 965, 966, 967, 968, 970, 971, 972, 973, 974, 975, 976, 977, 979, 992, 993, 994, 995, 996,
    998,
];

/// Most digits of an extension.
const MAX_EXTENSION: usize = 7;

/// Takes a number as people write it and returns it in E.164's form, `+` and digits, and with `;ext=` and more digits behind it if it
/// has an extension (RFC 3966, section 5.3).
///
/// It begins with `+` or `00`; or else it is a national number of `region`, if there is one. Spaces, dots, dashes, slashes
/// and parentheses between the digits are left out, and so is a `(0)` after the country code of a country that dials a 0 before its
/// national numbers. An extension follows `ext`, `ext.`, `extension`, `x` or `;ext=`.
///
/// What is checked is the country code and the length. Which numbers a country has given out changes by the week, and a
/// library that knows them has twice the size of the whole component.
///
/// # Errors
///
/// A sentence for the caller.
pub fn parse(text: &str, region: Option<Region>) -> Result<String, &'static str> {
    let (text, extension) = split_extension(text.trim())?;
    let digits = match (text.strip_prefix('+').or_else(|| text.strip_prefix("00")), region) {
        (Some(international), _) => match international.split_once("(0)") {
            Some((code, number)) if region::dials_zero(code.trim()) => digits(&[code, number].concat())?,
            Some(_) => return Err("must be written without (0)"),
            None => digits(international)?,
        },
        (None, Some(region)) => region.international(&digits(text)?),
        (None, None) => return Err("must be an international number: + and the country code first, as +358401234567"),
    };
    if !(MIN_DIGITS..=MAX_DIGITS).contains(&digits.len()) {
        return Err("must have 7 to 15 digits, country code included");
    }
    let code = |length| digits[..length].parse().is_ok_and(|code| COUNTRY_CODES.binary_search(&code).is_ok());
    // A leading zero would be lost in the number: 01 is no code.
    if digits.starts_with('0') || !(1..=3).any(code) {
        return Err("must begin with a country code that exists");
    }
    Ok(extension.map_or_else(|| format!("+{digits}"), |extension| format!("+{digits};ext={extension}")))
}

/// The digits of a number, without what stands between them.
fn digits(text: &str) -> Result<String, &'static str> {
    let separator = |c: char| matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '.' | '-' | '/' | '(' | ')');
    let digits: String = text.chars().filter(|c| !separator(*c)).collect();
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(digits);
    }
    Err("must have digits only, besides spaces, dots, dashes, slashes, parentheses and an extension")
}

/// A number, and its extension if it has one.
fn split_extension(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    let Some(at) = text.find([';', 'e', 'E', 'x', 'X']) else { return Ok((text, None)) };
    let (number, rest) = text.split_at(at);
    let after = |prefix: &str| {
        let head = rest.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| rest[prefix.len()..].trim())
    };
    let extension = [";ext=", "extension", "ext.", "ext", "x"].into_iter().find_map(after);
    match extension {
        Some(digits)
            if !digits.is_empty() && digits.len() <= MAX_EXTENSION && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok((number.trim_end_matches([' ', ',']), Some(digits)))
        }
        _ => Err("must have digits only, besides spaces, dots, dashes, slashes, parentheses and an extension"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_taken_as_people_write_it() {
        for (written, number) in [
            ("+358401234567", "+358401234567"),
            ("  +358 40 123 4567 ", "+358401234567"),
            ("00358-40-1234567", "+358401234567"),
            ("+1 (212) 555-0100", "+12125550100"),
            ("+49.30/901820", "+4930901820"),
            ("+44\u{a0}20\u{202f}7946\u{2009}0958", "+442079460958"),
            ("+6834000", "+6834000"),
            ("+883510012345678", "+883510012345678"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("0044 (0)20/7946-0958", "+442079460958"),
            ("+358 40 1234567 ext. 5", "+358401234567;ext=5"),
            ("+358 40 1234567, x 0123", "+358401234567;ext=0123"),
            ("+358401234567;ext=5", "+358401234567;ext=5"),
            ("+358 40 1234567 Extension 5", "+358401234567;ext=5"),
        ] {
            assert_eq!(parse(written, None).as_deref(), Ok(number), "{written}");
        }
    }

    #[test]
    fn a_national_number_is_one_of_the_region() {
        for (country, written, number) in [
            ("FI", "040 123 4567", "+358401234567"),
            ("FI", "+44 20 7946 0958", "+442079460958"),
            ("gb", "020 7946 0958 x5", "+442079460958;ext=5"),
            ("IT", "06 698 12345", "+390669812345"),
            ("US", "(212) 555-0100", "+12125550100"),
            ("US", "1 212 555 0100", "+12125550100"),
            ("HU", "06 1 234 5678", "+3612345678"),
        ] {
            let region = Region::find(country);
            assert_eq!(parse(written, region).as_deref(), Ok(number), "{country} {written}");
        }
        assert!(parse("040", Region::find("FI")).is_err(), "too short");
    }

    #[test]
    fn what_is_no_international_number_is_refused_and_told_why() {
        for (written, why) in [
            ("0401234567", "international"),
            ("358401234567", "international"),
            ("", "international"),
            ("+39 (0)6 698 12345", "without (0)"),
            ("+1 (0)212 555 0100", "without (0)"),
            ("+35840abc4567", "digits only"),
            ("+358 40 1234567 ext. 12345678", "digits only"),
            ("+358 40 1234567 ext", "digits only"),
            ("+٣٥٨٤٠١٢٣٤٥٦٧", "digits only"),
            ("++358401234567", "digits only"),
            ("+358 40\n1234567", "digits only"),
            ("+358401", "7 to 15 digits"),
            ("+", "7 to 15 digits"),
            ("+1234567890123456", "7 to 15 digits"),
            ("+9991234567", "country code"),
            ("+0358401234567", "country code"),
            ("000358401234567", "country code"),
        ] {
            let error = parse(written, None).expect_err(written);
            assert!(error.contains(why), "{written}: {error}");
        }
    }

    #[test]
    fn country_codes_are_in_order_and_none_begins_another() {
        assert!(COUNTRY_CODES.is_sorted());
        let codes = COUNTRY_CODES.map(|code| code.to_string());
        for code in &codes {
            let begun: Vec<_> = codes.iter().filter(|other| *other != code && other.starts_with(code)).collect();
            assert!(begun.is_empty(), "{code} begins {begun:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_e164_and_stays_as_it_is(text in "(\\+|00)?[0-9 ().-]{0,20}|\\PC{0,20}") {
            if let Ok(number) = parse(&text, None) {
                prop_assert!(number.len() <= 16 && number.starts_with('+'));
                prop_assert_eq!(parse(&number, None), Ok(number));
            }
        }
    }

    #[test]
    fn fuzzed_numbers_are_e164_or_refused() {
        const WORDS: &[&str] = &[
            "+", "00", "358", "40", "1234567", "(0)", "(", ")", " ", "-", ".", "/", "\u{a0}", "ext. 5", "x5", ";ext=5",
            "٣",
        ];
        accord_fuzz::text(WORDS, |text| {
            for region in [None, Region::find("FI"), Region::find("US"), Region::find("IT")] {
                if let Ok(number) = parse(text, region) {
                    let digits = number.strip_prefix('+').and_then(|number| number.split(";ext=").next());
                    assert!(
                        digits.is_some_and(|digits| digits.len() <= 15 && digits.parse::<u64>().is_ok()),
                        "{number}"
                    );
                    assert_eq!(parse(&number, region), Ok(number));
                }
            }
        });
    }
}
