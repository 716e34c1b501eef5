//! The id or the name in a path.

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
        let id = first(parts, state).await.and_then(|text| Uuid::try_parse(&text).ok());
        id.map(Self)
            .ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no resource with this id"))
    }
}

/// The one name in the path.
#[derive(Debug)]
pub(crate) struct ResourceName(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for ResourceName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = first(parts, state).await;
        name.map(Self)
            .ok_or_else(|| Problem::new(Code::NotFound).with_detail("there is no resource with this name"))
    }
}

async fn first<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.ok()?;
    params.iter().next().map(|(_, value)| value.to_owned())
}
