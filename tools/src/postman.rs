//! The Postman collection (format 2.1) of all APIs, made of their description.
//!
//! What a request looks like follows from the description: method, address, credentials, parameters, body, and what the
//! answer must have. What follows from it alone is not enough to run the collection from top to bottom: [`STEPS`] says in
//! which order the requests come, with which status each is answered, what a request takes from answers before it, and what
//! it leaves for those after it.
//!
//! Parameters of a path become variables of the collection, by their names. `{id}` becomes the id of what stands before it
//! in the path: `/api/connectors/{id}` has the variable `connectorId`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{operations, resolve};

/// A request of the collection.
struct Step {
    /// The `operationId`.
    operation: &'static str,
    /// The name of an example of the body, or of a request that the description has no example of.
    example: &'static str,
    status: u16,
    /// Parameter, or member of the body → its value, for what no example can know.
    given: &'static [(&'static str, &'static str)],
    /// Member of the answer → the variable that keeps it.
    kept: &'static [(&'static str, &'static str)],
    /// Sent without credentials, where the operation takes a request with and without them.
    anonymous: bool,
    /// The schema of the answer, where the operation answers nothing to most requests: a description has one answer a status.
    shape: Option<&'static str>,
}

const fn step(operation: &'static str, example: &'static str, status: u16) -> Step {
    Step { operation, example, status, given: &[], kept: &[], anonymous: false, shape: None }
}

impl Step {
    const fn given(mut self, given: &'static [(&'static str, &'static str)]) -> Self {
        self.given = given;
        self
    }

    const fn kept(mut self, kept: &'static [(&'static str, &'static str)]) -> Self {
        self.kept = kept;
        self
    }

    const fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    const fn shaped(mut self, schema: &'static str) -> Self {
        self.shape = Some(schema);
        self
    }
}

/// What the admin signs in with.
const ADMIN: &[(&str, &str)] = &[("username", "{{admin_email}}"), ("password", "{{admin_password}}")];
/// What refreshes the admin's token.
const REFRESH: &[(&str, &str)] = &[("refresh_token", "{{refresh_token}}")];
/// What a user's token leaves.
const USER_TOKENS: &[(&str, &str)] = &[("access_token", "user_access_token"), ("refresh_token", "refresh_token")];
/// What a connector's token leaves.
const TOKEN: &[(&str, &str)] = &[("access_token", "access_token")];

