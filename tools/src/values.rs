//! What a description says of values: where a value is named, its schema stands; and where there is no example, one is made of
//! those of its parts.

use serde_json::{Map, Value, json};

use crate::{operations_mut, resolve, selection};

/// What values are made of: schemas of these types are values, unless they are lists of words. Each stands where it is referred to.
const VALUES: [&str; 3] = ["string", "integer", "array"];

/// The description with the schemas of values where they are referred to, and an example for each body.
pub fn write_out(mut whole: Value) -> Value {
    let mut values = Map::new();
    if let Some(Value::Object(schemas)) = whole.pointer_mut("/components/schemas") {
        let (those, rest) = std::mem::take(schemas).into_iter().partition(|(_, schema)| is_value(schema));
        (values, *schemas) = (those, rest);
    }
    place(&mut whole, &values);
    for operation in operations_mut(&mut whole) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        // What is left out of a query or a header is not null.
        parameters.filter_map(|parameter| parameter.get_mut("schema")).for_each(without_null);
    }
    let schemas = whole.clone();
    operations_mut(&mut whole).for_each(|operation| selection::write_out(operation, &schemas));
    for operation in operations_mut(&mut whole) {
        if let Some(body) = operation.get_mut("requestBody") {
            add_examples(body, &schemas, None);
        }
        let responses = operation.get_mut("responses").and_then(Value::as_object_mut).into_iter().flatten();
        responses.for_each(|(status, response)| add_examples(response, &schemas, status.parse().ok()));
    }
    whole
}

fn is_value(schema: &Value) -> bool {
    schema["type"].as_str().is_some_and(|kind| VALUES.contains(&kind)) && schema.get("enum").is_none()
}

/// Puts the schemas of values where they are referred to. What the place says of it is kept.
fn place(schema: &mut Value, values: &Map<String, Value>) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(|part| place(part, values)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| place(member, values));
            let name = members.get("$ref").and_then(|reference| reference.as_str()?.rsplit('/').next());
            if let Some(value) = name.and_then(|name| values.get(name)) {
                let mut value = value.clone();
                // A list is one of values.
                place(&mut value, values);
                members.remove("$ref");
                merge(members, value);
            }
            merge_parts(members);
        }
        _ => {}
    }
}

/// Adds what is not said yet.
fn merge(members: &mut Map<String, Value>, more: Value) {
    let Value::Object(more) = more else { return };
    for (keyword, value) in more {
        members.entry(keyword).or_insert(value);
    }
}

/// A value or null is one schema of two types; a value and what is said of it is one schema.
fn merge_parts(members: &mut Map<String, Value>) {
    let mut parts = match (members.get("oneOf"), members.get("allOf")) {
        (Some(Value::Array(parts)), None) if parts.len() == 2 && parts[1] == json!({ "type": "null" }) => {
            vec![parts[0].clone()]
        }
        (None, Some(Value::Array(parts))) => parts.clone(),
        _ => return,
    };
    if !is_value(&parts[0]) || parts[1..].iter().any(|part| part.get("type").is_some_and(|kind| kind != "object")) {
        return;
    }
    if members.remove("oneOf").is_some() {
        let kind = parts[0]["type"].take();
        parts[0]["type"] = json!([kind, "null"]);
    }
    members.remove("allOf");
    for mut part in parts.into_iter().rev() {
        if part.get("type").is_some_and(|kind| kind == "object") {
            part.as_object_mut().map(|part| part.remove("type"));
        }
        merge(members, part);
    }
}

fn without_null(schema: &mut Value) {
    let Some(kind) = schema.get_mut("type") else { return };
    if let Value::Array(kinds) = kind {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            *kind = only.clone();
        }
    }
}

/// Gives each body an example that has none. The status of an answer stands in it, too.
fn add_examples(body: &mut Value, whole: &Value, status: Option<u16>) {
    let content = body.get_mut("content").and_then(Value::as_object_mut);
    for content in content.into_iter().flat_map(Map::values_mut) {
        if content.get("example").is_some() || content.get("examples").is_some() || content.get("schema").is_none() {
            continue;
        }
        let Some(mut example) = example(whole, &content["schema"]) else { continue };
        if let Some(status) = status.filter(|status| *status >= 400) {
            set_status(&mut example, status);
        }
        content["example"] = example;
    }
}

