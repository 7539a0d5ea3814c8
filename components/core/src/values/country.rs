//! Countries, by their codes of two letters.

/// Every code of ISO 3166-1 alpha-2, in order, and `XK`, by which Kosovo goes until it has one.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF \
    CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI \
    GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ \
    LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO \
    NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST \
    SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW \
    XK";

/// Every code.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CODES.split(' ')
}

/// The code in capitals, if there is such a country.
pub fn parse(text: &str) -> Option<String> {
    let code = text.to_ascii_uppercase();
    codes().any(|known| known == code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_one_of_the_codes_in_any_case() {
        assert_eq!(codes().count(), 249 + 1);
        assert!(codes().all(|code| code.len() == 2));
        for (text, code) in [("FI", Some("FI")), ("us", Some("US")), ("Xk", Some("XK"))] {
            assert_eq!(parse(text).as_deref(), code, "{text}");
        }
        for none in ["", "F", "XX", "UK", "FIN", "FI US", "Finland", "ßß"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
