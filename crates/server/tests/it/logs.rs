//! Logs over HTTP: parts of a text, and lines as they come, on any replica.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use http::StatusCode;
use slipway_api::LogEventView;
use slipway_core::{Deployment, LogState, Status};
use slipway_server::Front;
use slipway_store::PgPool;
use slipway_store::logs::{self, Chunk, LogHead};
use time::OffsetDateTime;
use tower::ServiceExt;

use crate::access::{request, token};
use crate::harness::{Gateway, PATIENCE, READ, get, settings};
use crate::rows::{insert_account, insert_application, insert_deployment, insert_observed, observation, success};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

async fn running(gateway: &Gateway) -> Deployment {
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let shop = insert_application(pool, "main", "shop").await;
    insert_deployment(pool, &shop, time::Duration::ZERO).await
}

async fn append(pool: &PgPool, deployment: &Deployment, text: &str) {
    let mut conn = pool.acquire().await.expect("a connection");
    let head = logs::open(&mut conn, deployment.id, NOW)
        .await
        .expect("opened")
        .expect("open");
    let lines = i64::try_from(text.lines().count()).expect("few");
    let chunk = Chunk::plain(head.line_count + 1, lines, head.byte_count, text.to_owned());
    assert!(logs::append(&mut conn, &head, &chunk, NOW).await.expect("appended"));
}

/// Stores a final text as the engine does, the event apart.
async fn finish(pool: &PgPool, deployment: &Deployment, text: &str, goes_on: bool) {
    let mut tx = pool.begin().await.expect("a transaction");
    logs::open(&mut tx, deployment.id, NOW).await.expect("opened");
    let (mut chunks, mut line, mut byte) = (Vec::new(), 1, 0);
    // Small blocks, so that ranges lie across them.
    for part in text.split_inclusive('\n').collect::<Vec<_>>().chunks(3) {
        let block = part.concat();
        let chunk = Chunk::compressed(line, i64::try_from(part.len()).expect("few"), byte, &block);
        (line, byte) = (line + chunk.line_count, byte + chunk.byte_count);
        chunks.push(chunk);
    }
    logs::replace(&mut tx, deployment.id.0, LogState::Complete, &chunks, goes_on, NOW)
        .await
        .expect("replaced");
    sqlx::query("UPDATE deployments SET log_state = 'complete', is_finished = true WHERE id = $1")
        .bind(deployment.id.0)
        .execute(&mut *tx)
        .await
        .expect("complete");
    tx.commit().await.expect("committed");
}

