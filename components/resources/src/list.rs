//! Lists, and the query options that they take: OData 4.01's `$filter $orderby $skip $top $count $select $search $skiptoken`, in any case
//! and with or without the `$` (part 2, section 5.1), and the preference `maxpagesize` (part 1, section 8.2.8.6).

use accord_core::odata::{Collection, Fault, Field, Filter, Item, Kind, Listing, Order, Page, Search};
use accord_core::setting;
use accord_core::store::Value;
use accord_core::values::time::Time;
use accord_core::{Error, Faults, Result};
use accord_web::described::{self, string};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Uri};
use serde_json::Value as Json;

use crate::written;

/// How many things a page has if nobody says.
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

accord_web::values! {
    /// An expression of OData: a grammar, of which a schema says no more than this.
    Expression = string().min_length(Some(1));
    /// How many.
    Number = described::number(0).maximum(Some(u32::MAX));
    /// Where a page goes on.
    SkipToken = string().pattern(Some("^[A-Za-z0-9_-]+$"));
}

/// The parameters of a list, for its description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read by the generator only")]
pub struct Query {
    /// OData 4.01, for example name eq 'Acme': eq ne gt ge lt le in, and or not, contains startswith endswith tolower toupper length.
    #[param(inline, rename = "$filter", example = "id gt 0")]
    filter: Option<Expression>,
    /// Fields, each with asc or desc, for example createdAt desc.
    #[param(inline, rename = "$orderby", example = "createdAt desc")]
    orderby: Option<Expression>,
    /// How many to pass over.
    #[param(inline, rename = "$skip", example = 0)]
    skip: Option<Number>,
    /// How many to return at most, on as many pages as it takes.
    #[param(inline, rename = "$top", example = 10)]
    top: Option<Number>,
    /// Whether to return @odata.count too.
    #[param(rename = "$count", example = true)]
    count: Option<bool>,
    /// Which fields to show, with commas between them.
    #[param(inline, rename = "$select", example = "createdAt")]
    select: Option<Expression>,
    /// Words and phrases to be found, case ignored; AND OR NOT.
    #[param(inline, rename = "$search", example = "acme")]
    search: Option<Expression>,
    /// Of @odata.nextLink: it is good for the order of that.
    #[param(inline, rename = "$skiptoken")]
    skiptoken: Option<SkipToken>,
}

/// The header of a list, for its description.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the generator only")]
pub struct Preference {
    /// maxpagesize=… is how many a page has at most: 50 if it is left out, 500 in any case. More are behind @odata.nextLink.
    #[param(rename = "Prefer", example = "maxpagesize=100")]
    prefer: Option<String>,
}

/// The options of a request.
pub struct Options {
    /// What to list.
    pub listing: Listing,
    /// How many are wanted of this page and those after it.
    top: Option<i64>,
    /// The options as they came, for the next page, `$top`, `$skip` and `$skiptoken` left out.
    given: Vec<(&'static str, String)>,
}

impl Options {
    /// The options of a request: `shown` are the names of the fields that are shown if nobody selects, or all if it is empty.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn of(collection: &'static Collection, shown: &[&str], uri: &Uri, headers: &HeaderMap) -> Result<Self> {
        Self::parse(collection, shown, uri.query().unwrap_or_default(), max_page_size(headers))
    }

    /// Also takes a parameter of the operation's own, which is no option of `OData`: it goes along to the next page.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it is there twice.
    pub fn keeping(mut self, uri: &Uri, name: &'static str) -> Result<Self> {
        let query = uri.query().unwrap_or_default().as_bytes();
        let mut values = form_urlencoded::parse(query).filter(|(given, _)| given == name).map(|(_, value)| value);
        if let Some(value) = values.next() {
            self.given.push((name, value.into_owned()));
        }
        match values.next() {
            None => Ok(self),
            Some(_) => Err(Error::Invalid(Faults::of(name, "is there twice"))),
        }
    }

