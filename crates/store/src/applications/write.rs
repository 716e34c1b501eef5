//! Writes of applications, each under its own lock.

use slipway_core::Application;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, StoreError, labels};

/// Stores a new application, to which the rules with `rules_hash` were applied. The caller owes `application.discovered`.
///
/// Answers whether it was new: false when another process was faster.
pub async fn insert(conn: &mut PgConnection, application: &Application, rules_hash: &str) -> Result<bool> {
    let observed = &application.observed;
    let done = sqlx::query!(
        r#"
        INSERT INTO applications (id, provider, account, provider_application_id, name, environment, provider_environment,
                                  region, url, provider_url, git_repository, git_branch, provider_status, health, owner,
                                  provider_owner, labels, provider_created_at, last_deployment_id, live_deployment_id,
                                  first_seen_at, updated_at, archived_at, version, rules_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
                $24, $25)
        ON CONFLICT (account, provider_application_id) DO NOTHING
        "#,
        application.id.0,
        application.provider.as_str(),
        application.account.as_str(),
        observed.provider_application_id,
        observed.name,
        application.environment,
        observed.environment,
        observed.region,
        observed.url,
        observed.provider_url,
        observed.git_repository,
        observed.git_branch,
        observed.provider_status,
        observed.health,
        application.owner,
        observed.owner,
        labels::write(&application.labels),
        observed.created_at,
        application.last_deployment_id.map(|id| id.0),
        application.live_deployment_id.map(|id| id.0),
        application.first_seen_at,
        application.updated_at,
        application.archived_at,
        application.version,
        rules_hash
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes a changed application whose version was raised by one. The caller holds its lock, and owes
/// `application.updated`, `.archived` or the `.history_changed` of a batch.
///
/// # Errors
/// [`StoreError::Inconsistent`] when the stored version is not the one before.
pub async fn update(conn: &mut PgConnection, application: &Application) -> Result<()> {
    let observed = &application.observed;
    let done = sqlx::query!(
        r#"
        UPDATE applications
        SET name = $2, environment = $3, region = $4, url = $5, provider_url = $6, git_repository = $7, git_branch = $8,
            provider_status = $9, health = $10, owner = $11, provider_created_at = $12, last_deployment_id = $13,
            live_deployment_id = $14, updated_at = $15, archived_at = $16, version = $17::bigint,
            provider_environment = $18, provider_owner = $19, labels = $20
        WHERE id = $1 AND version = $17::bigint - 1
        "#,
        application.id.0,
        observed.name,
        application.environment,
        observed.region,
        observed.url,
        observed.provider_url,
        observed.git_repository,
        observed.git_branch,
        observed.provider_status,
        observed.health,
        application.owner,
        observed.created_at,
        application.last_deployment_id.map(|id| id.0),
        application.live_deployment_id.map(|id| id.0),
        application.updated_at,
        application.archived_at,
        application.version,
        observed.environment,
        observed.owner,
        labels::write(&application.labels)
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::inconsistent(
            "applications",
            format!("version {} does not follow", application.version),
        ))
    }
}

/// Notes which rules were applied last; nothing public. The caller holds the locks.
pub async fn note_rules(conn: &mut PgConnection, ids: &[Uuid], rules_hash: &str) -> Result<()> {
    sqlx::query!(
        "UPDATE applications SET rules_hash = $2 WHERE id = ANY($1) AND rules_hash IS DISTINCT FROM $2",
        ids,
        rules_hash
    )
    .execute(conn)
    .await?;
    Ok(())
}
