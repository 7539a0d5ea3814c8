//! The enumerations of the endpoint API: languages, time zones and date formats, spelled as its document spells them.
//!
//! The directory stores a value in that spelling. The display names are ours; they are as unique as the values, so
//! that either of them names a value.

use crate::values::text;

/// A closed list of values.
#[derive(Debug)]
pub struct Enumeration {
    /// What a value of it is: `Language`, `Timezone` or `DateFormat`.
    pub kind: &'static str,
    /// The values in the document's order, each with its display name.
    pub values: &'static [(&'static str, &'static str)],
}

impl Enumeration {
    /// The value of this spelling, in any case.
    pub fn find(&self, value: &str) -> Option<&'static str> {
        self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(value)).map(|(value, _)| *value)
    }

    /// The value of this display name, in any case. `name` is clean, see [`text::clean`].
    pub fn find_named(&self, name: &str) -> Option<&'static str> {
        let name = text::fold(name);
        self.values.iter().find(|(_, known)| text::fold(known) == name).map(|(value, _)| *value)
    }

    /// The display name of a value that is spelled as the directory stores it.
    pub fn display_name(&self, value: &str) -> Option<&'static str> {
        self.values.iter().find(|(known, _)| *known == value).map(|(_, name)| *name)
    }
}

/// The languages (`LanguageId`).
pub static LANGUAGES: Enumeration = Enumeration {
    kind: "Language",
    values: &[
        ("ar-ae", "Arabic (United Arab Emirates)"),
        ("bn-IN", "Bengali (India)"),
        ("zh-CN", "Chinese (China)"),
        ("da-dk", "Danish (Denmark)"),
        ("en-US", "English (United States)"),
        ("fo-fo", "Faroese (Faroe Islands)"),
        ("fi-FI", "Finnish (Finland)"),
        ("fr-FR", "French (France)"),
        ("de-DE", "German (Germany)"),
        ("hi-IN", "Hindi (India)"),
        ("ja-JP", "Japanese (Japan)"),
        ("ko-KR", "Korean (South Korea)"),
        ("ms-MY", "Malay (Malaysia)"),
        ("pt-PT", "Portuguese (Portugal)"),
        ("ru-RU", "Russian (Russia)"),
        ("es-ES", "Spanish (Spain)"),
        ("sv-se", "Swedish (Sweden)"),
        ("tr-TR", "Turkish (Türkiye)"),
        ("ur-IN", "Urdu (India)"),
    ],
};

