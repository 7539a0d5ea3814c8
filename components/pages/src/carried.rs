//! The request of a relying party on its way through the pages: it is carried along in their forms, not kept, and each form has it
//! examined anew.

use accord_core::auth::scope;
use accord_core::sign_in::authorization::{self, Parameters, Refusal, Request};
use accord_core::store::Connection;
use form_urlencoded::Serializer;
use maud::{Markup, html};

use crate::failure::Failure;
use crate::page::Field;
use crate::texts::T;
use crate::visit::Fields;

/// A request of a relying party that waits for the person.
pub struct Carried {
    parameters: Parameters,
    /// What it asks for, examined.
    pub request: Request,
}

impl Carried {
    /// The request of this query.
    pub async fn examine(query: &str) -> Result<Self, Failure> {
        let parameters = Parameters::of(form_urlencoded::parse(query.as_bytes()));
        let request = authorization::examine(&Connection::lease().await?, &parameters).await.map_err(refused)?;
        Ok(Self { parameters, request })
    }

    /// The request that a form carries along, if it does.
    pub async fn of(fields: &Fields) -> Result<Option<Self>, Failure> {
        match fields.get("request") {
            "" => Ok(None),
            query => Self::examine(query).await.map(Some),
        }
    }

    /// What carries it along in a form.
    pub fn field(&self) -> Markup {
        Field::hidden("request", &self.query())
    }

    /// Its query.
    pub fn query(&self) -> String {
        Serializer::new(String::new()).extend_pairs(self.parameters.pairs()).finish()
    }

    /// What the relying party is called, and what it gets with a code.
    pub fn wish(&self) -> Markup {
        let gets = [
            (scope::OPENID, T.gets_openid),
            ("profile", T.gets_profile),
            ("email", T.gets_email),
            ("phone", T.gets_phone),
            (scope::ACCOUNTS_READ, T.gets_accounts_read),
            (scope::ACCOUNTS_MANAGE, T.gets_accounts_manage),
        ];
        html! {
            p { (T.it_is_for) " " q { (self.request.client.name) } ", " (T.it_gets) }
            ul.gets { @for (_, what) in gets.iter().filter(|(name, _)| self.request.scopes.contains(name)) { li { (what) } } }
        }
    }

    /// Where its answer goes.
    pub fn address(&self) -> &str {
        &self.request.redirect_uri
    }
}

/// What becomes of a request that is refused.
fn refused(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Shown(fault) => Failure::Authorization(fault),
        Refusal::Returned(returned) => Failure::Returned(returned),
        Refusal::Failed(error) => error.into(),
    }
}
