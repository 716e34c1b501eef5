//! The live stream.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use slipway_api::EventView;
use slipway_core::Status;

use crate::harness::{Gateway, PATIENCE, get, settings};
use crate::rows::{advance, insert_account, insert_application, insert_deployment, success};

/// One block of a stream, as the specification has it parsed.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    retry: Option<u32>,
    comments: usize,
}

impl Block {
    pub(crate) fn view(&self) -> EventView {
        serde_json::from_str(self.data.as_deref().expect("data")).expect("an event")
    }

    pub(crate) fn is_event(&self) -> bool {
        self.id.is_some() && self.data.is_some()
    }
}

pub(crate) struct Reader {
    body: BodyDataStream,
    pending: String,
}

impl Reader {
    pub(crate) async fn open(gateway: &Gateway, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = get(path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = gateway.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        Self::of(response.into_body())
    }

    pub(crate) fn of(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            pending: String::new(),
        }
    }

    /// The next block; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((text, rest)) = self.pending.split_once("\n\n") {
                let block = parse(text);
                self.pending = rest.to_owned();
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("in time")?;
            self.pending
                .push_str(std::str::from_utf8(&chunk.expect("a chunk")).expect("text"));
        }
    }

    /// The next events, whatever stands between them.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Block> {
        let mut events = Vec::new();
        while events.len() < count {
            let block = self.next().await.expect("more");
            if block.is_event() {
                events.push(block);
            }
        }
        events
    }

    async fn until(&mut self, event: &str) -> Block {
        loop {
            let block = self.next().await.expect("more");
            if block.event.as_deref() == Some(event) {
                return block;
            }
        }
    }

    /// Until a heartbeat says why something is wrong, or that nothing is.
    async fn until_reason(&mut self, reason: Option<&str>) {
        let told = async { while self.until("heartbeat").await.view().reason.as_deref() != reason {} };
        tokio::time::timeout(PATIENCE, told).await.expect("in time");
    }
}

fn parse(text: &str) -> Block {
    let mut block = Block::default();
    for line in text.lines() {
        match line.split_once(": ").expect("a field") {
            ("id", id) => block.id = Some(id.to_owned()),
            ("event", event) => block.event = Some(event.to_owned()),
            ("data", data) => block.data = Some(data.to_owned()),
            ("retry", retry) => block.retry = Some(retry.parse().expect("a number")),
            ("", _) => block.comments += 1,
            other => panic!("{other:?}"),
        }
    }
    block
}

