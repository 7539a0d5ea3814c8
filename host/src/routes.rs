//! Which component answers a path, and what Spin tells the component about the match.
//!
//! A route is exact (`/a/b`), has named segments (`/a/:id`), or ends in a wildcard (`/a/...`) that matches `/a`, `/a/`
//! and everything below. Of several that match, the most specific wins: segment by segment an exact one goes before a
//! named one before the wildcard. A slash at the end of a path makes no difference to the match.

use http::{HeaderName, HeaderValue};
use std::cmp::Ordering;

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    Named(String),
    Wildcard,
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Exact(_) => 0,
            Self::Named(_) => 1,
            Self::Wildcard => 2,
        }
    }
}

/// A route with what is the same for every request that it matches.
#[derive(Debug)]
pub(crate) struct Route {
    segments: Vec<Segment>,
    /// The component's place in the application's list.
    pub component: usize,
    /// `spin-matched-route`: the route as it is matched.
    pub matched: HeaderValue,
    /// `spin-raw-component-route`: the route as the manifest writes it.
    pub raw: HeaderValue,
    /// `spin-component-route`: the route without its wildcard.
    pub prefix: HeaderValue,
}

/// A route that matches a path.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub route: &'a Route,
    /// `spin-path-info`: what the wildcard stands for, with its slash; empty if the route has none.
    pub path_info: String,
    /// `spin-path-match-…`: what the named segments stand for.
    pub named: Vec<(HeaderName, HeaderValue)>,
}

/// All routes of the application, the most specific first.
#[derive(Debug)]
pub(crate) struct Router(Vec<Route>);

impl Router {
    /// Makes a router of `(route, component)` pairs that [`check`] accepts. Of two equal routes the last one counts.
    pub fn new<'a>(routes: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let mut list: Vec<Route> = Vec::new();
        for (raw, component) in routes {
            let segments = parse(raw);
            list.retain(|other| other.segments != segments);
            let absolute = if raw.starts_with('/') { raw.to_owned() } else { format!("/{raw}") };
            let prefix = raw.strip_suffix("/...").unwrap_or(raw);
            list.push(Route {
                segments,
                component,
                matched: header(absolute.strip_suffix('/').unwrap_or(&absolute)),
                raw: header(raw),
                prefix: header(prefix),
            });
        }
        list.sort_by(|a, b| compare(&a.segments, &b.segments));
        Self(list)
    }

    /// The most specific route that matches `path`, if any.
    pub fn find(&self, path: &str) -> Option<Match<'_>> {
        let trimmed = path.trim_matches('/');
        self.0.iter().find_map(|route| {
            let (rest, named) = matches(&route.segments, trimmed)?;
            let slash = if path.ends_with('/') { "/" } else { "" };
            let path_info = match rest {
                None => String::new(),
                Some("") => slash.to_owned(),
                Some(rest) => format!("/{rest}{slash}"),
            };
            Some(Match { route, path_info, named })
        })
    }
}

/// Says what is wrong with a route, if anything is.
pub(crate) fn check(route: &str) -> Result<(), String> {
    let inner = route.strip_suffix("/...").unwrap_or(route);
    if inner.contains("...") || inner.contains('*') {
        return Err(format!("in the route `{route}` a wildcard may only be `/...` at the end"));
    }
    if !route.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("the route {route:?} must be printable ASCII without spaces"));
    }
    for segment in parse(route) {
        if let Segment::Named(name) = segment
            && HeaderName::try_from(format!("spin-path-match-{name}")).is_err()
        {
            return Err(format!("the route `{route}` has a bad name for a segment: `:{name}`"));
        }
    }
    Ok(())
}

fn parse(route: &str) -> Vec<Segment> {
    let segment = |text: &str| match text.strip_prefix(':') {
        _ if text == "..." => Segment::Wildcard,
        Some(name) => Segment::Named(name.to_owned()),
        None => Segment::Exact(text.to_owned()),
    };
    let trimmed = route.trim_matches('/');
    if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').map(segment).collect() }
}

/// The more specific of two routes is the lesser. A route that ends goes before one that has its wildcard there.
fn compare(a: &[Segment], b: &[Segment]) -> Ordering {
    let rank = |segments: &[Segment], at: usize| segments.get(at).map_or(1, Segment::rank);
    let ranks = (0..a.len().max(b.len())).map(|at| rank(a, at).cmp(&rank(b, at)));
    ranks.fold(Ordering::Equal, Ordering::then)
}

