//! `slipway webhook`: what a provider needs to call the gateway.

use std::sync::Arc;

use slipway_core::{Clock, SystemClock};

use super::print;
use crate::accounts;
use crate::cli::{WebhookCommand, WebhookUrlArgs};
use crate::failure::Failure;

pub(crate) fn run(command: WebhookCommand) -> Result<(), Failure> {
    let WebhookCommand::Url(WebhookUrlArgs { config, account: name }) = command;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = accounts::load(&config, &clock)?.settings;
    let account = settings.accounts.iter().find(|account| account.name == name);
    let account = account.ok_or_else(|| Failure::new(format!("no account `{name}` is configured")))?;
    let secret = account.webhook_secret.as_ref().ok_or_else(|| {
        Failure::new(format!(
            "the account `{name}` takes no webhooks: give it a webhook_secret, such as `openssl rand -hex 32` prints"
        ))
    })?;
    let base = match &settings.server.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{}", settings.server.listen),
    };
    print(&format!("{base}/api/v1/inbound/{name}/{}", secret.expose()))
}
