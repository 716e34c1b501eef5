//! A JSON body. What the operation does not know is an error, never ignored.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::{Code, Problem};

/// The body of a request. `T` denies unknown fields.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S, T> FromRequest<S> for JsonBody<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = json_bytes(request, state).await?;
        parse(&bytes).map(Self)
    }
}

/// The bytes of a body that says of itself that it is JSON.
pub(super) async fn json_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let media_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(Code::UnsupportedMediaType).with_detail("send `Content-Type: application/json`"));
    }
    Bytes::from_request(request, state)
        .await
        .map_err(|error| Problem::for_status(error.status()))
}

/// Reads a body.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde would fill a struct from an array, field by field.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Code::InvalidBody).with_detail("the body must be a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| refuse(&error))?;
    deserializer
        .end()
        .map_err(|_| Problem::new(Code::MalformedRequest).with_detail("something follows the JSON of the body"))?;
    Ok(value)
}

fn refuse(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if inner.classify() == Category::Data {
        let field = error.path().to_string();
        let field = if field == "." { "body".to_owned() } else { field };
        // What stands after the message is the place, which `field` tells better.
        let message = inner.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        return Problem::invalid_body(field, message);
    }
    Problem::new(Code::MalformedRequest).with_detail("the body is not JSON")
}
