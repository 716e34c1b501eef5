//! Stores a final text: with the deployment's change, its version and its event, in one transaction.

use slipway_api::DeploymentView;
use slipway_core::provider::Capabilities;
use slipway_core::{ApplicationId, DeploymentId, LogState};
use slipway_store::deployments::StoredDeployment;
use slipway_store::logs::{self, DueFetch};
use slipway_store::{Connection, PgConnection, StoreError, applications, deployments, event_log};

use super::live::stored_text;
use super::text::{self, FinalText};
use crate::context::Context;
use crate::ingest::{IngestError, TRIES, events};

/// What a fetch brought.
#[derive(Debug, Clone)]
pub(crate) enum Brought {
    /// The provider's text.
    Text(String),
    /// The provider has none: what was followed is all there is.
    Nothing,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It is stored.
    Stored,
    /// It ends before what was followed does: the provider may have more in a moment.
    FallsShort,
    /// The deployment does not count as finished any more, or another process was faster.
    Superseded,
}

/// Stores what was brought. With `is_last_try` also a text that falls short.
pub(crate) async fn settle(
    context: &Context,
    due: &DueFetch,
    capabilities: Capabilities,
    brought: Brought,
    is_last_try: bool,
) -> Result<Settled, IngestError> {
    let mut conn = context.connection().await?;
    let mut tries = 1;
    loop {
        let Some(head) = logs::find_head(&mut conn, due.deployment_id).await? else {
            return Ok(Settled::Superseded);
        };
        let stored = stored_text(&mut conn, &head).await?;
        let made = prepare(context, &brought, stored).await;
        if made.falls_short && !is_last_try {
            return Ok(Settled::FallsShort);
        }
        let state = match (&brought, made.chunks.is_empty()) {
            (Brought::Nothing, true) => LogState::Missing,
            _ => LogState::Complete,
        };
        let written = write(
            context,
            &mut conn,
            due,
            capabilities,
            (state, &made),
            (head.epoch, head.line_count),
        )
        .await;
        match written {
            Ok(Some(settled)) => return Ok(settled),
            // It grew meanwhile.
            Ok(None) | Err(IngestError::Store(StoreError::Conflict(_))) if tries < TRIES => tries += 1,
            Ok(None) => return Ok(Settled::Superseded),
            Err(error) => return Err(error),
        }
    }
}

async fn prepare(context: &Context, brought: &Brought, stored: String) -> FinalText {
    let settings = std::sync::Arc::clone(&context.logs);
    let brought = brought.clone();
    // Masking and compressing would hold up whatever else this thread does.
    let made = tokio::task::spawn_blocking(move || match brought {
        Brought::Text(text) => text::prepare(&settings.masks, &text, settings.max_bytes, &stored),
        Brought::Nothing => text::prepare(&settings.masks, &stored, settings.max_bytes, &stored),
    });
    made.await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

async fn write(
    context: &Context,
    conn: &mut PgConnection,
    due: &DueFetch,
    capabilities: Capabilities,
    (state, made): (LogState, &FinalText),
    compared_with: (i64, i64),
) -> Result<Option<Settled>, IngestError> {
    let mut transaction = conn.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    if applications::lock(conn, ApplicationId(due.application_id))
        .await?
        .is_none()
        || !logs::hold_fetch(conn, due.deployment_id, due.lease_token).await?
    {
        return Ok(Some(Settled::Superseded));
    }
    let head = logs::find_head(conn, due.deployment_id).await?;
    if head.is_none_or(|head| (head.epoch, head.line_count) != compared_with) {
        return Ok(None);
    }
    let deployment = deployments::find(conn, DeploymentId(due.deployment_id)).await?;
    let Some(mut deployment) = deployment.filter(|deployment| deployment.tracked.state.is_finished) else {
        return Ok(Some(Settled::Superseded));
    };
    let now = context.clock.now();
    logs::replace(conn, due.deployment_id, state, &made.chunks, made.goes_on, now).await?;
    if deployment.log != state {
        deployment.log = state;
        deployment.version += 1;
        deployment.updated_at = now;
        let body = serde_json::to_string(&DeploymentView::new(&deployment, capabilities))?;
        let event = events::of_restamped(&deployment, &body);
        let stored = StoredDeployment {
            deployment,
            body,
            raw: None,
        };
        deployments::update(conn, &[stored], now).await?;
        event_log::append(conn, &[event], now).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(Some(Settled::Stored))
}
