//! Writes over HTTP: which version they are for, and what the same request gets again.

mod idempotency;
mod if_match;
mod provider;

use std::sync::Arc;

use axum::body::Body;
use http::{Request, header};
use serde_json::{Value, json};
use slipway_core::{Application, Deployment, DeploymentDetails, Status};
use slipway_server::ServerSettings;

use crate::harness::{ADMIN, Answer, Gateway, settings};
use crate::rows::{insert_account, insert_application, insert_observed, observation, success};
use provider::WritingProvider;

/// A gateway with one application and one deployment that can be deployed again.
struct Site {
    gateway: Gateway,
    provider: Arc<WritingProvider>,
    application: Application,
    deployment: Deployment,
}

impl Site {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: ServerSettings) -> Self {
        let provider = WritingProvider::new();
        let gateway = Gateway::over(provider.clone(), settings).await;
        let pool = &gateway.db.pool;
        insert_account(pool, "main", Some(success())).await;
        let application = insert_application(pool, "main", "shop").await;
        let mut details = DeploymentDetails::default();
        details.git.r#ref = Some("main".to_owned());
        let mut seen = observation(Status::InProgress);
        seen.details = details;
        let deployment = insert_observed(pool, &application, time::Duration::ZERO, &seen).await;
        gateway.settle().await;
        Self {
            gateway,
            provider,
            application,
            deployment,
        }
    }

    fn trigger(&self) -> String {
        format!("/applications/{}/deployments", self.application.id)
    }

    fn action(&self, action: &str) -> String {
        format!("/deployments/{}/{action}", self.deployment.id)
    }

    async fn post(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.gateway.ask(post(path, &body.to_string(), headers)).await
    }

    async fn number(&self, sql: &'static str) -> i64 {
        let number = sqlx::query_scalar(sql).fetch_one(&self.gateway.db.pool).await;
        number.expect("a number")
    }
}

fn post(path: &str, body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).expect("a request")
}

fn main_ref() -> Value {
    json!({"git_ref": "main"})
}

/// The status and the code of a problem.
fn refused(answer: &Answer) -> (u16, String) {
    let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code)
}
