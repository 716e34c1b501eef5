//! Deployments as marks on somebody else's graphs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A deployment as Grafana reads annotations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Annotation)]
#[serde(rename_all = "camelCase")]
pub struct AnnotationView {
    /// The deployment.
    pub id: uuid::Uuid,
    /// When it began, in milliseconds since 1970: when it was started, else when it was created.
    pub time: i64,
    /// When it ended, in milliseconds since 1970; null while it has not, and where nobody knows.
    #[schema(required = true)]
    pub time_end: Option<i64>,
    /// What it is, for people.
    #[schema(examples("shop (production): succeeded, main 1a2b3c4d by Ada"))]
    pub text: String,
    /// `deployment`, the status, the application's name, the environment where there is one, the provider, the account.
    pub tags: Vec<String>,
}
