//! What is not offered says so, and asks the platform nothing.

use slipway_core::provider::{ErrorKind, ProviderError, Revision, WebhookRequest, Write};

use super::trigger::trigger;
use super::{Case, Tried, always, case, ensure, refused};
use crate::World;

pub(super) fn cases() -> Vec<Case> {
    vec![case!("unsupported/no_request", always, no_request)]
}

async fn no_request(world: &dyn World) -> Tried {
    let (provider, application, can) = (world.provider(), world.application(), world.provider().capabilities());
    let id = world.deployment_ids().into_iter().next().unwrap_or_default();
    let before = world.requests();
    let mut answers: Vec<(&str, Result<(), ProviderError>)> = Vec::new();
    let writes = [
        (can.trigger, trigger("main")),
        (can.redeploy, Write::Redeploy(Revision::default())),
        (can.rollback, Write::Rollback(Revision::default())),
        (
            can.cancel,
            Write::Cancel {
                provider_deployment_id: id.clone(),
            },
        ),
    ];
    for (support, write) in writes.iter().filter(|(support, _)| !support.is_available()) {
        debug_assert!(!support.is_available());
        answers.push((write.action(), provider.write(&application, write, "r").await.map(drop)));
        answers.push((write.action(), provider.plan_write(&application, write).map(drop)));
    }
    if !can.call_reference {
        answers.push(("find_write", provider.find_write(&application, "r").await.map(drop)));
    }
    if !can.read_logs {
        answers.push(("read_log", provider.read_log(&application, &id).await.map(drop)));
    }
    if !can.follow_status {
        answers.push(("follow", provider.follow(&application).await.map(drop)));
    }
    if !can.webhooks {
        let webhook = WebhookRequest {
            content_type: None,
            body: b"{}",
        };
        answers.push(("read_webhook", provider.read_webhook(&webhook).map(drop)));
    }
    for (what, answer) in answers {
        let error = refused(what, answer, &[ErrorKind::Unsupported])?;
        ensure(!error.may_have_been_applied, || {
            format!("{what} is said to be possibly done")
        })?;
    }
    ensure(world.requests() == before, || {
        "what is not offered made a request".to_owned()
    })
}
