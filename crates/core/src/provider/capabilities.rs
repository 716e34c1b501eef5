//! What a caller may do now with a provider.

use std::time::Duration;

/// One meaning: "may a caller do this now with this provider", from adapter and account settings alone. What a token turns
/// out not to allow is a refused call, never another value here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Start a deployment.
    pub trigger: Support,
    /// Start a deployment of a revision that the caller names.
    pub trigger_with_revision: bool,
    /// Deploy once more what a deployment deployed.
    pub redeploy: Support,
    /// Stop a running deployment.
    pub cancel: Support,
    /// Take an application back to an earlier deployment.
    pub rollback: Support,
    /// Find a write of ours again by a reference that it carried.
    pub call_reference: bool,
    /// Read the log of a deployment.
    pub read_logs: bool,
    /// Follow the log of a running deployment.
    pub follow_logs: bool,
    /// Follow the status of an application's deployments.
    pub follow_status: bool,
    /// Tell cheaply which applications moved, without asking each.
    pub change_feed: bool,
    /// Call us when something changes.
    pub webhooks: bool,
    /// Sign those calls.
    pub webhooks_signed: bool,
    /// The largest page of deployments, where the provider has one.
    pub page_size_max: Option<u32>,
    /// How far back the provider's list goes, where that is bounded.
    pub history_max_age: Option<Duration>,
    /// How it is known which deployment runs now.
    pub live_rule: LiveRule,
}

/// How it is known which deployment of an application runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LiveRule {
    /// The provider marks it.
    #[default]
    Reported,
    /// It is the one that succeeded last.
    LastSucceeded,
}

/// Whether something can be done, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Support {
    /// It cannot be done.
    #[default]
    Unsupported,
    /// The provider does it.
    Supported,
    /// The gateway does it with other calls of the provider.
    Emulated,
}

impl Support {
    /// Whether a caller may ask for it.
    pub const fn is_available(self) -> bool {
        !matches!(self, Self::Unsupported)
    }

    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsupported => "unsupported",
            Self::Supported => "supported",
            Self::Emulated => "emulated",
        }
    }
}
