//! The reference of all APIs as one page for people, made of their description.
//!
//! It is whole by itself: a style sheet of ours, no script, and nothing from any other host.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

use crate::operations;

/// The sheet of the pages for people, and what a reference has beside that.
pub(crate) const STYLE: &str = concat!(
    ":root{--brand:#2b5f75;--on-brand:#fff}",
    include_str!("../../components/pages/src/style.css"),
    include_str!("reference.css")
);

/// The page of a description.
pub fn page(description: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (title, summary) = (text(&description["info"]["title"]), text(&description["info"]["description"]));
    let tags = description["tags"].as_array().into_iter().flatten();
    let tags: Vec<_> = tags.map(|tag| (text(&tag["name"]), text(&tag["description"]))).collect();
    let of_tag = |tag: &str| -> Vec<_> {
        operations(description).filter(|(.., operation)| operation["tags"][0] == tag).collect()
    };
    let schemas = description["components"]["schemas"].as_object();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Reference · " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body.wide {
                header { a href="/" { (title) } a href="/openapi.json" { "OpenAPI" } }
                main {
                    h1 { "Reference" }
                    p { (prose(&summary)) }
                    nav aria-label="Operations" {
                        @for (tag, _) in &tags {
                            details {
                                summary { (tag) }
                                ul {
                                    @for (method, path, operation) in of_tag(tag) {
                                        li { a href={ "#" (text(&operation["operationId"])) } { code { (method.to_uppercase()) " " (path) } } }
                                    }
                                }
                            }
                        }
                    }
                    @for (tag, told) in &tags {
                        section {
                            h2 id=(tag) { (tag) }
                            p { (linked(told)) }
                            @for (method, path, operation) in of_tag(tag) {
                                (self::operation(description, method, path, operation))
                            }
                        }
                    }
                    section {
                        h2 id="schemas" { "Schemas" }
                        @for (name, schema) in schemas.into_iter().flatten() { (self::schema(name, schema)) }
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// An operation: who calls it, what it takes, and what it answers.
fn operation(description: &Value, method: &str, path: &str, operation: &Value) -> Markup {
    let text = |name: &str| operation[name].as_str().unwrap_or_default();
    let callers = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let callers: Vec<_> = callers.map(caller).collect();
    let parameters: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
    let bodies = operation["requestBody"]["content"].as_object();
    let responses = operation["responses"].as_object();
    html! {
        article id=(text("operationId")) {
            h3 { (text("summary")) }
            p { code.call { (method.to_uppercase()) " " (path) } }
            @for paragraph in text("description").split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
                p { (prose(paragraph)) }
            }
            p.soft { "Credentials: " @if callers.is_empty() { "none" } @else { (callers.join(", or ")) } }
            @if !parameters.is_empty() {
                (table("Parameters", &["Name", "In", "Type", "Meaning"], &html! {
                    @for parameter in parameters {
                        tr {
                            th scope="row" { code { (parameter["name"].as_str().unwrap_or_default()) } (mark(parameter["required"] == true)) }
                            td { (parameter["in"].as_str().unwrap_or_default()) }
                            td { (kind(&parameter["schema"])) }
                            td { (prose(parameter["description"].as_str().unwrap_or_default())) }
                        }
                    }
                }))
            }
            @for (media_type, body) in bodies.into_iter().flatten() {
                p { "Body: " code { (media_type) } ", " (kind(&body["schema"])) }
                @for example in examples(body) { (self::example(&example)) }
            }
            (table("Answers", &["Status", "Body", "Meaning"], &html! {
                @for (status, response) in responses.into_iter().flatten() {
                    @let response = resolve(description, response);
                    tr {
                        th scope="row" { code { (status) } }
                        td {
                            @for (media_type, body) in response["content"].as_object().into_iter().flatten() {
                                code { (media_type) } " " (kind(&body["schema"]))
                            }
                        }
                        td { (prose(response["description"].as_str().unwrap_or_default())) }
                    }
                }
            }))
        }
    }
}

/// A way to say who calls: the schemes that have to come together.
fn caller(schemes: &Map<String, Value>) -> String {
    let names: Vec<_> = schemes.keys().map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" and ") }
}