/// The requests, in the order in which the collection runs.
const STEPS: &[Step] = &[
    // Before every token, for it ends them.
    step("oauth_rotate_keys", "", 200),
    // The family of the first refresh token is the one that is revoked.
    step("oauth_token_of_endpoint", "client_credentials", 200).kept(&[("refresh_token", "client_refresh_token")]),
    step("oauth_token_of_endpoint", "password", 200).given(ADMIN).kept(USER_TOKENS).anonymous(),
    step("oauth_token_of_endpoint", "refresh_token", 200).given(REFRESH).kept(USER_TOKENS).anonymous(),
    step("oauth_token_of_realm", "client_credentials", 200).kept(TOKEN),
    step("oauth_token_of_realm", "password", 200).given(ADMIN).kept(USER_TOKENS).anonymous(),
    step("oauth_token_of_realm", "refresh_token", 200).given(REFRESH).kept(USER_TOKENS).anonymous(),
    step("oauth_token", "client_credentials", 200).kept(TOKEN),
    step("oauth_token", "password", 200).given(ADMIN).kept(USER_TOKENS).anonymous(),
    step("oauth_token", "refresh_token", 200).given(REFRESH).kept(USER_TOKENS).anonymous(),
    // Only a browser has a code.
    step("oauth_token_of_endpoint", "authorization_code", 400),
    step("oauth_token_of_realm", "authorization_code", 400),
    step("oauth_token", "authorization_code", 400),
    step("oauth_introspect_of_realm", "", 200).given(&[("token", "{{access_token}}")]),
    step("oauth_introspect", "", 200).given(&[("token", "{{access_token}}")]),
    step("health_live", "", 200),
    step("health_ready", "", 200),
    step("oauth_keys", "", 200),
    step("oauth_metadata", "", 200),
    step("oauth_keys_of_realm", "", 200),
    step("oauth_metadata_of_openid", "", 200),
    step("oauth_metadata_of_realm", "", 200),
    // A token that no browser was asked for does not tell who signed in.
    step("oauth_userinfo", "", 403),
    step("oauth_userinfo_by_form", "", 403),
    step("oauth_userinfo_of_realm", "", 403),
    step("oauth_userinfo_by_form_of_realm", "", 403),
    // Without a browser, and a client that people sign in to, there is nobody to send back.
    step("oauth_authorize", "", 400),
    step("oauth_authorize_by_form", "", 303),
    step("oauth_authorize_of_realm", "", 400),
    step("oauth_authorize_by_form_of_realm", "", 303),
    step("oauth_log_out", "", 200),
    step("oauth_log_out_by_form", "", 303),
    step("oauth_logout_of_realm", "", 204).given(&[("refresh_token", "a-refresh-token")]),
    step("oauth_revoke_of_realm", "", 200).given(&[("token", "a-token")]),
    step("oauth_revoke", "", 200).given(&[("token", "{{client_refresh_token}}")]),
    step("portal_put_accounts", "update", 200).given(&[("dryRun", "true")]).shaped("PortalDifference"),
    step("portal_put_accounts", "update", 200),
    step("portal_put_users", "update", 200),
    step("portal_bind_users", "", 200),
    step("portal_put_users", "remove", 200),
    step("portal_put_accounts", "remove", 200),
    // What must be unique is new at each run.
    step("post_account", "", 200)
        .given(&[
            ("Username", "jane.doe.{{$timestamp}}"),
            ("Email", "jane.doe.{{$timestamp}}@example.com"),
            ("Phone", "+358{{$timestamp}}"),
        ])
        .kept(&[("Id", "endpointAccountId")]),
    step("get_account", "", 200).given(&[("Id", "{{endpointAccountId}}")]),
    step("list_accounts", "", 200).given(&[("PageSize", "10")]),
    step("patch_account", "external_id", 200),
    step("patch_account", "id", 200).given(&[("Id", "{{endpointAccountId}}"), ("Phone", "+359{{$timestamp}}")]),
    step("administration_change", "create_package", 200).given(&[("name", "Gold {{$timestamp}}")]),
    step("administration_change", "list_packages", 200),
    step("administration_change", "create_account", 200)
        .given(&[("subdomain", "example-{{$timestamp}}"), ("email_admin", "admin-{{$timestamp}}@example.com")])
        .kept(&[("account_key", "customer_key")]),
    step("administration_change", "list_accounts", 200),
    step("administration_change", "update_account", 200)
        .given(&[("account_key", "{{customer_key}}"), ("email_admin", "admin-{{$timestamp}}@example.com")]),
    step("connection_health", "", 200),
    step("connection_health", "of one account", 200).given(&[("account_key", "{{customer_key}}")]),
    step("connection_health", "by status", 200).given(&[("statuses", "PENDING,INACTIVE")]),
    step("people_sign_up", "", 201)
        .given(&[("email", "user-{{$timestamp}}@example.com"), ("accountName", "Acme Corporation {{$timestamp}}")])
        .kept(&[("id", "userId")]),
    step("accounts_create", "", 201).kept(&[("id", "accountId")]),
    step("accounts_list", "", 200),
    step("accounts_list", "filtered", 200).given(&[
        ("$filter", "startswith(name, 'Acme Corporation')"),
        ("$orderby", "createdAt desc"),
        ("$skip", "0"),
        ("$top", "10"),
    ]),
    step("accounts_list", "searched", 200).given(&[("$search", "enterprise"), ("$count", "true")]),
    step("accounts_get", "", 200),
    step("accounts_get", "by name", 200).given(&[("id", "Enterprise Account")]),
    // Nobody has made an account of that name.
    step("accounts_get_signup", "", 404),
    step("accounts_update", "", 200),
    // First the user who signed up, then one who is invited.
    step("members_add", "", 200),
    step("members_invite", "", 201).kept(&[("id", "userId")]),
    step("members_list", "", 200),
    step("members_list", "of any status", 200).given(&[("$filter", "status ne null"), ("$count", "true")]),
    step("members_get", "", 200),
    step("members_update", "", 200),
    step("members_invite_again", "", 200),
    step("invitations_list", "", 200),
    step("invitations_get", "", 200),
    step("invitations_take_back", "", 200),
    step("members_invite", "again", 201).kept(&[("id", "userId")]),
    step("identities_list", "", 200),
    step("sources_list", "", 200),
    step("disagreements_list", "", 200),
    step("names_list", "", 200),
    step("duplicates_list", "", 200).given(&[("accountId", "{{accountId}}")]),
    // The operator account has no owner, and is nothing that anything could be taken for.
    step("duplicates_differ", "", 400),
    step("accounts_join", "", 400),
    step("joined_list", "", 200),
    step("accounts_separate", "", 400),
    // No request has removed anything.
    step("undo", "", 404),
    step("precedence_get", "", 200),
    step("precedence_set", "", 200),
    step("records_list", "", 200),
    // The endpoint API brought it to another account.
    step("records_get", "", 404).given(&[("recordId", "{{endpointAccountId}}")]),
    step("audit_list_of_account", "", 200),
    // Only a mail has the token of these four.
    step("people_accept", "", 400).anonymous(),
    step("people_verify_email", "", 400).anonymous(),
    step("people_undo_email", "", 400),
    step("people_reset_password", "", 400),
    step("people_forgot_password", "", 200),
    step("connectors_create", "", 201).kept(&[("id", "connectorId")]),
    step("connectors_list", "", 200),
    step("connectors_get", "", 200),
    step("connectors_update", "", 200),
    step("connectors_rotate", "", 200),
    step("connectors_resume", "", 200),
    step("connectors_disconnect", "", 200),
    step("connectors_delete", "", 200),
    step("members_remove", "", 200),
    step("accounts_delete", "", 200),
    step("me_get", "", 200).kept(&[("id", "userId")]),
    step("users_list", "", 200),
    step("users_list", "found", 200).given(&[("externalId", "user_001"), ("$search", "example.com")]),
    step("users_get", "", 200),
    step("users_export", "", 200),
    // Nobody is erased without the password.
    step("users_erase", "", 400),
    step("audit_list", "", 200).kept(&[("value[0].id", "eventId")]),
    step("audit_get", "", 200),
    step("directory_export", "", 200),
    step("directory_import_progress", "", 200),
    // There is more in the directory than its first start, and this is no export.
    step("directory_import", "", 400),
    step("me_update", "", 200),
    step("me_change_email", "", 200)
        .given(&[("email", "me-{{$timestamp}}@example.com"), ("password", "{{admin_password}}")]),
    step("me_change_password", "", 400),
    // The account is gone.
    step("me_leave", "", 404),
    step("me_welcome", "", 404),
    // The same password again: it ends the session all the same.
    step("people_change_password", "", 200)
        .given(&[("currentPassword", "{{admin_password}}"), ("password", "{{admin_password}}")]),
    step("console_document", "", 200),
    step("console_reference", "", 200),
    step("console_guide", "", 200).given(&[("api", "portal")]),
    step("console_metadata", "", 200).given(&[("$format", "json")]),
];

