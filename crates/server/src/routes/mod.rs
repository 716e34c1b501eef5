//! The operations, one file each; folders and names mirror the URLs.

mod accounts;
mod applications;
mod board;
mod deployments;
mod events;
pub(crate) mod health;
mod providers;
mod whoami;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

/// What answers at once.
pub(crate) fn short() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(whoami::get::get_whoami))
        .routes(routes!(providers::list::list_providers))
        .routes(routes!(accounts::list::list_accounts))
        .routes(routes!(applications::list::list_applications))
        .routes(routes!(applications::get::get_application))
        .routes(routes!(applications::list_deployments::list_application_deployments))
        .routes(routes!(board::get::get_board))
        .routes(routes!(deployments::list::list_deployments))
        .routes(routes!(deployments::get::get_deployment))
        .routes(routes!(deployments::timeline::get_deployment_timeline))
}

/// What waits for something to happen.
pub(crate) fn waiting() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(events::list::list_events))
        .routes(routes!(events::stream::stream_events))
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
