//! Tokens of the API. Of a secret only its hash is kept.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Result, Visibility};

/// How exact `last_used_at` is.
const USE_PRECISION: Duration = Duration::minutes(1);

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_hash: Vec<u8>,
    /// How the secret begins.
    pub prefix: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// What it shows: kinds of platform.
    pub providers: Vec<String>,
    /// What it shows: accounts.
    pub accounts: Vec<String>,
    /// What it shows: applications.
    pub applications: Vec<Uuid>,
    /// What it shows: environments.
    pub environments: Vec<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to a minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was taken back.
    pub revoked_at: Option<OffsetDateTime>,
}

impl TokenRow {
    /// What it shows.
    pub fn visibility(&self) -> Visibility {
        Visibility {
            providers: self.providers.clone(),
            accounts: self.accounts.clone(),
            applications: self.applications.clone(),
            environments: self.environments.clone(),
        }
    }
}

/// Stores a new token.
pub async fn insert(conn: &mut PgConnection, token: &TokenRow) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO tokens (id, name, secret_hash, prefix, scopes, providers, accounts, applications, environments, created_at,
                            created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        token.id,
        token.name,
        token.secret_hash,
        token.prefix,
        &token.scopes,
        &token.providers,
        &token.accounts,
        &token.applications,
        &token.environments,
        token.created_at,
        token.created_by,
        token.expires_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The token whose secret has this hash, whatever has become of it.
pub async fn find_by_hash(conn: &mut PgConnection, secret_hash: &[u8]) -> Result<Option<TokenRow>> {
    Ok(
        sqlx::query_as!(TokenRow, "SELECT * FROM tokens WHERE secret_hash = $1", secret_hash)
            .fetch_optional(conn)
            .await?,
    )
}

/// These tokens, in no order.
pub async fn list_by_ids(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<TokenRow>> {
    Ok(
        sqlx::query_as!(TokenRow, "SELECT * FROM tokens WHERE id = ANY($1)", ids)
            .fetch_all(conn)
            .await?,
    )
}

/// At most `limit` tokens, newest first, from after the one that was made at `after.0` and has the id `after.1`.
pub async fn list(conn: &mut PgConnection, after: Option<(OffsetDateTime, Uuid)>, limit: i64) -> Result<Vec<TokenRow>> {
    let (at, id) = after.unzip();
    Ok(sqlx::query_as!(
        TokenRow,
        r#"
        SELECT * FROM tokens
        WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT $3
        "#,
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Takes a token back. Answers it as it is then; none if there is no such token. One that was taken back before stays as it
/// is.
pub async fn revoke(conn: &mut PgConnection, id: Uuid, at: OffsetDateTime) -> Result<Option<TokenRow>> {
    Ok(sqlx::query_as!(
        TokenRow,
        "UPDATE tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING *",
        id,
        at
    )
    .fetch_optional(conn)
    .await?)
}

/// Notes that a token was used, if that was not noted within the last minute.
pub async fn touch(conn: &mut PgConnection, id: Uuid, at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)",
        id,
        at,
        at - USE_PRECISION
    )
    .execute(conn)
    .await?;
    Ok(())
}
