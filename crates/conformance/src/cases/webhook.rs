//! Webhooks: hints, read without a request.

use slipway_core::provider::{Capabilities, ErrorKind, WebhookRequest};

use super::{Case, Tried, case, ensure, must, refused};
use crate::World;

pub(super) fn cases() -> Vec<Case> {
    fn has_webhooks(can: &Capabilities) -> bool {
        can.webhooks
    }
    vec![
        case!("webhook/says_where_to_look", has_webhooks, own),
        case!("webhook/foreign_is_refused", has_webhooks, foreign),
    ]
}

fn request(body: &[u8]) -> WebhookRequest<'_> {
    WebhookRequest {
        content_type: Some("application/json"),
        body,
    }
}

async fn own(world: &dyn World) -> Tried {
    let bodies = world.webhooks();
    ensure(!bodies.is_empty(), || "the world shows no webhook".to_owned())?;
    let before = world.requests();
    for body in &bodies {
        let hint = must("read_webhook", world.provider().read_webhook(&request(body)))?;
        ensure(hint.is_relevant, || {
            "the webhook of a deployment is said not to concern deployments".to_owned()
        })?;
        let (told, application) = (
            hint.provider_application_id,
            world.application().provider_application_id,
        );
        ensure(told.is_none_or(|told| told == application), || {
            "it points to another application".to_owned()
        })?;
        let again = must("read_webhook", world.provider().read_webhook(&request(body)))?;
        ensure(again.delivery_id == hint.delivery_id, || {
            "the same body has two delivery ids".to_owned()
        })?;
    }
    ensure(world.requests() == before, || {
        "reading a webhook made a request".to_owned()
    })
}

async fn foreign(world: &dyn World) -> Tried {
    for body in [
        &b""[..],
        b"[]",
        b"null",
        b"{}",
        b"{\"a\":",
        b"a=b",
        b"\xff\xfe",
        b"\"x\"",
        b"[[[[[[[[[[[[",
    ] {
        let read = world.provider().read_webhook(&request(body));
        refused(
            &format!("{:?}", String::from_utf8_lossy(body)),
            read,
            &[ErrorKind::Protocol],
        )?;
    }
    Ok(())
}
