//! The pages of `docs/apis` for people who read them where Accord runs: `/reference/{api}`.
//!
//! Each is whole by itself, as the [reference](crate::reference) is. Links between these pages, and to the reference, lead to each
//! other here; those to other files of the project lead nowhere, and are left as text.

use maud::{DOCTYPE, PreEscaped, html};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html::push_html};

use crate::reference::STYLE;

/// The page of an API, made of its file in Markdown. `apis` are the names of those that have one.
///
/// # Panics
///
/// If the file does not begin with a heading, or has HTML in it.
pub fn page(markdown: &str, apis: &[&str]) -> String {
    let events: Vec<_> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let title = title(&events);
    let mut body = String::new();
    push_html(&mut body, with_anchors(led(events, apis)).into_iter());
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Accord" }
                style { (PreEscaped(STYLE)) }
            }
            body.wide {
                header { a href="/" { "Accord" } a href="/reference" { "Reference" } }
                main { (PreEscaped(body)) }
            }
        }
    };
    page.into_string() + "\n"
}

fn title(events: &[Event]) -> String {
    assert!(matches!(events.first(), Some(Event::Start(Tag::Heading { .. }))), "a page begins with its heading");
    text_until_end(&events[1..])
}

/// The text of a heading, which `events` begin with.
fn text_until_end(events: &[Event]) -> String {
    let texts = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    texts
        .filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
            _ => None,
        })
        .collect()
}

/// The events, in which links lead to pages that are here, and links to other files are no links.
fn led<'a>(events: Vec<Event<'a>>, apis: &[&str]) -> Vec<Event<'a>> {
    let mut is_dropped = false;
    let mut led = Vec::with_capacity(events.len());
    for event in events {
        match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => match destination(&dest_url, apis) {
                Some(dest_url) => led.push(Event::Start(Tag::Link { link_type, dest_url: dest_url.into(), title, id })),
                None => is_dropped = true,
            },
            Event::End(TagEnd::Link) if is_dropped => is_dropped = false,
            Event::Html(_) | Event::InlineHtml(_) => panic!("a page of an API has no HTML"),
            other => led.push(other),
        }
    }
    led
}

/// Where a link leads to from a page that is served.
fn destination(url: &str, apis: &[&str]) -> Option<String> {
    if url.starts_with('#') || url.starts_with("https://") {
        return Some(url.to_owned());
    }
    let (file, fragment) = url.split_once('#').map_or((url, String::new()), |(file, rest)| (file, format!("#{rest}")));
    let api = file.strip_suffix(".md").filter(|api| apis.contains(api))?;
    Some(format!("/reference/{api}{fragment}"))
}

/// The events, in which each heading has the name that links to it use.
fn with_anchors(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let anchors: Vec<_> = (0..events.len()).map(|at| anchor(&text_until_end(&events[at + 1..]))).collect();
    let anchored = events.into_iter().zip(anchors).map(|(event, anchor)| match event {
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            Event::Start(Tag::Heading { level, id: Some(CowStr::from(anchor)), classes, attrs })
        }
        other => other,
    });
    anchored.collect()
}

/// The name of a heading, as the places that show Markdown make it: small letters and digits, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_what_is_served_and_headings_have_names() {
        let page = page(
            "# The `x` API\n\nSee [portal](portal.md#update-users), [here](#a-part), [a file](../operate.md) and <https://a.example/>.\n\n\
             ## A part\n\n| a | b |\n|---|---|\n| 1 | `<2>` |\n",
            &["portal"],
        );
        for expected in [
            "<title>The x API · Accord</title>",
            "<h1 id=\"the-x-api\">",
            "<a href=\"/reference/portal#update-users\">portal</a>",
            "<a href=\"#a-part\">here</a>, a file and <a href=\"https://a.example/\">",
            "<h2 id=\"a-part\">A part</h2>",
            "<td><code>&lt;2&gt;</code></td>",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }
}
