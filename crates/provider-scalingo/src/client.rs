//! The REST calls that this adapter makes.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_core::Clock;
use slipway_core::budget::SharedLedger;
use slipway_core::page::PageToken;
use slipway_core::provider::{ErrorKind, ProviderError, RateBudget};
use slipway_provider_http::{
    Answer, Auth, Client, ClientSettings, ConfigError, Method, RateLimit, Request, Url, WindowKind,
};

use crate::ScalingoOptions;
use crate::auth::{ApiToken, TokenSource};
use crate::error;
use crate::payload::{AppSinglePayload, DeploymentListPayload, DeploymentSinglePayload};
use crate::provider::NAME;
use crate::write::{self, Source};

const RATE_LIMIT: RateLimit = RateLimit {
    requests: 60,
    window: Duration::from_secs(60),
    kind: WindowKind::Sliding,
    write_reserve: 6,
};
/// Larger pages save requests, of which there are few.
const PER_PAGE: &str = "50";
/// All apps come in one answer, about 1.5 kB each.
const MAX_APPS_BYTES: usize = 64 * 1024 * 1024;
const MAX_OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// Knows routes and envelopes.
#[derive(Debug)]
pub(crate) struct ScalingoClient {
    api: Client,
    tokens: TokenSource,
}

impl ScalingoClient {
    pub(crate) fn new(options: &ScalingoOptions, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let settings = ClientSettings {
            rate_limit: Some(RATE_LIMIT),
            is_trouble: error::is_trouble,
            additional_hosts: options.stream_hosts.clone(),
            calls: Arc::clone(&options.calls),
            ..ClientSettings::new(NAME, options.api_url.clone())
        };
        Ok(Self {
            api: Client::new(settings, Arc::clone(&clock))?,
            tokens: TokenSource::new(options, clock)?,
        })
    }

