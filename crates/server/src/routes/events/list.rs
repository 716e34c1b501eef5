//! `GET /events`: the JSON twin of the stream.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::{Deserialize, Deserializer};
use slipway_api::{Cursor, EventList};
use slipway_feed::{Frame, Next, Subscription};
use slipway_store::StoreError;
use std::sync::Arc;
use tokio::time::Instant;

use super::parameters::EventParameters;
use crate::auth::{Ended, Hold, Principal, Standing};
use crate::extract::{Limit, Parameters};
use crate::listing::{json_response, to_json};
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// How long a search for rare events goes on without `wait`.
const SEARCH: Duration = Duration::from_secs(5);

/// Seconds to wait.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wait(pub(super) Duration);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = String::deserialize(deserializer)?
            .parse()
            .ok()
            .filter(|seconds| *seconds <= 25);
        let seconds = seconds.ok_or_else(|| serde::de::Error::custom("expected an integer from 0 to 25"))?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

/// List events
///
/// The same events as on the stream, in the order of the log. Ask again with `after` set to `next_cursor`.
/// Answers 410 `cursor_gone` for a position that cannot be resumed from.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "listEvents",
    tag = "events",
    params(EventParameters),
    responses((status = 200, description = "Events in the order of the log, maybe none.", body = EventList))
)]
pub(crate) async fn list_events(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    hold: Option<Extension<Arc<Hold>>>,
    Parameters(parameters): Parameters<EventParameters>,
) -> Result<Response, Problem> {
    let after = parameters.after()?;
    let (Limit(limit), Wait(wait)) = (parameters.limit, parameters.wait);
    let filter = parameters.filter(&principal.visibility);
    let _permit = state.streams().acquire(&principal)?;
    if after.is_none() {
        // "From now" must be a position that can be handed out.
        state.feed().prime().await?;
    }
    let mut subscription = state.feed().subscribe(filter, after).with_batch_limit(limit);
    let shutdown = &state.services().shutdown;
    let mut standing = Standing::new(Arc::clone(state.access()), principal, hold.map(|Extension(hold)| hold));
    let next = tokio::select! {
        next = next_until(&mut subscription, wait) => next?,
        () = shutdown.cancelled() => None,
        ended = standing.ended() => return Err(dismiss(ended)),
    };
    match next {
        Some(Next::Batch(batch)) => respond(&batch.frames, &batch.scanned),
        Some(Next::Reset(reset)) => Err(Problem::new(Code::CursorGone).with_detail(format!(
            "`after` cannot be resumed from ({}): read a list again and start from its `event_cursor`",
            reset.reason.as_str()
        ))),
        None => {
            let scanned = subscription
                .position()
                .ok_or_else(|| Problem::new(Code::DatabaseUnavailable))?;
            respond(&[], &scanned)
        }
    }
}

/// The answer to somebody who may not listen any more.
fn dismiss(ended: Ended) -> Problem {
    Problem::new(match ended {
        Ended::Expired => Code::TokenExpired,
        Ended::Revoked | Ended::Superseded => Code::TokenRevoked,
        Ended::Changed => {
            return Problem::new(Code::TokenRevoked).with_detail("the token allows something else now: ask again");
        }
    })
}

/// What is there now, else what comes within `wait`.
async fn next_until(subscription: &mut Subscription, wait: Duration) -> Result<Option<Next>, StoreError> {
    let started = Instant::now();
    match tokio::time::timeout_at(started + wait.max(SEARCH), subscription.next_ready()).await {
        Ok(Ok(None)) => {}
        Ok(result) => return result,
        Err(_) => return Ok(None),
    }
    match tokio::time::timeout_at(started + wait, subscription.next_batch()).await {
        Ok(result) => result.map(Some),
        Err(_) => Ok(None),
    }
}

fn respond(frames: &[Arc<Frame>], next: &Cursor) -> Result<Response, Problem> {
    let mut body = Vec::with_capacity(frames.iter().map(|frame| frame.json().len() + 1).sum::<usize>() + 128);
    body.extend_from_slice(b"{\"items\":[");
    for (index, frame) in frames.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(frame.json());
    }
    body.extend_from_slice(b"],\"next_cursor\":");
    body.extend_from_slice(&to_json(&next.to_string())?);
    body.push(b'}');
    let mut response = json_response(body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    position::set(&mut response, next);
    Ok(response)
}
