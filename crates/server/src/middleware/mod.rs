//! What happens around every handler.
//!
//! What needs no waiting is a function that is called before or after. All of it is joined here into few layers: a layer of axum
//! copies all that lies within it for every request.

mod audit_refusals;
mod authenticate;
mod cors;
mod limits;
mod measure;
mod open_access;
mod problems;
mod scope;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

pub(crate) use audit_refusals::{Asked, Audited};
pub(crate) use authenticate::principal_of;
pub(crate) use cors::cors;
pub(crate) use problems::RequestId;
pub(crate) use scope::require;

use self::audit_refusals::Audit;
use self::authenticate::authenticate;
use self::limits::{limit_body, limit_uri};
use self::measure::Measured;
use self::open_access::guard_open_access;
use self::problems::Named;
use crate::problem::Problem;
use crate::state::AppState;

/// Around everything: counts requests, names them, writes their problem documents.
pub(crate) async fn outermost(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let measured = Measured::begin(state.request_figures(), &request);
    let named = Named::begin(&state, &mut request);
    let response = named.answer(next.run(request)).await;
    let response = named.end(response);
    measured.end(&response);
    response
}

/// Within it: what protects all handlers alike.
pub(crate) async fn guards(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match guard(&state, &mut request) {
        Ok(()) => no_sniffing(next.run(request).await),
        Err(problem) => problem.into_response(),
    }
}

/// Both, where nothing lies between.
pub(crate) async fn outermost_and_guards(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let measured = Measured::begin(state.request_figures(), &request);
    let named = Named::begin(&state, &mut request);
    let response = match guard(&state, &mut request) {
        Ok(()) => no_sniffing(named.answer(next.run(request)).await),
        Err(problem) => problem.into_response(),
    };
    let response = named.end(response);
    measured.end(&response);
    response
}

fn guard(state: &AppState, request: &mut Request) -> Result<(), Problem> {
    limit_uri(state, request)?;
    limit_body(state, request)?;
    guard_open_access(state, request)
}

fn no_sniffing(mut response: Response) -> Response {
    let nosniff = HeaderValue::from_static("nosniff");
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}

/// Around what needs no token.
pub(crate) async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    limits::limit(&state, request, next).await
}

/// Around what is for those who are known, and answers at once.
pub(crate) async fn known(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let audit = Audit::begin(&state, &request);
    let limited = |request| limits::limit(&state, request, next);
    let response = authenticate(&state, request, limited).await;
    audited(&state, audit, response).await
}

/// Around what is for those who are known, and waits.
pub(crate) async fn known_waiting(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let audit = Audit::begin(&state, &request);
    let response = authenticate(&state, request, |request| next.run(request)).await;
    audited(&state, audit, response).await
}

/// Around what finds out by itself who asks, and answers at once.
pub(crate) async fn proving(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let audit = Audit::begin(&state, &request);
    let response = limits::limit(&state, request, next).await;
    audited(&state, audit, response).await
}

async fn audited(state: &AppState, audit: Option<Audit>, response: Response) -> Response {
    if let Some(refused) = audit.and_then(|audit| audit.end(&response)) {
        Box::pin(refused.note(state)).await;
    }
    response
}
