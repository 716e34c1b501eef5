//! Applications whose deployments still carry an earlier environment, name or labels, and how far back they were written
//! again. Read and written under the application's lock.

use slipway_core::ApplicationId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::page::AfterDeployment;

/// Notes that an application's deployments have to be written again, from the newest on.
pub async fn insert(conn: &mut PgConnection, application_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO restamps (application_id, before_created_at, before_id)
        SELECT id, '9999-12-31 00:00:00Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff' FROM UNNEST($1::uuid[]) AS new (id)
        ON CONFLICT (application_id)
        DO UPDATE SET before_created_at = excluded.before_created_at, before_id = excluded.before_id
        "#,
        application_ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Some application that has to be gone through.
pub async fn find_any(conn: &mut PgConnection) -> Result<Option<ApplicationId>> {
    let id = sqlx::query_scalar!("SELECT application_id FROM restamps LIMIT 1")
        .fetch_optional(conn)
        .await?;
    Ok(id.map(ApplicationId))
}

/// Where an application's deployments that are left begin; none when nothing is left. The mark of one that was not begun
/// lies after every deployment.
pub async fn find(conn: &mut PgConnection, application_id: ApplicationId) -> Result<Option<AfterDeployment>> {
    let row = sqlx::query!(
        "SELECT before_created_at, before_id FROM restamps WHERE application_id = $1",
        application_id.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| AfterDeployment {
        at: row.before_created_at,
        id: row.before_id,
    }))
}

/// Notes how far an application was gone through.
pub async fn advance(conn: &mut PgConnection, application_id: ApplicationId, to: AfterDeployment) -> Result<()> {
    sqlx::query!(
        "UPDATE restamps SET before_created_at = $2, before_id = $3 WHERE application_id = $1",
        application_id.0,
        to.at,
        to.id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that nothing is left.
pub async fn delete(conn: &mut PgConnection, application_id: ApplicationId) -> Result<()> {
    sqlx::query!("DELETE FROM restamps WHERE application_id = $1", application_id.0)
        .execute(conn)
        .await?;
    Ok(())
}
