//! The operations, one file each; folders and names mirror the URLs.

mod accounts;
mod annotations;
mod applications;
mod audit;
mod board;
mod by_time;
mod deployments;
mod events;
mod freezes;
pub(crate) mod health;
mod inbound;
mod insights;
pub(crate) mod metrics;
mod previews;
mod providers;
mod session;
mod session_codes;
mod stream_tickets;
mod tokens;
mod whoami;
mod writing;

use axum::Extension;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::applications::page::{ApplicationsAnswer, ApplicationsQuestion};
pub(crate) use self::deployments::get::DeploymentAnswer;
pub(crate) use self::deployments::list::{ListAnswer, ListQuestion};
pub use self::inbound::WebhookSecrets;
pub(crate) use self::inbound::receive_webhook;
use crate::auth::{Principal, Scope};
use crate::middleware::require;
use crate::openapi;
use crate::state::AppState;

/// What answers at once.
pub(crate) fn short() -> OpenApiRouter<AppState> {
    let anybody = OpenApiRouter::default().routes(routes!(whoami::get::get_whoami));
    let reads = OpenApiRouter::default()
        .routes(routes!(providers::list::list_providers))
        .routes(routes!(accounts::list::list_accounts))
        .routes(routes!(accounts::get::get_account))
        .routes(routes!(applications::list::list_applications))
        .routes(routes!(applications::get::get_application))
        .routes(routes!(applications::list_deployments::list_application_deployments))
        .routes(routes!(applications::refresh::refresh_application))
        .routes(routes!(annotations::list::list_annotations))
        .routes(routes!(board::get::get_board))
        .routes(routes!(deployments::list::list_deployments))
        .routes(routes!(deployments::get::get_deployment))
        .routes(routes!(deployments::timeline::get_deployment_timeline))
        .routes(routes!(freezes::list::list_freezes))
        .routes(routes!(insights::deployments::get_deployment_insights))
        .routes(routes!(insights::explain::explain_insight))
        .routes(routes!(session_codes::create::create_session_code));
    let writes = OpenApiRouter::default()
        .routes(routes!(applications::trigger::trigger_deployment))
        .routes(routes!(deployments::cancel::cancel_deployment))
        .routes(routes!(deployments::redeploy::redeploy_deployment))
        .routes(routes!(deployments::rollback::rollback_deployment))
        .routes(routes!(previews::create::create_preview));
    let logs = OpenApiRouter::default().routes(routes!(deployments::logs::get::get_deployment_log));
    let follows = OpenApiRouter::default().routes(routes!(stream_tickets::create::create_stream_ticket));
    let administers = OpenApiRouter::default()
        .routes(routes!(tokens::list::list_tokens, tokens::create::create_token))
        .routes(routes!(tokens::revoke::revoke_token))
        .routes(routes!(audit::list::list_audit));
    anybody
        .merge(needing(&[Scope::DeploymentsRead], reads))
        .merge(needing(&[Scope::LogsRead], logs))
        .merge(needing(&[Scope::DeploymentsWrite], writes))
        .merge(needing(&[Scope::EventsRead, Scope::LogsRead], follows))
        .merge(needing(&[Scope::Admin], administers))
}

/// What waits for something to happen.
pub(crate) fn waiting() -> OpenApiRouter<AppState> {
    let follows = OpenApiRouter::default()
        .routes(routes!(events::list::list_events))
        .routes(routes!(events::stream::stream_events));
    let logs = OpenApiRouter::default().routes(routes!(deployments::logs::stream::stream_deployment_log));
    needing(&[Scope::EventsRead], follows).merge(needing(&[Scope::LogsRead], logs))
}

/// What proves who asks by itself.
pub(crate) fn free() -> OpenApiRouter<AppState> {
    OpenApiRouter::default().routes(routes!(session::create::create_session, session::end::end_session))
}

/// Operations for those whose token has one of these scopes. The document names what is asked for here.
fn needing(scopes: &'static [Scope], mut operations: OpenApiRouter<AppState>) -> OpenApiRouter<AppState> {
    openapi::name_scope(operations.get_openapi_mut(), scopes);
    operations.route_layer(from_fn(
        move |principal: Extension<Principal>, request: Request, next: Next| require(scopes, principal, request, next),
    ))
}

/// The parameters of an operation that has none: any is unknown.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// The parameters of an operation that reads one thing.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PositionParameters {
    /// Wait, 5 seconds at most, until the answer shows this position in the event log.
    pub(crate) min_cursor: Option<String>,
}

/// The headers that say how a write is meant. Read by `extract::WriteRequest`; here for the document.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[serde(rename_all = "kebab-case")]
#[expect(
    dead_code,
    reason = "what the document says; the extractor reads the headers themselves"
)]
pub(crate) struct WriteHeaders {
    /// 1 to 255 visible ASCII characters of the caller's own. The same request with the same key within 24 hours is made once
    /// and gets the same answer.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
    /// The `ETag` of the deployment: refused with 412 when it has changed since.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// `true` deploys in spite of a freeze window; needs the scope `freezes:override`.
    #[param(rename = "X-Freeze-Override")]
    freeze_override: Option<bool>,
}
