//! The description of this part of the API, by the `OpenAPI` Specification 3.1: made of the annotations beside the handlers,
//! natively, and kept in the file `openapi.json`, which the component `console` serves as a part of the whole.

/// What is only described: handlers read bodies field by field, to tell every fault at once.
pub mod body {
    #![allow(dead_code, reason = "read by the generator only")]

    use accord_web::described::{
        AccountName, Count, Country, EmailAddress, FirstName, FullName, Id, LastName, Link, LinkToken, NewPassword,
        Password, Timestamp, Uuid,
    };
    use utoipa::ToSchema;

    /// A person and the account to make.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({
            "email": "user@example.com", "password": "secure_password_123", "firstName": "John", "lastName": "Doe",
            "accountName": "Acme Corporation", "country": "US"
        })
    )]
    pub struct SignUp {
        email: EmailAddress,
        password: NewPassword,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        account_name: AccountName,
        country: Option<Country>,
    }

    /// The secret of a mailed link.
    #[derive(ToSchema)]
    #[schema(example = json!({ "token": "a-token" }))]
    pub struct Token {
        token: LinkToken,
    }

    /// The secret of a mailed link, and a password.
    #[derive(ToSchema)]
    #[schema(example = json!({ "token": "a-token", "password": "secure_password_123" }))]
    pub struct TokenAndPassword {
        token: LinkToken,
        password: NewPassword,
    }

    /// The secret of a mailed link, and the password of whoever is not signed in.
    #[derive(ToSchema)]
    #[schema(example = json!({ "token": "a-token", "password": "secure_password_123" }))]
    pub struct Proof {
        token: LinkToken,
        password: Option<Password>,
    }

    /// The names of a person.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({ "name": "Jane Smith", "firstName": "Jane", "lastName": "Smith" })
    )]
    pub struct Names {
        name: Option<FullName>,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
    }

    /// The next address, and the password.
    #[derive(ToSchema)]
    #[schema(example = json!({ "email": "jane@example.com", "password": "secure_password_123" }))]
    pub struct EmailChange {
        email: EmailAddress,
        password: Password,
    }

    /// Whose password was forgotten.
    #[derive(ToSchema)]
    #[schema(example = json!({ "email": "user@example.com" }))]
    pub struct Forgotten {
        email: EmailAddress,
    }

    /// The password and the next one.
    #[derive(ToSchema)]
    #[schema(
        rename_all = "camelCase",
        example = json!({ "currentPassword": "secure_password_123", "password": "another_password_123" })
    )]
    pub struct PasswordChange {
        current_password: Password,
        password: NewPassword,
    }

    /// The selected fields of a user.
    #[derive(ToSchema)]
    #[schema(rename_all = "camelCase")]
    pub struct SelectedUser {
        id: Option<Id>,
        /// What tokens name the user by.
        sub: Option<Uuid>,
        email: Option<EmailAddress>,
        name: Option<FullName>,
        first_name: Option<FirstName>,
        last_name: Option<LastName>,
        created_at: Option<Timestamp>,
    }

    /// A part of a list of users.
    #[derive(ToSchema)]
    pub struct UserPage {
        value: Vec<SelectedUser>,
        /// How many match, on all pages, if `$count` asks for it.
        #[schema(rename = "@odata.count")]
        odata_count: Option<Count>,
        /// Where the next page is, if there is one.
        #[schema(rename = "@odata.nextLink")]
        next_link: Option<Link>,
    }

    /// The password of the user who calls. An owner of the operator account sends an empty object.
    #[derive(ToSchema)]
    #[schema(example = json!({ "password": "secure_password_123" }))]
    pub struct Secret {
        password: Option<Password>,
    }
}

/// The description itself.
#[cfg(test)]
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "People", description = "The part of the accounts API that is about people themselves"),
    paths(
        crate::entry::sign_up,
        crate::entry::get_signup,
        crate::entry::accept,
        crate::entry::verify_email,
        crate::entry::undo_email,
        crate::entry::forgot_password,
        crate::entry::reset_password,
        crate::entry::change_password,
        crate::me::get,
        crate::me::update,
        crate::me::change_email,
        crate::me::change_password,
        crate::me::leave,
        crate::me::welcome,
        crate::users::list,
        crate::users::get,
        crate::users::erase,
        crate::users::export,
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
