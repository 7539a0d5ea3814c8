//! What stands in paths and headers, for the descriptions of the operations. [`path`](crate::path) reads the ids.

#![allow(dead_code, reason = "read by the generator only")]

use accord_web::described::{Id, IdempotencyKey, Tags, Uuid};
use utoipa::IntoParams;

/// What is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ById {
    /// The id.
    #[param(inline)]
    id: Id,
}

/// Who is meant, and of which account.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfMember {
    /// The id of the account.
    #[param(inline)]
    id: Id,
    /// The id of the user.
    #[param(inline, rename = "userId")]
    user_id: Id,
}

/// Which record is meant, and of which account.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfRecord {
    /// The id of the account.
    #[param(inline)]
    id: Id,
    /// The id of the record.
    #[param(inline, rename = "recordId")]
    record_id: Uuid,
}

/// Who is meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfUser {
    /// The id of the user.
    #[param(inline, rename = "userId")]
    user_id: Id,
}

/// What is meant of the audit.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub struct OfEvent {
    /// The id of the event.
    #[param(inline, rename = "eventId")]
    event_id: Id,
}

/// A request that may come again.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Repeated {
    /// The same key and body get the first answer again, for a day.
    #[param(inline, rename = "Idempotency-Key")]
    idempotency_key: Option<IdempotencyKey>,
}

/// What the caller has already.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfNoneMatch {
    /// The `ETag` that was got: `304` if it is the same still.
    #[param(inline, rename = "If-None-Match")]
    if_none_match: Option<Tags>,
}

/// Which version the caller means.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` that was got: `412` if it is another by now.
    #[param(inline, rename = "If-Match")]
    if_match: Option<Tags>,
}

/// Which version the caller does not mean.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct UnlessMatch {
    /// `412` if it has this `ETag`; `*` is any.
    #[param(inline, rename = "If-None-Match")]
    if_none_match: Option<Tags>,
}
