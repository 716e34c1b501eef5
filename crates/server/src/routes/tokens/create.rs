//! `POST /tokens`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use slipway_api::{CreatedTokenView, NewRestrictionsView, NewTokenView};
use slipway_store::Visibility;

use super::view;
use crate::auth::{NewToken, Scope, create_token as create};
use crate::extract::{Caller, JsonBody, Parameters};
use crate::listing::{json_response, to_json};
use crate::problem::{Code, Problem};
use crate::routes::NoParameters;
use crate::state::AppState;

/// How many characters a name has at most.
const NAME_MAX: usize = 100;

/// How many values a restriction has at most.
const VALUES_MAX: usize = 1_000;

/// Create a token
///
/// The answer holds its secret, which is shown this once.
#[utoipa::path(
    post,
    path = "/tokens",
    operation_id = "createToken",
    tag = "tokens",
    request_body(content = NewTokenView, description = "What the token is to allow and to show."),
    responses((status = 201, description = "The token and its secret.", body = CreatedTokenView))
)]
pub(crate) async fn create_token(
    State(state): State<AppState>,
    caller: Caller,
    _none: Parameters<NoParameters>,
    JsonBody(body): JsonBody<NewTokenView>,
) -> Result<Response, Problem> {
    let now = state.clock().now();
    let name = body.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid_body(
            "name",
            format!("must have 1 to {NAME_MAX} printable characters"),
        ));
    }
    if body.expires_at.is_some_and(|at| at <= now) {
        return Err(Problem::invalid_body("expires_at", "must be in the future"));
    }
    let scopes = body.scopes.iter().enumerate().map(|(index, word)| {
        Scope::parse(word).ok_or_else(|| {
            let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            Problem::invalid_body(
                format!("scopes[{index}]"),
                format!("must be one of {}", known.join(", ")),
            )
        })
    });
    let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
    if scopes.is_empty() {
        return Err(Problem::invalid_body("scopes", "must name at least one scope"));
    }
    let new = NewToken {
        name: name.to_owned(),
        scopes: scopes.into_iter().collect(),
        visibility: visibility(body.restrictions.unwrap_or_default())?,
        expires_at: body.expires_at,
    };
    if !new.is_sound() {
        return Err(Problem::invalid_body(
            "restrictions",
            "cannot be given to a token with the scope `admin`",
        ));
    }
    let created = create(&mut *state.connection().await?, new, &caller.actor, now).await?;
    let (row, secret) = created.ok_or_else(|| Problem::new(Code::Internal))?;
    let location = HeaderValue::try_from(format!("/api/v1/tokens/{}", row.id)).ok();
    let body = CreatedTokenView {
        secret,
        token: view(row),
    };
    let mut response = (StatusCode::CREATED, json_response(to_json(&body)?)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(location) = location {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

fn visibility(restrictions: NewRestrictionsView) -> Result<Visibility, Problem> {
    let NewRestrictionsView {
        providers,
        accounts,
        applications,
        environments,
    } = restrictions;
    for (field, values) in [
        ("providers", &providers),
        ("accounts", &accounts),
        ("environments", &environments),
    ] {
        let is_odd = |value: &String| value.is_empty() || value.len() > 255 || value.chars().any(char::is_control);
        if values.len() > VALUES_MAX || values.iter().any(is_odd) {
            let message = format!("must hold at most {VALUES_MAX} names of 1 to 255 printable characters");
            return Err(Problem::invalid_body(format!("restrictions.{field}"), message));
        }
    }
    if applications.len() > VALUES_MAX {
        let message = format!("must hold at most {VALUES_MAX} ids");
        return Err(Problem::invalid_body("restrictions.applications", message));
    }
    Ok(Visibility {
        providers,
        accounts,
        applications,
        environments,
    })
}
