//! Reading Cloud 66's webhooks: the flat JSON of a stack or of a service, neither signed nor numbered
//! (<https://help.cloud66.com/docs/account-management/notifications>).

use slipway_core::provider::{ErrorKind, ProviderError, WebhookHint, WebhookRequest};

use crate::payload::WebhookPayload;
use crate::provider::NAME;

/// Words of event types after which a stack's deployments are worth a look.
const WORDS: [&str; 6] = ["deploy", "provision", "build", "created", "revert", "rollback"];

pub(crate) fn read(webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
    let foreign = || {
        let message = "the webhook is none of Cloud 66's: it names no event";
        ProviderError::new(ErrorKind::Protocol, NAME, "read_webhook", message)
    };
    let is_object = webhook.body.trim_ascii_start().first() == Some(&b'{');
    let payload: WebhookPayload = serde_json::from_slice(webhook.body)
        .ok()
        .filter(|_| is_object)
        .ok_or_else(foreign)?;
    let event_type = payload.event_type.ok_or_else(foreign)?;
    let is_relevant = WORDS.iter().any(|word| event_type.to_ascii_lowercase().contains(word));
    Ok(WebhookHint {
        provider_application_id: payload.stack.and_then(|stack| stack.uid).or(payload.uid),
        // A webhook tells no deployment's id, and nothing that is the same when it is sent again.
        provider_deployment_id: None,
        delivery_id: None,
        event_type: Some(event_type),
        is_relevant,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(body: &str) -> Result<WebhookHint, ErrorKind> {
        let request = WebhookRequest {
            content_type: Some("application/json"),
            body: body.as_bytes(),
        };
        read(&request).map_err(|error| error.kind)
    }

    #[test]
    fn a_webhook_says_where_to_look() {
        let stack = hint(
            r#"{"uid":"abc","event_type":"stack.redeploy.ok","timestamp":1,"deploy_context":{"outcome":"success"}}"#,
        );
        let stack = stack.unwrap();
        assert_eq!(stack.provider_application_id.as_deref(), Some("abc"));
        assert!(stack.is_relevant);
        let service =
            hint(r#"{"uid":"s1","event_type":"service.build.fail","stack":{"uid":"abc"},"service":{}}"#).unwrap();
        assert_eq!(service.provider_application_id.as_deref(), Some("abc"));
        assert!(
            !hint(r#"{"uid":"abc","event_type":"application.health_check.failed"}"#)
                .unwrap()
                .is_relevant
        );
        let odd = hint(r#"{"uid":["x"],"event_type":"stack.deploy.started","stack":7}"#).unwrap();
        assert_eq!(odd.provider_application_id, None);
    }

    #[test]
    fn what_is_no_webhook_of_cloud_66_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "{\"uid\":\"x\"}",
            "event_type=x",
            "{\"event_type\":7",
        ] {
            assert_eq!(hint(body), Err(ErrorKind::Protocol), "{body}");
        }
    }
}
