//! The descriptions of the APIs (OpenAPI 3.1), for the tests that keep them.
//!
//! Each component describes its own API by annotations. A test of the component turns them into its `openapi.json` and
//! fails if the file says something else. The component `console` puts the parts together, and the Postman collection and
//! the reference are made of the whole. What clients of `OData` read is made of the lists of core. Nothing of this is in a component:
//! it carries the text, not what makes it.

pub mod conditions;
pub mod guide;
pub mod metadata;
pub mod postman;
pub mod reference;
pub mod rooms;
mod selection;
mod values;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Proves that the file says what was `made`. With `ACCORD_WRITE_OPENAPI` set, writes it first.
pub fn keep(path: &str, made: &Value) {
    keep_text(path, &format!("{made:#}\n"));
}

/// As [`keep`], of any text.
pub fn keep_text(path: &str, made: &str) {
    if std::env::var_os("ACCORD_WRITE_OPENAPI").is_some() {
        std::fs::write(path, made).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "{path} is old: run the test once with ACCORD_WRITE_OPENAPI=1");
}

pub use values::write_out;

/// The description, in which each problem stands once and is referred to from where it may occur.
pub fn share_problems(mut whole: Value) -> Value {
    let mut problems = Map::new();
    for operation in operations_mut(&mut whole) {
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            if response["content"].get("application/problem+json").is_some() {
                let reference = json!({ "$ref": format!("#/components/responses/{status}") });
                problems.insert(status.clone(), std::mem::replace(response, reference));
            }
        }
    }
    whole["components"]["responses"] = problems.into();
    whole
}

/// Proves that what is routed is described, what is described is routed, and every reference leads somewhere.
pub fn prove(description: &Value, routed: &[(&str, &str)]) {
    let described: BTreeSet<_> = operations(description).map(|(method, path, _)| (method, path)).collect();
    assert_eq!(described, routed.iter().copied().collect());
    follow(description);
}

/// Proves that every reference leads somewhere.
fn follow(description: &Value) {
    let text = description.to_string();
    for reference in text.split(r##""$ref":"#"##).skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(description.pointer(reference).is_some(), "{reference} is not there");
    }
}

/// Method, path and description of each operation.
pub fn operations(description: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = description["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
    })
}

fn operations_mut(description: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = description["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    paths.flat_map(|path| path.as_object_mut().into_iter().flat_map(Map::values_mut))
}

/// What a reference leads to, or the value itself.
fn resolve<'a>(description: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.map_or(value, |pointer| description.pointer(pointer).expect("a reference leads somewhere"))
}

/// The first part, and the tags, paths and components of the others. An operation that says nothing of credentials takes
/// none, and the whole says so: by itself it would be open to whoever reads it to think of a default.
///
/// # Panics
///
/// If two parts say different things of one operation or component, two operations have one name, or a reference leads
/// nowhere.
pub fn merge(parts: impl IntoIterator<Item = Value>) -> Value {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or_default();
    for mut part in parts {
        if let (Some(tags), Some(more)) = (whole["tags"].as_array_mut(), part["tags"].as_array_mut()) {
            tags.append(more);
        }
        add(&mut whole["paths"], &part["paths"], "paths", 2);
        add(&mut whole["components"], &part["components"], "components", 2);
    }
    let mut names = BTreeSet::new();
    for (method, path, operation) in operations(&whole) {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no operationId"));
        assert!(names.insert(name), "two operations have the name {name}");
    }
    for operation in operations_mut(&mut whole) {
        operation.as_object_mut().map(|operation| operation.entry("security").or_insert_with(|| json!([])));
    }
    follow(&whole);
    whole
}

/// Adds the members of `from`, and down to `depth` the members of those.
fn add(into: &mut Value, from: &Value, place: &str, depth: u32) {
    let Value::Object(from) = from else { return };
    if into.is_null() {
        *into = Value::Object(Map::new());
    }
    for (name, value) in from {
        let place = format!("{place}/{name}");
        match &mut into[name.as_str()] {
            absent @ Value::Null => *absent = value.clone(),
            members if depth > 1 => add(members, value, &place, depth - 1),
            other => assert!(other == value, "two parts say different things of {place}: give one another name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &str, method: &str, name: &str, schema: &Value) -> Value {
        json!({ "info": name, "tags": [name], "paths": { path: { method: { "operationId": name } } },
                "components": { "schemas": { "Problem": schema } } })
    }

    #[test]
    fn parts_are_merged() {
        let whole = merge([part("/a", "get", "one", &json!(1)), part("/a", "put", "two", &json!(1))]);
        let operation = |name: &str| json!({ "operationId": name, "security": [] });
        let paths = json!({ "/a": { "get": operation("one"), "put": operation("two") } });
        let components = json!({ "schemas": { "Problem": 1 } });
        let tags = ["one", "two"];
        assert_eq!(whole, json!({ "info": "one", "tags": tags, "paths": paths, "components": components }));
    }

    #[test]
    #[should_panic(expected = "two parts say different things of components/schemas/Problem")]
    fn a_definition_that_differs_is_not_dropped() {
        merge([part("/a", "get", "one", &json!(1)), part("/b", "get", "two", &json!(2))]);
    }

    #[test]
    #[should_panic(expected = "two operations have the name one")]
    fn operations_have_names_of_their_own() {
        merge([part("/a", "get", "one", &json!(1)), part("/b", "get", "one", &json!(1))]);
    }

    #[test]
    #[should_panic(expected = "/components/schemas/Lost is not there")]
    fn references_lead_somewhere() {
        prove(&json!({ "paths": {}, "x": { "$ref": "#/components/schemas/Lost" } }), &[]);
    }
}
