//! A plain client of the simulator's servers.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use slipway_simulator::{Simulator, SimulatorSettings, World};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Nothing in these tests takes longer, unless it is broken.
pub(crate) const BOUND: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    pub(crate) simulator: Simulator,
    pub(crate) http: reqwest::Client,
    jwt: String,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }
}

pub(crate) fn http_client() -> reqwest::Client {
    // Every test of the process tries; the first one wins.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(BOUND).build().unwrap()
}

/// A small world whose clock stands still and that counts no requests against a limit.
pub(crate) fn settings() -> SimulatorSettings {
    SimulatorSettings {
        cloud66_stacks: 4,
        scalingo_apps: 4,
        rate_limits: false,
        ..SimulatorSettings::default()
    }
}

impl Client {
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: SimulatorSettings) -> Self {
        let simulator = Simulator::start(settings).await.unwrap();
        simulator.world().pause();
        let mut client = Self {
            simulator,
            http: http_client(),
            jwt: String::new(),
        };
        client.jwt = client.exchange().await;
        client.world().requests().clear();
        client
    }

    pub(crate) fn world(&self) -> &World {
        self.simulator.world()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.world().advance(Duration::from_secs(seconds));
    }

    pub(crate) fn jwt(&self) -> &str {
        &self.jwt
    }

    pub(crate) async fn exchange(&self) -> String {
        let url = format!("{}/v1/tokens/exchange", self.simulator.scalingo_auth_url());
        let response = self
            .http
            .post(url)
            .basic_auth("", Some(self.simulator.scalingo_token()))
            .send()
            .await
            .unwrap();
        let answer = Answer::of(response).await;
        assert_eq!(answer.status, 200);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// A call of Cloud 66 below `/api/3`.
    pub(crate) async fn cloud66(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}/api/3{path}", self.simulator.cloud66_url());
        let mut request = self
            .http
            .request(method, url)
            .bearer_auth(self.simulator.cloud66_token());
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// A call of Scalingo below `/v1`.
    pub(crate) async fn scalingo(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}/v1{path}", self.simulator.scalingo_api_url());
        let mut request = self.http.request(method, url).bearer_auth(&self.jwt);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// A call of the control API.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.simulator.control_url()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// Open the deployment socket of an app as its own `links` tell, and authenticate. The server may still be at it: what
    /// happens before the first frame of the replay is part of the replay.
    pub(crate) async fn stream(&self, app: &str) -> Stream {
        let app = self.scalingo(Method::GET, &format!("/apps/{app}"), None).await.json();
        let mut stream = Stream::open(app["app"]["links"]["deployments_stream"].as_str().unwrap()).await;
        stream.authenticate(&self.jwt).await;
        stream
    }
}

pub(crate) struct Stream(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Stream {
    pub(crate) async fn open(url: &str) -> Self {
        Self(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    pub(crate) async fn authenticate(&mut self, token: &str) {
        let frame = json!({ "type": "auth", "data": { "token": token } });
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next frame; None when the socket ended, in whatever way.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(BOUND, self.0.next())
                .await
                .expect("no frame and no end in time");
            match message {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Frames up to and including the first one that fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        let awaited = async {
            loop {
                frames.push(self.next().await.expect("the socket ended"));
                if fits(&frames[frames.len() - 1]) {
                    break;
                }
            }
        };
        // Pings alone must not keep a test waiting for ever.
        tokio::time::timeout(BOUND, awaited)
            .await
            .expect("the frame never came");
        frames
    }
}

/// Wait for a condition, with a bound.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(BOUND, waited).await.is_ok(), "never came: {what}");
}
