//! Files and pages over HTTP, with the headers that keep a page from running anything but them.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use ring::digest::{SHA256, digest};

use crate::files::{File, find};

/// The paths of pages. All are one document, which draws what its path says.
pub const PAGES: [&str; 6] = [
    "/",
    "/feed",
    "/insights",
    "/sign-in",
    "/applications/{application_id}",
    "/deployments/{deployment_id}",
];

/// The event client, which other teams' pages import; the rest lies under `/assets/` only.
const EVENT_CLIENT: [(&str, &str); 3] = [
    ("/slipway-events.js", "slipway-events.js"),
    ("/slipway-events-shared.js", "slipway-events-shared.js"),
    ("/slipway-events-worker.js", "slipway-events-worker.js"),
];

/// Nothing but our own files runs or is drawn, nothing but our own API is asked, and no page of others may frame us.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Everything that the dashboard serves. Needs no token: the files hold no data.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let router = Router::new().route("/assets/{*name}", get(asset));
    let router = PAGES
        .into_iter()
        .fold(router, |router, path| router.route(path, get(page)));
    EVENT_CLIENT.into_iter().fold(router, |router, (path, name)| {
        router.route(path, get(async move |headers: HeaderMap| event_client(name, &headers)))
    })
}

async fn page(headers: HeaderMap) -> Response {
    serve("index.html", &headers)
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(&name, &headers)
}

/// The only files that pages elsewhere may load: they are made for them.
fn event_client(name: &str, headers: &HeaderMap) -> Response {
    let mut response = serve(name, headers);
    let everybody = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"),
    ];
    for (name, value) in everybody {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn serve(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = find(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = entity_tag(&file);
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim().trim_start_matches("W/") == tag);
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Bytes::from(file.bytes.clone().into_owned()).into_response()
    };
    let fixed = [
        (header::CONTENT_TYPE, file.media_type()),
        // Asked again each time, and answered without a body while nothing changed: no page ever mixes two versions.
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=()"),
    ];
    let response_headers = response.headers_mut();
    for (name, value) in fixed {
        response_headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response_headers.insert(header::ETAG, tag);
    }
    response
}

fn entity_tag(file: &File) -> String {
    let mut tag = String::from("\"");
    for byte in &digest(&SHA256, &file.bytes).as_ref()[..16] {
        // Writing to a String cannot fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}
