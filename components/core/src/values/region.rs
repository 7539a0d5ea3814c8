//! How numbers are dialled within a country: its country code, and the trunk prefix that is dialled before a national number and
//! is no part of it (ITU-T Operational Bulletin, "Dialling procedures"). Only countries whose procedure is certain are here.

/// What the setting `default_region` must be.
pub const EXPECTED: &str = "the code of a country whose dialling is known, such as FI, or empty";

/// A country, as far as dialling goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The country code.
    pub code: &'static str,
    /// The trunk prefix; empty where every number is dialled whole.
    pub trunk: &'static str,
}

/// Trunk prefix, and the countries that have it: ISO 3166-1 code and country code of each.
const REGIONS: [(&str, &str); 4] = [
    (
        "0",
        "AE971 AF93 AL355 AM374 AR54 AT43 AU61 AX358 AZ994 BA387 BD880 BE32 BG359 BO591 BR55 CH41 CN86 DE49 DZ213 EC593 EG20 ET251 \
         FI358 FR33 GB44 GE995 GG44 GH233 HR385 ID62 IE353 IL972 IM44 IN91 IQ964 IR98 JE44 JO962 JP81 KE254 KG996 KH855 KR82 LA856 \
         LB961 LK94 LY218 MA212 MD373 ME382 MG261 MK389 MM95 MY60 NA264 NG234 NL31 NP977 NZ64 PE51 PH63 PK92 PS970 PY595 RO40 RS381 \
         SA966 SD249 SE46 SI386 SK421 SY963 TH66 TR90 TW886 TZ255 UA380 UG256 UY598 VE58 VN84 XK383 YE967 ZA27 ZM260 ZW263",
    ),
    (
        "",
        "AD376 BF226 BH973 BJ229 CI225 CL56 CM237 CR506 CV238 CY357 CZ420 DK45 EE372 ES34 FO298 GI350 GL299 GR30 GT502 HK852 HN504 \
         IS354 IT39 KW965 LI423 LU352 LV371 MC377 ML223 MO853 MT356 MU230 MV960 MX52 NE227 NI505 NO47 OM968 PA507 PL48 PT351 QA974 \
         SG65 SM378 SN221 SV503 TG228 TN216",
    ),
    ("1", "AG1 AI1 BB1 BM1 BS1 CA1 DM1 DO1 GD1 GU1 JM1 KN1 KY1 LC1 MP1 MS1 PR1 SX1 TC1 TT1 US1 VC1 VG1 VI1"),
    ("06", "HU36"),
];

/// Digits of a number of the countries that share the code 1, that code left out.
const NORTH_AMERICAN: usize = 10;

impl Region {
    /// The country of a code of ISO 3166-1, in any case.
    pub fn find(country: &str) -> Option<Self> {
        all().find(|(known, _)| known.eq_ignore_ascii_case(country)).map(|(_, region)| region)
    }

    /// The digits of a national number, country code first.
    pub(super) fn international(self, national: &str) -> String {
        // There the prefix looks like the beginning of a number.
        let has_trunk = self.trunk != "1" || national.len() > NORTH_AMERICAN;
        let number = national.strip_prefix(self.trunk).filter(|_| has_trunk).unwrap_or(national);
        format!("{}{number}", self.code)
    }
}

/// Whether a country of this code has the trunk prefix 0: then `(0)` in an international number says what is left out.
pub(super) fn dials_zero(code: &str) -> bool {
    all().any(|(_, region)| region.code == code && region.trunk == "0")
}

fn all() -> impl Iterator<Item = (&'static str, Region)> {
    REGIONS.into_iter().flat_map(|(trunk, countries)| {
        countries.split_whitespace().map(move |both| (&both[..2], Region { code: &both[2..], trunk }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::country;

    #[test]
    fn every_region_is_a_country_once() {
        let mut countries: Vec<_> = all().map(|(country, _)| country).collect();
        assert!(countries.iter().all(|country| country::parse(country).is_some()));
        assert!(all().all(|(_, region)| region.code.parse::<u16>().is_ok()));
        let count = countries.len();
        countries.sort_unstable();
        countries.dedup();
        assert_eq!(countries.len(), count);
        assert_eq!(Region::find("fi"), Some(Region { code: "358", trunk: "0" }));
        assert_eq!(Region::find("XX"), None);
    }
}
