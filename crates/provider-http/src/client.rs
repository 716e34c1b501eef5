//! One client for one host of one account.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use slipway_core::Clock;
use slipway_core::provider::{ErrorKind, ProviderError, RateBudget};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, field};
use url::Url;

use crate::body::{self, BodyError};
use crate::budget::Budget;
use crate::{Answer, ClientSettings, ConfigError, Secret, hosts, retry, tls};

/// The longest wait that we let a provider ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Talks to one host with limits, a budget and no way to send a credential elsewhere.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    http: reqwest::Client,
    budget: Budget,
    clock: Arc<dyn Clock>,
}

/// How a request proves who we are.
#[derive(Debug, Clone, Copy)]
pub enum Auth<'a> {
    /// `Authorization: Bearer`.
    Bearer(&'a Secret),
    /// `Authorization: Basic` with an empty user.
    BasicPassword(&'a Secret),
}

/// One request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The adapter's method, for errors and spans.
    pub operation: &'static str,
    /// The verb.
    pub method: http::Method,
    /// The path with names in place of values, for spans.
    pub route: &'static str,
    /// What follows the base URL's path; each is encoded.
    pub segments: &'a [&'a str],
    /// The query.
    pub query: &'a [(&'a str, &'a str)],
    /// What is accepted.
    pub accept: &'static str,
    /// The credential.
    pub auth: Auth<'a>,
    /// A JSON body.
    pub json: Option<&'a serde_json::Value>,
    /// The largest body, if it is another than the client's.
    pub max_body_bytes: Option<usize>,
}

impl<'a> Request<'a> {
    /// A read of JSON.
    pub fn get(operation: &'static str, route: &'static str, segments: &'a [&'a str], auth: Auth<'a>) -> Self {
        Self {
            operation,
            method: http::Method::GET,
            route,
            segments,
            query: &[],
            accept: "application/json",
            auth,
            json: None,
            max_body_bytes: None,
        }
    }
}

/// How one attempt ended without an answer.
struct Failure {
    error: ProviderError,
    is_worth_repeating: bool,
}

