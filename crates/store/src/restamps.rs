//! Applications whose deployments still carry an earlier environment, name or labels, or an earlier form of their public JSON,
//! and how far back they were written again. Read and written under the application's lock.

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

/// Whether any application has to be gone through.
pub async fn is_any(conn: &mut PgConnection) -> Result<bool> {
    Ok(
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM restamps) AS "exists!""#)
            .fetch_one(conn)
            .await?,
    )
}

/// Some application of these accounts that has to be gone through.
pub async fn find_any(conn: &mut PgConnection, accounts: &[String]) -> Result<Option<ApplicationId>> {
    let id = sqlx::query_scalar!(
        r#"
        SELECT application_id FROM restamps JOIN applications AS application ON application.id = application_id
        WHERE application.account = ANY($1) LIMIT 1
        "#,
        accounts
    )
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
