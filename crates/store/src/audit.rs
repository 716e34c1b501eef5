//! The audit log: what was done, by whom, and what came of it. It only grows; a trigger sees to that.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// An entry.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its id.
    pub id: Uuid,
    /// When it was done.
    pub at: OffsetDateTime,
    /// Who did it, for programs: does not change when a name does.
    pub principal_id: String,
    /// Who did it, for people.
    pub principal: String,
    /// What was done: `token.create`.
    pub action: String,
    /// To what.
    pub target: Option<String>,
    /// `succeeded` or `refused`.
    pub outcome: String,
    /// The request.
    pub request_id: Option<String>,
    /// Where it came from.
    pub client_address: Option<String>,
    /// What else is worth knowing. Never a secret.
    pub detail: Value,
}

/// Adds an entry, in the transaction of what it tells of.
pub async fn append(conn: &mut PgConnection, entry: &AuditRow) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO audit_log (id, at, principal_id, principal, action, target, outcome, request_id, client_address, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        entry.id,
        entry.at,
        entry.principal_id,
        entry.principal,
        entry.action,
        entry.target,
        entry.outcome,
        entry.request_id,
        entry.client_address,
        entry.detail
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// At most `limit` entries, newest first, from after the one of the time `after.0` with the id `after.1`.
pub async fn list(conn: &mut PgConnection, after: Option<(OffsetDateTime, Uuid)>, limit: i64) -> Result<Vec<AuditRow>> {
    let (at, id) = after.unzip();
    Ok(sqlx::query_as!(
        AuditRow,
        r#"
        SELECT * FROM audit_log
        WHERE $1::timestamptz IS NULL OR (at, id) < ($1, $2)
        ORDER BY at DESC, id DESC LIMIT $3
        "#,
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await?)
}
