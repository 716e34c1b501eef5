//! `cancel`: stop a running deployment.

use slipway_core::Deployment;
use slipway_core::provider::Write;

use super::Refusal;
use super::begin::Subject;

/// Whether the provider accepted a cancel before: then there is nothing to be done.
pub(super) fn is_done(target: &Deployment) -> bool {
    target.tracked.cancel_requested_at.is_some()
}

pub(super) fn write(subject: &Subject<'_>) -> Result<Write, Refusal> {
    subject.require(subject.capabilities().cancel, "cancel")?;
    let target = subject.target.as_ref();
    if target.is_some_and(|target| target.tracked.state.is_finished) {
        return Err(Refusal::new("already_finished", "the deployment has ended"));
    }
    match target.and_then(|target| target.provider_deployment_id.clone()) {
        Some(provider_deployment_id) => Ok(Write::Cancel { provider_deployment_id }),
        None => Err(Refusal {
            retry_after_s: Some(5),
            ..Refusal::new(
                "not_named_yet",
                "the provider has not named this deployment yet; try again soon",
            )
        }),
    }
}
