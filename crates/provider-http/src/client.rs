//! One client for one host of one account.

mod failure;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use slipway_core::budget::SharedLedger;
use slipway_core::provider::{ErrorKind, ProviderError, RateBudget};
use slipway_core::{Clock, TraceContext};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, field};
use url::Url;

use self::failure::{Failure, root_cause};
use crate::body::{self, BodyError};
use crate::budget::{Budget, Permit, held_back};
use crate::request::Request;
use crate::{Answer, ClientSettings, ConfigError, headers, hosts, retry, tls, trace};

/// Talks to one host with limits, a budget and no way to send a credential elsewhere.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    http: reqwest::Client,
    budget: Arc<Budget>,
    clock: Arc<dyn Clock>,
    /// What the last `Date` said of the provider's clock.
    clock_difference: Mutex<Option<time::Duration>>,
}

/// Where the provider's own traces find ours.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What all attempts of a call have in common.
struct Sending {
    url: Url,
    authorization: Option<HeaderValue>,
    place: TraceContext,
    deadline: Instant,
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
            clock_difference: Mutex::default(),
        })
    }

    /// What is left of the rate limit, where there is one.
    pub fn rate_budget(&self) -> Option<RateBudget> {
        self.budget.snapshot()
    }

    /// From now on the limit and the circuit breaker are those of a ledger that others use, too.
    pub fn share_budget(&self, ledger: Arc<dyn SharedLedger>) {
        self.budget.share(ledger);
    }

    /// How far the provider's clock is ahead of ours, by the header `Date` of its last answer.
    pub fn clock_difference(&self) -> Option<time::Duration> {
        *self.clock_difference.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The URL that a request would go to.
    pub fn url(&self, request: &Request<'_>) -> Result<Url, ProviderError> {
        request.url(self.settings.provider, &self.settings.base_url)
    }

    /// Sends a request and reads the whole answer, whatever its status; a redirect is an error. GET is repeated after
    /// faults that pass, a write never is. Throttled answers come as [`ErrorKind::RateLimited`], and close the client for a
    /// while. An error of a write tells whether it may have been carried out.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, ProviderError> {
        let parent = TraceContext::current();
        let place = trace::next(parent);
        let span = tracing::info_span!(
            "provider_http.request.send",
            provider = self.settings.provider,
            operation = request.operation,
            method = %request.method,
            route = request.route,
            status = field::Empty,
            error = field::Empty,
            duration_ms = field::Empty,
            trace_id = place.trace_id(),
            span_id = place.span_id(),
            trace_flags = place.flags(),
            parent_span_id = parent.map(TraceContext::span_id),
        );
        let started = Instant::now();
        let result = self
            .send_within(request, place, started + self.settings.total_timeout)
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

    async fn send_within(
        &self,
        request: &Request<'_>,
        place: TraceContext,
        deadline: Instant,
    ) -> Result<Answer, ProviderError> {
        let sending = Sending {
            url: request.url(self.settings.provider, &self.settings.base_url)?,
            authorization: request.authorization(self.settings.provider)?,
            place,
            deadline,
        };
        let may_repeat = request.method == http::Method::GET && !request.is_write;
        let mut repetition = 0;
        loop {
            let outcome = match self.attempt(request, &sending).await {
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

    async fn attempt(&self, request: &Request<'_>, sending: &Sending) -> Result<Answer, Failure> {
        let operation = request.operation;
        let mut permit = match self.budget.take(request.is_write).await {
            Ok(permit) => permit,
            Err(wait) => {
                self.settings.calls.note_held_back(operation);
                return Err(Failure {
                    error: held_back(self.settings.provider, operation, wait),
                    is_worth_repeating: false,
                });
            }
        };
        let began = Instant::now();
        let outcome = self.exchange(request, sending, &mut permit).await;
        let ended = match &outcome {
            Ok(answer) => Ok(answer.status),
            Err(failure) => Err(failure.error.kind),
        };
        self.settings.calls.note(operation, ended, began.elapsed());
        outcome
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        request: &Request<'_>,
        sending: &Sending,
        permit: &mut Permit<'_>,
    ) -> Result<Answer, Failure> {
        let deadline = sending.deadline;
        let operation = request.operation;
        let mut builder = self
            .http
            .request(request.method.clone(), sending.url.clone())
            .header(ACCEPT, request.accept)
            .header(TRACEPARENT, sending.place.to_string());
        if let Some(authorization) = sending.authorization.clone() {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        if let Some(json) = request.json {
            builder = builder.json(json);
        }
        let response = match timeout_at(deadline, builder.send()).await {
            Err(_) => {
                self.budget.failed(permit, request.application()).await;
                return Err(self.too_slow(request));
            }
            Ok(Err(error)) => {
                self.budget.failed(permit, request.application()).await;
                return Err(self.no_answer(request, error));
            }
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        Span::current().record("status", status);
        if let Some(at) = headers::date(response.headers()) {
            let difference = at - self.clock.now();
            *self.clock_difference.lock().unwrap_or_else(PoisonError::into_inner) = Some(difference);
        }
        self.budget.report(
            headers::number(response.headers(), "x-ratelimit-limit"),
            headers::number(response.headers(), "x-ratelimit-remaining"),
        );
        let mut answer = Answer {
            provider: self.settings.provider,
            operation,
            status,
            content_type: headers::content_type(response.headers()),
            retry_after: headers::retry_after(response.headers(), self.clock.now()),
            body: bytes::Bytes::new(),
            is_write: request.is_write,
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
                self.budget.failed(permit, request.application()).await;
                let error = answer
                    .error(ErrorKind::Unavailable, "the answer broke off")
                    .with_source(source);
                return Err(Failure {
                    error,
                    is_worth_repeating: true,
                });
            }
            Err(_) => {
                self.budget.failed(permit, request.application()).await;
                return Err(self.too_slow(request));
            }
        };
        if let Some(throttle) = (self.settings.throttle)(&answer, self.clock.now()) {
            self.budget.close(permit, throttle).await;
            let error = answer
                .error(ErrorKind::RateLimited, format!("the provider throttles us ({status})"))
                .with_retry_after(Some(throttle.retry_after));
            return Err(Failure {
                error,
                is_worth_repeating: false,
            });
        }
        // A probe that is answered with any 5xx has not found the provider well.
        if (self.settings.is_trouble)(&answer) || permit.is_probe() && answer.status >= 500 {
            self.budget.failed(permit, request.application()).await;
        } else {
            self.budget.served(permit).await;
        }
        Ok(answer)
    }
}
