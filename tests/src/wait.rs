//! Waiting for conditions, with a bound.

use std::time::Duration;

use tokio::time::Instant;

/// Far more than anything here takes, also on a machine that builds something else meanwhile.
pub const BOUND: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(50);

/// Asks until the condition answers something, [`BOUND`] at most.
///
/// # Panics
/// When it does not within the bound.
pub async fn until<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    within(BOUND, what, condition).await
}

/// As [`until`], with another bound.
///
/// # Panics
/// When the condition answers nothing within the bound.
pub async fn within<T>(bound: Duration, what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + bound;
    loop {
        match tokio::time::timeout_at(deadline, condition()).await {
            Ok(Some(value)) => return value,
            Ok(None) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            _ => panic!("waited {} s in vain until {what}", bound.as_secs()),
        }
    }
}