/// The collection of a description.
///
/// # Panics
///
/// If an operation, or an example of a body, has no step, or a step is of none.
pub fn collection(description: &Value) -> Value {
    collection_of(STEPS, description)
}

fn collection_of(steps: &[Step], description: &Value) -> Value {
    let requests: Vec<_> = steps.iter().map(|step| Request::of(step, description)).collect();
    let covered: BTreeSet<_> = steps.iter().map(|step| (step.operation, step.example)).collect();
    for (_, _, operation) in operations(description) {
        let name = operation["operationId"].as_str().expect("an operation has a name");
        for example in examples(operation) {
            assert!(
                covered.contains(&(name, example)),
                "{name} has no step for its example {example:?}: add it to STEPS"
            );
        }
    }
    let mut folders: Vec<Value> = Vec::new();
    for request in &requests {
        let tag = request.tag();
        if folders.last().is_none_or(|folder| folder["name"] != tag) {
            let described = description["tags"].as_array().into_iter().flatten().find(|known| known["name"] == tag);
            let remark = described.map(|tag| &tag["description"]);
            folders.push(json!({ "name": tag, "description": remark, "item": [] }));
        }
        let items = folders.last_mut().and_then(|folder| folder["item"].as_array_mut()).expect("a folder has items");
        items.push(request.item(description));
    }
    let mut variables = Map::from_iter([("admin_url".to_owned(), json!("https://{{admin_subdomain}}.{{baseurl}}"))]);
    for step in steps {
        variables.extend(step.kept.iter().map(|(_, variable)| ((*variable).to_owned(), json!(""))));
    }
    for request in &requests {
        let own = request.parameters("path").filter(|parameter| request.given(parameter).is_none());
        let named = own.map(|parameter| (request.variable(parameter), parameter["example"].clone()));
        for (name, example) in named.filter(|(_, example)| !example.is_null()) {
            variables.insert(name, example);
        }
    }
    let variable = |(key, value)| json!({ "key": key, "value": value, "type": "string" });
    json!({
        "info": {
            "name": description["info"]["title"],
            "description": description["info"]["description"],
            "version": description["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": folders,
        "variable": variables.into_iter().map(variable).collect::<Vec<_>>(),
    })
}

/// The variables that whoever runs the collection sets. Secrets have no value here.
pub fn environment() -> Value {
    let value = |(key, value): (&str, &str)| json!({ "key": key, "value": value, "type": "default", "enabled": true });
    let secret = |key: &str| json!({ "key": key, "value": "", "type": "secret", "enabled": true });
    let mut values = [
        ("public_url", "http://127.0.0.1:3000"),
        ("client_id", ""),
        ("admin_email", ""),
        // The administration API has these five in its document.
        ("admin_subdomain", "admin"),
        ("baseurl", ""),
        ("account_key", ""),
        ("username", ""),
    ]
    .map(value)
    .to_vec();
    values.extend(["client_secret", "admin_password", "password"].map(secret));
    json!({ "name": "Accord", "values": values, "_postman_variable_scope": "environment" })
}

/// The names of the examples of an operation's body; one without a name if there are none.
fn examples(operation: &Value) -> Vec<&str> {
    let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
    let examples = content.flat_map(|(_, content)| content["examples"].as_object().into_iter().flatten());
    let names: Vec<_> = examples.map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { vec![""] } else { names }
}

/// A schema with what it refers to in it, and without what is for people only. Formats go, too: OpenAPI has some of its
/// own, which a validator of JSON Schema need not know.
fn bare(description: &Value, schema: &Value) -> Value {
    let schema = resolve(description, schema);
    let Value::Object(keywords) = schema else { return schema.clone() };
    let keywords = keywords.iter().filter(|(keyword, _)| {
        !["default", "deprecated", "description", "example", "examples", "format"].contains(&keyword.as_str())
    });
    let keywords = keywords.map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            ("properties", Value::Object(members)) => {
                members.iter().map(|(name, member)| (name.clone(), bare(description, member))).collect()
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().map(|schema| bare(description, schema)).collect()
            }
            ("items" | "additionalProperties" | "propertyNames", schema) => bare(description, schema),
            _ => value.clone(),
        };
        (keyword.clone(), value)
    });
    Value::Object(keywords.collect())
}

