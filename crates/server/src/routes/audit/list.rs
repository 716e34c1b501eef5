//! `GET /audit`

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use slipway_api::{AuditEntryList, AuditEntryView};
use slipway_store::audit::{self, AuditRow};
use slipway_store::{event_log, pool};

use crate::extract::Parameters;
use crate::listing::to_json_text;
use crate::position;
use crate::problem::Problem;
use crate::routes::by_time::{ByTimeParameters, Page};
use crate::state::AppState;

/// List what was done, by whom
#[utoipa::path(
    get,
    path = "/audit",
    operation_id = "listAudit",
    tag = "audit",
    params(ByTimeParameters),
    responses((status = 200, description = "A page of the audit log, newest first.", body = AuditEntryList))
)]
pub(crate) async fn list_audit(
    State(state): State<AppState>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<ByTimeParameters>,
) -> Result<Response, Problem> {
    let page = Page::new("audit", parameters)?;
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let rows = audit::list(&mut snapshot, page.after(), page.fetched()).await?;
    drop(snapshot);
    let json = |row| to_json_text(&view(row));
    page.respond(&head, rows, |row| (row.at, row.id), json, &headers)
}

fn view(row: AuditRow) -> AuditEntryView {
    AuditEntryView {
        id: row.id,
        at: row.at,
        principal_id: row.principal_id,
        principal: row.principal,
        action: row.action,
        target: row.target,
        outcome: row.outcome,
        request_id: row.request_id,
        client_address: row.client_address,
        detail: row.detail,
    }
}