fn ids(blocks: &[Block]) -> Vec<String> {
    blocks.iter().map(|block| block.id.clone().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_with_now_and_gives_what_comes() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    gateway.feed.wait_for(&gateway.cursor(1)).await;
    let mut reader = Reader::open(&gateway, "/events/stream", None).await;
    let first = reader.next().await.unwrap();
    assert!(
        first.retry.is_some_and(|retry| (1_000..=5_000).contains(&retry)) && first.comments == 1,
        "{first:?}"
    );
    assert_eq!((first.id, first.data), (Some(gateway.cursor(1).to_string()), None));
    let mut deployment = insert_deployment(&gateway.db.pool, &shop, time::Duration::ZERO).await;
    advance(&gateway.db.pool, &mut deployment, Status::Failed).await;
    let events = reader.events(2).await;
    assert_eq!(
        ids(&events),
        [gateway.cursor(2).to_string(), gateway.cursor(3).to_string()]
    );
    let view = events[1].view();
    assert_eq!(events[1].event.as_deref(), Some("deployment.finished"));
    assert_eq!(
        (view.r#type.as_str(), view.id),
        ("deployment.finished", events[1].id.clone())
    );
    let shown = gateway.get_ok(&format!("/deployments/{}", deployment.id)).await;
    assert_eq!(serde_json::to_value(view.deployment).unwrap(), shown.json());
    // The twin carries the same bytes.
    let twin = gateway.get_ok(&format!("/events?after={}", gateway.cursor(2))).await;
    assert!(twin.text.contains(events[1].data.as_deref().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_after_any_event_and_resumed_it_has_no_gap_and_no_duplicate() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    for index in 0..11 {
        insert_deployment(&gateway.db.pool, &shop, time::Duration::seconds(index)).await;
    }
    let all: Vec<String> = (1..=12).map(|seq| gateway.cursor(seq).to_string()).collect();
    let start = gateway.cursor(0).to_string();
    for cut in 0..all.len() {
        let mut first = Reader::open(&gateway, &format!("/events/stream?after={start}"), None).await;
        let mut joined = ids(&first.events(cut).await);
        drop(first);
        let last = joined.last().cloned().unwrap_or_else(|| start.clone());
        // A browser reconnects to its first URL: the header wins.
        let mut second = Reader::open(&gateway, &format!("/events/stream?after={start}"), Some(&last)).await;
        joined.extend(ids(&second.events(all.len() - cut).await));
        assert_eq!(joined, all, "cut after {cut}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filtered_stream_hears_of_the_position_that_was_looked_at() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        heartbeat_interval: Duration::from_millis(100),
        ..settings()
    })
    .await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let shop = insert_application(pool, "main", "shop").await;
    let start = gateway.cursor(0);
    let mut reader = Reader::open(&gateway, &format!("/events/stream?after={start}&status=failed"), None).await;
    let mut deployment = insert_deployment(pool, &shop, time::Duration::ZERO).await;
    let looked_at = gateway.cursor(2).to_string();
    // No event matches; an id without data follows the heartbeat that names the same position.
    for beats in 0.. {
        assert!(beats < 100, "the position is told");
        let beat = reader.until("heartbeat").await;
        let view = beat.view();
        assert_eq!((&beat.id, &view.id, &view.reason), (&None, &None, &None));
        assert!(beat.comments > 0);
        assert_eq!(view.freshness.len(), 1);
        if view.cursor.as_ref() == Some(&looked_at) {
            break;
        }
    }
    let block = reader.next().await.unwrap();
    assert_eq!(
        block,
        Block {
            id: Some(looked_at),
            ..Block::default()
        }
    );
    // It is told once, not with every heartbeat.
    assert_eq!(reader.next().await.unwrap().event.as_deref(), Some("heartbeat"));
    assert_eq!(reader.next().await.unwrap().event.as_deref(), Some("heartbeat"));
    advance(pool, &mut deployment, Status::Failed).await;
    assert_eq!(ids(&reader.events(1).await), [gateway.cursor(3).to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_cannot_be_resumed_from_gets_a_reset_and_goes_on_live() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    for (last_event_id, reason) in [
        ("other-1".to_owned(), "unknown_epoch"),
        (gateway.cursor(9_999).to_string(), "beyond_head"),
    ] {
        let mut reader = Reader::open(&gateway, "/events/stream", Some(&last_event_id)).await;
        let reset = reader.until("reset").await;
        let view = reset.view();
        assert_eq!((reset.id, view.id, view.reason.as_deref()), (None, None, Some(reason)));
        let fresh = view.cursor.expect("a fresh position");
        assert_eq!(
            reader.next().await.unwrap(),
            Block {
                id: Some(fresh.clone()),
                ..Block::default()
            }
        );
        insert_deployment(&gateway.db.pool, &shop, time::Duration::ZERO).await;
        let fresh: slipway_api::Cursor = fresh.parse().unwrap();
        assert_eq!(
            ids(&reader.events(1).await),
            [gateway.cursor(fresh.seq + 1).to_string()]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_it_stays_open_and_says_so() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        heartbeat_interval: Duration::from_millis(200),
        ..settings()
    })
    .await;
    let mut reader = Reader::open(&gateway, "/events/stream", None).await;
    assert_eq!(reader.until("heartbeat").await.view().reason, None);
    gateway.db.pool.close().await;
    // The reader has a connection of its own: a database that is gone takes nobody's connection any more.
    let admin = slipway_test_database::TestDatabase::create().await.unwrap();
    let (name, block) = (&gateway.db.name, "ALLOW_CONNECTIONS");
    sqlx::query(sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{name}\" {block} false")))
        .execute(&admin.pool)
        .await
        .unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(cut).bind(name).execute(&admin.pool).await.unwrap();
    reader.until_reason(Some("database_unavailable")).await;
    sqlx::query(sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{name}\" {block} true")))
        .execute(&admin.pool)
        .await
        .unwrap();
    reader.until_reason(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_it_ends_with_a_position_and_a_pause() {
    let gateway = Gateway::new().await;
    let mut reader = Reader::open(&gateway, "/events/stream", None).await;
    reader.next().await.unwrap();
    gateway.shutdown.cancel();
    let last = reader.next().await.unwrap();
    assert_eq!(
        (last.id.as_deref(), last.data.as_ref()),
        (Some(gateway.cursor(0).to_string().as_str()), None)
    );
    assert!(last.retry.is_some());
    assert!(reader.next().await.is_none());
}
