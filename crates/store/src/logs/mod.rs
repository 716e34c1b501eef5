//! Logs of deployments: one row that says how far a log is, and its text in chunks of whole lines.
//!
//! Nothing here is a public field of a deployment: what is, is `deployments.log_state`, written by ingest's rules.

mod chunk;
mod fetch;
mod live;
mod retention;

use slipway_core::LogState;
use sqlx::PgConnection;
use uuid::Uuid;

pub use chunk::{Chunk, list_chunks_after_line, list_chunks_in_bytes, replace};
pub use fetch::{
    DueFetch, Fetched, acquire_fetches, hold_fetch, is_untouched, release_fetch, request, request_fetches,
};
pub use live::{append, open};
pub use retention::{drop_texts, find_expired};

use crate::{Result, StoreError};

/// How far a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Whose.
    pub deployment_id: Uuid,
    /// Names the text.
    pub epoch: i64,
    /// How many lines it has.
    pub line_count: i64,
    /// How many bytes.
    pub byte_count: i64,
    /// Whether it is final.
    pub state: LogState,
    /// Whether more may come: its deployment runs, or the provider is still to be asked.
    pub is_awaited: bool,
}

struct HeadRow {
    deployment_id: Uuid,
    epoch: i64,
    line_count: i64,
    byte_count: i64,
    state: String,
    is_awaited: bool,
}

impl TryFrom<HeadRow> for LogHead {
    type Error = StoreError;

    fn try_from(row: HeadRow) -> Result<Self> {
        let state = LogState::parse(&row.state).ok_or_else(|| {
            let what = format!("row {}: state {} is not known", row.deployment_id, row.state);
            StoreError::inconsistent("deployment_logs", what)
        })?;
        Ok(Self {
            deployment_id: row.deployment_id,
            epoch: row.epoch,
            line_count: row.line_count,
            byte_count: row.byte_count,
            state,
            is_awaited: row.is_awaited,
        })
    }
}

/// How far the logs of these deployments are. A deployment of which nothing is stored has an empty first one.
pub async fn list_heads(conn: &mut PgConnection, deployment_ids: &[Uuid]) -> Result<Vec<LogHead>> {
    let rows = sqlx::query_as!(
        HeadRow,
        r#"
        SELECT deployment.id AS "deployment_id!", coalesce(log.epoch, 1) AS "epoch!", coalesce(log.line_count, 0) AS "line_count!",
               coalesce(log.byte_count, 0) AS "byte_count!", coalesce(log.state, 'open') AS "state!",
               (NOT deployment.is_finished OR log.fetch_at IS NOT NULL) AS "is_awaited!"
        FROM deployments AS deployment LEFT JOIN deployment_logs AS log ON log.deployment_id = deployment.id
        WHERE deployment.id = ANY($1)
        "#,
        deployment_ids
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(LogHead::try_from).collect()
}

/// How far the log of one deployment is, if there is such a deployment.
pub async fn find_head(conn: &mut PgConnection, deployment_id: Uuid) -> Result<Option<LogHead>> {
    Ok(list_heads(conn, &[deployment_id]).await?.pop())
}
