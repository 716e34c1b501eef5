//! `POST /inbound/{account}/{secret}`

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode, header};
use slipway_core::AccountName;
use slipway_core::provider::WebhookRequest;
use slipway_engine::inbox::{self, InboxError};

use crate::problem::{Code, Problem};
use crate::state::AppState;

/// The largest webhook. Both providers send a few kilobytes.
const BODY_MAX_BYTES: usize = 256 * 1024;

/// Takes a webhook in and answers at once. A wrong secret, an account that takes none and a path that does not exist look
/// the same.
pub(crate) async fn receive_webhook(
    State(state): State<AppState>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let Path((account, secret)) = path.map_err(|_| not_found())?;
    if !state.settings().webhook_secrets.is_right(&account, &secret) {
        return Err(not_found());
    }
    let name = AccountName::from(account.as_str());
    let provider = state.setup().provider(&name).ok_or_else(not_found)?;
    let allowance = state
        .webhooks()
        .map(|webhooks| webhooks.take(&Arc::from(account), Instant::now()));
    if let Some(refused) = allowance.filter(|allowance| !allowance.is_allowed) {
        return Err(Problem::new(Code::RateLimited)
            .with_detail(format!("{} webhooks a minute are taken for an account", refused.limit))
            .with_retry_after(u16::try_from(refused.wait_seconds).unwrap_or(u16::MAX)));
    }
    let body = to_bytes(body, BODY_MAX_BYTES).await.map_err(|_| {
        Problem::new(Code::PayloadTooLarge).with_detail(format!("at most {BODY_MAX_BYTES} bytes are taken"))
    })?;
    let webhook = WebhookRequest {
        content_type: headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
        body: &body,
    };
    let mut conn = state.connection().await?;
    match inbox::receive(&mut conn, &name, &*provider, &webhook).await {
        Ok(_) => Ok(StatusCode::ACCEPTED),
        Err(InboxError::Store(error)) => Err(error.into()),
        Err(InboxError::Unreadable(_)) => {
            let detail = format!("this is no webhook of {}", provider.info().display_name);
            Err(Problem::new(Code::MalformedRequest).with_detail(detail))
        }
    }
}
