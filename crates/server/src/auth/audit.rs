//! Who did it, for the audit log.

use std::net::IpAddr;

use serde_json::Value;
use slipway_core::id::new_id;
use slipway_store::audit::{self, AuditRow};
use slipway_store::{PgConnection, StoreError};
use time::OffsetDateTime;

/// Whoever does something that is written down.
#[derive(Debug, Clone)]
pub struct Actor {
    /// For programs.
    pub principal_id: String,
    /// For people.
    pub principal: String,
    /// The request, if it is one.
    pub request_id: Option<String>,
    /// Where the request came from.
    pub client_address: Option<IpAddr>,
}

impl Actor {
    /// Somebody who did not prove who they are.
    pub(crate) fn anonymous() -> Self {
        Self {
            principal_id: "anonymous".to_owned(),
            principal: "anonymous".to_owned(),
            request_id: None,
            client_address: None,
        }
    }

    /// Somebody at the machine, who reaches the database without the API.
    pub fn command_line() -> Self {
        Self {
            principal_id: "command-line".to_owned(),
            principal: "command-line".to_owned(),
            request_id: None,
            client_address: None,
        }
    }
}

/// Writes down what somebody did, in the transaction of what was done.
///
/// # Errors
/// What the database answers.
pub async fn record(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    target: Option<String>,
    detail: Value,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    audit::append(conn, &entry(actor, "succeeded", action, target, detail, at)).await
}

/// Writes down what somebody was not let do.
///
/// # Errors
/// What the database answers.
pub(crate) async fn record_refusal(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    target: Option<String>,
    detail: Value,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    audit::append(conn, &entry(actor, "refused", action, target, detail, at)).await
}

fn entry(
    actor: &Actor,
    outcome: &str,
    action: &str,
    target: Option<String>,
    detail: Value,
    at: OffsetDateTime,
) -> AuditRow {
    AuditRow {
        id: new_id(at),
        at,
        principal_id: actor.principal_id.clone(),
        principal: actor.principal.clone(),
        action: action.to_owned(),
        target,
        outcome: outcome.to_owned(),
        request_id: actor.request_id.clone(),
        client_address: actor.client_address.map(|address| address.to_string()),
        detail,
    }
}