/// The time zones (`TimezoneId`): Windows' identifiers, each with the places that a person would look for.
pub static TIME_ZONES: Enumeration = Enumeration {
    kind: "Timezone",
    values: &[
        ("Afghanistan Standard Time", "Afghanistan: Kabul"),
        ("Alaskan Standard Time", "Alaska: Anchorage"),
        ("Arab Standard Time", "Kuwait and Saudi Arabia: Kuwait, Riyadh"),
        ("Arabian Standard Time", "Arabian Peninsula: Abu Dhabi, Muscat"),
        ("Arabic Standard Time", "Iraq: Baghdad"),
        ("Argentina Standard Time", "Argentina: Buenos Aires"),
        ("Atlantic Standard Time", "Atlantic Canada: Halifax"),
        ("AUS Central Standard Time", "Australia, Northern Territory: Darwin"),
        ("AUS Eastern Standard Time", "Australia, east: Canberra, Melbourne, Sydney"),
        ("Azerbaijan Standard Time", "Azerbaijan: Baku"),
        ("Azores Standard Time", "Azores: Ponta Delgada"),
        ("Canada Central Standard Time", "Saskatchewan: Regina"),
        ("Cape Verde Standard Time", "Cape Verde: Praia"),
        ("Caucasus Standard Time", "Armenia: Yerevan"),
        ("Cen. Australia Standard Time", "Australia, south: Adelaide"),
        ("Central America Standard Time", "Central America: Guatemala City, San José"),
        ("Central Asia Standard Time", "Kazakhstan: Astana"),
        ("Central Brazilian Standard Time", "Brazil, Mato Grosso: Cuiabá"),
        ("Central Europe Standard Time", "Central Europe: Belgrade, Bratislava, Budapest, Ljubljana, Prague"),
        ("Central European Standard Time", "Central Europe: Sarajevo, Skopje, Warsaw, Zagreb"),
        ("Central Pacific Standard Time", "Central Pacific: Honiara, Nouméa"),
        ("Central Standard Time", "Central time in the US and Canada: Chicago, Winnipeg"),
        ("Central Standard Time (Mexico)", "Central Mexico: Mexico City, Monterrey"),
        ("China Standard Time", "China: Beijing, Hong Kong"),
        ("Dateline Standard Time", "International date line, west"),
        ("E. Africa Standard Time", "East Africa: Nairobi"),
        ("E. Australia Standard Time", "Australia, Queensland: Brisbane"),
        ("E. Europe Standard Time", "Moldova: Chișinău"),
        ("E. South America Standard Time", "Brazil: Brasília, São Paulo"),
        ("Eastern Standard Time", "Eastern time in the US and Canada: New York, Toronto"),
        ("Egypt Standard Time", "Egypt: Cairo"),
        ("Ekaterinburg Standard Time", "Urals: Yekaterinburg"),
        ("Fiji Standard Time", "Fiji: Suva"),
        ("FLE Standard Time", "Northern and eastern Europe: Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius"),
        ("Georgian Standard Time", "Georgia: Tbilisi"),
        ("GMT Standard Time", "Western Europe: Dublin, Edinburgh, Lisbon, London"),
        ("Greenland Standard Time", "Greenland: Nuuk"),
        ("Greenwich Standard Time", "Greenwich mean time: Monrovia, Reykjavik"),
        ("GTB Standard Time", "South-eastern Europe: Athens, Bucharest"),
        ("Hawaiian Standard Time", "Hawaii: Honolulu"),
        ("India Standard Time", "India: Chennai, Kolkata, Mumbai, New Delhi"),
        ("Iran Standard Time", "Iran: Tehran"),
        ("Israel Standard Time", "Israel: Jerusalem"),
        ("Jordan Standard Time", "Jordan: Amman"),
        ("Korea Standard Time", "Korea: Seoul"),
        ("Mauritius Standard Time", "Mauritius: Port Louis"),
        ("Mid-Atlantic Standard Time", "Mid-Atlantic"),
        ("Middle East Standard Time", "Lebanon: Beirut"),
        ("Montevideo Standard Time", "Uruguay: Montevideo"),
        ("Morocco Standard Time", "Morocco: Casablanca"),
        ("Mountain Standard Time", "Mountain time in the US and Canada: Calgary, Denver"),
        ("Mountain Standard Time (Mexico)", "Western Mexico: Chihuahua, Mazatlán"),
        ("Myanmar Standard Time", "Myanmar: Yangon"),
        ("N. Central Asia Standard Time", "Western Siberia: Novosibirsk"),
        ("Namibia Standard Time", "Namibia: Windhoek"),
        ("Nepal Standard Time", "Nepal: Kathmandu"),
        ("New Zealand Standard Time", "New Zealand: Auckland, Wellington"),
        ("Newfoundland Standard Time", "Newfoundland: St. John's"),
        ("North Asia East Standard Time", "Eastern Siberia: Irkutsk"),
        ("North Asia Standard Time", "Central Siberia: Krasnoyarsk"),
        ("Pacific SA Standard Time", "Chile: Santiago"),
        ("Pacific Standard Time", "Pacific time in the US and Canada: Los Angeles, Vancouver"),
        ("Pacific Standard Time (Mexico)", "Baja California: Tijuana"),
        ("Pakistan Standard Time", "Pakistan: Islamabad, Karachi"),
        ("Romance Standard Time", "Western Europe: Brussels, Copenhagen, Madrid, Paris"),
        ("Russian Standard Time", "Western Russia: Moscow, Saint Petersburg"),
        ("SA Eastern Standard Time", "South America, east: Cayenne, Fortaleza"),
        ("SA Pacific Standard Time", "South America, Pacific coast: Bogotá, Lima, Quito"),
        ("SA Western Standard Time", "South America, west: Georgetown, La Paz, Manaus"),
        ("Samoa Standard Time", "Samoa: Apia"),
        ("SE Asia Standard Time", "South-eastern Asia: Bangkok, Hanoi, Jakarta"),
        ("Singapore Standard Time", "Malaysia and Singapore: Kuala Lumpur, Singapore"),
        ("South Africa Standard Time", "Southern Africa: Harare, Pretoria"),
        ("Sri Lanka Standard Time", "Sri Lanka: Colombo"),
        ("Taipei Standard Time", "Taiwan: Taipei"),
        ("Tasmania Standard Time", "Tasmania: Hobart"),
        ("Tokyo Standard Time", "Japan: Osaka, Tokyo"),
        ("Tonga Standard Time", "Tonga: Nukuʻalofa"),
        ("US Eastern Standard Time", "Indiana: Indianapolis"),
        ("US Mountain Standard Time", "Arizona: Phoenix"),
        ("UTC", "Coordinated Universal Time"),
        ("Venezuela Standard Time", "Venezuela: Caracas"),
        ("Vladivostok Standard Time", "Russian Far East: Vladivostok"),
        ("W. Australia Standard Time", "Australia, west: Perth"),
        ("W. Central Africa Standard Time", "West Africa: Lagos"),
        ("W. Europe Standard Time", "Central Europe: Amsterdam, Berlin, Rome, Stockholm, Vienna"),
        ("West Asia Standard Time", "Turkmenistan and Uzbekistan: Ashgabat, Tashkent"),
        ("West Pacific Standard Time", "Western Pacific: Guam, Port Moresby"),
        ("Yakutsk Standard Time", "Yakutia: Yakutsk"),
    ],
};

