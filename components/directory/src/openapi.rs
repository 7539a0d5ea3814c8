//! The description of this part of the accounts API, kept in the file `openapi.json`.

/// What is only described.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use utoipa::ToSchema;

    /// The selected fields of a user.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedUser {
        id: Option<i64>,
        /// What tokens name the user by, a UUID.
        sub: Option<String>,
        email: Option<String>,
        name: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        created_at: Option<String>,
    }

    /// A part of a list of users.
    #[derive(ToSchema)]
    pub struct UserPage {
        value: Vec<SelectedUser>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The selected fields of an invitation.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedInvitation {
        /// The id by which the account knows who is invited.
        id: Option<i64>,
        /// Where it was mailed to.
        email: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        roles: Option<Vec<String>>,
        created_at: Option<String>,
        expires_at: Option<String>,
    }

    /// A part of a list of invitations.
    #[derive(ToSchema)]
    pub struct InvitationPage {
        value: Vec<SelectedInvitation>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The selected fields of an identity: what a connector calls an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedIdentity {
        external_id: Option<String>,
        /// For whoever manages the account of the connector.
        connector_id: Option<i64>,
        /// The name of the connector.
        connector: Option<String>,
        environment: Option<String>,
        created_at: Option<String>,
    }

    /// A part of a list of identities.
    #[derive(ToSchema)]
    pub struct IdentityPage {
        value: Vec<SelectedIdentity>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The selected fields of a word: what a source says of an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedWord {
        /// `name` or `registrationId`.
        field: Option<String>,
        value: Option<String>,
        /// Whether it is what is shown.
        shown: Option<bool>,
        /// `people`, `above` or `connector`.
        source: Option<String>,
        /// For whoever manages the account of the connector.
        connector_id: Option<i64>,
        /// The name of the connector.
        connector: Option<String>,
        /// What the connector calls the account.
        external_id: Option<String>,
        /// When the connector was bound to the account.
        bound_at: Option<String>,
        /// Which place the word has among those of the field: the first is 1, and is shown.
        rank: Option<i64>,
    }

    /// A part of a list of words.
    #[derive(ToSchema)]
    pub struct SourcePage {
        value: Vec<SelectedWord>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The selected fields of a disagreement: what a source says that is not what is shown.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedDisagreement {
        account_id: Option<i64>,
        /// `name` or `registrationId`.
        field: Option<String>,
        value: Option<String>,
        /// `people`, `above` or `connector`: who says the value.
        source: Option<String>,
        connector_id: Option<i64>,
        connector: Option<String>,
        /// What the connector calls the account.
        external_id: Option<String>,
        /// The value that is shown.
        shown: Option<String>,
        /// Who says that.
        shown_source: Option<String>,
        shown_connector_id: Option<i64>,
        shown_connector: Option<String>,
        /// Why that one comes first: `precedence`, the order that was set, or `default`, the usual one.
        because: Option<String>,
    }

    /// A part of a list of disagreements.
    #[derive(ToSchema)]
    pub struct DisagreementPage {
        value: Vec<SelectedDisagreement>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// Which sources come first. A field that is left out stays.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct OrderChange {
        /// `people`, `above`, and `connector:7` for the connector 7, each at most once.
        #[schema(example = json!(["above", "people"]))]
        name: Option<Vec<String>>,
        /// The same.
        #[schema(example = json!([]))]
        registration_id: Option<Vec<String>>,
    }

    /// The selected fields of a record.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedRecord {
        /// A UUID.
        id: Option<String>,
        /// Who has entered the account by it.
        user_id: Option<i64>,
        username: Option<String>,
        external_id: Option<String>,
        email: Option<String>,
        phone: Option<String>,
        phone_verified: Option<bool>,
        name: Option<String>,
        first_name: Option<String>,
        last_name: Option<String>,
        language: Option<String>,
        time_zone: Option<String>,
        date_format: Option<String>,
        notify_by_email: Option<bool>,
        notify_by_sms: Option<bool>,
        /// Null until the organisation says so or the contrary.
        is_active: Option<bool>,
        created_at: Option<String>,
        updated_at: Option<String>,
    }

    /// A part of a list of records.
    #[derive(ToSchema)]
    pub struct RecordPage {
        value: Vec<SelectedRecord>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The selected fields of an event: something that was changed.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedEvent {
        id: Option<i64>,
        at: Option<String>,
        /// `oauth`, `portal`, `endpoint`, `administration` or `accounts`.
        api: Option<String>,
        /// `X-Request-Id` of the answer to the request that changed it.
        request_id: Option<String>,
        /// `user`, `connector`, `anonymous` or `system`.
        actor: Option<String>,
        /// For whoever may see that user.
        actor_user_id: Option<i64>,
        actor_email: Option<String>,
        /// For whoever manages the account of the connector.
        actor_connector_id: Option<i64>,
        action: Option<String>,
        /// `account`, `member`, `user`, `record`, `connector` or `package`.
        subject: Option<String>,
        /// The account that it was about.
        account_id: Option<i64>,
        /// The user or the member that was changed, by the id by which the account knows that one.
        user_id: Option<i64>,
        record_id: Option<String>,
        connector_id: Option<i64>,
        /// The values that were changed, as they were.
        before: Option<serde_json::Value>,
        /// The same, as they were from then on.
        after: Option<serde_json::Value>,
        /// What more there is to say.
        detail: Option<serde_json::Value>,
    }

    /// A part of a list of events.
    #[derive(ToSchema)]
    pub struct EventPage {
        value: Vec<SelectedEvent>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<i64>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<String>,
    }

    /// The password of the user who calls. An owner of the operator account sends an empty object.
    #[derive(ToSchema)]
    pub struct Password {
        #[schema(example = "secure_password_123")]
        password: Option<String>,
    }
}

/// The description itself.
#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Directory", description = "The part of the accounts API that reads"),
    paths(
        crate::users::list,
        crate::users::get,
        crate::users::erase,
        crate::users::export,
        crate::accounts::list_invitations,
        crate::accounts::get_invitation,
        crate::accounts::take_back,
        crate::accounts::list_identities,
        crate::accounts::list_records,
        crate::accounts::get_record,
        crate::sources::list,
        crate::sources::list_disagreements,
        crate::sources::get_precedence,
        crate::sources::set_precedence,
        crate::audit::list_of_account,
        crate::audit::list,
        crate::audit::get,
    ),
    components(schemas(accord_resources::failure::Problem))
)]
pub struct Description;

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> Value {
        accord_description::share_problems(serde_json::to_value(Description::openapi()).expect("a description is JSON"))
    }

    #[test]
    fn the_file_is_what_the_annotations_say() {
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &described());
    }

    #[test]
    fn what_is_routed_is_described_and_what_is_described_is_routed() {
        accord_description::prove(&described(), OPERATIONS);
    }
}
