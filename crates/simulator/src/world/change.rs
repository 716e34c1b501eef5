//! What happens in the world, as streams and webhooks hear of it.

use time::OffsetDateTime;

use super::scenario::Phase;
use super::state::Deployment;

/// Something that happened to one deployment.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// It was asked for.
    New(Box<Deployment>),
    /// It printed a line.
    Log { uuid: String, line: String },
    /// It reached a phase.
    Status { uuid: String, phase: Phase },
}

/// A deployment that began or ended, with its application as it was then.
#[derive(Debug, Clone)]
pub(crate) struct Milestone {
    pub(crate) application: super::application::Application,
    pub(crate) deployment: Deployment,
    pub(crate) at: OffsetDateTime,
}
