//! The query options of a listing: OData 4.01's `$filter $orderby $skip $top $count $select $search $skiptoken`.

use accord_core::accounts::account::Account;
use accord_core::accounts::listing::{FIELDS, Listing, Page, SEARCHED};
use accord_core::odata::{self, Fault, Field, Filter, Order};
use accord_core::store::Value;
use accord_core::{Error, Faults, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;

use crate::accounts::shown;

/// How many accounts a page has if nobody says.
const TOP: i64 = 50;
/// How many it has at most.
const TOP_MAX: i64 = 500;

/// What a listing shows if nobody selects: the document's fields.
const SELECTED: [&str; 3] = ["id", "name", "createdAt"];

/// The options of a request.
pub struct Options {
    /// What to list.
    pub listing: Listing,
    selected: Vec<&'static Field>,
    count: bool,
    /// The options as they came, for the next page, `$skip` and `$skiptoken` left out.
    given: Vec<(String, String)>,
}

impl Options {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every option that is wrong, and the character at which it is. Options that do not begin
    /// with `$` are ignored.
    pub fn parse(query: &str) -> Result<Self> {
        let id = &FIELDS[0];
        let mut options = Self {
            listing: Listing { filter: None, search: None, order: Order::by(id), after: None, skip: 0, top: TOP },
            selected: FIELDS.iter().filter(|field| SELECTED.contains(&field.name)).collect(),
            count: false,
            given: Vec::new(),
        };
        let mut faults = Faults::default();
        let mut token = None;
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name.starts_with('$')) {
            if seen.contains(&name.to_string()) {
                faults.add(&name, "is there twice");
                continue;
            }
            seen.push(name.to_string());
            let read = match name.as_ref() {
                "$filter" => Filter::parse(&value, &FIELDS).map(|filter| options.listing.filter = Some(filter)),
                "$search" => odata::search(&value, &SEARCHED).map(|search| options.listing.search = Some(search)),
                "$orderby" => Order::parse(&value, &FIELDS, id).map(|order| options.listing.order = order),
                "$select" => select(&value).map(|selected| options.selected = selected),
                "$top" => number(&value, TOP_MAX).map(|top| options.listing.top = top),
                "$skip" => number(&value, i64::from(u32::MAX)).map(|skip| options.listing.skip = skip),
                "$count" => match value.as_ref() {
                    "true" | "false" => {
                        options.count = value == "true";
                        Ok(())
                    }
                    _ => Err(Fault { at: 1, message: "expected true or false".to_owned() }),
                },
                "$skiptoken" => {
                    token = Some(value.to_string());
                    Ok(())
                }
                _ => Err(Fault { at: 1, message: "this option is not offered".to_owned() }),
            };
            match read {
                Ok(()) if ["$skip", "$skiptoken"].contains(&name.as_ref()) => {}
                Ok(()) => options.given.push((name.into_owned(), value.into_owned())),
                Err(fault) => faults.add(&name, fault.to_string()),
            }
        }
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
        if let Some(last) = page.accounts.last().filter(|_| page.more) {
            let keys = self.listing.order.keys().iter().map(|key| match last.value(key.field) {
                Value::Integer(integer) => integer.into(),
                Value::Text(text) => text.into(),
                _ => Json::Null,
            });
            let token = URL_SAFE_NO_PAD.encode(Json::Array(keys.collect()).to_string());
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.given).append_pair("$skiptoken", &token);
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

fn number(text: &str, limit: i64) -> Result<i64, Fault> {
    let fault = || Fault { at: 1, message: format!("expected a whole number from 0 to {limit}") };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(fault());
    }
    text.parse().ok().filter(|number| *number <= limit).ok_or_else(fault)
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
    use super::*;

    fn faults(query: &str) -> Vec<(String, String)> {
        match Options::parse(query) {
            Err(Error::Invalid(faults)) => faults.shown().clone().into_iter().collect(),
            _ => panic!("{query} should be invalid"),
        }
    }

    #[test]
    fn every_option_that_is_wrong_is_told_with_its_place() {
        let told =
            faults("$filter=name+eq&$top=501&$skip=-1&$select=id,nme&$orderby=x&$search=(a&$count=yes&$expand=a");
        let told: Vec<_> = told.iter().map(|(option, fault)| (option.as_str(), fault.as_str())).collect();
        assert_eq!(told.len(), 8);
        assert!(told.contains(&("$select", "at character 4: expected a field, found \"nme\"")));
        assert!(told.contains(&("$top", "at character 1: expected a whole number from 0 to 500")));
    }

    #[test]
    fn an_option_that_is_there_twice_is_a_mistake_and_what_is_no_option_is_ignored() {
        assert_eq!(faults("$top=1&$top=2"), [("$top".to_owned(), "is there twice".to_owned())]);
        assert!(Options::parse("utm_source=x&top=abc").is_ok());
    }

    #[test]
    fn a_token_of_another_order_is_refused() {
        let token = URL_SAFE_NO_PAD.encode("[\"Acme\",7]");
        assert!(Options::parse(&format!("$orderby=name&$skiptoken={token}")).is_ok());
        for query in [format!("$skiptoken={token}"), "$skiptoken=x".to_owned(), "$skiptoken=W10".to_owned()] {
            assert_eq!(faults(&query).len(), 1, "{query}");
        }
    }
}
