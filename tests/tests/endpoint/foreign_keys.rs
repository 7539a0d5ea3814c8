//! Fields that name something else: the enumerations and the tenant.

use accord_tests::endpoint::{Endpoint, field, with};
use insta::assert_snapshot;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_value_of_the_enumerations_is_taken_in_any_case_and_answered_as_an_object() {
    let endpoint = Endpoint::start().await;
    let id = endpoint.record(&json!({})).await["Id"].clone();
    let mut answers = Vec::new();
    for (name, values) in enumerations() {
        for value in values {
            for spelling in [value.clone(), value.to_uppercase(), value.to_lowercase()] {
                let body = with(&json!({ "Id": id }), &field(name, spelling));
                assert_eq!(endpoint.record(&body).await[name]["Id"], json!(value));
            }
            // The object as it was answered is understood, and so are its other members alone.
            let record = endpoint.record(&json!({ "Id": id })).await;
            let object = record[name].clone();
            let by_name = json!({ "Name": object["Name"] });
            for reference in [object.clone(), by_name, json!({ "ExternalId": object["ExternalId"] })] {
                let body = with(&json!({ "Id": id }), &field(name, reference));
                assert_eq!(endpoint.record(&body).await, record);
            }
            answers.push(format!("{name}: {object}"));
        }
    }
    assert_eq!(answers.len(), 19 + 89 + 7);
    assert_snapshot!("enumerations", answers.join("\n"));
}

#[tokio::test]
async fn a_value_outside_an_enumeration_is_refused_with_its_name() {
    let endpoint = Endpoint::start().await;
    let body = json!({
        "LanguageId": "tlh",
        "TimezoneId": { "Id": "Mars Standard Time" },
        "DateFormatId": { "Name": "tomorrow" },
    });
    assert_snapshot!(endpoint.patch(&body).await, @r#"
    400
    content-type: application/json
    requestkey: [uuid]
    x-request-id: [uuid]

    {
      "Errors": [
        "DateFormatId must be a valid DateFormat, not \"tomorrow\"",
        "LanguageId must be a valid Language, not \"tlh\"",
        "TimezoneId must be a valid Timezone, not \"Mars Standard Time\""
      ],
      "Instance": "/Endpoint/rest/api/v1/Account",
      "RequestKey": "[uuid]",
      "StatusCode": 400,
      "Title": "Bad Request",
      "Type": "/Errors/Bad Input"
    }
    "#);
    assert_eq!(endpoint.records(), 0);
}

#[tokio::test]
async fn the_tenant_can_only_be_the_connectors_own_account() {
    let endpoint = Endpoint::start().await;
    let other = endpoint.other_tenant().await;
    let made = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane" })).await.json();
    assert_snapshot!(made["TenantId"], @r#"{"ExternalId":"123456-8","Id":2,"Name":"Acme Ltd.","Type":"Tenant"}"#);
    for tenant in [
        json!(null),
        made["TenantId"]["Id"].clone(),
        json!(made["TenantId"]["Id"].to_string()),
        made["TenantId"].clone(),
        json!({ "ExternalId": "123456-8" }),
        json!({ "Name": "ACME LTD." }),
    ] {
        let answer = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane", "TenantId": tenant })).await;
        assert_eq!((answer.status, answer.json()), (200, made.clone()), "{tenant}");
    }
    for tenant in
        [json!(1), json!("1"), json!({ "Id": 1 }), json!({ "ExternalId": "x" }), json!({ "Name": "Operator" })]
    {
        let answer = endpoint.send(Method::PATCH, &other, &json!({ "Username": "jane", "TenantId": tenant })).await;
        assert_eq!(answer.status, 400, "{tenant}");
        assert_eq!(answer.json()["Errors"], json!(["TenantId must be the one that the client belongs to"]));
    }
}

/// The valid values as the document lists them.
fn enumerations() -> [(&'static str, Vec<String>); 3] {
    let values = |list: &str| serde_json::from_str(list).expect("a list of strings");
    [("LanguageId", values(LANGUAGES)), ("TimezoneId", values(TIME_ZONES)), ("DateFormatId", values(DATE_FORMATS))]
}

const LANGUAGES: &str = r#"[
    "ar-ae", "bn-IN", "zh-CN", "da-dk", "en-US", "fo-fo", "fi-FI", "fr-FR", "de-DE", "hi-IN", "ja-JP", "ko-KR",
    "ms-MY", "pt-PT", "ru-RU", "es-ES", "sv-se", "tr-TR", "ur-IN"
]"#;

const TIME_ZONES: &str = r#"[
    "Afghanistan Standard Time", "Alaskan Standard Time", "Arab Standard Time", "Arabian Standard Time",
    "Arabic Standard Time", "Argentina Standard Time", "Atlantic Standard Time", "AUS Central Standard Time",
    "AUS Eastern Standard Time", "Azerbaijan Standard Time", "Azores Standard Time", "Canada Central Standard Time",
    "Cape Verde Standard Time", "Caucasus Standard Time", "Cen. Australia Standard Time",
    "Central America Standard Time", "Central Asia Standard Time", "Central Brazilian Standard Time",
    "Central Europe Standard Time", "Central European Standard Time", "Central Pacific Standard Time",
    "Central Standard Time", "Central Standard Time (Mexico)", "China Standard Time", "Dateline Standard Time",
    "E. Africa Standard Time", "E. Australia Standard Time", "E. Europe Standard Time",
    "E. South America Standard Time", "Eastern Standard Time", "Egypt Standard Time", "Ekaterinburg Standard Time",
    "Fiji Standard Time", "FLE Standard Time", "Georgian Standard Time", "GMT Standard Time",
    "Greenland Standard Time", "Greenwich Standard Time", "GTB Standard Time", "Hawaiian Standard Time",
    "India Standard Time", "Iran Standard Time", "Israel Standard Time", "Jordan Standard Time",
    "Korea Standard Time", "Mauritius Standard Time", "Mid-Atlantic Standard Time", "Middle East Standard Time",
    "Montevideo Standard Time", "Morocco Standard Time", "Mountain Standard Time",
    "Mountain Standard Time (Mexico)", "Myanmar Standard Time", "N. Central Asia Standard Time",
    "Namibia Standard Time", "Nepal Standard Time", "New Zealand Standard Time", "Newfoundland Standard Time",
    "North Asia East Standard Time", "North Asia Standard Time", "Pacific SA Standard Time",
    "Pacific Standard Time", "Pacific Standard Time (Mexico)", "Pakistan Standard Time", "Romance Standard Time",
    "Russian Standard Time", "SA Eastern Standard Time", "SA Pacific Standard Time", "SA Western Standard Time",
    "Samoa Standard Time", "SE Asia Standard Time", "Singapore Standard Time", "South Africa Standard Time",
    "Sri Lanka Standard Time", "Taipei Standard Time", "Tasmania Standard Time", "Tokyo Standard Time",
    "Tonga Standard Time", "US Eastern Standard Time", "US Mountain Standard Time", "UTC",
    "Venezuela Standard Time", "Vladivostok Standard Time", "W. Australia Standard Time",
    "W. Central Africa Standard Time", "W. Europe Standard Time", "West Asia Standard Time",
    "West Pacific Standard Time", "Yakutsk Standard Time"
]"#;

const DATE_FORMATS: &str = r#"[
    "DD-MM-YYYY", "DD/MM/YYYY", "DD.MM.YYYY", "MM-DD-YYYY", "MM/DD/YYYY", "YYYY-MM-DD", "YYYY/MM/DD"
]"#;
