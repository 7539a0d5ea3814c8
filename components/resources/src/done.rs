//! The document's answer to what is done and has nothing to show.

use axum::Json;
use serde::Serialize;

/// The document's answer to what is done and has nothing to show.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Done {
    success: bool,
    /// What was done.
    #[schema(example = "Account deleted")]
    message: &'static str,
}

impl Done {
    /// Says what was done.
    pub fn of(message: &'static str) -> Self {
        Self { success: true, message }
    }

    /// As an answer.
    pub fn answer(message: &'static str) -> Json<Self> {
        Json(Self::of(message))
    }
}
