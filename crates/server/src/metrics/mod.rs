//! What `/metrics` tells. Whoever counts keeps plain counts where they arise; here they are read and written down, so that
//! no part below knows of any metrics.
//!
//! Labels hold what is bounded: templates of paths, words of this program, accounts of the configuration. Nothing that a
//! caller or a provider can make up becomes a label.

mod api;
mod process;
mod requests;
mod stored;
mod sync;
mod text;

pub(crate) use requests::{RequestFigures, RouteFigures, UnderWay};
pub(crate) use text::CONTENT_TYPE;

use self::stored::Stored;
use self::text::Text;
use crate::monitored::Monitored;
use slipway_engine::supervisor::TaskState;

/// Everything, as it is now. Without the database what it knows is missing, and `slipway_database_up` says so.
pub(crate) async fn text(monitored: &Monitored) -> String {
    let stored = Stored::read(monitored).await;
    let mut text = Text::default();
    text.gauge("slipway_build_info", "The release; always 1.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    process::write(&mut text);
    tasks(&mut text, monitored);
    database(&mut text, monitored, stored.is_some());
    api::write(&mut text, monitored.api.as_ref(), stored.as_ref());
    sync::write(&mut text, monitored, stored.as_ref());
    removed(&mut text, monitored, stored.as_ref());
    text.finish()
}

/// What is older than what is kept.
fn removed(text: &mut Text, monitored: &Monitored, stored: Option<&Stored>) {
    let horizons = stored.map(|stored| stored.horizons.as_slice()).unwrap_or_default();
    let mut removed = text.counter(
        "slipway_retention_removed_total",
        "What was removed because it was older than what is kept, in all processes: history counts deployments, logs texts.",
    );
    for row in horizons {
        removed.sample(&[("kind", &row.kind)], row.removed_count);
    }
    let mut horizon = text.gauge(
        "slipway_retention_horizon_timestamp_seconds",
        "Before which instant it may be gone.",
    );
    for row in horizons {
        horizon.sample(&[("kind", &row.kind)], sync::unix_seconds(row.removed_before));
    }
    text.counter(
        "slipway_remap_without_payload_total",
        "Deployments to which a changed mapping of statuses was not applied, because their payload was gone.",
    )
    .sample(&[], monitored.figures.not_remapped());
}

fn tasks(text: &mut Text, monitored: &Monitored) {
    let tasks = (monitored.tasks)();
    let mut running = text.gauge(
        "slipway_task_running",
        "Whether a background task of this process runs.",
    );
    for task in &tasks {
        running.sample(&[("task", &task.name)], u8::from(task.state == TaskState::Running));
    }
    let mut restarts = text.counter(
        "slipway_task_restarts_total",
        "How often a background task ended or failed, and was started again.",
    );
    for task in &tasks {
        restarts.sample(&[("task", &task.name)], task.restart_count);
    }
}

fn database(text: &mut Text, monitored: &Monitored, is_up: bool) {
    text.gauge("slipway_database_up", "Whether the database answered just now.")
        .sample(&[], u8::from(is_up));
    let (open, idle) = (monitored.pool.size(), monitored.pool.num_idle());
    let idle = u32::try_from(idle).unwrap_or(u32::MAX).min(open);
    text.gauge(
        "slipway_database_connections",
        "Connections of this process to the database.",
    )
    .sample(&[("state", "used")], open - idle)
    .sample(&[("state", "idle")], idle);
    text.gauge(
        "slipway_database_max_connections",
        "How many connections this process may have.",
    )
    .sample(&[], monitored.pool.options().get_max_connections());
}
