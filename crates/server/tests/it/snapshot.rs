//! A stream that begins with the deployments that matter now.

use std::collections::HashMap;

use slipway_api::{DeploymentView, EventView};
use slipway_core::{Application, Deployment, Status};
use slipway_store::{PgPool, Visibility, applications};
use time::Duration;

use super::access::{of_account, request, token};
use crate::harness::{Gateway, READ};
use crate::rows::{advance, insert_application, insert_deployment};
use crate::stream::{Block, Reader};

const SNAPSHOT: &str = "/events/stream?snapshot=true";

/// More applications than one read looks at.
const MANY: usize = 130;

/// Names the newest deployment on the application's row, as ingest does.
async fn name_last(pool: &PgPool, application: &mut Application, last: &Deployment) {
    application.last_deployment_id = Some(last.id);
    application.version += 1;
    let mut conn = pool.acquire().await.expect("a connection");
    applications::update(&mut conn, application).await.expect("updated");
}

/// The snapshot up to its end, with the position that it names.
async fn read(stream: &mut Reader) -> (Vec<EventView>, String) {
    let mut deployments = Vec::new();
    loop {
        let block = stream.next().await.expect("more");
        match block.event.as_deref() {
            Some("snapshot.deployment") => {
                assert_eq!(block.id, None, "no position before the end");
                let view = block.view();
                assert!(view.id.is_none() && view.cursor.is_none() && view.deployment.is_some());
                deployments.push(view);
            }
            Some("snapshot.end") => {
                assert_eq!(block.id, None);
                let cursor = block.view().cursor.expect("a position");
                let position = stream.next().await.expect("more");
                assert_eq!(position.id.as_deref(), Some(cursor.as_str()));
                assert_eq!(position.data, None);
                return (deployments, cursor);
            }
            other => assert!(other.is_none() && block.id.is_none(), "{block:?}"),
        }
    }
}

