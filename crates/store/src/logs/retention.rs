//! Texts that are no longer kept.

use slipway_core::ApplicationId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// At most `limit` deployments of one application, some application, whose texts were last written before an instant.
pub async fn find_expired(
    conn: &mut PgConnection,
    written_before: OffsetDateTime,
    limit: i64,
) -> Result<Option<(ApplicationId, Vec<Uuid>)>> {
    let rows = sqlx::query!(
        r#"
        SELECT application_id, deployment_id FROM deployment_logs
        WHERE line_count > 0 AND written_at < $1
          AND application_id = (SELECT application_id FROM deployment_logs WHERE line_count > 0 AND written_at < $1
                                ORDER BY written_at LIMIT 1)
        ORDER BY written_at LIMIT $2
        "#,
        written_before,
        limit
    )
    .fetch_all(conn)
    .await?;
    let application_id = rows.first().map(|row| ApplicationId(row.application_id));
    Ok(application_id.map(|id| (id, rows.into_iter().map(|row| row.deployment_id).collect())))
}

/// Removes texts; a later one gets another epoch. The caller holds the application's lock and owes the deployments' changes
/// and their event.
pub async fn drop_texts(conn: &mut PgConnection, deployment_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "DELETE FROM deployment_log_chunks WHERE deployment_id = ANY($1)",
        deployment_ids
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        UPDATE deployment_logs SET epoch = epoch + 1, line_count = 0, byte_count = 0, state = 'open'
        WHERE deployment_id = ANY($1)
        "#,
        deployment_ids
    )
    .execute(conn)
    .await?;
    Ok(())
}
