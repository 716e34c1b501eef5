//! `GET /events/stream`

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Deserialize;
use slipway_api::{EventView, Status};
use slipway_feed::Filter;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::auth::{Principal, Standing, TicketHold};
use crate::extract::{Parameters, values};
use crate::position;
use crate::problem::{Code, Problem};
use crate::routes::deployments::parameters::status_words;
use crate::sse::EventStream;
use crate::state::AppState;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What the stream can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParameters {
    /// Begin after this position: an event's id or a list's `event_cursor`. The header `Last-Event-ID` wins over it.
    /// Without either, from now on.
    after: Option<String>,
    /// A ticket, where the request cannot carry a token: see `createStreamTicket`.
    ticket: Option<String>,
    /// Only these kinds of platform, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    provider: Vec<String>,
    /// Only these accounts, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    account: Vec<String>,
    /// Only these applications, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    application: Vec<Uuid>,
    /// Only these deployments, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    deployment: Vec<Uuid>,
    /// Only these environments, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    environment: Vec<String>,
    /// Only these types, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    r#type: Vec<String>,
    /// Only these statuses, before or after the change, separated by commas.
    #[serde(deserialize_with = "values")]
    #[param(style = Form, explode = false)]
    status: Vec<Status>,
}

/// Follow events live
///
/// Server-sent events: each has `id`, `event` (its type) and `data` (the event as JSON). Reconnect with `Last-Event-ID`, or
/// with `after`, and nothing is lost or sent twice. A `heartbeat` every 15 seconds carries the position in `cursor`; a
/// `reset` says that the position could not be resumed from: read your lists again. `auth_expired` comes before the end when
/// the token is not valid any more, or allows something else.
#[utoipa::path(
    get,
    path = "/events/stream",
    operation_id = "streamEvents",
    tag = "streams",
    params(
        StreamParameters,
        ("Last-Event-ID" = Option<String>, Header, description = "Begin after this position, as `after`.")
    ),
    responses((
        status = 200,
        description = "Events as they happen, until the client goes away or the gateway stops.",
        body = EventView,
        content_type = "text/event-stream"
    ))
)]
pub(crate) async fn stream_events(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    ticket: Option<Extension<Arc<TicketHold>>>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<StreamParameters>,
) -> Result<Response, Problem> {
    if state.services().shutdown.is_cancelled() {
        return Err(Problem::new(Code::NotReady).with_detail("the gateway is stopping; connect again"));
    }
    let last_event_id = match headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) {
        Some(value) => Some(position::parse("Last-Event-ID", value.to_str().unwrap_or_default())?),
        None => None,
    };
    let after = parameters
        .after
        .as_deref()
        .map(|text| position::parse("after", text))
        .transpose()?;
    let filter = Filter {
        providers: parameters.provider,
        accounts: parameters.account,
        applications: parameters.application,
        deployments: parameters.deployment,
        environments: parameters.environment,
        types: parameters.r#type,
        statuses: status_words(&parameters.status),
        visibility: Arc::clone(&principal.visibility),
    };
    let permit = state.streams().acquire(&principal)?;
    let ticket = ticket.map(|Extension(ticket)| ticket);
    let standing = Standing::new(Arc::clone(state.access()), principal.clone(), ticket);
    let caller = (principal, standing);
    let events = EventStream::new(state.clone(), permit, caller, filter, last_event_id.or(after));
    let mut response = Body::from_stream(events.into_body()).into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response_headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response_headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}
