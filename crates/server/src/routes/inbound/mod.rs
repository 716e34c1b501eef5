//! `/inbound/{account}/{secret}`: for providers, so not part of the public document.

mod receive;
mod secrets;

pub(crate) use receive::receive_webhook;
pub use secrets::WebhookSecrets;