/// The status that a failure tells, under the names that the APIs have for it; and its name.
fn set_status(example: &mut Value, status: u16) {
    let Value::Object(members) = example else { return };
    for name in ["status", "status_code", "StatusCode"] {
        members.entry(name).and_modify(|told| {
            if told.is_number() {
                *told = status.into();
            }
        });
    }
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    members.entry("title").and_modify(|title| *title = reason.into());
}

/// An example of a schema: its own, or one of those of its parts. `None` if it has a part that must be there and has none.
pub fn example(whole: &Value, schema: &Value) -> Option<Value> {
    let schema = resolve(whole, schema);
    let own = [&schema["example"], &schema["examples"][0], &schema["default"], &schema["enum"][0]];
    if let Some(own) = own.into_iter().find(|own| !own.is_null()) {
        return Some(own.clone());
    }
    for keyword in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[keyword].as_array() {
            return parts.iter().find_map(|part| example(whole, part));
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts: Option<Vec<_>> = parts.iter().map(|part| example(whole, part)).collect();
        return Some(Value::Object(
            parts?.into_iter().filter_map(|part| part.as_object().cloned()).flatten().collect(),
        ));
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => object(whole, schema),
        Some("array") => Some(json!([example(whole, &schema["items"])?])),
        Some("boolean") => Some(false.into()),
        Some("null") => Some(Value::Null),
        _ => None,
    }
}

fn object(whole: &Value, schema: &Value) -> Option<Value> {
    let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let mut members = Map::new();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        match example(whole, member) {
            Some(example) => drop(members.insert(name.clone(), example)),
            None if required(name) => return None,
            None => {}
        }
    }
    if let Some(example) = schema.get("additionalProperties").and_then(|of| example(whole, of)) {
        let name = example_of_name(whole, schema);
        members.insert(name, example);
    }
    Some(Value::Object(members))
}

fn example_of_name(whole: &Value, schema: &Value) -> String {
    let name = schema.get("propertyNames").and_then(|names| example(whole, names));
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_else(|| "name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_where_it_is_named_with_what_is_said_of_it_there() {
        let name = json!({ "$ref": "#/components/schemas/Name" });
        let mut described = json!({ "$ref": "#/components/schemas/Name" });
        described["description"] = "Of the account.".into();
        let whole = write_out(json!({
            "paths": { "/a": { "post": {
                "parameters": [{ "schema": { "oneOf": [name, { "type": "null" }] } }],
                "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/New" }
                } } },
                "responses": { "404": { "content": { "application/json": { "schema": {
                    "type": "object", "required": ["status"], "properties": {
                        "status": { "type": "integer", "example": 400 }, "title": { "type": "string", "example": "x" }
                    }
                } } } } },
            } } },
            "components": { "schemas": {
                "Name": { "type": "string", "maxLength": 7, "description": "A name.", "example": "Acme" },
                "Kind": { "type": "string", "enum": ["a", "b"] },
                "New": { "type": "object", "properties": {
                    "name": described,
                    "other": { "oneOf": [name, { "type": "null" }] },
                    "names": { "type": "array", "items": name },
                    "kind": { "$ref": "#/components/schemas/Kind" },
                } },
            } },
        }));
        let named = |kind: Value, description: &str| json!({ "type": kind, "maxLength": 7, "description": description, "example": "Acme" });
        let new = &whole["components"]["schemas"]["New"]["properties"];
        assert_eq!(new["name"], named(json!("string"), "Of the account."));
        assert_eq!(new["other"], named(json!(["string", "null"]), "A name."));
        assert_eq!(new["names"]["items"], named(json!("string"), "A name."));
        assert!(new["kind"]["$ref"].is_string(), "a list of words has a name");
        assert!(whole["components"]["schemas"].get("Name").is_none());
        let operation = &whole["paths"]["/a"]["post"];
        assert_eq!(operation["parameters"][0]["schema"], named(json!("string"), "A name."));
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        assert_eq!(*example, json!({ "name": "Acme", "other": "Acme", "names": ["Acme"], "kind": "a" }));
        let failed = &operation["responses"]["404"]["content"]["application/json"]["example"];
        assert_eq!(*failed, json!({ "status": 404, "title": "Not Found" }));
    }

    #[test]
    fn what_must_be_there_and_has_no_example_leaves_the_whole_without_one() {
        let schema = json!({ "type": "object", "required": ["a"], "properties": { "a": { "type": "string" } } });
        assert_eq!(example(&Value::Null, &schema), None);
    }
}
