//! The description of this part of the accounts API, kept in the file `openapi.json`.

/// What is only described.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use accord_core::accounts::sources::Field;
    use accord_core::accounts::sources::precedence::SOURCES_MAX;
    use accord_web::described::{
        AccountName, ConnectorName, Count, DateFormat, EmailAddress, Environment, ExternalId, FirstName, FullName, Id,
        Language, LastName, Link, Phone, RegistrationId, Role, TimeZone, Timestamp, Username, Uuid, number, one_of,
        string,
    };
    use utoipa::ToSchema;
    use utoipa::openapi::schema::ArrayBuilder;

    accord_web::values! {
        /// What sources say of an account.
        SaidField = one_of(Field::ALL.map(Field::name)).description(Some("What sources say of an account."));
        /// Who says something of an account.
        Source = one_of(["people", "above", "connector"]).description(Some("Who says something of an account."));
        /// A name of a user.
        NameField = one_of(["name", "firstName", "lastName"]).description(Some("A name of a user."));
        /// Who says how a user is called.
        NameSource = one_of(["user", "people", "record"]).description(Some("Who says how a user is called."));
        /// Why a word comes first.
        Because = one_of(["precedence", "default"]);
        /// What an export has said of where it goes on.
        Mark = string().pattern(Some("^[A-Za-z0-9_-]+$"));
        /// The number of a line.
        LineNumber = number(1);
        /// A source that has a place: people, the account above, or a connector.
        RankedSource = string().pattern(Some("^(people|above|connector:[1-9][0-9]{0,17})$")).examples(["connector:7"]);
        /// Sources, from the one that comes first on.
        RankedSources = ArrayBuilder::new()
            .items(RankedSource::schema())
            .max_items(Some(SOURCES_MAX))
            .unique_items(true)
            .description(Some("Sources, from the one that comes first on."));
    }

    /// Who has changed something.
    #[derive(ToSchema)]
    #[schema(rename_all = "lowercase")]
    pub enum Actor {
        /// A person.
        User,
        /// A connector.
        Connector,
        /// Somebody who was not signed in.
        Anonymous,
        /// Accord itself.
        System,
    }

    /// The selected fields of an invitation.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedInvitation {
        /// The id by which the account knows who is invited.
        id: Option<Id>,
        /// Where it was mailed to.
        email: Option<EmailAddress>,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        roles: Option<Vec<Role>>,
        created_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    }

    /// A part of a list of invitations.
    #[derive(ToSchema)]
    pub struct InvitationPage {
        value: Vec<SelectedInvitation>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of an identity: what a connector calls an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedIdentity {
        external_id: Option<ExternalId>,
        /// For whoever manages the account of the connector.
        connector_id: Option<Id>,
        /// The name of the connector.
        connector: Option<ConnectorName>,
        environment: Option<Environment>,
        created_at: Option<Timestamp>,
    }

    /// A part of a list of identities.
    #[derive(ToSchema)]
    pub struct IdentityPage {
        value: Vec<SelectedIdentity>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of a word: what a source says of an account.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedWord {
        field: Option<SaidField>,
        value: Option<AccountName>,
        /// Whether it is what is shown.
        shown: Option<bool>,
        source: Option<Source>,
        /// For whoever manages the account of the connector.
        connector_id: Option<Id>,
        /// The name of the connector.
        connector: Option<ConnectorName>,
        /// What the connector calls the account.
        external_id: Option<ExternalId>,
        /// When the connector was bound to the account.
        bound_at: Option<Timestamp>,
        /// Which place the word has among those of the field: the first is 1, and is shown.
        rank: Option<Id>,
    }

    /// A part of a list of words.
    #[derive(ToSchema)]
    pub struct SourcePage {
        value: Vec<SelectedWord>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of a name: what somebody says of how a user is called.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedName {
        /// The user, by the id by which the account knows it.
        user_id: Option<Id>,
        field: Option<NameField>,
        value: Option<FullName>,
        /// Whether it is what is shown.
        shown: Option<bool>,
        source: Option<NameSource>,
        record_id: Option<Uuid>,
        /// Which place the word has among those of the field: the first is 1, and is shown.
        rank: Option<Id>,
    }

    /// A part of a list of names.
    #[derive(ToSchema)]
    pub struct NamePage {
        value: Vec<SelectedName>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of a disagreement: what a source says that is not what is shown.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedDisagreement {
        account_id: Option<Id>,
        field: Option<SaidField>,
        value: Option<AccountName>,
        /// Who says the value.
        source: Option<Source>,
        connector_id: Option<Id>,
        connector: Option<ConnectorName>,
        /// What the connector calls the account.
        external_id: Option<ExternalId>,
        /// The value that is shown.
        shown: Option<AccountName>,
        /// Who says that.
        shown_source: Option<Source>,
        shown_connector_id: Option<Id>,
        shown_connector: Option<ConnectorName>,
        /// Why that one comes first: by the order that was set, or the usual one.
        because: Option<Because>,
    }

    /// A part of a list of disagreements.
    #[derive(ToSchema)]
    pub struct DisagreementPage {
        value: Vec<SelectedDisagreement>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of a pair of accounts that are likely one.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedDuplicate {
        account_id: Option<Id>,
        name: Option<AccountName>,
        registration_id: Option<RegistrationId>,
        /// The account that was made later.
        other_id: Option<Id>,
        other_name: Option<AccountName>,
        other_registration_id: Option<RegistrationId>,
        because: Option<Likeness>,
    }

    /// Why two accounts are likely one: their registration ids are one number, or they have one name, and this beside it.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub enum Likeness {
        RegistrationId,
        Domain,
        EmailAdmin,
        PrimaryContact,
        User,
    }

    /// A part of a list of pairs.
    #[derive(ToSchema)]
    pub struct DuplicatePage {
        value: Vec<SelectedDuplicate>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// Which accounts are others than the one of the path, or are to be joined into it, or taken out of it.
    #[derive(ToSchema)]
    #[schema(example = json!({ "accounts": [1] }))]
    pub struct Different {
        /// Other accounts of the same owner.
        #[schema(min_items = 1, max_items = 100)]
        accounts: Vec<Id>,
    }

    /// The selected fields of an account that was joined into another one, as it was.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedJoined {
        id: Option<Id>,
        name: Option<AccountName>,
        registration_id: Option<RegistrationId>,
        account_key: Option<String>,
        subdomain: Option<String>,
        /// What it was joined into, which may have been joined into another one since.
        into_id: Option<Id>,
        joined_at: Option<Timestamp>,
    }

    /// A part of a list of accounts that were joined.
    #[derive(ToSchema)]
    pub struct JoinedPage {
        value: Vec<SelectedJoined>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// Which sources come first. A field that is left out stays.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase", example = json!({ "name": ["above", "people"], "registrationId": [] }))]
    pub struct OrderChange {
        name: Option<RankedSources>,
        registration_id: Option<RankedSources>,
    }

    /// The selected fields of a record.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedRecord {
        id: Option<Uuid>,
        /// Who has entered the account by it.
        user_id: Option<Id>,
        username: Option<Username>,
        external_id: Option<ExternalId>,
        email: Option<EmailAddress>,
        phone: Option<Phone>,
        phone_verified: Option<bool>,
        name: Option<FullName>,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        language: Option<Language>,
        time_zone: Option<TimeZone>,
        date_format: Option<DateFormat>,
        notify_by_email: Option<bool>,
        notify_by_sms: Option<bool>,
        /// Null until the organisation says so or the contrary.
        is_active: Option<bool>,
        created_at: Option<Timestamp>,
        updated_at: Option<Timestamp>,
    }

    /// A part of a list of records.
    #[derive(ToSchema)]
    pub struct RecordPage {
        value: Vec<SelectedRecord>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The selected fields of an event: something that was changed.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "id": 7, "at": "2026-11-29T08:30:00Z", "api": "accounts", "requestId": "894ea43c-b8a6-4195-9a9c-82c07d9cc33a",
            "actor": "user", "actorUserId": 3, "actorEmail": "jane@example.com", "actorConnectorId": null,
            "action": "update", "subject": "account", "accountId": 7, "userId": null, "recordId": null, "connectorId": null,
            "before": { "name": "Acme" }, "after": { "name": "Acme Ltd." }, "detail": null
        })
    )]
    pub struct SelectedEvent {
        id: Option<Id>,
        at: Option<Timestamp>,
        /// `oauth`, `portal`, `endpoint`, `administration`, `accounts` or `pages`.
        api: Option<String>,
        /// `X-Request-Id` of the answer to the request that changed it.
        request_id: Option<String>,
        actor: Option<Actor>,
        /// For whoever may see that user.
        actor_user_id: Option<Id>,
        actor_email: Option<EmailAddress>,
        /// For whoever manages the account of the connector.
        actor_connector_id: Option<Id>,
        action: Option<String>,
        /// `account`, `member`, `user`, `record`, `connector` or `package`.
        subject: Option<String>,
        /// The account that it was about.
        account_id: Option<Id>,
        /// The user or the member that was changed, by the id by which the account knows that one.
        user_id: Option<Id>,
        record_id: Option<Uuid>,
        connector_id: Option<Id>,
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
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }
}