struct Request<'a> {
    step: &'a Step,
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

impl<'a> Request<'a> {
    fn of(step: &'a Step, description: &'a Value) -> Self {
        let found = operations(description).find(|(_, _, operation)| operation["operationId"] == step.operation);
        let (method, path, operation) = found.unwrap_or_else(|| panic!("there is no operation {}", step.operation));
        Self { step, method, path, operation }
    }

    /// The door that the operation belongs to.
    fn tag(&self) -> &'a str {
        self.operation["tags"][0].as_str().expect("an operation has a tag")
    }

    fn item(&self, description: &Value) -> Value {
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "description": self.operation["description"],
            "auth": self.credentials(description),
            "header": self.headers(description),
            "url": self.address(description),
        });
        if let Some((media_type, content)) = self.content() {
            let body = self.body(description, content);
            request["body"] = if media_type == "application/x-www-form-urlencoded" {
                let fields = body.as_object().into_iter().flatten();
                let fields: Vec<_> = fields.map(|(key, value)| json!({ "key": key, "value": value })).collect();
                json!({ "mode": "urlencoded", "urlencoded": fields })
            } else {
                json!({ "mode": "raw", "raw": format!("{body:#}"), "options": { "raw": { "language": "json" } } })
            };
        }
        let script = json!({ "type": "text/javascript", "exec": self.script(description) });
        let event = json!([{ "listen": "test", "script": script }]);
        let mut item = json!({ "name": self.name(), "request": request, "event": event });
        if (300..400).contains(&self.step.status) {
            item["protocolProfileBehavior"] = json!({ "followRedirects": false });
        }
        item
    }

    fn name(&self) -> String {
        let summary = self.operation["summary"].as_str().unwrap_or(self.step.operation);
        let example = self.content().map(|(_, content)| &content["examples"][self.step.example]["summary"]);
        match example.and_then(Value::as_str).unwrap_or(self.step.example) {
            "" => summary.to_owned(),
            example => format!("{summary}: {example}"),
        }
    }

    /// How the caller proves itself: by the first way that the operation takes.
    fn credentials(&self, description: &Value) -> Value {
        let first = self.operation["security"][0].as_object().and_then(|schemes| schemes.keys().next());
        let Some(scheme) = first.filter(|_| !self.step.anonymous) else { return json!({ "type": "noauth" }) };
        let attribute = |key: &str, value: &str| json!({ "key": key, "value": value, "type": "string" });
        if description["components"]["securitySchemes"][scheme]["scheme"] == "basic" {
            // A client of the token endpoints, or a user.
            let (name, secret) = match scheme.as_str() {
                "client" => ("{{client_id}}", "{{client_secret}}"),
                _ => ("{{username}}", "{{password}}"),
            };
            json!({ "type": "basic", "basic": [attribute("username", name), attribute("password", secret)] })
        } else {
            let token = if self.tag() == "accounts" { "{{user_access_token}}" } else { "{{access_token}}" };
            json!({ "type": "bearer", "bearer": [attribute("token", token)] })
        }
    }

    fn parameters(&self, place: &'static str) -> impl Iterator<Item = &'a Value> {
        let parameters = self.operation["parameters"].as_array().into_iter().flatten();
        parameters.filter(move |parameter| parameter["in"] == place)
    }

    /// The value that the step has for a parameter.
    fn given(&self, parameter: &Value) -> Option<&'static str> {
        self.step.given.iter().find(|(name, _)| parameter["name"] == *name).map(|(_, value)| *value)
    }

    /// A parameter of the query or a header: one that is neither required nor given is there, but switched off.
    fn field(&self, description: &Value, parameter: &Value) -> Value {
        let given = self.given(parameter).map(Value::from);
        let disabled = parameter["required"] != true && given.is_none();
        let only = &resolve(description, &parameter["schema"])["enum"][0];
        let known = if parameter["name"] == "Account-Key" { &json!("{{account_key}}") } else { &Value::Null };
        let value = [known, &parameter["example"], only].into_iter().find(|value| !value.is_null()).cloned();
        // Postman has texts there.
        let value = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).into());
        let value = given.or(value).unwrap_or_else(|| "".into());
        json!({ "key": parameter["name"], "value": value, "description": parameter["description"], "disabled": disabled })
    }

    fn headers(&self, description: &Value) -> Vec<Value> {
        let content_type = self.content().map(|(media_type, _)| json!({ "key": "Content-Type", "value": media_type }));
        let own = self.parameters("header").map(|parameter| self.field(description, parameter));
        content_type.into_iter().chain(own).collect()
    }

    fn address(&self, description: &Value) -> Value {
        let base = if self.tag() == "administration" { "{{admin_url}}" } else { "{{public_url}}" };
        let mut path = self.path.to_owned();
        for parameter in self.parameters("path") {
            let name = parameter["name"].as_str().unwrap_or_default();
            let value =
                self.given(parameter).map_or_else(|| format!("{{{{{}}}}}", self.variable(parameter)), str::to_owned);
            path = path.replace(&format!("{{{name}}}"), &value);
        }
        let query: Vec<_> = self.parameters("query").map(|parameter| self.field(description, parameter)).collect();
        let sent = query.iter().filter(|field| field["disabled"] == false);
        let pair = |field: &Value| {
            format!("{}={}", field["key"].as_str().unwrap_or_default(), field["value"].as_str().unwrap_or_default())
        };
        let sent: Vec<_> = sent.map(pair).collect();
        let mark = if sent.is_empty() { "" } else { "?" };
        let segments: Vec<_> = path.split('/').skip(1).collect();
        json!({
            "raw": format!("{base}{path}{mark}{}", sent.join("&")),
            "host": [base],
            "path": segments,
            "query": query,
        })
    }

    /// The variable of a parameter of the path.
    fn variable(&self, parameter: &Value) -> String {
        let name = parameter["name"].as_str().unwrap_or_default();
        let before = self.path.split("/{id}").next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        if name == "id" { format!("{}Id", before.trim_end_matches('s')) } else { name.to_owned() }
    }

    /// The media type of the body, and what is said of it.
    fn content(&self) -> Option<(&'a str, &'a Value)> {
        let mut content = self.operation["requestBody"]["content"].as_object()?.iter();
        content.next().map(|(media_type, content)| (media_type.as_str(), content))
    }

    /// The example of the body, with what the step has.
    fn body(&self, description: &Value, content: &Value) -> Value {
        let schema = resolve(description, &content["schema"]);
        let whole = [&content["examples"][self.step.example]["value"], &content["example"], &schema["example"]];
        let whole = whole.into_iter().find(|example| !example.is_null()).cloned();
        let mut body = whole.unwrap_or_else(|| json!({}));
        let parameters: Vec<_> = self.operation["parameters"].as_array().into_iter().flatten().collect();
        for (name, value) in self.step.given {
            if parameters.iter().all(|parameter| parameter["name"] != *name) {
                body[*name] = (*value).into();
            }
        }
        body
    }

    /// Checks the answer, and keeps what later requests need.
    fn script(&self, description: &Value) -> Vec<String> {
        let status = self.step.status;
        let answer = &self.operation["responses"][status.to_string()];
        assert!(answer.is_object(), "{} is not described with the status {status}", self.step.operation);
        let shaped =
            self.step.shape.map(|name| json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } }));
        let described = resolve(description, answer)["content"].as_object().and_then(|content| content.iter().next());
        let described = described.map(|(media_type, content)| (media_type.as_str(), content));
        let content = shaped.as_ref().map(|content| ("application/json", content)).or(described);
        let mut script = vec![format!("pm.test('status {status}', () => pm.response.to.have.status({status}));")];
        match content {
            None => script.push("pm.test('no body', () => pm.expect(pm.response.text()).to.equal(''));".to_owned()),
            Some((media_type, _)) if !media_type.ends_with("json") || media_type.ends_with("ndjson") => script.push(format!(
                "pm.test('{media_type}', () => pm.expect(pm.response.headers.get('Content-Type')).to.include('{media_type}'));"
            )),
            Some((_, content)) => {
                let schema = bare(description, &content["schema"]);
                script.push(format!("const schema = {schema};"));
                script.push("pm.test('body as described', () => pm.response.to.have.jsonSchema(schema));".to_owned());
            }
        }
        let kept = self.step.kept.iter();
        script.extend(
            kept.map(|(member, name)| format!("pm.collectionVariables.set('{name}', pm.response.json().{member});")),
        );
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation as the administration API has them.
    fn described() -> Value {
        json!({
            "info": { "title": "Accord" },
            "paths": { "/app/api.php": { "get": {
                "operationId": "health",
                "summary": "Get the health",
                "tags": ["administration"],
                "security": [{ "basic": [] }],
                "parameters": [
                    { "in": "query", "name": "action", "required": true,
                      "schema": { "enum": ["connection_health"] } },
                    { "in": "query", "name": "statuses" },
                    { "in": "header", "name": "Account-Key", "required": true },
                ],
                "responses": { "200": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Health" }
                } } } },
            } } },
            "components": {
                "securitySchemes": { "basic": { "type": "http", "scheme": "basic" } },
                "schemas": { "Health": { "required": ["count"], "description": "How it is." } },
            },
        })
    }

    #[test]
    fn a_request_has_what_the_description_and_the_step_say() {
        let plain = step("health", "", 200).kept(&[("count", "health")]);
        let filtered = step("health", "only active", 200).given(&[("statuses", "ACTIVE")]);
        let collection = collection_of(&[plain, filtered], &described());
        let [plain, filtered] = [0, 1].map(|index| &collection["item"][0]["item"][index]);
        let request = &plain["request"];
        assert_eq!(request["url"]["raw"], "{{admin_url}}/app/api.php?action=connection_health");
        assert_eq!(request["auth"]["basic"][0]["value"], "{{username}}");
        assert_eq!(
            (&request["header"][0]["key"], &request["header"][0]["value"]),
            (&json!("Account-Key"), &json!("{{account_key}}"))
        );
        let script = json!([
            "pm.test('status 200', () => pm.response.to.have.status(200));",
            r#"const schema = {"required":["count"]};"#,
            "pm.test('body as described', () => pm.response.to.have.jsonSchema(schema));",
            "pm.collectionVariables.set('health', pm.response.json().count);",
        ]);
        assert_eq!(plain["event"][0]["script"]["exec"], script);
        assert_eq!(filtered["name"], "Get the health: only active");
        assert_eq!(
            filtered["request"]["url"]["raw"],
            "{{admin_url}}/app/api.php?action=connection_health&statuses=ACTIVE"
        );
    }

    #[test]
    #[should_panic(expected = "health has no step for its example \"\"")]
    fn every_operation_has_a_request() {
        collection_of(&[], &described());
    }

    #[test]
    #[should_panic(expected = "health is not described with the status 404")]
    fn an_answer_is_one_that_is_described() {
        collection_of(&[step("health", "", 404)], &described());
    }
}
