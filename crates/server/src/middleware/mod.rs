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

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

pub(crate) use audit_refusals::{Asked, Audited};
pub(crate) use authenticate::{admit_at_once, principal_of};
pub(crate) use cors::cors;
pub(crate) use problems::RequestId;
pub(crate) use scope::require;

use self::audit_refusals::Audit;
use self::authenticate::{Counted, authenticate};
use self::limits::{limit_body, limit_uri};
use self::measure::Measured;
use self::open_access::guard_open_access;
use self::problems::Named;
use crate::auth::Principal;
use crate::front::Repeatable;
use crate::metrics::RouteFigures;
use crate::problem::Problem;
use crate::state::AppState;

/// Around everything: counts requests, names them, writes their problem documents.
pub(crate) async fn outermost(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let measured = Measured::begin(state.request_figures(), &request);
    let named = Named::begin(&state, &mut request);
    let response = named.answer(next.run(request)).await;
    end(measured, named, response)
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
    end(measured, named, response)
}

/// All of this for an answer from memory: the steps of [`outermost_and_guards`] and [`known`], none of which waits then. What a
/// token must allow was found when the answer was given first.
pub(crate) fn at_once<B>(
    state: &AppState,
    request: &http::Request<B>,
    began: Instant,
    route: &Arc<RouteFigures>,
    principal: &Principal,
    answer: Response,
) -> Response {
    let measured = Measured::begin_on(state.request_figures(), Arc::clone(route), began);
    let named = Named::begin_silently(state, request, route.route());
    named.note_principal(&principal.name);
    let counted = Counted::count(state, principal);
    let mut response = match counted.refusal() {
        Some(problem) => problem.into_response(),
        None => answer,
    };
    counted.tell(&mut response);
    end(measured, named, no_sniffing(response))
}

fn end(measured: Measured<'_>, named: Named, response: Response) -> Response {
    let mut response = named.end(response);
    if let Some(repeatable) = response.extensions_mut().get_mut::<Repeatable>() {
        repeatable.came_by(measured.route());
    }
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
