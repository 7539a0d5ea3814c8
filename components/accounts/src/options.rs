//! The query options of a listing: OData 4.01's `$filter $orderby $skip $top $count $select $search $skiptoken`, in any case
//! and with or without the `$` (part 2, section 5.1), and the preference `maxpagesize` (part 1, section 8.2.8.6).

use accord_core::accounts::account::Account;
use accord_core::accounts::listing::{FIELDS, Listing, Page, SEARCHED};
use accord_core::odata::{self, Fault, Field, Filter, Order};
use accord_core::store::Value;
use accord_core::{Error, Faults, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde_json::Value as Json;

use crate::accounts::shown;

/// How many accounts a page has if nobody says.
const PAGE: i64 = 50;
/// How many it has at most.
const PAGE_MAX: i64 = 500;

/// The options that are understood, with those that `OData` has beside them and that are not offered. Whatever else a query
/// has without a `$` is the caller's own.
const OPTIONS: [&str; 14] = [
    "$filter",
    "$search",
    "$orderby",
    "$select",
    "$top",
    "$skip",
    "$count",
    "$skiptoken",
    "$format",
    "$expand",
    "$compute",
    "$apply",
    "$index",
    "$deltatoken",
];

/// What a listing shows if nobody selects: the document's fields.
const SELECTED: [&str; 3] = ["id", "name", "createdAt"];

/// The options of a request.
pub struct Options {
    /// What to list.
    pub listing: Listing,
    selected: Vec<&'static Field>,
    count: bool,
    /// How many are wanted of this page and those after it.
    top: Option<i64>,
    /// The options as they came, for the next page, `$top`, `$skip` and `$skiptoken` left out.
    given: Vec<(&'static str, String)>,
}

impl Options {
    /// Reads a query. A page has `page` accounts at most, if the caller says so.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every option that is wrong, and the character at which it is.
    pub fn parse(query: &str, page: Option<i64>) -> Result<Self> {
        let id = &FIELDS[0];
        let mut options = Self {
            listing: Listing { filter: None, search: None, order: Order::by(id), after: None, skip: 0, top: PAGE },
            selected: FIELDS.iter().filter(|field| SELECTED.contains(&field.name)).collect(),
            count: false,
            top: None,
            given: Vec::new(),
        };
        let mut faults = Faults::default();
        let mut token = None;
        let mut seen: Vec<&str> = Vec::new();
        for (given, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(name) = option(&given) else {
                if given.starts_with('$') {
                    faults.add(&given, NOT_OFFERED);
                }
                continue;
            };
            if seen.contains(&name) {
                faults.add(name, "is there twice");
                continue;
            }
            seen.push(name);
            let read = match name {
                "$filter" => Filter::parse(&value, &FIELDS).map(|filter| options.listing.filter = Some(filter)),
                "$search" => odata::search(&value, &SEARCHED).map(|search| options.listing.search = Some(search)),
                "$orderby" => Order::parse(&value, &FIELDS, id).map(|order| options.listing.order = order),
                "$select" => select(&value).map(|selected| options.selected = selected),
                "$top" => number(&value).map(|top| options.top = Some(top)),
                "$skip" => number(&value).map(|skip| options.listing.skip = skip),
                "$count" => {
                    expect(&value, &["true", "false"], "true or false").map(|count| options.count = count == "true")
                }
                // There is one format, so that it may be said.
                "$format" => expect(&value, &["json", "application/json"], "json").map(drop),
                "$skiptoken" => {
                    token = Some(value.to_string());
                    Ok(())
                }
                _ => {
                    faults.add(name, NOT_OFFERED);
                    continue;
                }
            };
            match read {
                Ok(()) if ["$top", "$skip", "$skiptoken"].contains(&name) => {}
                Ok(()) => options.given.push((name, value.into_owned())),
                Err(fault) => faults.add(name, fault.to_string()),
            }
        }
        let page = page.unwrap_or(if options.top.is_some() { PAGE_MAX } else { PAGE }).min(PAGE_MAX);
        options.listing.top = options.top.map_or(page, |top| top.min(page));
        faults.into_result()?;
        if let Some(token) = token {
            let after = values(&token).and_then(|values| options.listing.order.after(&values));
            let Some(after) = after else {
                return Err(Error::Invalid(Faults::of("$skiptoken", "is none that a page of this order was given")));
            };
            options.listing.after = Some(after);
            options.listing.skip = 0;
        }
        Ok(options)
    }

    /// The answer: the page, and where `base` (the address of the listing) has the next one.
    pub fn render(&self, page: &Page, base: &str) -> Json {
        let account = |account: &Account| -> Json {
            self.selected.iter().map(|field| (field.name.to_owned(), shown(field, account.value(field)))).collect()
        };
        let mut answer = serde_json::json!({
            "value": page.accounts.iter().map(account).collect::<Vec<_>>(),
            "count": page.count,
        });
        if self.count {
            answer["@odata.count"] = page.count.into();
        }
        let shown = i64::try_from(page.accounts.len()).unwrap_or(i64::MAX);
        let rest = self.top.map(|top| top - shown);
        if let Some(last) = page.accounts.last().filter(|_| page.more && rest != Some(0)) {
            let keys = self.listing.order.keys().iter().map(|key| match last.value(key.field) {
                Value::Integer(integer) => integer.into(),
                Value::Text(text) => text.into(),
                _ => Json::Null,
            });
            let token = URL_SAFE_NO_PAD.encode(Json::Array(keys.collect()).to_string());
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.given);
            if let Some(rest) = rest {
                query.append_pair("$top", &rest.to_string());
            }
            query.append_pair("$skiptoken", &token);
            answer["@odata.nextLink"] = format!("{base}?{}", query.finish()).into();
        }
        answer
    }
}

/// The values of a `$skiptoken`: the order keys of the last account of the page before.
fn values(token: &str) -> Option<Vec<Value>> {
    let token = URL_SAFE_NO_PAD.decode(token).ok()?;
    let values: Vec<Json> = serde_json::from_slice(&token).ok()?;
    let value = |value| match value {
        Json::Null => Some(Value::Null),
        Json::Number(number) => number.as_i64().map(Value::Integer),
        Json::String(text) => Some(Value::Text(text)),
        _ => None,
    };
    values.into_iter().map(value).collect()
}

const NOT_OFFERED: &str = "at character 1: this option is not offered";

/// The option that a parameter is, in any case and with or without its `$`.
fn option(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix('$').unwrap_or(name);
    OPTIONS.into_iter().find(|option| option[1..].eq_ignore_ascii_case(bare))
}

/// How many accounts a page is to have at most, by the header `Prefer` (RFC 7240). What cannot be honoured is passed over,
/// as the RFC has it.
pub fn max_page_size(headers: &HeaderMap) -> Option<i64> {
    let lines = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split([',', ';'])).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let name = name.trim().to_ascii_lowercase();
        let size = value.trim().trim_matches('"').parse().ok().filter(|size| *size > 0);
        size.filter(|_| ["maxpagesize", "odata.maxpagesize"].contains(&name.as_str()))
    })
}

