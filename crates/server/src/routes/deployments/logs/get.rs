//! `GET /deployments/{deployment_id}/logs`

use std::ops::Range;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use slipway_api::LogCursor;
use slipway_core::LogState;
use slipway_store::logs::{self, Chunk, LogHead};
use slipway_store::{PgConnection, StoreError, event_log, pool};
use utoipa::IntoParams;
use uuid::Uuid;

use super::range::{Wanted, wanted};
use super::{can_be_fetched, find, missing};
use crate::auth::Principal;
use crate::extract::{LineCount, Parameters, ResourceId};
use crate::listing::{is_match, set_tag};
use crate::position;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Names the last line of an answer, from where the stream goes on.
const X_LOG_CURSOR: HeaderName = HeaderName::from_static("x-log-cursor");

/// How long a log is waited for that has to be fetched, of the time that a request may take.
const SHARE_OF_PATIENCE: f64 = 0.6;
/// When to come back for a log that could not be fetched in time.
const RETRY_AFTER_SECONDS: u16 = 10;

/// What a log can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogParameters {
    /// Only the lines after this one; they count from 1.
    #[param(value_type = Option<i32>, minimum = 0)]
    after_line: Option<LineCount>,
    /// Only so many lines from the end.
    #[param(value_type = Option<i32>, minimum = 0)]
    tail: Option<LineCount>,
}

/// Get the log of a deployment
///
/// The text as far as it is stored, with secrets masked; `logs.complete` of the deployment says whether that is all. The log of
/// a deployment that has ended is fetched from the provider when it is first asked for. Ranges of bytes are served. The header
/// `X-Log-Cursor` names the last line: `after` of `streamDeploymentLog` goes on from there.
#[utoipa::path(
    get,
    path = "/deployments/{deployment_id}/logs",
    operation_id = "getDeploymentLog",
    tag = "deployments",
    params(
        ("deployment_id" = uuid::Uuid, Path, description = "The gateway's id of the deployment."),
        LogParameters
    ),
    responses((
        status = 200,
        description = "The text; with the header `Range` a part of it, as 206.",
        body = String,
        content_type = "text/plain",
        headers(("X-Log-Cursor" = String, description = "The position of the last line, `epoch:line`."))
    ))
)]
pub(crate) async fn get_deployment_log(
    State(state): State<AppState>,
    ResourceId(id): ResourceId,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<LogParameters>,
) -> Result<Response, Problem> {
    let is_empty = {
        let mut conn = state.connection().await?;
        let (deployment, capabilities) = find(&state, &mut conn, id, &principal).await?;
        let head = logs::find_head(&mut conn, id).await?;
        let is_empty = head.is_none_or(|head| head.line_count == 0);
        if can_be_fetched(&deployment, capabilities) {
            logs::request(&mut conn, id, state.clock().now()).await?;
            is_empty
        } else {
            false
        }
    };
    if is_empty {
        wait_for_text(&state, id, &principal).await?;
    }
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let epoch = event_log::find_head(&mut snapshot).await?;
    let (deployment, _) = find(&state, &mut snapshot, id, &principal).await?;
    let head = logs::find_head(&mut snapshot, id).await?;
    let head = head.ok_or_else(|| Problem::new(Code::NotFound))?;
    let begin = first_byte(&mut snapshot, &head, &parameters).await?;
    let length = head.byte_count - begin;
    let tag = tag(&epoch.epoch, &head, deployment.log);
    let mut response = if is_match(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match wanted(&headers, length, &tag) {
            Wanted::Whole => text(&mut snapshot, id, begin..head.byte_count).await?,
            Wanted::Part(part) => {
                let mut response = text(&mut snapshot, id, begin + part.start..begin + part.end).await?;
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = format!("bytes {}-{}/{length}", part.start, part.end - 1);
                set(&mut response, header::CONTENT_RANGE, &range);
                response
            }
            Wanted::Unsatisfiable => {
                let range = HeaderValue::from_str(&format!("bytes */{length}"));
                let problem = Problem::new(Code::RangeNotSatisfiable)
                    .with_detail(format!("the text has {length} bytes"))
                    .with_header(
                        header::CONTENT_RANGE,
                        range.unwrap_or_else(|_| HeaderValue::from_static("bytes */0")),
                    );
                return Err(problem);
            }
        }
    };
    drop(snapshot);
    let last = LogCursor {
        epoch: head.epoch,
        line: head.line_count,
    };
    set(&mut response, X_LOG_CURSOR, &last.to_string());
    set_tag(&mut response, &tag);
    position::set(&mut response, &position::cursor(&epoch));
    Ok(response)
}

