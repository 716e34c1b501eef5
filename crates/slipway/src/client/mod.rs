//! A client of the public API, for the commands that ask a gateway. It has no way into the server but that API.

mod answer;
mod events;
mod find;
mod logs;
mod pages;
mod profile;
mod refusal;
mod settings;
mod sse;
mod stream;

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use url::Url;

pub(crate) use answer::Answer;
pub(crate) use events::{Events, Happening};
pub(crate) use find::{Names, Wanted};
pub(crate) use logs::{LogHappening, Logs, cursor, lines};
pub(crate) use pages::Pages;
pub(crate) use refusal::Refusal;
pub(crate) use settings::Connection;
pub(crate) use stream::{Signal, Stream};

use crate::failure::{Failure, chain};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any answer takes, a long poll included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a read is asked for again when the gateway says that it is only busy.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// How long the outcome of a write is asked for again, with the same key.
const WRITE_PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Names and values of a query, as they are written.
pub(crate) type Query = Vec<(&'static str, String)>;

/// How a write is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    /// The same for what is to be done once.
    pub(crate) key: &'a str,
    /// In spite of a freeze window.
    pub(crate) overrides_freeze: bool,
}

/// One gateway, asked with one token.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    connection: Connection,
    /// Marked as sensitive, so that no debug output shows it.
    authorization: Option<HeaderValue>,
}

impl Client {
    pub(crate) fn new(connection: Connection) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("slipway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(Duration::from_secs(30))
            // A token goes where it was meant to go, and nowhere else.
            .redirect(reqwest::redirect::Policy::none());
        if connection.is_loopback() {
            builder = builder.no_proxy();
        }
        if connection.url.scheme() == "http" {
            // Nothing is encrypted, so no authority has to be known.
            builder = builder.tls_certs_only([]);
        }
        let http = builder
            .build()
            .map_err(|error| Failure::new(format!("there can be no HTTP client: {}", chain(&error))))?;
        let authorization = connection.authorization()?;
        Ok(Self {
            http,
            connection,
            authorization,
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// `parts` are the segments below `/api/v1`.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.connection.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(parts);
        }
        url
    }

    pub(super) fn request(&self, method: Method, parts: &[&str], query: &[(&'static str, String)]) -> RequestBuilder {
        let mut request = self.http.request(method, self.url(parts));
        if !query.is_empty() {
            request = request.query(query);
        }
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// One GET; again, for a while, when the gateway says that it is only busy.
    pub(crate) async fn get(&self, parts: &[&str], query: &[(&'static str, String)]) -> Result<Answer, Refusal> {
        let started = Instant::now();
        let mut was_there = false;
        loop {
            let sent = self.send(self.request(Method::GET, parts, query)).await;
            match sent {
                Err(refusal)
                    if (refusal.is_busy() || was_there && refusal.is_passing())
                        && started.elapsed() < READ_PATIENCE =>
                {
                    was_there = true;
                    tokio::time::sleep(refusal.pause().unwrap_or(PAUSE).min(LONGEST_PAUSE)).await;
                }
                sent => return sent,
            }
        }
    }

    /// One POST that asks and changes nothing.
    pub(crate) async fn ask(&self, parts: &[&str], body: &Value) -> Result<Answer, Refusal> {
        self.send(self.request(Method::POST, parts, &[]).json(body)).await
    }

    /// A write under one key. However often it is sent, it is done once: an answer that was lost on its way is fetched by
    /// sending the same again. `again` is told why, each time.
    pub(crate) async fn write(
        &self,
        parts: &[&str],
        body: &Value,
        how: How<'_>,
        mut again: impl FnMut(&Refusal),
    ) -> Result<Answer, Refusal> {
        let started = Instant::now();
        let mut was_sent = false;
        loop {
            let mut request = self.request(Method::POST, parts, &[]).json(body);
            request = request.header("idempotency-key", how.key);
            if how.overrides_freeze {
                request = request.header("x-freeze-override", "true");
            }
            let refusal = match self.send(request).await {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refusal,
            };
            // Nothing was sent where nobody listens; only later does that mean a gateway that comes back.
            let is_worth_it = if refusal.never_sent() {
                was_sent
            } else {
                refusal.may_be_sent_again()
            };
            was_sent |= !refusal.never_sent();
            if !is_worth_it || started.elapsed() > WRITE_PATIENCE {
                return Err(refusal);
            }
            again(&refusal);
            tokio::time::sleep(refusal.pause().unwrap_or(PAUSE).min(LONGEST_PAUSE)).await;
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Refusal> {
        let sent = request.timeout(ANSWER_TIMEOUT).send().await;
        let response = sent.map_err(|error| Refusal::unreachable(&self.connection, &error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refusal(response).await);
        }
        let headers = response.headers().clone();
        let text = response.text().await;
        let text = text.map_err(|error| Refusal::unreachable(&self.connection, &error))?;
        Ok(Answer { text, headers })
    }

    /// An open answer that goes on, as a stream does. It has to begin within `patience`.
    pub(super) async fn open(&self, request: RequestBuilder, patience: Duration) -> Result<reqwest::Response, Refusal> {
        let sent = tokio::time::timeout(patience, request.send()).await;
        let sent = sent.map_err(|_| Refusal::silent(&self.connection))?;
        let response = sent.map_err(|error| Refusal::unreachable(&self.connection, &error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    async fn refusal(&self, response: reqwest::Response) -> Refusal {
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = response.text().await.unwrap_or_default();
        Refusal::answered(&self.connection, status, retry_after.map(Duration::from_secs), &body)
    }
}