    pub(crate) fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        self.api.share_budget(ledger);
    }

    pub(crate) fn rate_budget(&self) -> Option<RateBudget> {
        self.api.rate_budget()
    }

    pub(crate) fn clock_difference(&self) -> Option<time::Duration> {
        self.api.clock_difference()
    }

    /// The id of the token's user, where it is known yet.
    pub(crate) fn user(&self) -> Option<&str> {
        self.tokens.user()
    }

    pub(crate) async fn token(&self, operation: &'static str) -> Result<ApiToken, ProviderError> {
        self.tokens.token(operation).await
    }

    pub(crate) async fn forget(&self, token: &ApiToken) {
        self.tokens.forget(token).await;
    }

    /// Checks the URL of a live stream.
    pub(crate) fn pin_stream(&self, operation: &'static str, url: &str) -> Result<Url, ProviderError> {
        let url = self.api.pin(operation, url)?;
        if matches!(url.scheme(), "ws" | "wss") {
            return Ok(url);
        }
        Err(ProviderError::new(
            ErrorKind::Protocol,
            NAME,
            operation,
            "the URL of the live stream is not a WebSocket's",
        ))
    }

    /// All apps; the answer is an `AppListPayload`.
    pub(crate) async fn apps(&self, operation: &'static str) -> Result<Answer, ProviderError> {
        let call = Call {
            max_body_bytes: Some(MAX_APPS_BYTES),
            ..Call::json(operation, "/v1/apps", &["v1", "apps"])
        };
        self.read(call).await
    }

    pub(crate) async fn app(
        &self,
        operation: &'static str,
        app: &str,
    ) -> Result<(AppSinglePayload, Answer), ProviderError> {
        self.decode(Call::json(operation, "/v1/apps/{app}", &["v1", "apps", app]))
            .await
    }

    /// A page of deployments, and where the next one begins.
    pub(crate) async fn deployments(
        &self,
        operation: &'static str,
        app: &str,
        page: Option<&PageToken>,
    ) -> Result<(DeploymentListPayload, Option<PageToken>), ProviderError> {
        let asked = page_number(operation, page)?;
        let number = asked.to_string();
        let segments = ["v1", "apps", app, "deployments"];
        let query = [("page", number.as_str()), ("per_page", PER_PAGE)];
        let call = Call {
            query: &query,
            ..Call::json(operation, "/v1/apps/{app}/deployments", &segments)
        };
        let (list, _): (DeploymentListPayload, _) = self.decode(call).await?;
        let pagination = list.meta.as_ref().and_then(|meta| meta.pagination.as_ref());
        let next = pagination.and_then(|pagination| pagination.after(asked));
        Ok((list, next.map(|next| PageToken(next.to_string()))))
    }

    pub(crate) async fn deployment(
        &self,
        operation: &'static str,
        app: &str,
        id: &str,
    ) -> Result<(DeploymentSinglePayload, Answer), ProviderError> {
        let segments = ["v1", "apps", app, "deployments", id];
        self.decode(Call::json(operation, "/v1/apps/{app}/deployments/{id}", &segments))
            .await
    }

    /// The log text. The path is built here: the link in the payload could lead anywhere.
    pub(crate) async fn output(&self, operation: &'static str, app: &str, id: &str) -> Result<String, ProviderError> {
        let segments = ["v1", "apps", app, "deployments", id, "output"];
        let call = Call {
            accept: "text/plain",
            max_body_bytes: Some(MAX_OUTPUT_BYTES),
            ..Call::json(operation, "/v1/apps/{app}/deployments/{id}/output", &segments)
        };
        let answer = self.read(call).await?;
        if answer.content_type == "text/html" {
            return Err(answer.protocol("the log is an HTML page"));
        }
        // PostgreSQL keeps no NUL.
        Ok(String::from_utf8_lossy(&answer.body).replace('\0', ""))
    }

    /// Makes a deployment. Sent once; a second time only when the API refused the first because of its token.
    pub(crate) async fn deploy(
        &self,
        operation: &'static str,
        app: &str,
        source: &Source,
    ) -> Result<(DeploymentSinglePayload, Answer), ProviderError> {
        let (segments, body) = (source.segments(app), source.body());
        let call = Call {
            body: Some(&body),
            ..Call::json(operation, source.route(), &segments)
        };
        let answer = self.send(call).await?;
        if let (Source::Link { .. }, Some(error)) = (source, write::no_link(&answer)) {
            return Err(error);
        }
        let answer = error::check(answer)?;
        Ok((answer.json()?, answer))
    }

    /// Where that would go.
    pub(crate) fn deploy_url(&self, operation: &'static str, app: &str, source: &Source) -> Result<Url, ProviderError> {
        self.api.url(&Request::get(
            operation,
            source.route(),
            &source.segments(app),
            Auth::None,
        ))
    }

    async fn decode<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<(T, Answer), ProviderError> {
        let answer = self.read(call).await?;
        Ok((answer.json()?, answer))
    }

    async fn read(&self, call: Call<'_>) -> Result<Answer, ProviderError> {
        error::check(self.send(call).await?)
    }

    /// Calls with a fresh token; with another one if the API refuses the first, which may have been revoked.
    async fn send(&self, call: Call<'_>) -> Result<Answer, ProviderError> {
        let token = self.tokens.token(call.operation).await?;
        let answer = self.api.send(&call.request(&token)).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let token = self.tokens.token(call.operation).await?;
        let answer = self.api.send(&call.request(&token)).await?;
        if answer.status == 401 {
            self.tokens.forget(&token).await;
        }
        Ok(answer)
    }
}

/// A call, before it has its token.
struct Call<'a> {
    operation: &'static str,
    route: &'static str,
    segments: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    accept: &'static str,
    max_body_bytes: Option<usize>,
    /// The body of one that changes something.
    body: Option<&'a Value>,
}

impl<'a> Call<'a> {
    fn json(operation: &'static str, route: &'static str, segments: &'a [&'a str]) -> Self {
        Self {
            operation,
            route,
            segments,
            query: &[],
            accept: "application/json",
            max_body_bytes: None,
            body: None,
        }
    }

    fn request(&self, token: &'a ApiToken) -> Request<'a> {
        let auth = Auth::Bearer(&token.value);
        if self.body.is_some() {
            return Request::write(self.operation, Method::POST, self.route, self.segments, auth, self.body);
        }
        Request {
            query: self.query,
            accept: self.accept,
            max_body_bytes: self.max_body_bytes,
            ..Request::get(self.operation, self.route, self.segments, auth)
        }
    }
}

fn page_number(operation: &'static str, page: Option<&PageToken>) -> Result<u32, ProviderError> {
    let Some(page) = page else { return Ok(1) };
    page.0.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        ProviderError::new(
            ErrorKind::InvalidRequest,
            NAME,
            operation,
            "the page token is none of this provider's",
        )
    })
}
