//! Bearer tokens.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};

use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;
use crate::tokens::Principal;

/// Lets in who has a token, and says on every good answer which position in the event log it shows.
pub(crate) async fn authenticate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match verify(&state, request.headers()) {
        Ok(Some(principal)) => {
            tracing::Span::current().record("principal", &*principal.name);
            request.extensions_mut().insert(principal);
        }
        Ok(None) => return unauthenticated("this needs a token: send `Authorization: Bearer …`").into_response(),
        Err(problem) => return problem.into_response(),
    }
    let head = state.feed().head();
    let mut response = next.run(request).await;
    if let Some(head) = head
        && response.status().is_success()
        && !response.headers().contains_key(position::X_EVENT_CURSOR)
    {
        position::set(&mut response, &head);
    }
    response
}

/// Who asks; none without a token.
///
/// # Errors
/// [`Code::Unauthenticated`] for credentials that are none of ours.
pub(crate) fn verify(state: &AppState, headers: &HeaderMap) -> Result<Option<Principal>, Problem> {
    let Some(credentials) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let secret = credentials.to_str().ok().and_then(|text| {
        let (scheme, secret) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
    });
    let principal = secret
        .and_then(|secret| state.services().tokens.verify(secret))
        .cloned();
    principal
        .map(Some)
        .ok_or_else(|| unauthenticated("the credentials are not known here"))
}

fn unauthenticated(detail: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated).with_detail(detail).with_header(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer realm=\"slipway\""),
    )
}
