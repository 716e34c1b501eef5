//! A log that grows.

use slipway_core::{DeploymentId, LogState};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::chunk::{self, Chunk};
use super::{HeadRow, LogHead};
use crate::Result;

/// Makes sure that a deployment's log has a row that can grow, and says how far it is. None without such a deployment, or when
/// the log is not open.
pub async fn open(conn: &mut PgConnection, id: DeploymentId, now: OffsetDateTime) -> Result<Option<LogHead>> {
    sqlx::query!(
        r#"
        INSERT INTO deployment_logs (deployment_id, application_id, account, written_at)
        SELECT id, application_id, account, $2 FROM deployments WHERE id = $1
        ON CONFLICT (deployment_id) DO NOTHING
        "#,
        id.0,
        now
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query_as!(
        HeadRow,
        r#"
        SELECT deployment_id, epoch, line_count, byte_count, state, true AS "is_awaited!"
        FROM deployment_logs WHERE deployment_id = $1
        "#,
        id.0
    )
    .fetch_optional(conn)
    .await?;
    let head = row.map(LogHead::try_from).transpose()?;
    Ok(head.filter(|head| head.state == LogState::Open))
}

/// Appends a chunk to an open log that is still as `head` says. False when it is not: another process wrote it, or it is
/// final; then nothing is written.
pub async fn append(conn: &mut PgConnection, head: &LogHead, chunk: &Chunk, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE deployment_logs
        SET line_count = line_count + $4::bigint, byte_count = byte_count + $5::bigint, written_at = $6
        WHERE deployment_id = $1 AND epoch = $2 AND line_count = $3 AND state = 'open'
        "#,
        head.deployment_id,
        head.epoch,
        head.line_count,
        chunk.line_count,
        chunk.byte_count,
        now
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    chunk::insert(conn, head.deployment_id, chunk).await?;
    Ok(true)
}
