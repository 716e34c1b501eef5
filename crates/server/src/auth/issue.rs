//! Tokens are made and taken back here, whether the API or the command line asks for it.

use serde_json::json;
use slipway_core::id::new_id;
use slipway_store::tokens::{self, TokenRow};
use slipway_store::{Acquire, PgConnection, StoreError, Visibility};
use time::OffsetDateTime;
use uuid::Uuid;

use super::audit::{Actor, record};
use super::scope::{Scope, Scopes};
use super::secret::{self, sha256};

/// How the secret of a token begins.
pub(crate) const PREFIX: &str = "slp_";

/// How much of a secret is shown to recognize it.
const SHOWN: usize = 10;

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// What it allows.
    pub scopes: Scopes,
    /// What it shows.
    pub visibility: Visibility,
    /// When it ends.
    pub expires_at: Option<OffsetDateTime>,
}

impl NewToken {
    /// Whether it can be. Who administers makes tokens, so to restrict that would restrict nothing.
    pub fn is_sound(&self) -> bool {
        !self.scopes.allows(Scope::Admin) || self.visibility.is_everything()
    }
}

/// Makes a token. Answers it with its secret, which is told this once; none where the system gives no random bytes.
///
/// # Errors
/// What the database answers.
pub async fn create_token(
    conn: &mut PgConnection,
    new: NewToken,
    actor: &Actor,
    now: OffsetDateTime,
) -> Result<Option<(TokenRow, String)>, StoreError> {
    let Some(secret) = secret::new(PREFIX) else {
        return Ok(None);
    };
    let row = TokenRow {
        id: new_id(now),
        name: new.name,
        secret_hash: sha256(&secret).to_vec(),
        prefix: secret.chars().take(SHOWN).collect(),
        scopes: new.scopes.granted(),
        providers: new.visibility.providers,
        accounts: new.visibility.accounts,
        applications: new.visibility.applications,
        environments: new.visibility.environments,
        created_at: now,
        created_by: actor.principal.clone(),
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let detail = json!({
        "name": row.name,
        "scopes": row.scopes,
        "restrictions": row.visibility(),
        "expires_at": row.expires_at.map(OffsetDateTime::unix_timestamp),
    });
    let mut tx = conn.begin().await?;
    tokens::insert(&mut tx, &row).await?;
    record(&mut tx, actor, "token.create", Some(row.id.to_string()), detail, now).await?;
    tx.commit().await?;
    Ok(Some((row, secret)))
}

/// Takes a token back. None if there is no such token.
///
/// # Errors
/// What the database answers.
pub async fn revoke_token(
    conn: &mut PgConnection,
    id: Uuid,
    actor: &Actor,
    now: OffsetDateTime,
) -> Result<Option<TokenRow>, StoreError> {
    let mut tx = conn.begin().await?;
    let Some(row) = tokens::revoke(&mut tx, id, now).await? else {
        return Ok(None);
    };
    let detail = json!({ "name": row.name });
    record(&mut tx, actor, "token.revoke", Some(id.to_string()), detail, now).await?;
    tx.commit().await?;
    Ok(Some(row))
}
