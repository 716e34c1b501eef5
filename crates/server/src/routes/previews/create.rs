//! `POST /previews`

use axum::extract::State;
use axum::response::Response;
use slipway_api::{NewDeploymentView, NewPreviewView, PreviewView};
use slipway_core::DeploymentId;
use slipway_engine::writes::Order;

use crate::extract::{Caller, JsonBody, Parameters};
use crate::listing::{json_response, to_json};
use crate::problem::Problem;
use crate::routes::{NoParameters, writing};
use crate::state::AppState;

/// Try a write dry
///
/// What would be sent to the provider, its secrets masked. Nothing is sent and nothing is kept. Refused as the write itself
/// would be, but for a freeze window, which is a warning here.
#[utoipa::path(
    post,
    path = "/previews",
    operation_id = "createPreview",
    tag = "deployments",
    request_body(content = NewPreviewView, description = "The write."),
    responses((status = 200, description = "What would be sent.", body = PreviewView))
)]
pub(crate) async fn create_preview(
    State(state): State<AppState>,
    caller: Caller,
    _none: Parameters<NoParameters>,
    JsonBody(body): JsonBody<NewPreviewView>,
) -> Result<Response, Problem> {
    let order = order(body)?;
    writing::require_visible(&state, &order, &caller.principal).await?;
    let preview = state.services().writes.preview(&order).await;
    let preview = preview.map_err(writing::of_error)?;
    let view = PreviewView {
        provider: preview.provider.to_owned(),
        method: preview.call.method.to_owned(),
        url: preview.call.url,
        body: preview.call.body,
        warnings: preview.call.warnings,
    };
    Ok(json_response(to_json(&view)?))
}

fn order(body: NewPreviewView) -> Result<Order, Problem> {
    let NewPreviewView {
        action,
        application_id,
        deployment_id,
        git_ref,
        source_url,
        services,
        deployment_profile,
    } = body;
    let details = NewDeploymentView {
        git_ref,
        source_url,
        services,
        deployment_profile,
    };
    let missing = |field| {
        Problem::invalid_body(
            field,
            format!("must be there for a {action}, and the other id must not"),
        )
    };
    if action == "trigger" {
        let id = application_id.filter(|_| deployment_id.is_none());
        return writing::trigger(id.ok_or_else(|| missing("application_id"))?, details);
    }
    let order = match action.as_str() {
        "redeploy" => Order::Redeploy,
        "rollback" => Order::Rollback,
        "cancel" => Order::Cancel,
        _ => {
            let message = "must be `trigger`, `redeploy`, `cancel` or `rollback`";
            return Err(Problem::invalid_body("action", message));
        }
    };
    if details != NewDeploymentView::default() {
        return Err(Problem::invalid_body("git_ref", "only a trigger takes what to deploy"));
    }
    let id = deployment_id.filter(|_| application_id.is_none());
    Ok(order(DeploymentId(id.ok_or_else(|| missing("deployment_id"))?)))
}