type Named = Vec<(HeaderName, HeaderValue)>;

/// Matches a path without its outer slashes. Gives what the wildcard stands for, if the route has one.
fn matches<'p>(segments: &[Segment], path: &'p str) -> Option<(Option<&'p str>, Named)> {
    let mut rest = (!path.is_empty()).then_some(path);
    let mut named = Named::new();
    for segment in segments {
        let next = || rest.map(|rest| rest.split_once('/').map_or((rest, None), |(head, tail)| (head, Some(tail))));
        match segment {
            Segment::Wildcard => return Some((Some(rest.unwrap_or("")), named)),
            Segment::Exact(text) => {
                let (head, tail) = next()?;
                if head != text {
                    return None;
                }
                rest = tail;
            }
            Segment::Named(name) => {
                let (head, tail) = next()?;
                let name = HeaderName::try_from(format!("spin-path-match-{name}")).ok()?;
                named.push((name, HeaderValue::from_str(head).ok()?));
                rest = tail;
            }
        }
    }
    rest.is_none().then_some((None, named))
}

/// `check` lets only printable ASCII pass.
fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(routes: &[&str], path: &str) -> Option<(String, String)> {
        for route in routes {
            check(route).unwrap();
        }
        let all = Router::new(routes.iter().enumerate().map(|(index, route)| (*route, index)));
        let found = all.find(path)?;
        Some((routes[found.route.component].to_owned(), found.path_info))
    }

    fn route(routes: &[&str], path: &str) -> Option<String> {
        find(routes, path).map(|(route, _)| route)
    }

    #[test]
    fn a_wildcard_matches_its_prefix_and_all_below() {
        for (path, info) in
            [("/foo", ""), ("/foo/", "/"), ("/foo/bar", "/bar"), ("/foo/bar/", "/bar/"), ("/foo/a/b", "/a/b")]
        {
            assert_eq!(find(&["/foo/..."], path), Some(("/foo/...".to_owned(), info.to_owned())), "{path}");
        }
        assert_eq!(route(&["/foo/..."], "/food"), None);
        assert_eq!(route(&["/foo/..."], "/"), None);
        assert_eq!(find(&["/..."], "/a/b"), Some(("/...".to_owned(), "/a/b".to_owned())));
        assert_eq!(find(&["/..."], "/"), Some(("/...".to_owned(), "/".to_owned())));
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let mut routes = ["/...", "/a/...", "/a/b", "/a/:id", "/a/b/..."];
        for _ in 0..routes.len() {
            routes.rotate_left(1);
            for (path, expected) in
                [("/x", "/..."), ("/a/b", "/a/b"), ("/a/c", "/a/:id"), ("/a/c/d", "/a/..."), ("/a/b/c", "/a/b/...")]
            {
                assert_eq!(route(&routes, path).as_deref(), Some(expected), "{path} of {routes:?}");
            }
        }
    }

    #[test]
    fn an_exact_route_does_not_care_about_a_slash_at_the_end() {
        assert_eq!(route(&["/foo"], "/foo/").as_deref(), Some("/foo"));
        assert_eq!(route(&["/"], "/").as_deref(), Some("/"));
        assert_eq!(route(&["/foo"], "/foo/bar"), None);
        assert_eq!(route(&["/"], "/foo"), None);
        assert_eq!(route(&["/Foo"], "/foo"), None);
    }

    #[test]
    fn named_segments_are_told_to_the_component() {
        let router = Router::new([("/users/:id/...", 0)]);
        let found = router.find("/users/42/pets").unwrap();
        assert_eq!(found.named, [("spin-path-match-id".parse().unwrap(), "42".parse().unwrap())]);
        assert_eq!(found.path_info, "/pets");
        assert_eq!(found.route.matched, "/users/:id/...");
        assert_eq!(found.route.prefix, "/users/:id");
        assert!(router.find("/users").is_none());
    }

    #[test]
    fn a_wildcard_may_only_be_at_the_end() {
        for bad in ["/a/.../b", "/a*", "/a/*", "/a b", "/ü", "/:b@d/x"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_two_equal_routes_the_last_counts() {
        let router = Router::new([("/a", 0), ("/a", 1)]);
        assert_eq!(router.find("/a").unwrap().route.component, 1);
    }
}
