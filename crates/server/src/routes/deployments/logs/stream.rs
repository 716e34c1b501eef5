//! `GET /deployments/{deployment_id}/logs/stream`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::{LogCursor, LogEventView};
use slipway_store::logs;
use utoipa::IntoParams;

use super::{can_be_fetched, find};
use crate::auth::{Hold, Principal, Standing};
use crate::extract::{Parameters, ResourceId};
use crate::problem::{Code, Problem};
use crate::sse::{LAST_EVENT_ID, Live, LogStream};
use crate::state::AppState;

/// What a live log can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogStreamParameters {
    /// Begin after this position: the id of a line, or `X-Log-Cursor` of the text. The header `Last-Event-ID` wins over it.
    /// Without either, from the first line.
    after: Option<String>,
    /// A ticket, where the request cannot carry a token: see `createStreamTicket`.
    ticket: Option<String>,
}

/// Follow the log of a deployment live
///
/// Server-sent events: each `line` has an `id` (`epoch:line`) and the line as JSON. Reconnect with `Last-Event-ID`, or with
/// `after`, on any replica, and no line is lost or sent twice. A `reset` says that the text is another now: forget what you
/// have, it begins anew. `end` is the last event, when nothing more will come: close the stream then. Its `reason` is
/// `complete`, `missing` (the provider has no log) or `incomplete` (the final text could not be had). A `heartbeat` comes every
/// 15 seconds, `auth_expired` before the end when the token is not valid any more.
#[utoipa::path(
    get,
    path = "/deployments/{deployment_id}/logs/stream",
    operation_id = "streamDeploymentLog",
    tag = "streams",
    params(
        ("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."),
        LogStreamParameters,
        ("Last-Event-ID" = Option<String>, Header, description = "Begin after this position, as `after`.")
    ),
    responses((
        status = 200,
        description = "Lines as they come, until the log is complete.",
        body = LogEventView,
        content_type = "text/event-stream"
    ))
)]
pub(crate) async fn stream_deployment_log(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    Extension(principal): Extension<Principal>,
    hold: Option<Extension<Arc<Hold>>>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<LogStreamParameters>,
) -> Result<Response, Problem> {
    if state.services().shutdown.is_cancelled() {
        return Err(Problem::new(Code::NotReady).with_detail("the gateway is stopping; connect again"));
    }
    let last_event_id = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty());
    let from = match (last_event_id, parameters.after.as_deref()) {
        (Some(value), _) => Some(parse("Last-Event-ID", value.to_str().unwrap_or_default())?),
        (None, Some(text)) => Some(parse("after", text)?),
        (None, None) => None,
    };
    {
        let mut conn = state.connection().await?;
        let (deployment, capabilities) = find(&state, &mut conn, id, &principal).await?;
        if can_be_fetched(&deployment, capabilities) {
            logs::request(&mut conn, id, state.clock().now()).await?;
        }
    }
    let permit = state.streams().acquire(&principal)?;
    let hold = hold.map(|Extension(hold)| hold);
    let standing = Standing::new(Arc::clone(state.access()), principal.clone(), hold);
    let follower = state.log_tails().follow(id, from);
    let lines = LogStream::new(state.clone(), permit, (principal, standing), (id, follower));
    Ok(Live::Log(Box::new(lines)).into_response())
}

fn parse(parameter: &str, text: &str) -> Result<LogCursor, Problem> {
    text.parse().map_err(|error: slipway_api::InvalidLogCursor| {
        Problem::new(Code::InvalidCursor)
            .with_detail(format!("`{parameter}` is {error}"))
            .with_field(parameter, error.to_string())
    })
}
