//! What a description says of members that depend on others, which the annotations have no words for.
//!
//! It is said by `if` and `then`, which validators keep and makers of clients pass over, and not by `anyOf` or `oneOf`, of which
//! these would make a type for each combination.

use serde_json::{Map, Value, json};

/// What is so of an object under some condition: both are schemas.
pub struct Condition(Value);

/// Where `condition` holds, `then` does.
pub fn when(condition: Value, then: Value) -> Condition {
    Condition(object([("if", condition), ("then", then)]))
}

/// All of these members are there, and neither null nor empty.
pub fn has(members: &[&str]) -> Value {
    let said = json!({ "not": { "type": "null" }, "minLength": 1, "minItems": 1 });
    let properties: Map<_, _> = members.iter().map(|name| ((*name).to_owned(), said.clone())).collect();
    json!({ "required": members, "properties": properties })
}

/// None of these members is there, or it is null or empty.
pub fn lacks(members: &[&str]) -> Value {
    json!({ "not": { "anyOf": members.iter().map(|name| has(&[name])).collect::<Vec<_>>() } })
}

/// A member is there, and has this value.
pub fn is(member: &str, value: impl Into<Value>) -> Value {
    json!({ "required": [member], "properties": { member: { "const": value.into() } } })
}

/// A member, if it is there, is of this schema.
pub fn may_be(member: &str, schema: Value) -> Value {
    object([("properties", object([(member, schema)]))])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Adds conditions to the schema of a description that has this name.
///
/// # Panics
///
/// If there is none.
pub fn add(description: &mut Value, schema: &str, conditions: impl IntoIterator<Item = Condition>) {
    let schema = description.pointer_mut(&format!("/components/schemas/{schema}")).expect("there is such a schema");
    schema["allOf"] = conditions.into_iter().map(|Condition(condition)| condition).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_part_of_the_schema_that_it_is_about() {
        let mut description = json!({ "components": { "schemas": { "Change": { "type": "object" } } } });
        add(&mut description, "Change", [when(lacks(&["status"]), has(&["roles"]))]);
        let said = json!({ "not": { "type": "null" }, "minLength": 1, "minItems": 1 });
        let member = |name: &str| json!({ "required": [name], "properties": { name: said.clone() } });
        let condition = json!({ "if": { "not": { "anyOf": [member("status")] } }, "then": member("roles") });
        let schema = &description["components"]["schemas"]["Change"];
        assert_eq!(*schema, json!({ "type": "object", "allOf": [condition] }));
    }
}
