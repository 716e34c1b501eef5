//! A small stand-in for the auth host and the regional API, on two ports.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use slipway_core::ManualClock;
use slipway_core::provider::ApplicationRef;
use slipway_provider_http::{Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const ACCOUNT_TOKEN: &str = "tk-us-s3cret";

/// What one test decides.
type Handler = Box<dyn Fn(&str, &str) -> Response + Send + Sync>;

pub(crate) struct Platform {
    pub(crate) provider: ScalingoProvider,
    pub(crate) clock: ManualClock,
    /// `target authorization` of each request.
    auth_seen: Arc<Mutex<Vec<String>>>,
    api_seen: Arc<Mutex<Vec<String>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The n-th token of a platform, good for an hour.
pub(crate) fn jwt(number: u32) -> String {
    let claims = format!(r#"{{"iss":"Scalingo","iat":1000,"exp":4600,"n":{number}}}"#);
    format!("eyJhbGciOiJIUzUxMiJ9.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

pub(crate) fn reply(status: u16, body: impl Into<String>) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [("content-type", "application/json")],
        body.into(),
    )
        .into_response()
}

pub(crate) fn app() -> ApplicationRef {
    ApplicationRef {
        provider_application_id: "5410".to_owned(),
        name: "example-app".to_owned(),
    }
}

async fn serve(
    handler: impl Fn(&str, &str) -> Response + Send + Sync + 'static,
) -> (Url, Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (log, handler) = (Arc::clone(&seen), Arc::new(handler));
    let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap| async move {
        let authorization = headers["authorization"].to_str().unwrap().to_owned();
        log.lock().unwrap().push(format!("{uri} {authorization}"));
        // Long enough for callers to meet.
        tokio::time::sleep(Duration::from_millis(20)).await;
        handler(&uri.to_string(), &authorization)
    });
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen, task)
}

impl Platform {
    /// With an auth host that gives `jwt(1)`, `jwt(2)` and so on.
    pub(crate) async fn start(handler: impl Fn(&str, &str) -> Response + Send + Sync + 'static) -> Self {
        let count = AtomicU32::new(0);
        Self::with_auth(
            move |_, _| {
                reply(
                    200,
                    format!(r#"{{"token":"{}"}}"#, jwt(count.fetch_add(1, Ordering::Relaxed) + 1)),
                )
            },
            handler,
        )
        .await
    }

    pub(crate) async fn with_auth(
        auth: impl Fn(&str, &str) -> Response + Send + Sync + 'static,
        handler: impl Fn(&str, &str) -> Response + Send + Sync + 'static,
    ) -> Self {
        let (auth_url, auth_seen, auth_task) = serve(auth).await;
        let handler: Handler = Box::new(handler);
        let (api_url, api_seen, api_task) = serve(handler).await;
        let clock = ManualClock::new(datetime!(2026-11-22 10:00 UTC));
        let options = ScalingoOptions {
            api_url,
            auth_url,
            stream_idle_timeout: Duration::from_millis(1500),
            ..ScalingoOptions::new(Secret::new(ACCOUNT_TOKEN))
        };
        let provider = ScalingoProvider::new(options, Arc::new(clock.clone())).unwrap();
        Self {
            provider,
            clock,
            auth_seen,
            api_seen,
            tasks: [auth_task, api_task],
        }
    }

    pub(crate) fn auth_seen(&self) -> Vec<String> {
        self.auth_seen.lock().unwrap().clone()
    }

    pub(crate) fn api_seen(&self) -> Vec<String> {
        self.api_seen.lock().unwrap().clone()
    }
}
