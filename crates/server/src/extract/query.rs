//! Query parameters as a struct. One that the operation does not know is an error that names those it knows.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::extract::repeated;
use crate::problem::{Code, Problem};

/// The parameters of a request. `T` denies unknown fields and describes the known ones.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Parameters<T>
where
    S: Send + Sync,
    T: DeserializeOwned + IntoParams,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = &*repeated::join::<T>(parts.uri.query().unwrap_or_default());
        let deserializer = serde_urlencoded::Deserializer::new(form(query));
        serde_path_to_error::deserialize(deserializer)
            .map(Self)
            .map_err(|error| refuse::<T>(query, &error))
    }
}

fn form(query: &str) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(query.as_bytes())
}

fn refuse<T: IntoParams>(query: &str, error: &serde_path_to_error::Error<serde::de::value::Error>) -> Problem {
    let known: Vec<String> = T::into_params(|| None)
        .into_iter()
        .map(|parameter| parameter.name)
        .collect();
    let list = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let mut unknown: Vec<String> = form(query)
        .map(|(name, _)| name.into_owned())
        .filter(|name| !known.contains(name))
        .collect();
    unknown.dedup();
    if unknown.is_empty() {
        let name = error.path().to_string();
        return Problem::invalid_parameter(if name == "." { "query" } else { &name }, error.inner().to_string());
    }
    let problem = Problem::new(Code::UnknownParameter).with_detail(format!(
        "this operation does not know `{}`; it knows: {list}",
        unknown.join("`, `")
    ));
    unknown.into_iter().fold(problem, |problem, name| {
        problem.with_field(name, format!("unknown; known are: {list}"))
    })
}
