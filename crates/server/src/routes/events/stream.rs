//! `GET /events/stream`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use slipway_api::EventView;

use super::parameters::StreamParameters;
use crate::auth::{Hold, Principal, Standing};
use crate::extract::Parameters;
use crate::position;
use crate::problem::{Code, Problem};
use crate::sse::{Begin, EventStream, LAST_EVENT_ID, Live};
use crate::state::AppState;

/// Follow events live
///
/// Server-sent events: each has `id`, `event` (its type) and `data` (the event as JSON). Reconnect with `Last-Event-ID`, or
/// with `after`, and nothing is lost or sent twice. With `snapshot=true` what matters now comes first; what changes while it is
/// read comes again as an event: keep the higher `version`. A `heartbeat` every 15 seconds carries the position in `cursor`; a
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
    hold: Option<Extension<Arc<Hold>>>,
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
    let after = parameters.after()?;
    let wants_snapshot = parameters.snapshot == Some(true);
    if wants_snapshot && after.is_some() {
        return Err(Problem::invalid_parameter(
            "snapshot",
            "begins with what is now, and `after` with a position: give one of them",
        ));
    }
    let filter = parameters.filter(&principal.visibility);
    let permit = state.streams().acquire(&principal)?;
    let begin = match last_event_id.or(after) {
        None if wants_snapshot => Begin::Snapshot(Box::new(state.feed().begin_snapshot(&filter).await?)),
        from => Begin::After(from),
    };
    let hold = hold.map(|Extension(hold)| hold);
    let standing = Standing::new(Arc::clone(state.access()), principal.clone(), hold);
    let caller = (principal, standing);
    let events = EventStream::new(state.clone(), permit, caller, filter, begin);
    Ok(Live::Events(Box::new(events)).into_response())
}
