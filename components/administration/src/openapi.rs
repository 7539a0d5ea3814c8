//! The description of this API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers,
//! natively, and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.
//!
//! Here is what is only described: handlers read bodies field by field, to tell every fault at once, and write lists
//! row by row.

#![allow(dead_code, reason = "read by the generator only")]

use accord_core::accounts::account::NAME_MAX;
use accord_web::described::{AccountName, EmailAddress, NewPassword, RegistrationId, Subdomain, filled, string};
use utoipa::{IntoParams, ToSchema};

accord_web::values! {
    /// The key of an account.
    Key = filled(NAME_MAX).examples(["5a70d8fcd44aa9.76285892"]);
    /// The id of a package: digits.
    PackageId = string().pattern(Some("^[0-9]{0,18}$")).examples(["9"]);
    /// The id that a package is to have.
    ChosenPackageId = string().pattern(Some("^[1-9][0-9]{0,8}$")).examples(["93"]);
    /// The name of a package.
    PackageName = filled(NAME_MAX).examples(["Gold"]);
    /// A domain that others reach.
    Domain = string()
        .max_length(Some(253))
        .pattern(Some(
            "^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
        ))
        .examples(["www.redirect.com"]);
    /// States of connectors.
    Statuses = string()
        .pattern(Some("^(ACTIVE|PENDING|INACTIVE)(,(ACTIVE|PENDING|INACTIVE))*$"))
        .examples(["PENDING,INACTIVE"]);
    /// A point in time, in UTC.
    Seconds = string()
        .pattern(Some("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"))
        .examples(["2021-11-05 19:02:23"]);
    /// A number, in digits.
    Digits = string().pattern(Some("^[0-9]+$")).examples(["0"]);
}

/// For whom the caller acts.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct AccountKey {
    /// The key of an account that the caller administers.
    #[param(inline, rename = "Account-Key", example = "5a70d8fcd44aa9.76285892")]
    account_key: Key,
}

/// What to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filters {
    action: Action,
    /// Only the connections of this account.
    #[param(inline, example = "5aa2e93c0ea374.82746293")]
    account_key: Option<Key>,
    /// Only connections in one of these states: `ACTIVE`, `PENDING`, `INACTIVE`, with commas between them.
    #[param(inline, example = "PENDING,INACTIVE")]
    statuses: Option<Statuses>,
}

/// What a `GET` may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case", as = AdministrationAction)]
pub enum Action {
    ConnectionHealth,
}

/// What a connector is.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE", as = AdministrationStatus)]
pub enum Status {
    Active,
    Pending,
    Inactive,
}

/// `"0"` or `"1"`; a number or a boolean will do, too.
#[derive(ToSchema)]
#[schema(as = AdministrationFlag)]
pub enum Flag {
    #[schema(rename = "0")]
    No,
    #[schema(rename = "1")]
    Yes,
}

/// `standard`, or `reseller` for one that may make accounts itself.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase", as = AdministrationAccountType)]
pub enum AccountType {
    Standard,
    Reseller,
}

/// What a `POST` says. A blank value counts as left out.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(as = AdministrationChange)]
pub enum Change {
    CreateAccount(CreateAccount),
    ListAccounts(ListAccounts),
    UpdateAccount(UpdateAccount),
    CreatePackage(CreatePackage),
    ListPackages(ListPackages),
}

/// An account to make.
#[derive(ToSchema)]
#[schema(as = AdministrationCreateAccount)]
pub struct CreateAccount {
    /// The human readable name of the company.
    name: AccountName,
    /// The package; the owner's default if left out.
    package_id: Option<PackageId>,
    /// Whether the account is active, `"1"` if left out.
    active: Option<Flag>,
    /// Address of whoever looks after the account.
    email_admin: Option<EmailAddress>,
    /// Lets an administrator sign in, by `email_admin` or as `admin@` and the `account_domain`.
    password: Option<NewPassword>,
    /// Letters, digits and dashes, no dash at either end.
    subdomain: Subdomain,
    r#type: Option<AccountType>,
    /// A domain of its own.
    domain: Option<Domain>,
    /// Whether the owner's users may read the account, `"0"` if left out.
    datashare: Option<Flag>,
    /// What the portal calls the account; unique among the accounts of the caller's account.
    registration_id: Option<RegistrationId>,
}

