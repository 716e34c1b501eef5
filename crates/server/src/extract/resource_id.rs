//! The id in a path.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// The one id in the path. What is no id of ours names nothing, so it is not found rather than malformed.
#[derive(Debug)]
pub(crate) struct ResourceId(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for ResourceId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let not_found = || Problem::new(Code::NotFound).with_detail("there is no resource with this id");
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| not_found())?;
        let id = params.iter().next().and_then(|(_, value)| Uuid::try_parse(value).ok());
        id.map(Self).ok_or_else(not_found)
    }
}
