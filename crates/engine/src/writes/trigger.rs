//! `trigger`: start a deployment of an application.

use slipway_core::provider::{TriggerRequest, Write};

use super::Refusal;
use super::begin::Subject;

pub(super) fn write(subject: &Subject<'_>, request: &TriggerRequest) -> Result<Write, Refusal> {
    subject.require(subject.capabilities().trigger, "trigger")?;
    if request.git_ref.is_some() && !subject.capabilities().trigger_with_revision {
        return Err(Refusal::new(
            "capability_not_supported",
            "this provider deploys what its own settings name: leave `git_ref` out",
        ));
    }
    Ok(Write::Trigger(request.clone()))
}