/// The examples of a body, each with what it is called.
fn examples(body: &Value) -> Vec<(String, Value)> {
    let named = body["examples"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, example)| (example["summary"].as_str().unwrap_or(name).to_owned(), example["value"].clone()));
    let single = Some(&body["example"]).filter(|example| !example.is_null()).cloned();
    named.chain(single.map(|example| ("Example".to_owned(), example))).collect()
}

fn example((name, value): &(String, Value)) -> Markup {
    html! { figure { figcaption.soft { (name) } pre tabindex="0" { code { (format!("{value:#}")) } } } }
}

/// What a reference leads to, or the value itself.
fn resolve<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|reference| description.pointer(reference)).unwrap_or(value)
}

/// A schema: its fields, or what it is.
fn schema(name: &str, schema: &Value) -> Markup {
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object();
    html! {
        article id={ "schema-" (name) } {
            h3 { (name) }
            p { (prose(schema["description"].as_str().unwrap_or_default())) }
            @if let Some(fields) = fields {
                (table("Fields", &["Name", "Type", "Meaning"], &html! {
                    @for (field, schema) in fields {
                        tr {
                            th scope="row" { code { (field) } (mark(required.contains(&field.as_str()))) }
                            td { (kind(schema)) }
                            td {
                                (prose(schema["description"].as_str().unwrap_or_default()))
                                @if !schema["example"].is_null() { " For example " code { (schema["example"]) } "." }
                            }
                        }
                    }
                }))
            } @else {
                p { (kind(schema)) }
            }
        }
    }
}

fn mark(is_required: bool) -> Markup {
    html! { @if is_required { small { " required" } } }
}

/// What a value is: a link to its schema, or its type in words.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/")) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    for (several, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        if let Some(parts) = schema[several].as_array() {
            return html! { @for (at, part) in parts.iter().enumerate() { @if at > 0 { (between) } (kind(part)) } };
        }
    }
    let types = match &schema["type"] {
        Value::String(one) => one.clone(),
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    let values: Vec<_> = schema["enum"].as_array().into_iter().flatten().map(Value::to_string).collect();
    html! {
        (types)
        @if let Some(format) = schema["format"].as_str() { " (" (format) ")" }
        @if !schema["items"].is_null() { " of " (kind(&schema["items"])) }
        @if schema["additionalProperties"].is_object() { " of " (kind(&schema["additionalProperties"])) }
        @if !values.is_empty() { ": " (values.join(", ")) }
    }
}

/// A table that can be scrolled where it is too wide.
fn table(caption: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// As [`prose`], with a link at its end, as Markdown writes one.
fn linked(text: &str) -> Markup {
    let link = text.strip_suffix(')').and_then(|text| text.split_once(" [")).and_then(|(before, link)| {
        let (label, url) = link.split_once("](")?;
        Some((before, label, url))
    });
    match link {
        Some((before, label, url)) => html! { (prose(before)) " " a href=(url) { (label) } },
        None => prose(text),
    }
}

/// Text in which names stand between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_what_the_description_says_and_no_markup_of_it() {
        let description = json!({
            "info": { "title": "T", "description": "D" },
            "tags": [{ "name": "things", "description": "Things & `more`" }],
            "paths": { "/a/{id}": { "put": {
                "operationId": "a_put", "tags": ["things"], "summary": "Put <a>", "description": "One.\n\nTwo.",
                "security": [{ "bearer": [] }, { "basic": [], "key": [] }],
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "integer" }, "description": "The id." }],
                "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/A" }, "example": { "name": "x" } } } },
                "responses": { "200": { "description": "Done." }, "404": { "$ref": "#/components/responses/404" } }
            } } },
            "components": {
                "schemas": { "A": { "required": ["name"], "properties": {
                    "name": { "type": ["string", "null"], "description": "A name." },
                    "all": { "type": "array", "items": { "$ref": "#/components/schemas/A" } } } } },
                "responses": { "404": { "description": "Nothing there." } }
            }
        });
        let page = page(&description);
        for part in [
            "<h3>Put &lt;a&gt;</h3>",
            "<code class=\"call\">PUT /a/{id}</code>",
            "Things &amp; <code>more</code>",
            "<p>One.</p><p>Two.</p>",
            "Credentials: bearer, or basic and key",
            "<code>id</code><small> required</small>",
            "<a href=\"#schema-A\">A</a>",
            "Nothing there.",
            "string or null",
            "array of <a href=\"#schema-A\">A</a>",
            "id=\"schema-A\"",
            "href=\"#a_put\"",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
