//! Reading Scalingo's webhooks: an event of its events API, not signed (<https://developers.scalingo.com/notifiers>).

use slipway_core::provider::{ErrorKind, ProviderError, WebhookHint, WebhookRequest};

use crate::payload::EventPayload;
use crate::provider::NAME;

pub(crate) fn read(webhook: &WebhookRequest<'_>) -> Result<WebhookHint, ProviderError> {
    let foreign = || {
        let message = "the webhook is none of Scalingo's: it names no event";
        ProviderError::new(ErrorKind::Protocol, NAME, "read_webhook", message)
    };
    let is_object = webhook.body.trim_ascii_start().first() == Some(&b'{');
    let payload: EventPayload = serde_json::from_slice(webhook.body)
        .ok()
        .filter(|_| is_object)
        .ok_or_else(foreign)?;
    let event_type = payload.kind.ok_or_else(foreign)?;
    let data = payload.type_data.unwrap_or_default();
    // An event changes in place while its deployment goes on: its id alone would hide the end behind the start.
    let status = data.status.unwrap_or_default();
    Ok(WebhookHint {
        provider_application_id: payload.app_id,
        // `deployment_id` is of another kind than the ids of the API.
        provider_deployment_id: data.deployment_uuid,
        delivery_id: payload.id.map(|id| format!("{id}:{status}")),
        is_relevant: event_type == "deployment",
        event_type: Some(event_type),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(body: &str) -> Result<WebhookHint, ErrorKind> {
        let request = WebhookRequest {
            content_type: None,
            body: body.as_bytes(),
        };
        read(&request).map_err(|error| error.kind)
    }

    #[test]
    fn an_event_says_where_to_look() {
        let event = |status: &str| {
            hint(&format!(
                r#"{{"id":"e1","type":"deployment","app_id":"5410","app_name":"x","type_data":
                   {{"deployment_id":"5ed0fe5f884fef000f5e4fd6","deployment_uuid":"cabf82f2","status":"{status}"}}}}"#
            ))
            .unwrap()
        };
        let end = event("success");
        assert_eq!(end.provider_application_id.as_deref(), Some("5410"));
        assert_eq!(end.provider_deployment_id.as_deref(), Some("cabf82f2"));
        assert!(end.is_relevant);
        assert_ne!(end.delivery_id, event("building").delivery_id);
        let restart = hint(r#"{"id":"e2","type":"restart","app_id":"5410","type_data":null}"#).unwrap();
        assert!(!restart.is_relevant);
    }

    #[test]
    fn what_is_no_webhook_of_scalingo_is_refused() {
        for body in [
            "",
            "{}",
            "[\"deployment\"]",
            "type=deployment",
            "{\"type\":{}}",
            "{\"type\":\"deployment\"",
        ] {
            assert_eq!(hint(body), Err(ErrorKind::Protocol), "{body}");
        }
    }
}
