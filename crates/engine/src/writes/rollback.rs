//! `rollback`: take an application back to what a deployment deployed.

use slipway_core::Status;
use slipway_core::provider::Write;

use super::begin::Subject;
use super::{Refusal, redeploy};

pub(super) fn write(subject: &Subject<'_>) -> Result<Write, Refusal> {
    subject.require(subject.capabilities().rollback, "rollback")?;
    let target = subject.target.as_ref();
    if target.is_some_and(|target| target.tracked.status() != Status::Succeeded) {
        return Err(Refusal::new(
            "not_succeeded",
            "an application goes back to a deployment that succeeded; this one did not",
        ));
    }
    if target.is_some_and(|target| target.is_live == Some(true)) {
        return Err(Refusal::new(
            "already_live",
            "this deployment is what runs now; redeploy it, or name an earlier one",
        ));
    }
    Ok(Write::Rollback(redeploy::revision(subject)?))
}
