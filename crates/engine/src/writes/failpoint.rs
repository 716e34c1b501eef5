//! Points at which a test stops a process, to kill it there. In builds for development only: a release has none.

use std::time::Duration;

#[cfg(debug_assertions)]
const VARIABLE: &str = "SLIPWAY_TEST_FAILPOINT";
#[cfg(debug_assertions)]
const LEASE_VARIABLE: &str = "SLIPWAY_TEST_WRITE_LEASE_MS";

/// Stops here for ever if the environment names this point.
#[cfg(debug_assertions)]
pub(super) async fn reach(point: &'static str) {
    if std::env::var(VARIABLE).is_ok_and(|wanted| wanted == point) {
        tracing::warn!(failpoint = point, "stopped at a failpoint");
        std::future::pending::<()>().await;
    }
}

#[cfg(not(debug_assertions))]
pub(super) async fn reach(_point: &'static str) {}

/// The lease that the environment asks for, so that a test need not wait for the real one.
#[cfg(debug_assertions)]
pub(super) fn lease() -> Option<Duration> {
    let milliseconds = std::env::var(LEASE_VARIABLE).ok()?.parse().ok()?;
    Some(Duration::from_millis(milliseconds))
}

#[cfg(not(debug_assertions))]
pub(super) fn lease() -> Option<Duration> {
    None
}
