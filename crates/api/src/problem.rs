//! Errors as RFC 9457 problem documents.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FieldError)]
pub struct FieldErrorView {
    /// The parameter or the path in the body.
    pub field: String,
    /// What is wrong with it and what is expected.
    pub message: String,
}

/// Every error answer, see RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemView {
    /// A URI that names the kind of problem; ends in `code`.
    pub r#type: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: i32,
    /// What went wrong this time and what to do.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// The kind of problem, for programs. An open list; a code never changes its meaning.
    #[schema(examples("not_found"))]
    pub code: String,
    /// Names this request in the gateway's logs.
    pub request_id: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What is wrong with which field.
    pub errors: Vec<FieldErrorView>,
}