/// Asks for the accounts.
#[derive(ToSchema)]
#[schema(as = AdministrationListAccounts)]
pub struct ListAccounts {
    #[schema(pattern = "^list_accounts$", example = "list_accounts")]
    action: String,
}

/// What changes in an account: at least one of the last four.
#[derive(ToSchema)]
#[schema(as = AdministrationUpdateAccount)]
pub struct UpdateAccount {
    #[schema(pattern = "^update_account$", example = "update_account")]
    action: String,
    account_key: Key,
    package_id: Option<PackageId>,
    active: Option<Flag>,
    email_admin: Option<EmailAddress>,
    /// What the portal calls the account; unique among the accounts of its owner.
    registration_id: Option<RegistrationId>,
}

/// A package to make.
#[derive(ToSchema)]
#[schema(as = AdministrationCreatePackage)]
pub struct CreatePackage {
    #[schema(pattern = "^create_package$", example = "create_package")]
    action: String,
    /// A number from 1 to 999999999, which only the operator account chooses; the next one if left out.
    id: Option<ChosenPackageId>,
    name: PackageName,
    /// Whether accounts get it that are made without one, `"0"` if left out.
    default: Option<Flag>,
}

/// Asks for the packages.
#[derive(ToSchema)]
#[schema(as = AdministrationListPackages)]
pub struct ListPackages {
    #[schema(pattern = "^list_packages$", example = "list_packages")]
    action: String,
}

#[cfg(test)]
mod tests {
    use accord_description::conditions::{self, has, lacks, when};
    use serde_json::Value;
    use utoipa::openapi::schema::{AnyOfBuilder, Schema};
    use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
    use utoipa::openapi::{OpenApi, RefOr};
    use utoipa::{Modify, OpenApi as _};

    use super::Action;
    use crate::OPERATIONS;
    use crate::answer::Message;

    #[derive(utoipa::OpenApi)]
    #[openapi(
        info(title = "Administration", description = "Accounts for a reseller's customers, and how their connectors fare"),
        paths(crate::change, crate::connections::health),
        components(schemas(Action, Message)),
        modifiers(&Basic, &AnyAnswer),
        tags((
        name = "administration",
        description = "Accounts for a reseller's customers, and how their connectors fare. [What each operation does](/reference/administration)"
    ))
    )]
    struct Description;

    struct Basic;

    impl Modify for Basic {
        fn modify(&self, description: &mut OpenApi) {
            let basic = HttpBuilder::new()
                .scheme(HttpAuthScheme::Basic)
                .description(Some("A user who administers the account of the `Account-Key`, or a connector of it with the scope `accounts:manage`."))
                .build();
            let components = description.components.get_or_insert_default();
            components.add_security_scheme("basic", SecurityScheme::Http(basic));
        }
    }

    /// What a creation is answered would do for an update, too: it has all of its fields, and more.
    struct AnyAnswer;

    impl Modify for AnyAnswer {
        fn modify(&self, description: &mut OpenApi) {
            let schemas = &mut description.components.get_or_insert_default().schemas;
            if let Some(RefOr::T(Schema::OneOf(answers))) = schemas.remove("AdministrationChanged") {
                let any = AnyOfBuilder::new().description(answers.description);
                let any = answers.items.into_iter().fold(any, AnyOfBuilder::item);
                schemas.insert("AdministrationChanged".to_owned(), Schema::AnyOf(any.build()).into());
            }
        }
    }

    fn described() -> Value {
        let whole = serde_json::to_value(Description::openapi()).expect("a description is JSON");
        let mut whole = accord_description::write_out(whole);
        let some = when(lacks(&["active", "email_admin", "registration_id"]), has(&["package_id"]));
        conditions::add(&mut whole, "AdministrationUpdateAccount", [some]);
        whole
    }

    #[test]
    fn the_file_is_what_the_annotations_say() {
        accord_description::keep(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json"), &described());
    }

    #[test]
    fn the_one_path_is_described_with_its_two_methods() {
        accord_description::prove(&described(), OPERATIONS);
    }
}
