//! Which part of a list is asked for.

use accord_core::Faults;
use accord_core::values::id::{Id as _, RecordId};
use accord_web::described::{number, string};
use accord_web::{Failure, Result};
use axum::extract::FromRequestParts;
use http::request::Parts;

/// How many accounts a page has if nobody says.
pub const SIZE: u16 = 100;
/// How many it has at most.
pub const SIZE_MAX: u16 = 1000;

accord_web::values! {
    /// How many accounts a page has.
    PageSize = number(1).maximum(Some(SIZE_MAX)).default(Some(SIZE.into())).examples([SIZE]);
    /// Where the next page begins.
    Next = string().pattern(Some("^[0-9]+$")).examples(["100"]);
}

/// The parameters that are understood.
const KNOWN: [&str; 2] = ["PageSize", "After"];

/// What the lists of the API's publisher understand beside these, and this one does not. To ignore them would be to
/// answer another question.
const NOT_OFFERED: [&str; 3] = ["Fields", "Filters", "Orders"];

/// A page that is asked for. Names of parameters have any case, for the publisher's own examples mix them.
#[derive(Debug, PartialEq, Eq)]
pub struct Paging {
    /// How many accounts it has at most.
    pub size: u16,
    /// What it begins after: what the page before called its `Next`.
    pub after: Option<RecordId>,
}

impl Paging {
    fn parse(query: &str) -> Result<Self> {
        let mut paging = Self { size: SIZE, after: None };
        let mut faults = Faults::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = KNOWN.into_iter().chain(NOT_OFFERED).find(|known| known.eq_ignore_ascii_case(&name));
            let Some(name) = known else { continue };
            if seen.contains(&name) {
                faults.add(name, "is there twice");
            }
            seen.push(name);
            match name {
                "PageSize" => match value.parse() {
                    Ok(size) if (1..=SIZE_MAX).contains(&size) => paging.size = size,
                    _ => faults.add(name, format!("must be a whole number from 1 to {SIZE_MAX}")),
                },
                "After" => match value.parse() {
                    Ok(id) if id >= 0 => paging.after = Some(RecordId::from_number(id)),
                    _ => faults.add(name, "must be what a page gave as its Next"),
                },
                _ => faults.add(name, "is not offered"),
            }
        }
        faults.into_result()?;
        Ok(paging)
    }
}

impl<S: Sync> FromRequestParts<S> for Paging {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_in_any_case_and_within_bounds() {
        assert_eq!(Paging::parse("").expect("a page"), Paging { size: 100, after: None });
        let paging = Paging::parse("pageSize=1000&AFTER=17&utm_source=x").expect("a page");
        assert_eq!(paging, Paging { size: 1000, after: Some(RecordId::from_number(17)) });
        for bad in
            ["PageSize=0", "PageSize=1001", "PageSize=x", "After=-1", "After=x", "PageSize=1&pagesize=1", "fields=Id"]
        {
            assert!(Paging::parse(bad).is_err(), "{bad}");
        }
    }
}
