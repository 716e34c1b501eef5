//! What a stream begins with: of each application the newest deployment and those that have not ended.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Visibility};

/// One deployment, with what filters look at.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// Its id.
    pub id: Uuid,
    /// Its application.
    pub application_id: Uuid,
    /// The kind of platform.
    pub provider: String,
    /// The account.
    pub account: String,
    /// The environment.
    pub environment: Option<String>,
    /// The status.
    pub status: String,
    /// The public JSON.
    pub body: String,
}

/// At most `limit` applications that are both wanted and seen and that the provider still has, in the order of their ids,
/// from beyond `after`.
pub async fn list_snapshot_applications(
    conn: &mut PgConnection,
    wanted: &Visibility,
    seen: &Visibility,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT id FROM applications
        WHERE archived_at IS NULL AND id > $1
          AND ($2::text[] = '{}' OR provider = ANY($2)) AND ($3::text[] = '{}' OR provider = ANY($3))
          AND ($4::text[] = '{}' OR account = ANY($4)) AND ($5::text[] = '{}' OR account = ANY($5))
          AND ($6::uuid[] = '{}' OR id = ANY($6)) AND ($7::uuid[] = '{}' OR id = ANY($7))
          AND ($8::text[] = '{}' OR environment = ANY($8))
        ORDER BY id LIMIT $9
        "#,
        after,
        &wanted.providers,
        &seen.providers,
        &wanted.accounts,
        &seen.accounts,
        &wanted.applications,
        &seen.applications,
        &seen.environments,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// The newest deployment of each of these applications and those that have not ended, oldest first in each.
pub async fn list_snapshot(conn: &mut PgConnection, applications: &[Uuid]) -> Result<Vec<SnapshotRow>> {
    Ok(sqlx::query_as!(
        SnapshotRow,
        r#"
        SELECT shown.id AS "id!", shown.application_id AS "application_id!", shown.provider AS "provider!",
               shown.account AS "account!", shown.environment, shown.status AS "status!", shown.body AS "body!"
        FROM applications AS application CROSS JOIN LATERAL (
            SELECT * FROM deployments WHERE id = application.last_deployment_id
            UNION ALL
            SELECT * FROM deployments
            WHERE application_id = application.id AND NOT is_finished
              AND id IS DISTINCT FROM application.last_deployment_id
        ) AS shown
        WHERE application.id = ANY($1) ORDER BY application.id, shown.created_at, shown.id
        "#,
        applications
    )
    .fetch_all(conn)
    .await?)
}
