//! A gateway without any sync: database, feed and router.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use slipway_api::Cursor;
use slipway_core::SystemClock;
use slipway_core::provider::{ProviderRegistry, SharedProvider};
use slipway_engine::freezes::Freezes;
use slipway_engine::{Context, Writes};
use slipway_feed::{Feed, FeedSettings};
use slipway_provider_http::CallBook;
use slipway_server::{AppState, Front, Oidc, Scopes, ServerSettings, Services, TaskStatuses, Token, router};
use slipway_store::event_log;
use slipway_test_database::TestDatabase;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

use crate::rows::TestProvider;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const READ: &str = "a-token-to-read";
pub(crate) const ADMIN: &str = "a-token-for-everything";

pub(crate) struct Gateway {
    pub(crate) db: TestDatabase,
    pub(crate) feed: Feed,
    pub(crate) router: Front,
    pub(crate) shutdown: CancellationToken,
    _stop_reader: DropGuard,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("printable"))
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.json()["items"].as_array().expect("items").clone()
    }
}

pub(crate) fn settings() -> ServerSettings {
    // So long that no test sees one by chance.
    ServerSettings {
        heartbeat_interval: Duration::from_secs(3600),
        ..ServerSettings::default()
    }
}

async fn replica(
    db: &TestDatabase,
    provider: SharedProvider,
    settings: ServerSettings,
    tasks: TaskStatuses,
    oidc: Option<Arc<Oidc>>,
) -> (Feed, Front, CancellationToken, DropGuard) {
    let poll_interval = Duration::from_millis(200);
    let feed_settings = FeedSettings {
        poll_interval,
        ..FeedSettings::default()
    };
    let clock = Arc::new(SystemClock);
    let feed = Feed::start(db.pool.clone(), db.options.clone(), feed_settings, clock.clone())
        .await
        .expect("a feed");
    let stop_reader = CancellationToken::new();
    let (running, token) = (feed.clone(), stop_reader.clone());
    tokio::spawn(async move { running.run(token).await });
    let mut registry = ProviderRegistry::default();
    registry.insert("main".into(), provider);
    let shutdown = CancellationToken::new();
    let tokens = [
        Token::from_secret("reader", Scopes::READ, READ),
        Token::from_secret("boss", Scopes::ADMIN, ADMIN),
    ];
    let context = Context::new(db.pool.clone(), registry.clone(), clock.clone());
    let state = AppState::new(Services {
        pool: db.pool.clone(),
        writes: Writes::new(context, Freezes::default()),
        feed: feed.clone(),
        clock,
        tokens: tokens.into_iter().collect(),
        oidc,
        tasks,
        figures: Arc::default(),
        calls: CallBook::default(),
        settings,
        shutdown: shutdown.clone(),
    });
    (feed, router(state, Router::new()), shutdown, stop_reader.drop_guard())
}

impl Gateway {
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: ServerSettings) -> Self {
        Self::with_tasks(settings, Arc::new(Vec::new)).await
    }

    pub(crate) async fn with_tasks(settings: ServerSettings, tasks: TaskStatuses) -> Self {
        Self::assemble(Arc::new(TestProvider), settings, tasks, None).await
    }

    /// One whose account is this provider's.
    pub(crate) async fn over(provider: SharedProvider, settings: ServerSettings) -> Self {
        Self::assemble(provider, settings, Arc::new(Vec::new), None).await
    }

    /// One that trusts an issuer.
    pub(crate) async fn trusting(oidc: Oidc) -> Self {
        let provider = Arc::new(TestProvider);
        Self::assemble(provider, settings(), Arc::new(Vec::new), Some(Arc::new(oidc))).await
    }

    async fn assemble(
        provider: SharedProvider,
        settings: ServerSettings,
        tasks: TaskStatuses,
        oidc: Option<Arc<Oidc>>,
    ) -> Self {
        let db = TestDatabase::create().await.expect("a database");
        let (feed, router, shutdown, stop_reader) = replica(&db, provider, settings, tasks, oidc).await;
        Self {
            db,
            feed,
            router,
            shutdown,
            _stop_reader: stop_reader,
        }
    }

    /// Another replica on the same database, which ends with what is answered beside it.
    pub(crate) async fn another(&self) -> (Front, DropGuard) {
        let provider = Arc::new(TestProvider);
        let (_, router, _, stop_reader) = replica(&self.db, provider, settings(), Arc::new(Vec::new), None).await;
        (router, stop_reader)
    }
    /// Sends a request and hands back the head of the answer with a body that can still flow.
    pub(crate) async fn send(&self, request: Request<Body>) -> http::Response<Body> {
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("a router never fails")
    }

    /// Sends a request and reads the answer to its end.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        let bytes = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .expect("in time")
            .expect("a body")
            .to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    /// Reads with the token that may.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(get(path).body(Body::empty()).expect("a request")).await
    }

    /// Waits until the feed has read everything that is committed: who writes and reads at once may be faster than it.
    pub(crate) async fn settle(&self) {
        let head = event_log::find_head(&mut self.db.pool.acquire().await.expect("a connection"))
            .await
            .expect("a head");
        let head = Cursor {
            epoch: head.epoch,
            seq: head.seq,
        };
        assert!(
            tokio::time::timeout(PATIENCE, self.feed.wait_for(&head))
                .await
                .expect("in time")
        );
    }

    /// Reads what has to be there, once everything committed can be seen.
    pub(crate) async fn get_ok(&self, path: &str) -> Answer {
        self.settle().await;
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer
    }

    pub(crate) fn cursor(&self, seq: i64) -> Cursor {
        Cursor {
            epoch: self.feed.head().expect("a head").epoch,
            seq,
        }
    }
}

/// A request under the base path with the token that reads.
pub(crate) fn get(path: &str) -> http::request::Builder {
    let uri = if path.starts_with("/api/") {
        path.to_owned()
    } else {
        format!("/api/v1{path}")
    };
    Request::get(uri).header(header::AUTHORIZATION, format!("Bearer {READ}"))
}
