//! What a provider's webhook says: a hint where to look, never a fact.

/// A webhook as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct WebhookRequest<'a> {
    /// Its `Content-Type`, if any.
    pub content_type: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

/// What to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookHint {
    /// The provider's id of the application; without it, the account's applications are looked at.
    pub provider_application_id: Option<String>,
    /// The provider's id of the deployment, where it is one that the provider's REST API knows.
    pub provider_deployment_id: Option<String>,
    /// The provider's word for what happened.
    pub event_type: Option<String>,
    /// What is the same when the provider sends the same thing again, where there is such a thing.
    pub delivery_id: Option<String>,
    /// Whether it concerns deployments at all.
    pub is_relevant: bool,
}