/// The description itself.
#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Directory", description = "The part of the accounts API that reads"),
    paths(
        crate::accounts::list_invitations,
        crate::accounts::get_invitation,
        crate::accounts::take_back,
        crate::accounts::list_identities,
        crate::accounts::list_records,
        crate::accounts::get_record,
        crate::sources::list,
        crate::sources::list_disagreements,
        crate::sources::list_names,
        crate::sources::get_precedence,
        crate::sources::set_precedence,
        crate::duplicates::list,
        crate::duplicates::differ,
        crate::duplicates::join,
        crate::duplicates::list_joined,
        crate::duplicates::separate,
        crate::undo::undo,
        crate::audit::list_of_account,
        crate::audit::list,
        crate::audit::get,
        crate::transfer::export,
        crate::transfer::progress,
        crate::transfer::import,
    ),
    components(schemas(accord_resources::failure::Problem)),
    modifiers(&Operator)
)]
pub struct Description;

#[cfg(test)]
struct Operator;

#[cfg(test)]
impl utoipa::Modify for Operator {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let basic = HttpBuilder::new()
            .scheme(HttpAuthScheme::Basic)
            .description(Some("Address and password of an owner of the operator account."))
            .build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("operator", SecurityScheme::Http(basic));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use utoipa::OpenApi as _;

    use super::*;
    use crate::OPERATIONS;

    fn described() -> Value {
        let whole = serde_json::to_value(Description::openapi()).expect("a description is JSON");
        accord_description::share_problems(accord_description::write_out(whole))
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
