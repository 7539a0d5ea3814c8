//! Accounts: made, listed and changed.

use accord_core::accounts::account::{NAME_MAX, REGISTRATION_ID_MAX};
use accord_core::accounts::customers::{Customer, CustomerChange, Owned};
use accord_core::entry::customer::{self, NewCustomer};
use accord_core::setting;
use accord_core::sign_in::password;
use accord_core::store::Connection;
use accord_core::values::domain::{self, SUBDOMAIN_MAX};
use accord_core::values::id::{Id as _, PackageId};
use accord_web::described::{AccountName, Subdomain};
use accord_web::fields::Fields;
use accord_web::{Failure, Result};
use axum::Json;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use crate::answer::{self, Message};
use crate::openapi::Key;
use crate::{Caller, openapi};

/// An account that was made (the API's document, "Creating Accounts").
#[derive(Serialize, utoipa::ToSchema)]
pub struct Created {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Account successfully created")]
    message: &'static str,
    /// What the account is called from now on: in `update_account` and in the header `Account-Key`.
    #[schema(value_type = Key)]
    account_key: String,
    #[schema(value_type = Subdomain)]
    subdomain: String,
    /// The domain under which the account is accessible.
    #[schema(example = "example.myintranetapps.com")]
    account_domain: String,
    #[schema(value_type = AccountName)]
    name: String,
    #[schema(example = "newaccountadmin@email.com")]
    admin_email: String,
}

/// Makes an account.
pub async fn create(caller: &Caller, mut fields: Fields<'_>) -> Result<Json<Created>> {
    let base_domain = setting::get("base_domain").await?;
    let subdomain = fields.required("subdomain", SUBDOMAIN_MAX);
    if !subdomain.is_empty() && !domain::is_subdomain(&subdomain) {
        fields.refuse("subdomain", "must have letters, digits and dashes only, and a dash at neither end");
    }
    let account_domain = format!("{subdomain}.{base_domain}");
    let domain = fields.optional("domain", NAME_MAX);
    if domain.as_deref().is_some_and(|domain| !domain::is_domain(domain)) {
        fields.refuse("domain", "is not the name of a domain");
    } else if domain.as_deref().is_some_and(|domain| domain::is_within(domain, &base_domain)) {
        // There it would be another account's subdomain.
        fields.refuse("domain", format!("must not be under {base_domain}"));
    }
    let new = NewCustomer {
        name: fields.required("name", NAME_MAX),
        subdomain,
        package_id: package_id(&mut fields),
        is_active: fields.flag("active").unwrap_or(true),
        email_admin: fields.optional_email("email_admin"),
        password: password(&mut fields),
        is_reseller: is_reseller(&mut fields),
        domain,
        datashare: fields.flag("datashare").unwrap_or(false),
        registration_id: fields.optional("registration_id", REGISTRATION_ID_MAX),
    };
    fields.finish()?;
    let account_key = customer::create(caller.author(), &caller.administrator, &new).await?;
    Ok(Json(Created {
        status_code: StatusCode::OK.as_u16(),
        message: "Account successfully created",
        account_key,
        subdomain: new.subdomain,
        account_domain,
        name: new.name,
        admin_email: new.email_admin.map(|email| email.address).unwrap_or_default(),
    }))
}

/// The package that is named.
fn package_id(fields: &mut Fields<'_>) -> Option<PackageId> {
    fields.digits("package_id").map(PackageId::from_number)
}

/// The administrator's password: none if it is left out or blank. How hard it is to guess is left to the caller, for the
/// document's own example would not do; what everybody tries first is refused.
fn password(fields: &mut Fields<'_>) -> Option<String> {
    let password = fields.raw("password").filter(|password| !password.trim().is_empty())?;
    if let Some(fault) = password::fault_of_chosen(&password) {
        fields.refuse("password", fault);
    }
    Some(password)
}

/// Whether the account is to be a reseller's.
fn is_reseller(fields: &mut Fields<'_>) -> bool {
    match fields.optional("type", NAME_MAX).as_deref() {
        None | Some("standard") => false,
        Some("reseller") => true,
        Some(_) => {
            fields.refuse("type", "must be standard or reseller");
            false
        }
    }
}

/// Every account that the caller's account owns, directly or through others.
#[expect(dead_code, reason = "read by the generator only")]
#[derive(utoipa::ToSchema)]
#[schema(as = AdministrationAccounts)]
pub struct AccountList {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Accounts list successfully generated")]
    message: String,
    accounts: Vec<AccountRow>,
}

/// An account of a list (the API's document, "Listing Accounts"). What it does not have is `""`.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AccountRow {
    #[schema(value_type = AccountName)]
    name: String,
    #[schema(value_type = Key)]
    key: String,
    #[schema(example = "generalco")]
    subdomain: String,
    #[schema(example = "")]
    domain: String,
    #[schema(value_type = openapi::PackageId)]
    package_id: String,
    #[schema(example = "cfo@example.com")]
    email_admin: String,
}

impl From<Customer> for AccountRow {
    fn from(account: Customer) -> Self {
        Self {
            name: account.name,
            key: account.account_key,
            subdomain: account.subdomain.unwrap_or_default(),
            domain: account.domain.unwrap_or_default(),
            package_id: account.package_id.map(|id| id.to_string()).unwrap_or_default(),
            email_admin: account.email_admin.unwrap_or_default(),
        }
    }
}

/// Lists every account that the caller's account owns, directly or through others.
pub async fn list(caller: &Caller, fields: Fields<'_>) -> Result<Response> {
    fields.finish()?;
    let mut owned = Owned::by(Connection::lease().await?, caller.administrator.account_id);
    let head = Message::done("Accounts list successfully generated");
    let next_page = move || Ok(owned.next_page()?.map(|page| page.into_iter().map(AccountRow::from).collect()));
    Ok(answer::list::<AccountRow>(&head, "accounts", false, next_page)?)
}

/// An account that was changed (the API's document, "Updating Accounts").
#[derive(Serialize, utoipa::ToSchema)]
pub struct Updated {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Account successfully updated")]
    message: &'static str,
    #[schema(value_type = Key)]
    account_key: String,
}

/// Changes package, state, address or registration id of an account that the caller's account owns.
pub async fn update(caller: &Caller, mut fields: Fields<'_>) -> Result<Json<Updated>> {
    let account_key = fields.required("account_key", NAME_MAX);
    let change = CustomerChange {
        package_id: package_id(&mut fields),
        is_active: fields.flag("active"),
        email_admin: fields.optional_email("email_admin"),
        registration_id: fields.optional("registration_id", REGISTRATION_ID_MAX),
    };
    fields.finish()?;
    if change == CustomerChange::default() {
        let text = "at least one of package_id, active, email_admin and registration_id must be set";
        return Err(Failure::Malformed(text.to_owned()));
    }
    customer::update(caller.author(), &caller.administrator, &account_key, &change).await?;
    let message = "Account successfully updated";
    Ok(Json(Updated { status_code: StatusCode::OK.as_u16(), message, account_key }))
}