impl Client {
    /// A client with these settings. Fails with a sentence for the operator when they cannot work.
    pub fn new(settings: ClientSettings, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        settings.check()?;
        tls::install_crypto_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(Duration::from_secs(30));
        if settings.base_url.scheme() == "https" {
            builder = builder.https_only(true);
        } else {
            // A proxy would carry what must not leave this machine; and no authority is needed to stay on it.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| {
            ConfigError(format!(
                "the HTTP client for {} cannot be made: {}",
                settings.provider,
                root_cause(&error)
            ))
        })?;
        let budget = Budget::new(settings.rate_limit, Arc::clone(&clock));
        Ok(Self {
            settings,
            http,
            budget,
            clock,
        })
    }

    /// What is left of the rate limit, where there is one.
    pub fn rate_budget(&self) -> Option<RateBudget> {
        self.budget.snapshot()
    }

    /// Checks a URL from a payload: only configured hosts, encrypted unless on this machine.
    pub fn pin(&self, operation: &'static str, url: &str) -> Result<Url, ProviderError> {
        hosts::pin(&self.settings.base_url, &self.settings.additional_hosts, url).map_err(|why| {
            self.error(
                ErrorKind::Protocol,
                operation,
                format!("a URL in the answer is refused: {why}"),
            )
        })
    }

    /// Sends a request and reads the whole answer, whatever its status; a redirect is an error. GET is repeated after
    /// faults that pass. Throttled answers come as [`ErrorKind::RateLimited`], and close the client for a while.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, ProviderError> {
        let span = tracing::info_span!(
            "provider_http.request.send",
            provider = self.settings.provider,
            operation = request.operation,
            method = %request.method,
            route = request.route,
            status = field::Empty,
            error = field::Empty,
            duration_ms = field::Empty,
        );
        let started = Instant::now();
        let result = self
            .send_within(request, started + self.settings.total_timeout)
            .instrument(span.clone())
            .await;
        span.record(
            "duration_ms",
            u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        if let Err(error) = &result {
            span.record("error", error.kind.as_str());
        }
        result
    }

    async fn send_within(&self, request: &Request<'_>, deadline: Instant) -> Result<Answer, ProviderError> {
        let url = self.url(request)?;
        let authorization = self.authorization(request)?;
        let may_repeat = request.method == http::Method::GET;
        let mut repetition = 0;
        loop {
            let outcome = match self
                .attempt(request, url.clone(), authorization.clone(), deadline)
                .await
            {
                Ok(answer) if may_repeat && retry::is_worth_repeating(answer.status) => Ok(answer),
                Err(failure) if may_repeat && failure.is_worth_repeating => Err(failure.error),
                Ok(answer) => return Ok(answer),
                Err(failure) => return Err(failure.error),
            };
            repetition += 1;
            let pause = retry::pause(repetition);
            if repetition > retry::MAX_REPETITIONS || Instant::now() + pause >= deadline {
                return outcome;
            }
            tracing::debug!(repetition, "trying again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        url: Url,
        authorization: HeaderValue,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let operation = request.operation;
        let permit = self.budget.take().map_err(|wait| Failure {
            error: self
                .error(
                    ErrorKind::RateLimited,
                    operation,
                    "no request is left in the provider's rate limit",
                )
                .with_retry_after(Some(wait)),
            is_worth_repeating: false,
        })?;
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, request.accept);
        if let Some(json) = request.json {
            builder = builder.json(json);
        }
        let response = match timeout_at(deadline, builder.send()).await {
            Err(_) => return Err(self.too_slow(operation)),
            Ok(Err(error)) => return Err(self.no_answer(operation, error)),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        Span::current().record("status", status);
        self.budget.report(
            number(response.headers(), "x-ratelimit-limit"),
            number(response.headers(), "x-ratelimit-remaining"),
        );
        let mut answer = Answer {
            provider: self.settings.provider,
            operation,
            status,
            content_type: content_type(response.headers()),
            retry_after: retry_after(response.headers(), self.clock.now()),
            body: bytes::Bytes::new(),
        };
        if response.status().is_redirection() {
            let error = answer.protocol(format!("the answer {status} is a redirect, which is not followed"));
            return Err(Failure {
                error,
                is_worth_repeating: false,
            });
        }
        let max_body_bytes = request.max_body_bytes.unwrap_or(self.settings.max_body_bytes);
        answer.body = match timeout_at(deadline, body::read(response, max_body_bytes)).await {
            Ok(Ok(body)) => body,
            Ok(Err(BodyError::TooLarge)) => {
                let error = answer.protocol(format!("the answer is larger than the limit of {max_body_bytes} bytes"));
                return Err(Failure {
                    error,
                    is_worth_repeating: false,
                });
            }
            Ok(Err(BodyError::BrokenOff(source))) => {
                let error = answer
                    .error(ErrorKind::Unavailable, "the answer broke off")
                    .with_source(source);
                return Err(Failure {
                    error,
                    is_worth_repeating: true,
                });
            }
            Err(_) => return Err(self.too_slow(operation)),
        };
        if let Some(throttle) = (self.settings.throttle)(&answer, self.clock.now()) {
            self.budget.close(throttle);
            let error = answer
                .error(ErrorKind::RateLimited, format!("the provider throttles us ({status})"))
                .with_retry_after(Some(throttle.retry_after));
            return Err(Failure {
                error,
                is_worth_repeating: false,
            });
        }
        self.budget.served(&permit);
        Ok(answer)
    }

    fn url(&self, request: &Request<'_>) -> Result<Url, ProviderError> {
        let mut url = self.settings.base_url.clone();
        // Such a segment would change which resource is meant, or be dropped.
        let is_odd = |segment: &&str| matches!(*segment, "" | "." | "..") || segment.len() > 1000;
        if request.segments.iter().any(is_odd) {
            return Err(self.error(
                ErrorKind::InvalidRequest,
                request.operation,
                "an id is not usable in a path",
            ));
        }
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(request.segments),
            Err(()) => {
                return Err(self.error(
                    ErrorKind::InvalidRequest,
                    request.operation,
                    "the base URL takes no path",
                ));
            }
        };
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        Ok(url)
    }

    fn authorization(&self, request: &Request<'_>) -> Result<HeaderValue, ProviderError> {
        let text = match request.auth {
            Auth::Bearer(token) => format!("Bearer {}", token.expose()),
            Auth::BasicPassword(password) => format!("Basic {}", BASE64.encode(format!(":{}", password.expose()))),
        };
        // The source would be harmless, but says nothing more.
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            let message = "the token holds characters that cannot be sent";
            self.error(ErrorKind::Unauthenticated, request.operation, message)
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn too_slow(&self, operation: &'static str) -> Failure {
        let message = format!(
            "no complete answer within {} s",
            self.settings.total_timeout.as_secs_f32()
        );
        Failure {
            error: self.error(ErrorKind::Unavailable, operation, message),
            is_worth_repeating: false,
        }
    }

    fn no_answer(&self, operation: &'static str, error: reqwest::Error) -> Failure {
        let message = if error.is_timeout() {
            "the connection was not made in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke before an answer"
        };
        let error = self
            .error(ErrorKind::Unavailable, operation, message)
            .with_source(error.without_url());
        Failure {
            error,
            is_worth_repeating: true,
        }
    }

    fn error(&self, kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> ProviderError {
        ProviderError::new(kind, self.settings.provider, operation, message)
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u32> {
    text(headers, name)?.parse().ok()
}

fn content_type(headers: &HeaderMap) -> String {
    let value = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Seconds or a date, as RFC 9110 has it; at least a second, at most an hour.
fn retry_after(headers: &HeaderMap, now: OffsetDateTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?;
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // RFC 2822 wants a numeric zone or one of the old names; an HTTP date always says GMT, which is one.
            let at = OffsetDateTime::parse(value, &time::format_description::well_known::Rfc2822).ok()?;
            Duration::try_from(at - now).unwrap_or_default()
        }
    };
    Some(wait.clamp(Duration::from_secs(1), MAX_RETRY_AFTER))
}
