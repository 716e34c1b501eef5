//! Intents: what callers asked providers to do, and how far it came. One process at a time works on an intent; expiry is by
//! database time, and the token fences off a late one.

mod lease;
mod settle;

use slipway_core::provider::Write;
use slipway_core::{ApplicationId, DeploymentId};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use self::lease::{acquire_due, begin_call, postpone, release_all};
pub use self::settle::{Settling, close, delete_settled, settle};
use crate::{Result, StoreError, sync_targets};

/// An intent to be committed.
#[derive(Debug, Clone)]
pub struct NewIntent {
    /// Its id.
    pub id: Uuid,
    /// The application it is for.
    pub application_id: ApplicationId,
    /// The account that sees the application.
    pub account: String,
    /// What it was asked of.
    pub target: Option<DeploymentId>,
    /// The id that its deployment will have; none for a cancel.
    pub deployment_id: Option<DeploymentId>,
    /// What to ask the provider.
    pub request: Write,
    /// Whether the caller asked to deploy in spite of a freeze window.
    pub overrides_freeze: bool,
    /// Who asked, for programs.
    pub principal_id: String,
    /// Who asked, for people.
    pub principal: String,
    /// The request.
    pub request_id: Option<String>,
    /// Where the request came from.
    pub client_address: Option<String>,
    /// When it was asked.
    pub created_at: OffsetDateTime,
}

/// How far an intent came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentState {
    /// Committed, not called.
    Waiting,
    /// A call is or was in flight, and no answer is stored.
    Calling,
    /// Its deployment is published, and the provider has not named it.
    Claimable,
    /// Nothing more to do.
    Settled,
}

impl IntentState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Calling, Self::Claimable, Self::Settled];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Calling => "calling",
            Self::Claimable => "claimable",
            Self::Settled => "settled",
        }
    }
}

/// An intent as it is stored.
#[derive(Debug, Clone)]
pub struct Intent {
    /// What was committed.
    pub new: NewIntent,
    /// How far it came.
    pub state: IntentState,
    /// Proves whose turn it is.
    pub lease_token: Option<Uuid>,
    /// When it was last called.
    pub calling_at: Option<OffsetDateTime>,
    /// The highest number known at the call.
    pub highest_known_id: Option<String>,
    /// `accepted`, `refused`, `unknown` or `never_sent`.
    pub outcome: Option<String>,
    /// What the caller is told.
    pub answer: Option<serde_json::Value>,
}

struct IntentRow {
    id: Uuid,
    application_id: Uuid,
    account: String,
    target_deployment_id: Option<Uuid>,
    deployment_id: Option<Uuid>,
    request: serde_json::Value,
    overrides_freeze: bool,
    principal_id: String,
    principal: String,
    request_id: Option<String>,
    client_address: Option<String>,
    created_at: OffsetDateTime,
    state: String,
    lease_token: Option<Uuid>,
    calling_at: Option<OffsetDateTime>,
    highest_known_id: Option<String>,
    outcome: Option<String>,
    answer: Option<serde_json::Value>,
}

impl TryFrom<IntentRow> for Intent {
    type Error = StoreError;

    fn try_from(row: IntentRow) -> Result<Self> {
        let inconsistent = |what: String| StoreError::inconsistent("intents", format!("row {}: {what}", row.id));
        let request = serde_json::from_value(row.request)
            .map_err(|error| inconsistent(format!("request is not understood: {error}")))?;
        let state = IntentState::ALL
            .into_iter()
            .find(|state| state.as_str() == row.state)
            .ok_or_else(|| inconsistent(format!("state {} is not known", row.state)))?;
        Ok(Self {
            new: NewIntent {
                id: row.id,
                application_id: ApplicationId(row.application_id),
                account: row.account,
                target: row.target_deployment_id.map(DeploymentId),
                deployment_id: row.deployment_id.map(DeploymentId),
                request,
                overrides_freeze: row.overrides_freeze,
                principal_id: row.principal_id,
                principal: row.principal,
                request_id: row.request_id,
                client_address: row.client_address,
                created_at: row.created_at,
            },
            state,
            lease_token: row.lease_token,
            calling_at: row.calling_at,
            highest_known_id: row.highest_known_id,
            outcome: row.outcome,
            answer: row.answer,
        })
    }
}

/// Commits an intent with the caller's transaction. It is its writer's for `lease`.
pub async fn insert(conn: &mut PgConnection, new: &NewIntent, lease_token: Uuid, lease: Duration) -> Result<()> {
    let request =
        serde_json::to_value(&new.request).map_err(|error| StoreError::inconsistent("intents", error.to_string()))?;
    sqlx::query!(
        r#"
        INSERT INTO intents (id, application_id, account, action, target_deployment_id, deployment_id, request,
                             overrides_freeze, principal_id, principal, request_id, client_address, created_at, state,
                             lease_token, lease_expires_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'waiting', $14,
                now() + $15::bigint * interval '1 millisecond', $13)
        "#,
        new.id,
        new.application_id.0,
        new.account,
        new.request.action(),
        new.target.map(|id| id.0),
        new.deployment_id.map(|id| id.0),
        request,
        new.overrides_freeze,
        new.principal_id,
        new.principal,
        new.request_id,
        new.client_address,
        new.created_at,
        lease_token,
        sync_targets::milliseconds(lease)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The rows of a checked statement whose end is given: which of all intents.
macro_rules! select_intents {
    ($which:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            IntentRow,
            "SELECT id, application_id, account, target_deployment_id, deployment_id, request, overrides_freeze, "
                + "principal_id, principal, request_id, client_address, created_at, state, lease_token, calling_at, "
                + "highest_known_id, outcome, answer FROM intents "
                + $which
            $(, $argument)*
        )
    };
}

/// One intent.
pub async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<Intent>> {
    let row = select_intents!("WHERE id = $1", id);
    row.fetch_optional(conn).await?.map(Intent::try_from).transpose()
}

/// One intent, locked until the end of the transaction. The caller holds its application's lock.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<Intent>> {
    let row = select_intents!("WHERE id = $1 FOR UPDATE", id);
    row.fetch_optional(conn).await?.map(Intent::try_from).transpose()
}

/// The intents of an application whose deployments the provider may still name: in flight, or published without a name.
/// Oldest first. The caller holds the application's lock.
pub async fn list_open(conn: &mut PgConnection, application_id: ApplicationId) -> Result<Vec<Intent>> {
    let rows = select_intents!(
        "WHERE application_id = $1 AND state IN ('calling', 'claimable') AND action <> 'cancel' ORDER BY created_at, id",
        application_id.0
    );
    let rows = row_vec(rows.fetch_all(conn).await?)?;
    Ok(rows)
}

fn row_vec(rows: Vec<IntentRow>) -> Result<Vec<Intent>> {
    rows.into_iter().map(Intent::try_from).collect()
}

/// What made a deployment, where that was an intent.
pub async fn find_request_of(conn: &mut PgConnection, deployment_id: DeploymentId) -> Result<Option<Write>> {
    let found = sqlx::query_scalar!(
        "SELECT request FROM intents WHERE deployment_id = $1 ORDER BY created_at LIMIT 1",
        deployment_id.0
    );
    found
        .fetch_optional(conn)
        .await?
        .map(serde_json::from_value)
        .transpose()
        .map_err(|error| StoreError::inconsistent("intents", error.to_string()))
}
