//! Scalingo's JSON as far as we read it. A field that is missing, null or of another type is nothing.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use slipway_provider_http::lenient;
use time::OffsetDateTime;

/// An app.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct AppPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub region: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git_source: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git_url: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub owner: Option<UserPayload>,
    #[serde(deserialize_with = "lenient::instant")]
    pub created_at: Option<OffsetDateTime>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_deployed_at: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_deployment_id: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub links: Option<LinksPayload>,
}

/// A deployment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct DeploymentPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::instant")]
    pub created_at: Option<OffsetDateTime>,
    #[serde(deserialize_with = "lenient::any")]
    pub finished_at: Option<Value>,
    #[serde(deserialize_with = "lenient::text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git_ref: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub previous_git_ref: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub image: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub image_size: Option<i64>,
    #[serde(deserialize_with = "lenient::text")]
    pub stack_base_image: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub duration: Option<i64>,
    #[serde(deserialize_with = "lenient::object")]
    pub pusher: Option<UserPayload>,
}

/// A user inside another object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct UserPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub username: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub email: Option<String>,
}

/// The links of an app.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct LinksPayload {
    #[serde(deserialize_with = "lenient::text")]
    pub deployments_stream: Option<String>,
}

/// `GET /v1/apps`. It may hold thousands: each is parsed when its turn comes.
#[derive(Debug, Deserialize)]
pub(crate) struct AppListPayload<'a> {
    #[serde(borrow)]
    pub(crate) apps: Vec<&'a RawValue>,
}

/// `GET /v1/apps/{app}`.
#[derive(Debug, Deserialize)]
pub(crate) struct AppSinglePayload {
    pub(crate) app: serde_json::Map<String, Value>,
}

/// `GET /v1/apps/{app}/deployments`.
#[derive(Debug, Deserialize)]
pub(crate) struct DeploymentListPayload {
    pub(crate) deployments: Vec<Value>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) meta: Option<MetaPayload>,
}

/// `GET /v1/apps/{app}/deployments/{id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct DeploymentSinglePayload {
    pub(crate) deployment: serde_json::Map<String, Value>,
}

/// What stands beside a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MetaPayload {
    #[serde(deserialize_with = "lenient::object")]
    pub(crate) pagination: Option<PaginationPayload>,
}

/// Where a page stands. Only these fields agree in all that is documented and recorded.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PaginationPayload {
    #[serde(deserialize_with = "lenient::integer")]
    pub(crate) next_page: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(crate) total_pages: Option<i64>,
}

impl PaginationPayload {
    /// The page after `asked`, if there is one. Never an earlier one, so that a walk comes to its end.
    pub(crate) fn after(&self, asked: u32) -> Option<u32> {
        let following = asked.checked_add(1)?;
        let is_within = self.total_pages.is_some_and(|pages| i64::from(following) <= pages);
        lenient::page_number(self.next_page)
            .or(is_within.then_some(following))
            .filter(|next| *next > asked)
    }
}

/// A webhook: an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EventPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub(crate) id: Option<String>,
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(crate) kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub(crate) app_id: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub(crate) type_data: Option<EventDataPayload>,
}

/// What the event of a deployment says of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EventDataPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub(crate) deployment_uuid: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status: Option<String>,
}

/// The answer of the token exchange.
#[derive(Debug, Deserialize)]
pub(crate) struct ExchangePayload {
    pub(crate) token: slipway_provider_http::Secret,
}

/// A frame of the live stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FramePayload {
    #[serde(rename = "type", deserialize_with = "lenient::text")]
    pub(crate) kind: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub(crate) data: Option<FrameDataPayload>,
}

/// What the kinds of frames carry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct FrameDataPayload {
    /// `new`: an id, or a whole deployment.
    #[serde(deserialize_with = "lenient::any")]
    pub(crate) deployment: Option<Value>,
    /// `log`: kept as it is, white space included.
    #[serde(deserialize_with = "lenient::any")]
    pub(crate) content: Option<Value>,
    /// `status`.
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) status: Option<String>,
}
