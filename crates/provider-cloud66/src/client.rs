//! The calls that this adapter makes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use slipway_core::Clock;
use slipway_core::budget::SharedLedger;
use slipway_core::page::PageToken;
use slipway_core::provider::{ErrorKind, ProviderError, RateBudget};
use slipway_provider_http::{
    Answer, Auth, Calls, Client, ClientSettings, ConfigError, RateLimit, Request, Secret, Url, WindowKind,
};

use crate::error;
use crate::payload::{ListPayload, SinglePayload};
use crate::provider::NAME;
use crate::write::Call;

/// The documented limit; the headers of the samples say 3,600, and what an answer's headers say wins.
const RATE_LIMIT: RateLimit = RateLimit {
    requests: 3000,
    window: Duration::from_secs(3600),
    kind: WindowKind::Aligned,
    write_reserve: 60,
};

/// Knows routes and envelopes.
#[derive(Debug)]
pub(crate) struct Cloud66Client {
    http: Client,
    token: Secret,
}

impl Cloud66Client {
    pub(crate) fn new(
        base_url: Url,
        token: Secret,
        calls: Arc<Calls>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let settings = ClientSettings {
            rate_limit: Some(RATE_LIMIT),
            throttle: error::throttle,
            calls,
            is_trouble: error::is_trouble,
            ..ClientSettings::new(NAME, base_url)
        };
        Ok(Self {
            http: Client::new(settings, clock)?,
            token,
        })
    }

    pub(crate) fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        self.http.share_budget(ledger);
    }

    pub(crate) fn rate_budget(&self) -> Option<RateBudget> {
        self.http.rate_budget()
    }

    pub(crate) fn clock_difference(&self) -> Option<time::Duration> {
        self.http.clock_difference()
    }

    /// A page of a list, and where the next one begins.
    pub(crate) async fn list(
        &self,
        operation: &'static str,
        route: &'static str,
        segments: &[&str],
        filter: Option<(&str, &str)>,
        page: Option<&PageToken>,
    ) -> Result<(Vec<Value>, Option<PageToken>), ProviderError> {
        let asked = page_number(operation, page)?;
        let number = asked.to_string();
        let query: Vec<_> = [("page", number.as_str())].into_iter().chain(filter).collect();
        let answer = self
            .read(Request {
                query: &query,
                ..self.get(operation, route, segments)
            })
            .await?;
        let list: ListPayload = answer.json()?;
        let next = list.pagination.and_then(|pagination| pagination.after(asked));
        Ok((list.response, next.map(|next| PageToken(next.to_string()))))
    }

    /// Sends a call that changes something, once.
    pub(crate) async fn write(&self, operation: &'static str, call: &Call) -> Result<Answer, ProviderError> {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        self.read(self.request(operation, call, &segments)).await
    }

    /// Where a call that changes something would go.
    pub(crate) fn url(&self, operation: &'static str, call: &Call) -> Result<Url, ProviderError> {
        let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
        self.http.url(&self.request(operation, call, &segments))
    }

    fn request<'a>(&'a self, operation: &'static str, call: &'a Call, segments: &'a [&'a str]) -> Request<'a> {
        let auth = Auth::Bearer(&self.token);
        Request::write(
            operation,
            call.method.clone(),
            call.route,
            segments,
            auth,
            call.body.as_ref(),
        )
    }

    /// One object.
    pub(crate) async fn single(
        &self,
        operation: &'static str,
        route: &'static str,
        segments: &[&str],
    ) -> Result<(Value, Answer), ProviderError> {
        let answer = self.read(self.get(operation, route, segments)).await?;
        let single: SinglePayload = answer.json()?;
        Ok((Value::Object(single.response), answer))
    }

    fn get<'a>(&'a self, operation: &'static str, route: &'static str, segments: &'a [&'a str]) -> Request<'a> {
        Request::get(operation, route, segments, Auth::Bearer(&self.token))
    }

    async fn read(&self, request: Request<'_>) -> Result<Answer, ProviderError> {
        error::check(self.http.send(&request).await?)
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
