//! From routes to a service.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::front::Front;
use crate::middleware;
use crate::openapi;
use crate::problem::{Code, Problem};
use crate::routes;
use crate::state::AppState;

/// Everything that is served: the API, and `pages`, which need no token.
pub fn router(state: AppState, pages: Router<AppState>) -> Front {
    let (short, _) = routes::short().split_for_parts();
    let (waiting, _) = routes::waiting().split_for_parts();
    let (proving, _) = routes::free().split_for_parts();
    let proving = undocumented()
        .into_iter()
        .fold(proving, |router, (path, method)| router.route(path, method));
    let api = short
        .route_layer(from_fn_with_state(state.clone(), middleware::known))
        .merge(waiting.route_layer(from_fn_with_state(state.clone(), middleware::known_waiting)))
        .merge(proving.route_layer(from_fn_with_state(state.clone(), middleware::proving)));
    let free = free()
        .into_iter()
        .fold(Router::new(), |router, (path, method)| router.route(path, method))
        .merge(openapi::swagger_ui())
        .merge(pages)
        .route_layer(from_fn_with_state(state.clone(), middleware::limit));
    let router = Router::new()
        .merge(free)
        .nest(openapi::BASE_PATH, api)
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found);
    // Around everything that answers, so that a page can also read why it was refused; a preflight needs no token.
    let router = match middleware::cors(&state.settings().cors_origins) {
        Some(cors) => router
            .layer(from_fn_with_state(state.clone(), middleware::guards))
            .layer(cors)
            .layer(from_fn_with_state(state.clone(), middleware::outermost)),
        None => router.layer(from_fn_with_state(state.clone(), middleware::outermost_and_guards)),
    };
    let router = router.with_state(state.clone());
    Front::new(state, router)
}

/// What providers send: for them, so in no document. The path proves who it comes from.
fn undocumented() -> [(&'static str, MethodRouter<AppState>); 1] {
    [("/inbound/{account}/{secret}", post(routes::receive_webhook))]
}

/// The paths below the API's that take a `POST` and are in no document.
pub fn undocumented_paths() -> Vec<String> {
    let paths = undocumented().into_iter();
    paths.map(|(path, _)| format!("{}{path}", openapi::BASE_PATH)).collect()
}

/// What lies outside the API and needs no token, or finds out by itself who asks.
fn free() -> [(&'static str, MethodRouter<AppState>); 6] {
    [
        ("/livez", get(routes::health::livez)),
        ("/readyz", get(routes::health::readyz)),
        ("/healthz", get(routes::health::healthz)),
        ("/metrics", get(routes::metrics::metrics)),
        ("/openapi.json", get(openapi::serve)),
        ("/openapi-3.0.json", get(openapi::serve_compat)),
    ]
}

/// The paths that are served outside the API, those of the documentation apart.
pub fn free_paths() -> Vec<&'static str> {
    free().into_iter().map(|(path, _)| path).collect()
}

async fn not_found() -> Problem {
    Problem::new(Code::NotFound).with_detail("there is nothing at this path; /openapi.json lists what there is")
}

async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}
