//! The event log as JSON.

use std::time::{Duration, Instant};

use serde_json::Value;
use slipway_core::Status;

use crate::harness::{Gateway, PATIENCE};
use crate::rows::{advance, insert_application, insert_deployment};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walking_the_log_in_any_steps_gives_every_event_once() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    for index in 0..9 {
        insert_deployment(&gateway.db.pool, &shop, time::Duration::seconds(index)).await;
    }
    for limit in [1, 3, 10, 200] {
        let mut after = gateway.cursor(0).to_string();
        let mut found = Vec::new();
        loop {
            let page = gateway.get_ok(&format!("/events?after={after}&limit={limit}")).await;
            assert!(page.items().len() <= limit);
            found.extend(
                page.items()
                    .iter()
                    .map(|event| event["id"].as_str().unwrap().to_owned()),
            );
            let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
            assert_eq!(page.header("x-event-cursor"), next);
            if page.items().is_empty() {
                assert_eq!(next, after);
                break;
            }
            after = next;
        }
        let expected: Vec<String> = (1..=10).map(|seq| gateway.cursor(seq).to_string()).collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_ends_with_the_first_event_that_matches() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    let mut deployment = insert_deployment(&gateway.db.pool, &shop, time::Duration::ZERO).await;
    let after = gateway.cursor(2);
    let started = Instant::now();
    let path = format!("/events?after={after}&wait=25&status=failed");
    let (answer, ()) = tokio::join!(gateway.get(&path), async {
        advance(&gateway.db.pool, &mut deployment, Status::InProgress).await;
        advance(&gateway.db.pool, &mut deployment, Status::Failed).await;
    });
    let items = answer.items();
    assert_eq!(items.len(), 1);
    assert_eq!(
        (&items[0]["type"], &items[0]["previous_status"]),
        (&"deployment.finished".into(), &"in_progress".into())
    );
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "it did not wait to the end"
    );
    // The status before the change matches as well.
    let before = gateway
        .get_ok(&format!("/events?after={after}&status=queued"))
        .await
        .items();
    assert_eq!(before[0]["type"], "deployment.started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_an_empty_list_with_the_position_looked_at() {
    let gateway = Gateway::new().await;
    let shop = insert_application(&gateway.db.pool, "main", "shop").await;
    insert_deployment(&gateway.db.pool, &shop, time::Duration::ZERO).await;
    let start = gateway.cursor(0);
    let hidden = gateway
        .get_ok(&format!("/events?after={start}&account=nobody&wait=1"))
        .await
        .json();
    assert_eq!(
        hidden,
        serde_json::json!({"items": [], "next_cursor": gateway.cursor(2).to_string()})
    );
    let now = gateway.get_ok("/events").await.json();
    assert_eq!(now["items"], Value::Array(Vec::new()));
    // Long polls end when the process is asked to stop.
    let after = gateway.cursor(2);
    let path = format!("/events?after={after}&wait=25");
    let waiting = gateway.get(&path);
    let (answer, ()) = tokio::time::timeout(PATIENCE, async {
        tokio::join!(waiting, async { gateway.shutdown.cancel() })
    })
    .await
    .expect("in time");
    assert_eq!(answer.json()["next_cursor"], after.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_cannot_be_resumed_from_is_gone() {
    let gateway = Gateway::new().await;
    insert_application(&gateway.db.pool, "main", "shop").await;
    for after in ["other-1".to_owned(), gateway.cursor(2).to_string()] {
        let answer = gateway.get(&format!("/events?after={after}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (410, &"cursor_gone".into()),
            "{after}"
        );
    }
    insert_application(&gateway.db.pool, "main", "blog").await;
    sqlx::query("DELETE FROM events WHERE seq = 1")
        .execute(&gateway.db.pool)
        .await
        .unwrap();
    let answer = gateway.get_ok(&format!("/events?after={}", gateway.cursor(1))).await;
    assert_eq!(answer.items().len(), 1);
}
