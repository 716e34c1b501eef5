//! A client of the public API, with the public types.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use slipway_api::{
    AccountList, AccountView, ApplicationList, ApplicationView, DeploymentList, DeploymentView, EventList, EventView,
};

use crate::sse::Stream;
use crate::wait::{BOUND, until, within};

/// Longer than any answer takes, long polls included.
const PATIENCE: Duration = Duration::from_secs(60);

/// One gateway, asked with one token.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: String,
    http: reqwest::Client,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `X-Event-Cursor`.
    pub event_cursor: Option<String>,
    /// The body.
    pub text: String,
    headers: reqwest::header::HeaderMap,
}

impl Answer {
    async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut answer = Self {
            status,
            event_cursor: None,
            text: response.text().await?,
            headers,
        };
        answer.event_cursor = answer.header("x-event-cursor").map(str::to_owned);
        Ok(answer)
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers, one a line.
    pub fn all_headers(&self) -> String {
        let shown = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
        };
        self.headers.iter().map(shown).collect()
    }

    /// The body as JSON of this shape.
    ///
    /// # Panics
    /// When it is not a success of that shape.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Api {
    /// The gateway at `base` (`http://127.0.0.1:8080`).
    ///
    /// # Panics
    /// When there can be no HTTP client.
    pub fn new(base: &str, token: &str) -> Self {
        // Streams have no total time; what must end is bounded where it is asked for.
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self {
            base: base.to_owned(),
            token: token.to_owned(),
            http,
        }
    }

    /// The gateway's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// One GET. The error says why there was no answer at all.
    ///
    /// # Errors
    /// When the connection fails or breaks.
    pub async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let request = self.http.get(format!("{}{path}", self.base)).timeout(PATIENCE);
        Answer::read(request.bearer_auth(&self.token).send().await?).await
    }

    /// One POST of JSON.
    ///
    /// # Errors
    /// When the connection fails or breaks.
    pub async fn try_post(
        &self,
        path: &str,
        body: &serde_json::Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.post(format!("{}{path}", self.base)).timeout(PATIENCE);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        Answer::read(request.bearer_auth(&self.token).send().await?).await
    }

    /// One POST of JSON, again while the answer is 503, as [`Api::get`]. What must be made once needs an `Idempotency-Key`.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &serde_json::Value, headers: &[(&str, &str)]) -> Answer {
        let deadline = tokio::time::Instant::now() + BOUND;
        loop {
            let answer = self.try_post(path, body, headers).await;
            let answer = answer.unwrap_or_else(|error| panic!("POST {path}: {error:?}"));
            if answer.status != 503 || tokio::time::Instant::now() > deadline {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One GET, again while the answer is 503: on a machine that does too much at once the database may take a while, and
    /// clients are told to come back then.
    ///
    /// # Panics
    /// When there is no answer, or still 503 after a while.
    pub async fn get(&self, path: &str) -> Answer {
        until(&format!("GET {path} is served"), async || {
            let answer = self.try_get(path).await;
            let answer = answer.unwrap_or_else(|error| panic!("GET {path}: {error:?}"));
            (answer.status != 503).then_some(answer)
        })
        .await
    }

    /// Whether `/readyz` says so.
    pub async fn is_ready(&self) -> bool {
        self.try_get("/readyz").await.is_ok_and(|answer| answer.status == 200)
    }

    /// Ready, or ready again in a moment: what lasts is a failure.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn assert_ready(&self) {
        within(Duration::from_secs(20), "the gateway is ready", async || {
            self.is_ready().await.then_some(())
        })
        .await;
    }

    /// Every deployment that fits the query (`provider=cloud66`, or nothing), newest first, over all pages.
    ///
    /// # Panics
    /// When a page cannot be had, or two pages show the same row, which must not happen on a walk by time of creation.
    pub async fn deployments(&self, query: &str) -> Vec<DeploymentView> {
        let mut all: Vec<DeploymentView> = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/deployments?limit=200&{query}{cursor}");
            let page: DeploymentList = self.get(path.trim_end_matches('&')).await.json();
            for item in &page.items {
                assert!(
                    all.iter().all(|known| known.id != item.id),
                    "{} twice in one walk",
                    item.id
                );
            }
            all.extend(page.items);
            match page.next_cursor {
                Some(next) if query.is_empty() => cursor = format!("cursor={next}"),
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// Waits until the deployments with these ids at the provider are there and `fit`. What they were meanwhile is printed.
    ///
    /// # Panics
    /// When it does not happen within the bound.
    #[expect(clippy::print_stdout, reason = "shown beside a failing test")]
    pub async fn wait_for_deployments(
        &self,
        provider_ids: &[String],
        bound: Duration,
        what: &str,
        fit: impl Fn(&DeploymentView) -> bool,
    ) {
        let mut shown = BTreeMap::new();
        within(
            bound,
            &format!("the deployments {provider_ids:?} are {what}"),
            async || {
                let all = self.deployments("").await;
                let found = all.iter().filter(|item| {
                    provider_ids
                        .iter()
                        .any(|id| Some(id) == item.provider_deployment_id.as_ref())
                });
                let found: Vec<_> = found.collect();
                for item in &found {
                    if shown.insert(item.id, item.version) != Some(item.version) {
                        let said = (
                            &item.status,
                            &item.phase,
                            item.is_finished,
                            &item.provider_status,
                            &item.observed_via,
                        );
                        println!("{}: {said:?}", item.id);
                    }
                }
                (found.len() == provider_ids.len() && found.iter().all(|item| fit(item))).then_some(())
            },
        )
        .await;
    }

    /// Every application, over all pages.
    ///
    /// # Panics
    /// When a page cannot be had.
    pub async fn applications(&self) -> Vec<ApplicationView> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: ApplicationList = self
                .get(&format!("/api/v1/applications?limit=200{cursor}"))
                .await
                .json();
            all.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// All accounts by name.
    ///
    /// # Panics
    /// When they cannot be had.
    pub async fn accounts(&self) -> BTreeMap<String, AccountView> {
        let list: AccountList = self.get("/api/v1/accounts").await.json();
        list.items
            .into_iter()
            .map(|account| (account.name.clone(), account))
            .collect()
    }

    /// The log's present position.
    ///
    /// # Panics
    /// When it cannot be had.
    pub async fn event_cursor(&self) -> String {
        let list: DeploymentList = self.get("/api/v1/deployments?limit=1").await.json();
        list.event_cursor
    }

    /// The events after a position, up to the end of the log, over all pages.
    ///
    /// # Panics
    /// When a page cannot be had.
    pub async fn events_after(&self, cursor: &str) -> Vec<EventView> {
        let mut all = Vec::new();
        let mut cursor = cursor.to_owned();
        loop {
            let page: EventList = self
                .get(&format!("/api/v1/events?limit=200&after={cursor}"))
                .await
                .json();
            if page.items.is_empty() {
                return all;
            }
            all.extend(page.items);
            cursor = page.next_cursor;
        }
    }

    /// Opens the event stream, from now on or after a position, as a client does that reconnects.
    ///
    /// # Errors
    /// When there is no connection.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn try_stream(&self, query: &str, last_event_id: Option<&str>) -> Result<Stream, reqwest::Error> {
        let response = self.ask_for_stream(query, last_event_id).await?;
        assert_eq!(response.status().as_u16(), 200, "the stream is served");
        assert_eq!(
            response
                .headers()
                .get("content-type")
                .and_then(|value| value.to_str().ok()),
            Some("text/event-stream")
        );
        Ok(Stream::new(response))
    }

    /// Opens the event stream where a gateway may be going or full.
    ///
    /// # Errors
    /// When there is no connection, or the stream is refused.
    pub async fn open_stream(&self, last_event_id: Option<&str>) -> Result<Stream, reqwest::Error> {
        let response = self.ask_for_stream("", last_event_id).await?;
        Ok(Stream::new(response.error_for_status()?))
    }

    /// Opens the live log of a deployment, from its beginning or after a position.
    ///
    /// # Panics
    /// When there is no stream.
    pub async fn log_stream(&self, deployment_id: impl std::fmt::Display, last_event_id: Option<&str>) -> Stream {
        let path = format!("{}/api/v1/deployments/{deployment_id}/logs/stream", self.base);
        let mut request = self.http.get(path).bearer_auth(&self.token);
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        Stream::new(response.unwrap_or_else(|error| panic!("the log of {deployment_id}: {error:?}")))
    }

    async fn ask_for_stream(
        &self,
        query: &str,
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut request = self.http.get(format!("{}/api/v1/events/stream{query}", self.base));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        request.bearer_auth(&self.token).send().await
    }

    /// As [`Api::try_stream`].
    ///
    /// # Panics
    /// When there is no stream.
    pub async fn stream(&self, last_event_id: Option<&str>) -> Stream {
        let stream = self.try_stream("", last_event_id).await;
        stream.unwrap_or_else(|error| panic!("the event stream: {error:?}"))
    }
}