fn number(text: &str) -> Result<i64, Fault> {
    let digits = Some(text).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse::<u32>().ok()).map(i64::from);
    number.ok_or_else(|| Fault { at: 1, message: format!("expected a whole number from 0 to {}", u32::MAX) })
}

/// A value that is one of these.
fn expect<'a>(text: &str, known: &[&'a str], expected: &str) -> Result<&'a str, Fault> {
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(text)).copied();
    found.ok_or_else(|| Fault { at: 1, message: format!("expected {expected}") })
}

fn select(text: &str) -> Result<Vec<&'static Field>, Fault> {
    let mut selected: Vec<&'static Field> = Vec::new();
    let mut at = 1;
    for part in text.split(',') {
        match part.trim() {
            "*" => selected = FIELDS.iter().collect(),
            name => {
                let field = FIELDS.iter().find(|field| field.name == name);
                let field = field.ok_or_else(|| Fault { at, message: format!("expected a field, found {name:?}") })?;
                if !selected.contains(&field) {
                    selected.push(field);
                }
            }
        }
        at += part.chars().count() + 1;
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn faults(query: &str) -> Vec<(String, String)> {
        match Options::parse(query, None) {
            Err(Error::Invalid(faults)) => faults.shown().clone().into_iter().collect(),
            _ => panic!("{query} should be invalid"),
        }
    }

    #[test]
    fn every_option_that_is_wrong_is_told_with_its_place() {
        let told =
            faults("$filter=name+eq&$top=all&$skip=-1&$select=id,nme&$orderby=x&$search=(a&$count=yes&$expand=a");
        let told: Vec<_> = told.iter().map(|(option, fault)| (option.as_str(), fault.as_str())).collect();
        assert_eq!(told.len(), 8);
        assert!(told.contains(&("$select", "at character 4: expected a field, found \"nme\"")));
        assert!(told.contains(&("$top", "at character 1: expected a whole number from 0 to 4294967295")));
        assert!(told.contains(&("$expand", "at character 1: this option is not offered")));
        assert_eq!(faults("$levels=2&expand=a").len(), 2);
    }

    #[test]
    fn an_option_that_is_there_twice_is_a_mistake_and_what_is_no_option_is_ignored() {
        for twice in ["$top=1&$top=2", "$top=1&TOP=2"] {
            assert_eq!(faults(twice), [("$top".to_owned(), "is there twice".to_owned())]);
        }
        assert!(Options::parse("utm_source=x&topics=abc&$format=JSON", None).is_ok());
    }

    #[test]
    fn a_page_is_as_large_as_is_wanted_and_allowed() {
        for (query, page, expected) in [
            ("", None, PAGE),
            ("", Some(7), 7),
            ("", Some(1_000_000), PAGE_MAX),
            ("$top=100", None, 100),
            ("Top=100", Some(7), 7),
            ("$top=3", Some(7), 3),
            ("$TOP=1000", None, PAGE_MAX),
            ("top=0", Some(7), 0),
        ] {
            let top = Options::parse(query, page).map(|options| options.listing.top);
            assert_eq!(top.ok(), Some(expected), "{query} {page:?}");
        }
        for (line, expected) in [
            ("maxpagesize=7", Some(7)),
            ("respond-async, OData.MaxPageSize = \"7\"; x", Some(7)),
            ("maxpagesize=0", None),
            ("maxpagesize=many, pagesize=7", None),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static("prefer"), HeaderValue::from_static(line))]);
            assert_eq!(max_page_size(&headers), expected, "{line}");
        }
    }

    #[test]
    fn a_token_of_another_order_is_refused() {
        let token = URL_SAFE_NO_PAD.encode("[\"Acme\",7]");
        assert!(Options::parse(&format!("$orderby=name&$skiptoken={token}"), None).is_ok());
        for query in [format!("$skiptoken={token}"), "$skiptoken=x".to_owned(), "$skiptoken=W10".to_owned()] {
            assert_eq!(faults(&query).len(), 1, "{query}");
        }
    }

    #[test]
    fn fuzzed_queries_are_read_or_refused() {
        const WORDS: &[&str] = &[
            "$filter=",
            "filter=",
            "$search=",
            "$orderby=",
            "$select=",
            "$top=",
            "$skip=",
            "$count=true",
            "$skiptoken=",
            "&",
            "=",
            "+",
            "%20",
            "%27",
            "'",
            "(",
            ")",
            ",",
            "name",
            "createdAt",
            "id",
            "and",
            "or",
            "not",
            "eq",
            "in",
            "contains(",
            "startswith(",
            "length(",
            "tolower(",
            "toupper(",
            "null",
            "true",
            "-1",
            "1e9",
            "2026-11-22T00:00:00Z",
            "2026-02-30",
            "AND",
            "NOT",
            "%22",
            "%C3%9F",
            "%C4%B0",
            "asc",
            "desc",
            "WzFd",
            "WyJhIiwxXQ",
        ];
        accord_fuzz::text(WORDS, |query| drop(Options::parse(query, None)));
    }
}
