//! `POST /stream-tickets`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use slipway_api::StreamTicketView;
use time::Duration;

use crate::auth::{Hold, Principal};
use crate::extract::Parameters;
use crate::listing::{json_response, to_json};
use crate::problem::{Code, Problem};
use crate::routes::NoParameters;
use crate::state::AppState;

/// Within what time a ticket must be used first.
const FIRST_USE: Duration = Duration::seconds(30);

/// Create a ticket for a stream
///
/// For browsers: `EventSource` cannot send a token. Open a stream with `?ticket=` within 30 seconds; it may reconnect with the
/// same ticket within 5 minutes, for 12 hours at most and as long as your token or session is valid. A new connection ends the older.
#[utoipa::path(
    post,
    path = "/stream-tickets",
    operation_id = "createStreamTicket",
    tag = "session",
    responses((status = 201, description = "A ticket, which opens streams and nothing else.", body = StreamTicketView))
)]
pub(crate) async fn create_stream_ticket(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    hold: Option<Extension<Arc<Hold>>>,
    _none: Parameters<NoParameters>,
) -> Result<Response, Problem> {
    let session = hold.as_deref().and_then(|hold| match hold.as_ref() {
        Hold::Session(session) => Some(session),
        Hold::Ticket(_) => None,
    });
    let ticket = state.access().tickets.create(&principal, session).await?;
    let view = StreamTicketView {
        ticket: ticket.ok_or_else(|| Problem::new(Code::Internal))?,
        first_use_before: state.clock().now() + FIRST_USE,
    };
    let mut response = (StatusCode::CREATED, json_response(to_json(&view)?)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
