//! Pages, filters, positions and freshness of lists.

use std::collections::HashSet;

use axum::body::Body;
use http::{StatusCode, header};
use serde_json::Value;
use slipway_core::Status;
use slipway_store::sync_targets::Attempt;
use time::Duration;

use crate::harness::{Answer, Gateway, get};
use crate::rows::{advance, insert_account, insert_application, insert_deployment, success};

fn ids(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn walk(gateway: &Gateway, path: &str, mut between: impl AsyncFnMut()) -> (Vec<String>, Vec<Value>) {
    let (mut found, mut cursors) = (Vec::new(), Vec::new());
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut next = None::<String>;
    loop {
        let url = match &next {
            Some(cursor) => format!("{path}{separator}cursor={cursor}"),
            None => path.to_owned(),
        };
        let page = gateway.get_ok(&url).await;
        found.extend(ids(&page.items()));
        cursors.push(page.json()["event_cursor"].clone());
        match page.json()["next_cursor"].as_str() {
            Some(cursor) => next = Some(cursor.to_owned()),
            None => return (found, cursors),
        }
        between().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_sees_each_deployment_once_while_others_are_added() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let application = insert_application(pool, "main", "shop").await;
    let mut expected = Vec::new();
    for index in 0..25 {
        // Several at the same instant: then the id decides.
        let deployment = insert_deployment(pool, &application, Duration::seconds(index / 5)).await;
        expected.push((deployment.created_at, deployment.id));
    }
    expected.sort_by(|one, other| other.cmp(one));
    let expected: Vec<String> = expected.into_iter().map(|(_, id)| id.to_string()).collect();
    let mut age = 1_000;
    let (found, cursors) = walk(&gateway, "/deployments?limit=4", async || {
        age += 1;
        insert_deployment(pool, &application, Duration::seconds(age)).await;
    })
    .await;
    assert_eq!(found, expected);
    assert!(
        cursors.iter().all(|cursor| *cursor == cursors[0]),
        "every page names the first page's position"
    );
    // From there the event log has what was added meanwhile.
    let after = cursors[0].as_str().unwrap();
    let events = gateway
        .get_ok(&format!("/events?after={after}&limit=200"))
        .await
        .items();
    let added: HashSet<_> = events.iter().map(|event| event["deployment_id"].clone()).collect();
    assert_eq!(added.len(), 6);

    let path = format!("/applications/{}/deployments?limit=200", application.id);
    assert_eq!(gateway.get_ok(&path).await.items().len(), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_over_applications_goes_by_name() {
    let gateway = Gateway::new().await;
    let mut names = vec!["b", "a", "e", "c", "d"];
    for name in &names {
        insert_application(&gateway.db.pool, "main", name).await;
    }
    insert_application(&gateway.db.pool, "other", "c").await;
    names.push("c");
    names.sort_unstable();
    let page = gateway.get_ok("/applications?limit=200").await.items();
    let found: Vec<_> = page.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(found, names);
    let (walked, _) = walk(&gateway, "/applications?limit=2", async || {}).await;
    assert_eq!(walked, ids(&page));
    assert_eq!(
        gateway
            .get_ok("/applications?name=c,d&account=main")
            .await
            .items()
            .len(),
        2
    );
    assert_eq!(
        gateway.get_ok("/applications?environment=staging").await.items().len(),
        0
    );
    assert_eq!(page[0]["capabilities"]["status_stream"], "supported");
    assert_eq!(page[0]["freshness"]["state"], "never");
    // No adapter is configured for it any more: nothing can be done.
    assert_eq!(
        page.iter().find(|item| item["account"] == "other").unwrap()["capabilities"]["status_stream"],
        "unsupported"
    );
    let id = page[0]["id"].as_str().unwrap();
    assert_eq!(gateway.get_ok(&format!("/applications/{id}")).await.json()["name"], "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_narrow_and_a_cursor_belongs_to_its_filters() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let blog = insert_application(pool, "other", "blog").await;
    for index in 0..4 {
        insert_deployment(pool, &shop, Duration::seconds(index)).await;
        let mut deployment = insert_deployment(pool, &blog, Duration::seconds(index)).await;
        advance(pool, &mut deployment, Status::Failed).await;
    }
    let count = async |query: &str| gateway.get_ok(&format!("/deployments?{query}")).await.items().len();
    assert_eq!(count("").await, 8);
    assert_eq!(count("status=failed").await, 4);
    assert_eq!(count("status=failed,queued").await, 8);
    assert_eq!(count("account=main&status=failed").await, 0);
    assert_eq!(count(&format!("application={},{}", shop.id, blog.id)).await, 8);
    assert_eq!(count("provider=testcloud&environment=production&limit=3").await, 3);
    assert_eq!(count("provider=nobody").await, 0);
    let path = format!("/applications/{}/deployments?status=queued", blog.id);
    assert_eq!(gateway.get_ok(&path).await.items().len(), 0);

    let page = gateway.get_ok("/deployments?status=failed&limit=2").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    gateway
        .get_ok(&format!("/deployments?status=failed&limit=9&cursor={cursor}"))
        .await;
    for other in ["status=queued", "status=failed&account=main", ""] {
        let answer = gateway
            .get(&format!("/deployments?{other}&cursor={cursor}").replace("?&", "?"))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &Value::from("invalid_cursor"))
        );
    }
    assert_eq!(
        gateway.get(&format!("/applications?cursor={cursor}")).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freshness_is_the_worst_of_the_accounts_that_are_shown() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "other", "shop").await;
    insert_account(pool, "main", Some(success())).await;
    let failed = Attempt::Failed {
        code: "unauthenticated".to_owned(),
        message: "the token was refused".to_owned(),
    };
    insert_account(pool, "other", Some(failed)).await;
    let all = gateway.get_ok("/deployments").await.json();
    assert_eq!(all["freshness"]["state"], "error");
    assert_eq!(all["freshness"]["accounts"][0]["account"], "main");
    assert_eq!(
        all["freshness"]["accounts"][1]["reason"],
        "unauthenticated: the token was refused"
    );
    for (query, state, count) in [
        ("/deployments?account=main".to_owned(), "fresh", 1),
        (format!("/deployments?application={}", shop.id), "error", 1),
        (format!("/applications/{}/deployments", shop.id), "error", 1),
        ("/applications?account=nobody".to_owned(), "fresh", 0),
    ] {
        let freshness = gateway.get_ok(&query).await.json()["freshness"].clone();
        assert_eq!(
            (
                freshness["state"].as_str().unwrap(),
                freshness["accounts"].as_array().unwrap().len()
            ),
            (state, count)
        );
    }
    let accounts = gateway.get_ok("/accounts").await.items();
    assert_eq!(accounts[0]["freshness"]["backfill"]["state"], "complete");
    assert_eq!(accounts[0]["rate_budget"]["remaining"], 59);
    assert_eq!(
        (&accounts[1]["application_count"], &accounts[1]["freshness"]["state"]),
        (&1.into(), &"error".into())
    );
    assert_eq!(accounts[1]["rate_budget"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_did_not_change_is_not_sent_again() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let mut deployment = insert_deployment(pool, &shop, Duration::ZERO).await;
    let again = async |path: &str, tag: &str| -> Answer {
        gateway
            .ask(
                get(path)
                    .header(header::IF_NONE_MATCH, tag)
                    .body(Body::empty())
                    .unwrap(),
            )
            .await
    };
    for path in ["/deployments", "/applications", &format!("/applications/{}", shop.id)] {
        let first = gateway.get_ok(path).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let second = again(path, &format!("\"other\", {tag}")).await;
        assert_eq!((second.status, second.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert!(!second.header("x-event-cursor").is_empty());
        assert_eq!(again(path, "\"other\"").await.status, StatusCode::OK);
    }
    let tag = gateway.get_ok("/deployments").await.header("etag").to_owned();
    advance(pool, &mut deployment, Status::InProgress).await;
    gateway.settle().await;
    assert_eq!(again("/deployments", &tag).await.status, StatusCode::OK);
}
