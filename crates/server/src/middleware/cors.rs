//! Which pages of other origins may read what the API answers.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Origin;

/// How long a browser may remember what a preflight told it. Browsers cap it at 2 hours at most.
const REMEMBERED: Duration = Duration::from_secs(600);

/// What pages of these origins are let do; none where there is no origin. Cookies never cross origins: a page elsewhere
/// has a token of its own, so nothing is allowed "with credentials".
pub(crate) fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    // An opaque origin is written `null`, which any page can be made to send.
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter(|origin| origin.is_tuple())
        .filter_map(|origin| HeaderValue::try_from(origin.ascii_serialization()).ok())
        .collect();
    if origins.is_empty() {
        return None;
    }
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CACHE_CONTROL,
                header::CONTENT_TYPE,
                header::IF_MATCH,
                header::IF_NONE_MATCH,
                header::RANGE,
                HeaderName::from_static("idempotency-key"),
                HeaderName::from_static("last-event-id"),
                HeaderName::from_static("x-request-id"),
            ])
            .expose_headers(EXPOSED.map(HeaderName::from_static))
            .max_age(REMEMBERED),
    )
}

/// What scripts of these origins may read beside the few headers that any script may.
const EXPOSED: [&str; 12] = [
    "accept-ranges",
    "allow",
    "content-range",
    "etag",
    "idempotency-replayed",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
    "x-event-cursor",
    "x-request-id",
];