fn ids(deployments: &[EventView]) -> Vec<String> {
    deployments
        .iter()
        .map(|view| view.deployment_id.expect("an id").to_string())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_and_what_is_newest_comes_first_and_then_what_happens() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let mut shop = insert_application(pool, "main", "shop").await;
    let mut blog = insert_application(pool, "other", "blog").await;
    let mut gone = insert_application(pool, "main", "gone").await;
    let mut old = insert_deployment(pool, &shop, Duration::ZERO).await;
    advance(pool, &mut old, Status::Succeeded).await;
    let mut running = insert_deployment(pool, &shop, Duration::HOUR).await;
    let mut last = insert_deployment(pool, &shop, Duration::hours(2)).await;
    advance(pool, &mut last, Status::Failed).await;
    let only = insert_deployment(pool, &blog, Duration::ZERO).await;
    let archived = insert_deployment(pool, &gone, Duration::ZERO).await;
    name_last(pool, &mut shop, &last).await;
    name_last(pool, &mut blog, &only).await;
    gone.archived_at = Some(gone.first_seen_at);
    name_last(pool, &mut gone, &archived).await;
    gateway.settle().await;

    let mut stream = Reader::open(&gateway, SNAPSHOT, None).await;
    let (deployments, cursor) = read(&mut stream).await;
    let mut shown = ids(&deployments);
    shown.sort();
    let mut expected = [running.id.to_string(), last.id.to_string(), only.id.to_string()];
    expected.sort();
    assert_eq!(shown, expected);
    assert_eq!(cursor, gateway.feed.head().expect("a head").to_string());
    // The deployment is whole, and the fields beside it are its own.
    for view in &deployments {
        let deployment = view.deployment.as_ref().expect("a deployment");
        let stored: DeploymentView =
            serde_json::from_str(&gateway.get_ok(&format!("/deployments/{}", deployment.id)).await.text).expect("one");
        assert_eq!(*deployment, stored);
        assert_eq!(view.status, Some(deployment.status));
        assert_eq!(view.application_id, Some(deployment.application_id));
    }
    advance(pool, &mut running, Status::InProgress).await;
    let next = stream.events(1).await;
    assert_eq!(next[0].event.as_deref(), Some("deployment.started"));

    // With the position of its end a client resumes, and gets no second snapshot.
    let mut resumed = Reader::open(&gateway, SNAPSHOT, Some(&cursor)).await;
    let block = loop {
        let block = resumed.next().await.expect("more");
        if block.data.is_some() {
            break block;
        }
    };
    assert!(block.is_event() && block.id == next[0].id, "{block:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_what_the_filter_lets_through_and_the_token_shows() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let mut stored = Vec::new();
    for account in ["main", "other"] {
        let mut application = insert_application(pool, account, "shop").await;
        let deployment = insert_deployment(pool, &application, Duration::ZERO).await;
        name_last(pool, &mut application, &deployment).await;
        stored.push((application, deployment));
    }
    let mut failed = stored[1].1.clone();
    advance(pool, &mut failed, Status::Failed).await;
    gateway.settle().await;
    let shown = async |secret: &str, query: &str| {
        let path = format!("/api/v1{SNAPSHOT}{query}");
        let response = gateway.send(request("GET", &path, Some(secret), None)).await;
        assert_eq!(response.status(), 200, "{query}");
        let mut stream = Reader::of(response.into_body());
        ids(&read(&mut stream).await.0)
    };
    let (first, second) = (stored[0].1.id.to_string(), stored[1].1.id.to_string());
    for (query, expected) in [
        ("&account=main".to_owned(), vec![&first]),
        ("&account=none".to_owned(), vec![]),
        ("&provider=testcloud&status=failed".to_owned(), vec![&second]),
        ("&status=queued".to_owned(), vec![&first]),
        (format!("&application={}", stored[1].0.id), vec![&second]),
        (format!("&deployment={first}"), vec![&first]),
        ("&environment=staging".to_owned(), vec![]),
        // Nothing in a snapshot has happened.
        ("&account=main&type=deployment.finished".to_owned(), vec![&first]),
    ] {
        assert_eq!(
            shown(READ, &query).await.iter().collect::<Vec<_>>(),
            expected,
            "{query}"
        );
    }
    let events = ["events:read"];
    let (_, restricted) = token(&gateway, &events, of_account("other")).await;
    assert_eq!(shown(&restricted, "").await, vec![second]);
    assert!(shown(&restricted, "&account=main").await.is_empty());
    let by_application = Visibility {
        applications: vec![stored[0].0.id.0],
        ..Visibility::default()
    };
    let (_, restricted) = token(&gateway, &events, by_application).await;
    assert_eq!(shown(&restricted, "").await, [first]);
    let (_, restricted) = token(&gateway, &events, Visibility::nothing()).await;
    assert!(shown(&restricted, "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_changes_while_it_is_read_is_known_in_the_end() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let mut deployments = Vec::new();
    for number in 0..MANY {
        let mut application = insert_application(pool, "main", &format!("app-{number}")).await;
        let deployment = insert_deployment(pool, &application, Duration::ZERO).await;
        name_last(pool, &mut application, &deployment).await;
        deployments.push(deployment);
    }
    gateway.settle().await;
    let mut stream = Reader::open(&gateway, SNAPSHOT, None).await;
    let mut known: HashMap<uuid::Uuid, (i64, Status)> = HashMap::new();
    let mut note = |block: &Block| {
        let Some(deployment) = block.data.as_ref().and_then(|_| block.view().deployment) else {
            return;
        };
        let status = if deployment.status == slipway_api::Status::Queued {
            Status::Queued
        } else {
            Status::InProgress
        };
        let newest = known.entry(deployment.id).or_insert((0, status));
        if deployment.version > newest.0 {
            *newest = (deployment.version, status);
        }
    };
    // Some of the first page has come; every deployment moves now, those that were shown and those that come.
    for _ in 0..5 {
        note(&stream.next().await.expect("more"));
    }
    for deployment in &mut deployments {
        advance(pool, deployment, Status::InProgress).await;
    }
    let mut has_ended = false;
    let mut events = 0;
    while events < MANY {
        let block = stream.next().await.expect("more");
        note(&block);
        has_ended |= block.event.as_deref() == Some("snapshot.end");
        if block.is_event() {
            assert!(has_ended, "first the snapshot");
            events += 1;
        }
    }
    assert_eq!(known.len(), MANY);
    assert!(
        known
            .values()
            .all(|(version, status)| (*version, *status) == (2, Status::InProgress))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_and_a_position_exclude_each_other() {
    let gateway = Gateway::new().await;
    let after = gateway.cursor(0);
    for query in [format!("?snapshot=true&after={after}"), "?snapshot=perhaps".to_owned()] {
        let answer = gateway.get(&format!("/events/stream{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["errors"][0]["field"], "snapshot", "{query}");
    }
    let mut stream = Reader::open(&gateway, SNAPSHOT, None).await;
    assert!(read(&mut stream).await.0.is_empty(), "nothing is there");
}