/// Waits until a log that was asked for is there. Counts as a stream of the principal.
async fn wait_for_text(state: &AppState, id: Uuid, principal: &Principal) -> Result<(), Problem> {
    let _permit = state.streams().acquire(principal)?;
    let mut follower = state.log_tails().follow(id, None);
    let unavailable = || {
        Problem::new(Code::ProviderUnavailable)
            .with_detail("the provider did not give this log in time; it is asked again")
            .with_retry_after(RETRY_AFTER_SECONDS)
    };
    let patience = state.settings().request_timeout.mul_f64(SHARE_OF_PATIENCE);
    let settled = tokio::select! {
        settled = tokio::time::timeout(patience, follower.settled()) => match settled {
            Ok(settled) => settled,
            Err(_) if logs::is_untouched(&mut *state.connection().await?, id).await? => return Err(not_fetched()),
            Err(_) => return Err(unavailable()),
        },
        () = state.services().shutdown.cancelled() => {
            return Err(Problem::new(Code::NotReady).with_detail("the gateway is stopping; ask again"));
        }
    };
    match settled.state {
        LogState::Complete => Ok(()),
        LogState::Missing => Err(missing()),
        LogState::Open => Err(unavailable()),
    }
}

/// A replica that only serves leaves the asking to those that sync, as with everything else that nobody calls for by itself.
fn not_fetched() -> Problem {
    Problem::new(Code::LogNotFetched)
        .with_detail(
            "no process that syncs has asked the provider for this log yet; it is noted, so ask again, and see that a gateway \
             without `--no-sync`, or `slipway sync`, runs",
        )
        .with_retry_after(RETRY_AFTER_SECONDS)
}

/// Where the lines that are asked for begin.
async fn first_byte(conn: &mut PgConnection, head: &LogHead, parameters: &LogParameters) -> Result<i64, StoreError> {
    let after = parameters.after_line.map_or(0, |line| i64::from(line.0));
    let before_tail = parameters.tail.map_or(0, |lines| head.line_count - i64::from(lines.0));
    let after = after.max(before_tail);
    if after <= 0 {
        return Ok(0);
    }
    if after >= head.line_count {
        return Ok(head.byte_count);
    }
    let chunks = logs::list_chunks_after_line(conn, head.deployment_id, after, 1).await?;
    let Some(chunk) = chunks.first() else {
        return Ok(head.byte_count);
    };
    let skipped = usize::try_from(after + 1 - chunk.first_line).unwrap_or_default();
    let bytes: usize = chunk.text()?.split_inclusive('\n').take(skipped).map(str::len).sum();
    Ok(chunk.first_byte + i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// The bytes of a range. They are read at once, as they are stored, and unpacked as they are sent.
async fn text(conn: &mut PgConnection, id: Uuid, bytes: Range<i64>) -> Result<Response, Problem> {
    let chunks = logs::list_chunks_in_bytes(conn, id, bytes.clone()).await?;
    let length = bytes.end - bytes.start;
    let parts = stream::iter(chunks.into_iter().map(move |chunk| cut(&chunk, &bytes)));
    let mut response = Body::from_stream(parts).into_response();
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    set(&mut response, header::CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    Ok(response)
}

fn cut(chunk: &Chunk, bytes: &Range<i64>) -> Result<Bytes, StoreError> {
    let text = Bytes::from(chunk.text()?);
    let within = |byte: i64| usize::try_from(byte - chunk.first_byte).unwrap_or(0).min(text.len());
    Ok(text.slice(within(bytes.start)..within(bytes.end)))
}

fn tag(epoch: &str, head: &LogHead, state: LogState) -> String {
    format!("\"{epoch}-{}.{}-{}\"", head.epoch, head.line_count, state.as_str())
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
