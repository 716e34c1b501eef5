//! Nobody learns of what they may not see: not from lists, items, counts, freshness, events or streams.

use axum::body::Body;
use futures_util::StreamExt;
use slipway_core::{Application, EventType, Status};
use slipway_server::Front;
use slipway_store::Visibility;
use slipway_store::event_log::{self, NewEvent};
use time::Duration;
use tower::ServiceExt;

use super::{now, of_account, request, token};
use crate::harness::{Gateway, PATIENCE, settings};
use crate::rows::{advance, insert_account, insert_application, insert_deployment, success};

const SCOPES: [&str; 2] = ["deployments:read", "events:read"];

/// Reads a stream until it has said something.
async fn read_until(router: &Front, path: &str, secret: &str, wanted: &str) -> String {
    let response = router
        .clone()
        .oneshot(request("GET", path, Some(secret), None))
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    let mut body = Body::into_data_stream(response.into_body());
    let mut text = String::new();
    let reading = async {
        while !text.contains(wanted) {
            let chunk = body.next().await.expect("more").expect("a chunk");
            text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("in time");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_hidden_is_in_no_answer() {
    let settings = slipway_server::ServerSettings {
        heartbeat_interval: std::time::Duration::from_millis(200),
        ..settings()
    };
    let gateway = Gateway::with(settings).await;
    let pool = &gateway.db.pool;
    for account in ["main", "hidden-account"] {
        insert_account(pool, account, Some(success())).await;
    }
    let shown = insert_application(pool, "main", "shop").await;
    let hidden = insert_application(pool, "hidden-account", "hidden-app").await;
    let first = insert_deployment(pool, &shown, Duration::ZERO).await;
    let mut second = insert_deployment(pool, &hidden, Duration::MINUTE).await;
    advance(pool, &mut second, Status::InProgress).await;
    let head = event_log::find_head(&mut pool.acquire().await.expect("a connection"))
        .await
        .expect("a head");
    gateway.feed.wait_for(&gateway.cursor(head.seq)).await;
    let secrets_of_others = [
        "hidden-account".to_owned(),
        "hidden-app".to_owned(),
        hidden.id.to_string(),
        second.id.to_string(),
    ];

    let by_application = Visibility {
        applications: vec![shown.id.0],
        ..Visibility::default()
    };
    for visibility in [of_account("main"), by_application] {
        let (_, secret) = token(&gateway, &SCOPES, visibility.clone()).await;
        let ask = async |path: &str| {
            gateway
                .ask(request("GET", &format!("/api/v1{path}"), Some(&secret), None))
                .await
        };
        let after = gateway.cursor(0);
        for path in [
            "/whoami".to_owned(),
            "/providers".to_owned(),
            "/accounts".to_owned(),
            "/applications".to_owned(),
            "/applications?account=hidden-account".to_owned(),
            "/deployments".to_owned(),
            "/deployments?account=hidden-account".to_owned(),
            format!("/deployments?application={}", hidden.id),
            format!("/events?after={after}"),
            format!("/events?after={after}&account=hidden-account"),
        ] {
            let answer = ask(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            for word in &secrets_of_others {
                assert!(
                    !answer.text.contains(word.as_str()),
                    "{path} tells of {word}: {}",
                    answer.text
                );
            }
        }
        for path in [
            "/accounts/hidden-account".to_owned(),
            format!("/applications/{}", hidden.id),
            format!("/applications/{}/deployments", hidden.id),
            format!("/deployments/{}", second.id),
            format!("/deployments/{}/timeline", second.id),
        ] {
            let (mut told, mut missing) = (ask(&path).await.json(), {
                let nothing = "018f0000-0000-7000-8000-000000000000";
                let path = path
                    .replace(&hidden.id.to_string(), nothing)
                    .replace(&second.id.to_string(), nothing)
                    .replace("hidden-account", "nothing");
                ask(&path).await.json()
            });
            assert_eq!(told["status"], 404, "{path}");
            told["request_id"].take();
            missing["request_id"].take();
            assert_eq!(told, missing, "{path}: as if it did not exist");
        }
        assert_eq!(ask("/applications").await.items().len(), 1);
        assert_eq!(ask("/deployments").await.items()[0]["id"], first.id.to_string());
        let accounts = ask("/accounts").await;
        assert_eq!(
            (accounts.items().len(), &accounts.items()[0]["application_count"]),
            (1, &1.into())
        );
        assert_eq!(
            accounts.json()["freshness"]["accounts"].as_array().map(Vec::len),
            Some(1)
        );

        let path = format!("/api/v1/events/stream?after={after}");
        let text = read_until(&gateway.router, &path, &secret, "event: heartbeat").await;
        assert!(
            text.contains("deployment.created") && text.contains(&first.id.to_string()),
            "{text}"
        );
        for word in &secrets_of_others {
            assert!(!text.contains(word.as_str()), "the stream tells of {word}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_moves_to_another_environment_is_seen_by_others() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let application = insert_application(pool, "main", "shop").await;
    let deployment = insert_deployment(pool, &application, Duration::ZERO).await;
    let of_environment = |environment: &str| Visibility {
        environments: vec![environment.to_owned()],
        ..Visibility::default()
    };
    let (_, production) = token(&gateway, &SCOPES, of_environment("production")).await;
    let (_, staging) = token(&gateway, &SCOPES, of_environment("staging")).await;
    let sees = async |secret: &str| {
        let item = format!("/api/v1/deployments/{}", deployment.id);
        let item = gateway.ask(request("GET", &item, Some(secret), None)).await.status == 200;
        let list = gateway
            .ask(request("GET", "/api/v1/deployments", Some(secret), None))
            .await
            .items()
            .len();
        let events = format!("/api/v1/events?after={}", gateway.cursor(0));
        let events = gateway
            .ask(request("GET", &events, Some(secret), None))
            .await
            .items()
            .len();
        assert_eq!((list > 0, events > 0), (item, item));
        item
    };
    gateway.feed.wait_for(&gateway.cursor(2)).await;
    assert!(sees(&production).await && !sees(&staging).await);
    move_to(&gateway, &application, "staging").await;
    assert!(!sees(&production).await && sees(&staging).await);
}

async fn move_to(gateway: &Gateway, application: &Application, environment: &str) {
    let mut tx = gateway.db.pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE applications SET environment = $2, version = version + 1 WHERE id = $1")
        .bind(application.id.0)
        .bind(environment)
        .execute(&mut *tx)
        .await
        .expect("updated");
    // As ingest does: its deployments have yet to follow.
    slipway_store::restamps::insert(&mut tx, &[application.id.0])
        .await
        .expect("marked");
    let event = NewEvent {
        r#type: EventType::ApplicationUpdated,
        occurred_at: None,
        application_id: Some(application.id),
        deployment_id: None,
        provider: Some(application.provider.to_string()),
        account: Some(application.account.to_string()),
        environment: Some(environment.to_owned()),
        status: None,
        previous_status: None,
        observed_via: None,
        reason: None,
        deployment: None,
    };
    let seq = event_log::append(&mut tx, &[event], now())
        .await
        .expect("appended")
        .expect("a number");
    tx.commit().await.expect("committed");
    gateway.feed.wait_for(&gateway.cursor(seq)).await;
}