    /// The value of a parameter that was kept.
    pub fn own(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Reads a query. A page has `page` things at most, if the caller says so.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every option that is wrong, and the character at which it is.
    fn parse(collection: &'static Collection, shown: &[&str], query: &str, page: Option<i64>) -> Result<Self> {
        let Collection { fields, searched, unique, .. } = *collection;
        let mut options = Self { listing: Listing::all(collection, PAGE), top: None, given: Vec::new() };
        options.listing.fields.retain(|field| shown.is_empty() || shown.contains(&field.name));
        let listing = &mut options.listing;
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
                "$filter" => Filter::parse(&value, fields).map(|filter| listing.filter = Some(filter)),
                "$search" => Search::parse(&value, searched).map(|search| listing.search = Some(search)),
                "$orderby" => Order::parse(&value, fields, unique).map(|order| listing.order = order),
                "$select" => select(&value, fields).map(|selected| listing.fields = selected),
                "$top" => number(&value).map(|top| options.top = Some(top)),
                "$skip" => number(&value).map(|skip| listing.skip = skip),
                "$count" => {
                    expect(&value, &["true", "false"], "true or false").map(|count| listing.count = count == "true")
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

    /// The answer: the page, and where the next one is of the list at `path`.
    ///
    /// # Errors
    ///
    /// As [`setting::base_url`].
    pub async fn render(&self, page: Page, path: &str) -> Result<Json> {
        let shown = i64::try_from(page.items.len()).unwrap_or(i64::MAX);
        let rest = self.top.map(|top| top - shown);
        let last = page.reached.or_else(|| page.items.last().map(|last| last.keys.clone()));
        let last = last.filter(|_| page.more && rest != Some(0));
        let value = page.items.into_iter().map(|item| render(&self.listing.fields, item));
        let mut answer = serde_json::json!({ "value": value.collect::<Vec<_>>() });
        if self.listing.count {
            answer["@odata.count"] = page.count.into();
        }
        if let Some(keys) = last {
            let base = setting::base_url().await?;
            let keys = keys.into_iter().map(|key| match key {
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
            answer["@odata.nextLink"] = format!("{base}{path}?{}", query.finish()).into();
        }
        Ok(answer)
    }
}

/// One of a list, or one thing by itself, with these fields.
pub fn render(fields: &[&'static Field], item: Item) -> Json {
    fields.iter().zip(item.values).map(|(field, value)| (field.name.to_owned(), shown(field, value))).collect()
}

/// A field's value as this API writes it.
fn shown(field: &Field, value: Value) -> Json {
    match (field.kind, value) {
        (Kind::Time, Value::Integer(milliseconds)) => written(Time::from_milliseconds(milliseconds)).into(),
        (Kind::Boolean, Value::Integer(integer)) => (integer != 0).into(),
        (_, Value::Integer(integer)) => integer.into(),
        // It is SQLite that has written it.
        (Kind::Json, Value::Text(text)) => serde_json::from_str(&text).unwrap_or_default(),
        (_, Value::Text(text)) => text.into(),
        _ => Json::Null,
    }
}

/// The values of a `$skiptoken`: the order keys of the last one of the page before.
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

/// How many things a page is to have at most, by the header `Prefer` (RFC 7240). What cannot be honoured is passed over,
/// as the RFC has it.
fn max_page_size(headers: &HeaderMap) -> Option<i64> {
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

fn select(text: &str, fields: &'static [Field]) -> Result<Vec<&'static Field>, Fault> {
    let mut selected: Vec<&'static Field> = Vec::new();
    let mut at = 1;
    for part in text.split(',') {
        match part.trim() {
            "*" => selected = fields.iter().collect(),
            name => {
                let field = fields.iter().find(|field| field.name == name);
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

    static FIELDS: [Field; 2] = [Field::number("id", "t.id"), Field::text("name", "t.name")];
    static THINGS: Collection =
        Collection { fields: &FIELDS, searched: &["t.name"], words: None, unique: &FIELDS[0], descending: false };

    fn parse(query: &str, page: Option<i64>) -> Result<Options> {
        Options::parse(&THINGS, &[], query, page)
    }

    fn faults(query: &str) -> Vec<(String, String)> {
        match parse(query, None) {
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
        assert!(parse("utm_source=x&topics=abc&$format=JSON", None).is_ok());
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
            let top = parse(query, page).map(|options| options.listing.top);
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
        assert!(parse(&format!("$orderby=name&$skiptoken={token}"), None).is_ok());
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
        accord_fuzz::text(WORDS, |query| drop(parse(query, None)));
    }
}
