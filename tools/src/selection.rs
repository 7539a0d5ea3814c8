//! What a description says of `$select` of a list: one or several of the fields that the list's entries have.

use serde_json::Value;

use crate::resolve;

/// Describes `$select` of an operation by what it answers with.
pub fn write_out(operation: &mut Value, whole: &Value) {
    let page = resolve(whole, &operation["responses"]["200"]["content"]["application/json"]["schema"]);
    let entry = resolve(whole, &page["properties"]["value"]["items"]);
    let Some(fields) = entry["properties"].as_object() else { return };
    let names: Vec<_> = fields.keys().cloned().collect();
    let field = format!(r"\s*(\*|{})\s*", names.join("|"));
    let parameters = operation["parameters"].as_array_mut().into_iter().flatten();
    for parameter in parameters.filter(|parameter| parameter["name"] == "$select") {
        parameter["schema"]["pattern"] = format!("^{field}(,{field})*$").into();
        if !names.iter().any(|name| parameter["example"] == name.as_str()) {
            parameter["example"] = names[0].as_str().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_fields_that_there_are_can_be_selected() {
        let whole = json!({ "components": { "schemas": {
            "Page": { "properties": { "value": { "items": { "$ref": "#/components/schemas/Entry" } } } },
            "Entry": { "properties": { "id": {}, "name": {} } },
        } } });
        let schema = json!({ "schema": { "$ref": "#/components/schemas/Page" } });
        let mut operation = json!({
            "parameters": [{ "name": "$select", "schema": {}, "example": "createdAt" }, { "name": "$filter", "schema": {} }],
            "responses": { "200": { "content": { "application/json": schema } } },
        });
        write_out(&mut operation, &whole);
        assert_eq!(operation["parameters"][0]["schema"]["pattern"], r"^\s*(\*|id|name)\s*(,\s*(\*|id|name)\s*)*$");
        assert_eq!(operation["parameters"][0]["example"], "id");
        assert_eq!(operation["parameters"][1]["schema"], json!({}));
    }
}