/// The date formats (`DateFormatId`), each with the last day of 2024 as its name.
pub static DATE_FORMATS: Enumeration = Enumeration {
    kind: "DateFormat",
    values: &[
        ("DD-MM-YYYY", "31-12-2024"),
        ("DD/MM/YYYY", "31/12/2024"),
        ("DD.MM.YYYY", "31.12.2024"),
        ("MM-DD-YYYY", "12-31-2024"),
        ("MM/DD/YYYY", "12/31/2024"),
        ("YYYY-MM-DD", "2024-12-31"),
        ("YYYY/MM/DD", "2024/12/31"),
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const ALL: [&Enumeration; 3] = [&LANGUAGES, &TIME_ZONES, &DATE_FORMATS];

    #[test]
    fn there_are_as_many_values_as_in_the_document() {
        assert_eq!(ALL.map(|enumeration| enumeration.values.len()), [19, 89, 7]);
    }

    #[test]
    fn a_value_and_a_name_each_mean_one_value_in_any_case() {
        for enumeration in ALL {
            for (value, name) in enumeration.values {
                for spelling in [*value, &value.to_lowercase(), &value.to_uppercase()] {
                    assert_eq!(enumeration.find(spelling), Some(*value));
                }
                for spelling in [*name, &name.to_lowercase(), &name.to_uppercase()] {
                    assert_eq!(enumeration.find_named(spelling), Some(*value));
                }
                assert_eq!(enumeration.display_name(value), Some(*name));
                // Or a caller's name, which is brought to this form, would not be found.
                assert_eq!(text::clean(name, 100).as_deref(), Ok(*name));
            }
            let names: HashSet<_> = enumeration.values.iter().map(|(_, name)| text::fold(name)).collect();
            assert_eq!(names.len(), enumeration.values.len());
        }
    }

    #[test]
    fn what_is_not_listed_is_nothing() {
        for enumeration in ALL {
            for other in ["", "Klingon", "en", "en_US", "Standard Time", "YYYY"] {
                assert_eq!((enumeration.find(other), enumeration.find_named(other)), (None, None));
            }
        }
    }
}
