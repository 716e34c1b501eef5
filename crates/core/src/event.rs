//! The kinds of durable events, in the order in which one transaction writes them.

/// What happened. An open list for clients; each is a durable row of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// An application was seen for the first time.
    ApplicationDiscovered,
    /// A public field of an application changed.
    ApplicationUpdated,
    /// An application is no longer there.
    ApplicationArchived,
    /// A batch of finished deployments was stored or re-stamped: read the application's list again.
    ApplicationHistoryChanged,
    /// A deployment was seen for the first time.
    DeploymentCreated,
    /// It now waits for the provider.
    DeploymentQueued,
    /// The provider began.
    DeploymentStarted,
    /// It ended, well or not.
    DeploymentFinished,
    /// The provider's later read by id contradicts what was stored before, and replaces it.
    DeploymentCorrected,
    /// The phase moved while the status stayed.
    DeploymentPhaseChanged,
    /// It now is what runs.
    DeploymentWentLive,
    /// Another deployment took over.
    DeploymentSuperseded,
    /// The provider says that it was reverted.
    DeploymentRolledBack,
    /// Any other public field changed.
    DeploymentUpdated,
    /// The state of an account's freshness changed.
    AccountFreshnessChanged,
}

impl EventType {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApplicationDiscovered => "application.discovered",
            Self::ApplicationUpdated => "application.updated",
            Self::ApplicationArchived => "application.archived",
            Self::ApplicationHistoryChanged => "application.history_changed",
            Self::DeploymentCreated => "deployment.created",
            Self::DeploymentQueued => "deployment.queued",
            Self::DeploymentStarted => "deployment.started",
            Self::DeploymentFinished => "deployment.finished",
            Self::DeploymentCorrected => "deployment.corrected",
            Self::DeploymentPhaseChanged => "deployment.phase_changed",
            Self::DeploymentWentLive => "deployment.went_live",
            Self::DeploymentSuperseded => "deployment.superseded",
            Self::DeploymentRolledBack => "deployment.rolled_back",
            Self::DeploymentUpdated => "deployment.updated",
            Self::AccountFreshnessChanged => "account.freshness_changed",
        }
    }
}
