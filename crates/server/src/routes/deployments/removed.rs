//! What is told of deployments that are older than what is kept.

use slipway_store::deployments::DeploymentFilter;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::problem::{Code, Problem};
use crate::state::AppState;

/// There is no such deployment; it may have been removed, if it ended before `horizon`.
pub(super) fn not_found(horizon: Option<OffsetDateTime>) -> Problem {
    let detail = match horizon {
        None => "there is no deployment with this id".to_owned(),
        Some(since) => format!(
            "there is no deployment with this id; most of those that ended before {} were removed, which is as long as this \
             gateway keeps them",
            written(since)
        ),
    };
    Problem::new(Code::NotFound).with_detail(detail)
}

/// The same in place of a plain 404. The caller holds no connection.
pub(super) async fn explain(state: &AppState, problem: Problem) -> Problem {
    if problem.code() != Code::NotFound {
        return problem;
    }
    match state.freshness().snapshot().await {
        Ok(snapshot) => not_found(snapshot.history_complete_since),
        Err(error) => error.into(),
    }
}

/// A window that ends before history is whole shows nothing but what happens to be left.
pub(super) async fn refuse_window(state: &AppState, filter: &DeploymentFilter) -> Result<(), Problem> {
    let Some(ends_at) = filter.created_before.into_iter().chain(filter.finished_before).min() else {
        return Ok(());
    };
    match state.freshness().snapshot().await?.history_complete_since {
        Some(since) if ends_at <= since => Err(gone(since)),
        _ => Ok(()),
    }
}

/// Everything that was asked for lies before `since`.
pub(crate) fn gone(since: OffsetDateTime) -> Problem {
    Problem::new(Code::HistoryRemoved).with_detail(format!(
        "what ended before {} was removed, which is as long as this gateway keeps it: ask for a time that reaches past it",
        written(since)
    ))
}

fn written(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_default()
}