fn lines(numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.map(|number| format!("line {number} ümlaut\n")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_served_whole_and_in_parts() {
    let gateway = Gateway::new().await;
    let deployment = running(&gateway).await;
    let path = format!("/deployments/{}/logs", deployment.id);
    let empty = gateway.get(&path).await;
    assert_eq!(
        (empty.status, empty.text.as_str(), empty.header("x-log-cursor")),
        (StatusCode::OK, "", "1:0")
    );
    append(&gateway.db.pool, &deployment, &lines(1..=4)).await;
    assert_eq!(gateway.get(&path).await.text, lines(1..=4));
    let text = lines(1..=20);
    finish(&gateway.db.pool, &deployment, &text, true).await;
    let whole = gateway.get(&path).await;
    assert_eq!((whole.status, whole.text.as_str()), (StatusCode::OK, text.as_str()));
    for (name, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("accept-ranges", "bytes"),
        ("x-log-cursor", "1:20"),
        ("content-length", &text.len().to_string()),
        ("cache-control", "private, no-cache"),
    ] {
        assert_eq!(whole.header(name), value, "{name}");
    }
    for (query, expected) in [
        ("?after_line=0", lines(1..=20)),
        ("?after_line=7", lines(8..=20)),
        ("?after_line=20", String::new()),
        ("?after_line=99", String::new()),
        ("?tail=2", lines(19..=20)),
        ("?tail=0", String::new()),
        ("?tail=99", lines(1..=20)),
        ("?after_line=5&tail=99", lines(6..=20)),
        ("?after_line=5&tail=3", lines(18..=20)),
    ] {
        let answer = gateway.get(&format!("{path}{query}")).await;
        assert_eq!((answer.status, answer.text), (StatusCode::OK, expected), "{query}");
    }
    for query in ["?tail=-1", "?after_line=x", "?lines=1"] {
        assert_eq!(gateway.get(&format!("{path}{query}")).await.status, 400, "{query}");
    }
    let tag = whole.header("etag").to_owned();
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gateway.ask(request.body(Body::empty()).expect("a request")).await
    };
    let known = ask(&path, &[("if-none-match", &tag)]).await;
    assert_eq!(
        (known.status, known.text.as_str(), known.header("etag")),
        (StatusCode::NOT_MODIFIED, "", tag.as_str())
    );
    let size = text.len();
    let ascii = "bytes=0-6";
    for (range, expected) in [
        (ascii, 0..7),
        ("bytes=-8", size - 8..size),
        ("bytes=57-", 57..size),
        ("bytes=40-90", 40..91),
    ] {
        let answer = gateway
            .send(
                get(&path)
                    .header("range", range)
                    .body(Body::empty())
                    .expect("a request"),
            )
            .await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
        let told = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
        assert_eq!(answer.headers()["content-range"], told.as_str());
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.expect("a body");
        assert_eq!(body, &text.as_bytes()[expected], "{range}");
    }
    let part = ask(&format!("{path}?after_line=19"), &[("range", "bytes=0-6")]).await;
    assert_eq!(part.text, "line 20", "a range of what is asked for");
    let beyond = ask(&path, &[("range", "bytes=100000-")]).await;
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (StatusCode::RANGE_NOT_SATISFIABLE, format!("bytes */{size}").as_str())
    );
    assert_eq!(beyond.json()["code"], "range_not_satisfiable");
    assert_eq!(ask(&path, &[("range", ascii), ("if-range", &tag)]).await.status, 206);
    assert_eq!(
        ask(&path, &[("range", ascii), ("if-range", "\"old\"")]).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_log_it_is_said_why() {
    let gateway = Gateway::new().await;
    let deployment = running(&gateway).await;
    let pool = &gateway.db.pool;
    // An account that is not configured can do nothing, as Cloud 66 cannot with logs.
    let other = insert_application(pool, "elsewhere", "other").await;
    let without = insert_deployment(pool, &other, time::Duration::ZERO).await;
    for suffix in ["", "/stream"] {
        let answer = gateway.get(&format!("/deployments/{}/logs{suffix}", without.id)).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (409, &"capability_not_supported".into())
        );
        assert!(
            answer.json()["detail"]
                .as_str()
                .expect("a detail")
                .contains("provider_url")
        );
    }
    sqlx::query("UPDATE deployments SET log_state = 'missing' WHERE id = $1")
        .bind(deployment.id.0)
        .execute(pool)
        .await
        .expect("missing");
    let answer = gateway.get(&format!("/deployments/{}/logs", deployment.id)).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (404, &"log_not_found".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_log_is_fetched_once_for_all_who_ask() {
    let gateway = Gateway::new().await;
    let pool = gateway.db.pool.clone();
    insert_account(&pool, "main", Some(success())).await;
    let shop = insert_application(&pool, "main", "shop").await;
    let deployment = insert_observed(&pool, &shop, time::Duration::ZERO, &observation(Status::Succeeded)).await;
    let path = format!("/deployments/{}/logs", deployment.id);
    let fetched = async {
        let accounts = ["main".to_owned()];
        loop {
            let mut conn = pool.acquire().await.expect("a connection");
            let due = logs::acquire_fetches(&mut conn, &accounts, time::Duration::MINUTE, 10)
                .await
                .expect("looked");
            if let [only] = due.as_slice() {
                assert!(only.is_wanted);
                break;
            }
            drop(conn);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        finish(&pool, &deployment, &lines(1..=3), true).await;
    };
    let asking = async { tokio::join!(gateway.get(&path), gateway.get(&path), gateway.get(&path)) };
    let ((first, second, third), ()) = tokio::join!(asking, fetched);
    for answer in [first, second, third] {
        assert_eq!((answer.status, answer.text), (StatusCode::OK, lines(1..=3)));
    }
}

struct Reader {
    body: BodyDataStream,
    pending: String,
    blocks: VecDeque<(Option<String>, LogEventView)>,
}

impl Reader {
    async fn open(router: &Front, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = request("GET", path, None, None);
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let response = router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body().into_data_stream(),
            pending: String::new(),
            blocks: VecDeque::new(),
        }
    }

    /// The next block with data; none at the end.
    async fn next(&mut self) -> Option<(Option<String>, LogEventView)> {
        while self.blocks.is_empty() {
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("in time")?;
            self.pending
                .push_str(std::str::from_utf8(&chunk.expect("a chunk")).expect("text"));
            while let Some((block, rest)) = self.pending.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let Some(data) = field("data: ") {
                    let view: LogEventView = serde_json::from_str(&data).expect("an event");
                    assert_eq!(
                        (field("id: "), field("event: ")),
                        (view.id.clone(), Some(view.r#type.clone()))
                    );
                    self.blocks.push_back((field("id: "), view));
                }
                self.pending = rest.to_owned();
            }
        }
        self.blocks.pop_front()
    }

    async fn line(&mut self) -> (String, String) {
        let (id, view) = self.next().await.expect("a line");
        (id.unwrap_or_else(|| panic!("{view:?}")), view.text.expect("text"))
    }

    async fn control(&mut self) -> LogEventView {
        let (id, view) = self.next().await.expect("a frame");
        assert_eq!(id, None, "{view:?}");
        view
    }
}

fn bearer() -> String {
    format!("Bearer {READ}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_come_live_once_each_on_any_replica_wherever_the_stream_is_cut() {
    let gateway = Gateway::new().await;
    let (other, _running) = gateway.another().await;
    let deployment = running(&gateway).await;
    let path = format!("/api/v1/deployments/{}/logs/stream", deployment.id);
    let bearer = bearer();
    let routers = [&gateway.router, &other];
    let mut uncut = Reader::open(&other, &path, &[("authorization", &bearer)]).await;
    let mut last: Option<String> = None;
    for number in 1..=12_u32 {
        let router = routers[number as usize % 2];
        // Every other time by the header, which wins over the parameter, else by the parameter.
        let mut reader = match (&last, number % 3) {
            (None, _) => Reader::open(router, &path, &[("authorization", &bearer)]).await,
            (Some(id), 0) => Reader::open(router, &format!("{path}?after={id}"), &[("authorization", &bearer)]).await,
            (Some(id), _) => {
                let headers = [("authorization", bearer.as_str()), ("last-event-id", id.as_str())];
                Reader::open(router, &format!("{path}?after=1:0"), &headers).await
            }
        };
        let text = lines(number..=number);
        // Before or after it is there.
        if number % 2 == 0 {
            append(&gateway.db.pool, &deployment, &text).await;
            last = Some(reader.line().await.0);
        } else {
            let (line, ()) = tokio::join!(reader.line(), append(&gateway.db.pool, &deployment, &text));
            last = Some(line.0);
        }
        assert_eq!(last.as_deref(), Some(format!("1:{number}").as_str()));
        assert_eq!(
            uncut.line().await,
            (format!("1:{number}"), format!("line {number} ümlaut"))
        );
    }
    finish(&gateway.db.pool, &deployment, &lines(1..=14), true).await;
    for number in 13..=14 {
        assert_eq!(uncut.line().await.0, format!("1:{number}"));
    }
    let end = uncut.control().await;
    assert_eq!(
        (end.r#type.as_str(), end.reason.as_deref(), end.cursor.as_deref()),
        ("end", Some("complete"), Some("1:14"))
    );
    assert!(uncut.next().await.is_none());
    let mut late = Reader::open(
        &gateway.router,
        &format!("{path}?after=1:12"),
        &[("authorization", &bearer)],
    )
    .await;
    assert_eq!(
        (late.line().await.0, late.line().await.0),
        ("1:13".to_owned(), "1:14".to_owned())
    );
    assert_eq!(late.control().await.r#type, "end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_another_now_is_told_by_a_reset() {
    let gateway = Gateway::new().await;
    let deployment = running(&gateway).await;
    let path = format!("/api/v1/deployments/{}/logs/stream", deployment.id);
    let bearer = bearer();
    append(&gateway.db.pool, &deployment, &lines(1..=3)).await;
    let mut reader = Reader::open(&gateway.router, &path, &[("authorization", &bearer)]).await;
    for number in 1..=3 {
        assert_eq!(reader.line().await.0, format!("1:{number}"));
    }
    finish(&gateway.db.pool, &deployment, "other\n", false).await;
    let reset = reader.control().await;
    assert_eq!((reset.r#type.as_str(), reset.cursor.as_deref()), ("reset", Some("2:0")));
    assert_eq!(reader.line().await, ("2:1".to_owned(), "other".to_owned()));
    assert_eq!(reader.control().await.r#type, "end");
    for stale in ["1:3", "2:7", "9:9"] {
        let mut reader = Reader::open(
            &gateway.router,
            &format!("{path}?after={stale}"),
            &[("authorization", &bearer)],
        )
        .await;
        assert_eq!(reader.control().await.r#type, "reset", "{stale}");
        assert_eq!(reader.line().await.0, "2:1");
    }
    for broken in ["", "x", "1", "1:-1"] {
        let query = format!("{}?after={broken}", path.trim_start_matches("/api/v1"));
        let answer = gateway.get(&query).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (400, &"invalid_cursor".into()),
            "{broken}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_followed_log_ends_with_its_token_and_with_the_process() {
    let gateway = Gateway::new().await;
    let deployment = running(&gateway).await;
    append(&gateway.db.pool, &deployment, &lines(1..=1)).await;
    let path = format!("/api/v1/deployments/{}/logs/stream", deployment.id);
    let (_, secret) = token(&gateway, &["logs:read"], slipway_store::Visibility::default()).await;
    let mut doomed = Reader::open(
        &gateway.router,
        &path,
        &[("authorization", &format!("Bearer {secret}"))],
    )
    .await;
    assert_eq!(doomed.line().await.0, "1:1");
    sqlx::query("UPDATE tokens SET revoked_at = now()")
        .execute(&gateway.db.pool)
        .await
        .expect("revoked");
    let changed = std::time::Instant::now();
    let told = doomed.control().await;
    assert_eq!(
        (told.r#type.as_str(), told.reason.as_deref()),
        ("auth_expired", Some("revoked"))
    );
    assert!(doomed.next().await.is_none() && changed.elapsed() < Duration::from_secs(5));

    let answer = gateway
        .ask(request("POST", "/api/v1/stream-tickets", Some(READ), None))
        .await;
    let ticket = answer.json()["ticket"].as_str().expect("a ticket").to_owned();
    let mut reader = Reader::open(&gateway.router, &format!("{path}?ticket={ticket}"), &[]).await;
    assert_eq!(reader.line().await.0, "1:1");
    gateway.shutdown.cancel();
    assert!(reader.next().await.is_none(), "nothing but where to go on");
    assert!(reader.pending.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_far_behind_reads_page_by_page_and_misses_nothing() {
    let gateway = Gateway::new().await;
    let deployment = running(&gateway).await;
    let long: String = (1..=30_000)
        .map(|number| format!("line {number} of a long log\n"))
        .collect();
    finish(&gateway.db.pool, &deployment, &long, true).await;
    let head: Option<LogHead> = logs::find_head(
        &mut gateway.db.pool.acquire().await.expect("a connection"),
        deployment.id.0,
    )
    .await
    .expect("a read");
    assert_eq!(head.expect("there").line_count, 30_000);
    let path = format!("/api/v1/deployments/{}/logs/stream?after=1:29000", deployment.id);
    let mut some = Reader::open(&gateway.router, &path, &[("authorization", &bearer())]).await;
    let path = format!("/api/v1/deployments/{}/logs/stream", deployment.id);
    let mut all = Reader::open(&gateway.router, &path, &[("authorization", &bearer())]).await;
    for number in 1..=30_000 {
        assert_eq!(all.line().await.0, format!("1:{number}"));
        if number > 29_000 {
            assert_eq!(some.line().await.0, format!("1:{number}"));
        }
    }
    assert_eq!(all.control().await.r#type, "end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_syncs_an_old_log_is_noted_and_the_answer_says_why() {
    let gateway = Gateway::with(slipway_server::ServerSettings {
        request_timeout: Duration::from_millis(500),
        ..settings()
    })
    .await;
    let pool = &gateway.db.pool;
    insert_account(pool, "main", Some(success())).await;
    let shop = insert_application(pool, "main", "shop").await;
    let ended = insert_observed(pool, &shop, time::Duration::ZERO, &observation(Status::Succeeded)).await;
    let path = format!("/deployments/{}/logs", ended.id);
    let code = |answer: &crate::harness::Answer| answer.json()["code"].as_str().map(str::to_owned);
    let answer = gateway.get(&path).await;
    assert_eq!(
        (answer.status.as_u16(), code(&answer).as_deref()),
        (503, Some("log_not_fetched")),
        "{}",
        answer.text
    );
    assert!(!answer.header("retry-after").is_empty() && answer.text.contains("--no-sync"));
    // Whoever syncs finds what is asked for, and as soon as it has tried, the provider is what is waited for.
    let mut conn = pool.acquire().await.expect("a connection");
    let accounts = ["main".to_owned()];
    let due = logs::acquire_fetches(&mut conn, &accounts, time::Duration::HOUR, 10).await;
    let due = due.expect("a read");
    assert_eq!(
        due.iter().map(|due| due.deployment_id).collect::<Vec<_>>(),
        [ended.id.0]
    );
    let answer = gateway.get(&path).await;
    assert_eq!(code(&answer).as_deref(), Some("provider_unavailable"));
}
