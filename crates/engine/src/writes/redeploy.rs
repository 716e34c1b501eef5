//! `redeploy`: deploy once more what a deployment deployed.

use slipway_core::provider::{Revision, Write};

use super::Refusal;
use super::begin::Subject;

pub(super) fn write(subject: &Subject<'_>) -> Result<Write, Refusal> {
    subject.require(subject.capabilities().redeploy, "redeploy")?;
    Ok(Write::Redeploy(revision(subject)?))
}

/// What the deployment deployed, as far as anybody knows.
pub(super) fn revision(subject: &Subject<'_>) -> Result<Revision, Refusal> {
    let details = subject.target.as_ref().map(|target| &target.tracked.details);
    let git = details.map(|details| details.git.clone()).unwrap_or_default();
    let revision = Revision {
        git_ref: git.r#ref.or(git.branch),
        git_sha: git.sha,
        source_url: subject.source_url.clone(),
        services: details.and_then(|details| details.services.clone()).unwrap_or_default(),
    };
    if revision.git_ref.is_none() && revision.git_sha.is_none() && revision.source_url.is_none() {
        return Err(Refusal::new(
            "source_unknown",
            "nobody knows what this deployment deployed; trigger one with `git_ref` instead",
        ));
    }
    Ok(revision)
}
