//! Positions in the event log on requests and answers.

use axum::response::Response;
use http::{HeaderName, HeaderValue};
use slipway_api::Cursor;
use slipway_store::event_log::Head;

use crate::front::Repeatable;
use crate::problem::{Code, Problem};
use crate::state::AppState;

/// Names the position that an answer shows.
pub(crate) const X_EVENT_CURSOR: HeaderName = HeaderName::from_static("x-event-cursor");

/// The public form of a position.
pub(crate) fn cursor(head: &Head) -> Cursor {
    Cursor {
        epoch: head.epoch.clone(),
        seq: head.seq,
    }
}

/// Puts the position on an answer.
pub(crate) fn set(response: &mut Response, cursor: &Cursor) {
    // A cursor from the database may only be missing here if somebody put an unprintable epoch there.
    if let Ok(value) = HeaderValue::from_str(&cursor.to_string()) {
        response.headers_mut().insert(X_EVENT_CURSOR, value);
    }
}

/// Reads a cursor out of a parameter.
pub(crate) fn parse(parameter: &str, text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(|error: slipway_api::InvalidCursor| {
        Problem::new(Code::InvalidCursor)
            .with_detail(format!("`{parameter}` is {error}"))
            .with_field(parameter, error.to_string())
    })
}

/// Waits until this replica has seen what `min_cursor` names.
pub(crate) async fn wait_for(state: &AppState, min_cursor: Option<&str>) -> Result<(), Problem> {
    match min_cursor {
        None => Ok(()),
        // Apart, so that whoever does not wait has no room for it.
        Some(text) => Box::pin(wait_for_cursor(state, text)).await,
    }
}

/// The answer, once this replica has seen what `min_cursor` names. One that was waited for is not given again: the next may have
/// to wait, too, or is told that its position is of another log.
pub(crate) async fn answer_after(
    state: &AppState,
    min_cursor: Option<&str>,
    answer: impl Future<Output = Result<Response, Problem>>,
) -> Result<Response, Problem> {
    wait_for(state, min_cursor).await?;
    let mut response = answer.await?;
    if min_cursor.is_some() {
        response.extensions_mut().remove::<Repeatable>();
    }
    Ok(response)
}

async fn wait_for_cursor(state: &AppState, text: &str) -> Result<(), Problem> {
    let cursor = parse("min_cursor", text)?;
    let seen = state.feed().wait_for(&cursor);
    match tokio::time::timeout(state.settings().min_cursor_wait, seen).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::new(Code::CursorGone).with_detail("`min_cursor` is a position of another event log")),
        Err(_) => Err(Problem::new(Code::Behind).with_detail("this replica has not seen `min_cursor` yet")),
    }
}
