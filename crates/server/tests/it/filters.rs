//! Filters, orders, what is included, and the board.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use slipway_core::deployment::{Actor, DeploymentDetails, Git, Trigger};
use slipway_core::{Application, Deployment, DeploymentObservation, Status};
use slipway_store::{PgPool, applications};
use time::Duration;

use crate::harness::{ADMIN, Gateway};
use crate::rows::{START, advance, insert_application, insert_deployment, insert_observed, observation};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn detailed(sha: &str, git_ref: &str, actor: &str) -> DeploymentObservation {
    DeploymentObservation {
        details: DeploymentDetails {
            kind: text("build"),
            trigger: Trigger {
                kind: text("push"),
                provider_value: None,
            },
            actor: Actor {
                name: text(actor),
                ..Actor::default()
            },
            git: Git {
                r#ref: text(git_ref),
                sha: text(sha),
                message: text("Fix the Größe of it's cart, see #42"),
                ..Git::default()
            },
            ..DeploymentDetails::default()
        },
        raw: Some(json!({ "native": [1, 2] })),
        ..observation(Status::Queued)
    }
}

/// The application as it is stored, with another public change.
async fn change(pool: &PgPool, application: &mut Application, change: impl FnOnce(&mut Application)) {
    change(application);
    application.version += 1;
    let mut conn = pool.acquire().await.expect("a connection");
    applications::update(&mut conn, application).await.expect("updated");
}

async fn count(gateway: &Gateway, query: &str) -> usize {
    gateway
        .get_ok(&format!("/deployments?limit=200&{query}"))
        .await
        .items()
        .len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_detail_can_be_asked_for() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let mut shop = insert_application(pool, "main", "web-shop").await;
    let blog = insert_application(pool, "main", "blog").await;
    let one = detailed("ABCDEF0123456789abcdef0123456789abcdef01", "feature/cart", "Ada");
    insert_observed(pool, &shop, Duration::ZERO, &one).await;
    let other = detailed("abcd000000000000000000000000000000000000", "main", "Bob");
    insert_observed(pool, &blog, Duration::DAY, &other).await;
    insert_deployment(pool, &blog, Duration::days(2)).await;
    change(pool, &mut shop, |shop| {
        shop.labels.insert("team".to_owned(), "web".to_owned());
    })
    .await;

    let day = |days: i64| (START + Duration::days(days)).date().to_string();
    let window = format!("created_after={}", day(0));
    for (query, expected) in [
        ("git_sha=abcd".to_owned(), 2),
        ("git_sha=ABCDEF".to_owned(), 1),
        ("git_sha=abcdef,abcd,ffff".to_owned(), 2),
        ("git_sha=dcba".to_owned(), 0),
        ("git_ref=main".to_owned(), 1),
        ("git_ref=main,feature/cart".to_owned(), 2),
        ("actor=Ada".to_owned(), 1),
        ("actor=ada".to_owned(), 0),
        ("trigger=push".to_owned(), 2),
        ("trigger=unknown".to_owned(), 1),
        ("kind=build&actor=Bob,Ada".to_owned(), 2),
        ("live=true".to_owned(), 0),
        ("label=team%3Dweb".to_owned(), 1),
        ("label=team!=web".to_owned(), 2),
        ("label=team==web,team!=db".to_owned(), 1),
        ("label=team=web&application=".to_owned() + &blog.id.to_string(), 0),
        (format!("created_after={}T03:04:06Z", day(0)), 2),
        (format!("created_before={}T03:04:06Z", day(1)), 2),
        (format!("created_before={}T05:04:06%2B02:00", day(0)), 1),
        (format!("q=cart&{window}T00:00:00Z"), 2),
        (format!("q=web%20feat&{window}T00:00:00Z"), 1),
        (format!("q=GR%C3%B6&{window}T00:00:00Z"), 2),
        (format!("q=it%27s&{window}T00:00:00Z"), 2),
        (format!("q=bob+cart&{window}T00:00:00Z"), 1),
        (format!("q=art&{window}T00:00:00Z"), 0),
        (format!("finished_after={}T00:00:00Z", day(0)), 0),
        ("sort=finished_at".to_owned(), 0),
    ] {
        assert_eq!(count(&gateway, &query).await, expected, "{query}");
    }
    let newest = gateway.get_ok("/deployments").await.items();
    let mut oldest = gateway.get_ok("/deployments?sort=created_at").await.items();
    oldest.reverse();
    assert_eq!(newest, oldest);

    for wrong in [
        "git_sha=abc",
        "git_sha=abcg",
        "created_after=yesterday",
        "live=perhaps",
        "label=team",
        "label=a=b,a=c",
        "q=%20",
        "sort=name",
        "sort=created_at&finished_before=2026-01-01T00:00:00Z",
        "include=raw",
    ] {
        let answer = gateway.get(&format!("/deployments?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        let field = wrong.split('=').next().expect("a name");
        let errors = &answer.json()["errors"];
        assert_eq!(errors[0]["field"], field, "{wrong}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_included_is_there_when_asked_for_and_changes_the_tag() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let seen = detailed("abcd", "main", "Ada");
    let deployment = insert_observed(pool, &shop, Duration::ZERO, &seen).await;
    let path = format!("/deployments/{}", deployment.id);
    let plain = gateway.get_ok(&path).await;
    assert_eq!(plain.header("vary"), "authorization, cookie");
    assert_eq!(plain.header("cache-control"), "private, no-cache");
    assert!(plain.json().get("timeline").is_none() && plain.json().get("raw").is_none());
    let timeline = gateway.get_ok(&format!("{path}?include=timeline")).await;
    assert_eq!(timeline.json()["timeline"][0]["status"], "queued");
    assert_ne!(timeline.header("etag"), plain.header("etag"));

    let refused = gateway.get(&format!("{path}?include=raw")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let as_admin = async |path: String, tag: &str| {
        let request = Request::get(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {ADMIN}"))
            .header(header::IF_NONE_MATCH, tag);
        gateway.ask(request.body(Body::empty()).expect("a request")).await
    };
    let full = as_admin(format!("{path}?include=timeline,raw"), "\"none\"").await;
    assert_eq!(full.json()["raw"], json!({ "native": [1, 2] }));
    assert_eq!(full.json()["timeline"], timeline.json()["timeline"]);
    let again = as_admin(format!("{path}?include=raw,timeline"), full.header("etag")).await;
    assert_eq!(
        (again.status, again.header("vary")),
        (StatusCode::NOT_MODIFIED, "authorization, cookie")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_board_shows_what_runs_where() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let mut shop = insert_application(pool, "main", "shop").await;
    let mut gone = insert_application(pool, "main", "gone").await;
    insert_application(pool, "main", "new").await;
    let live = insert_deployment(pool, &shop, Duration::ZERO).await;
    let mut last = insert_deployment(pool, &shop, Duration::HOUR).await;
    change(pool, &mut shop, |shop| {
        shop.live_deployment_id = Some(live.id);
        shop.last_deployment_id = Some(last.id);
        shop.owner = text("acme");
    })
    .await;
    change(pool, &mut gone, |gone| gone.archived_at = Some(START)).await;

    let board = gateway.get_ok("/board").await;
    let items = board.items();
    let names: Vec<_> = items.iter().map(|item| item["application"]["name"].clone()).collect();
    assert_eq!(names, ["new", "shop"]);
    assert_eq!(items[0]["live_deployment"], Value::Null);
    assert_eq!(items[1]["live_deployment"]["id"], live.id.to_string());
    let alone = gateway.get_ok(&format!("/deployments/{}", last.id)).await;
    assert_eq!(items[1]["last_deployment"], alone.json());
    assert_eq!(
        gateway
            .get_ok("/board?owner=acme&environment=production")
            .await
            .items()
            .len(),
        1
    );
    assert_eq!(gateway.get_ok("/board?archived=true").await.items().len(), 1);

    let list = gateway
        .get_ok("/applications?include=live_deployment&sort=-name")
        .await
        .items();
    assert_eq!(list[0]["live_deployment"]["id"], live.id.to_string());
    assert_eq!(list[1]["live_deployment"], Value::Null);
    assert!(list[0].get("last_deployment").is_none());
    let path = format!("/applications/{}", shop.id);
    let one = gateway
        .get_ok(&format!("{path}?include=last_deployment,live_deployment"))
        .await;
    assert_eq!(one.json()["last_deployment"], alone.json());
    assert_ne!(one.header("etag"), gateway.get_ok(&path).await.header("etag"));

    // A deployment that moved is another board.
    advance(pool, &mut last, Status::InProgress).await;
    assert_ne!(gateway.get_ok("/board").await.header("etag"), board.header("etag"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_walk_over_five_thousand_meets_each_once_while_rows_come_and_change() {
    let gateway = Gateway::new().await;
    let pool = &gateway.db.pool;
    let shop = insert_application(pool, "main", "shop").await;
    let mut stored: Vec<Deployment> = crate::rows::insert_many(pool, &shop, 5_000).await;
    let expected: BTreeSet<String> = stored.iter().map(|deployment| deployment.id.to_string()).collect();
    let (mut met, mut next) = (Vec::new(), None::<String>);
    let (mut inserted, mut changed) = (0, 0);
    loop {
        let cursor = next.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let page = gateway.get_ok(&format!("/deployments?limit=200{cursor}")).await.json();
        let items = page["items"].as_array().expect("items");
        met.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        for _ in 0..20 {
            // Before, among and after those that are walked.
            insert_deployment(pool, &shop, Duration::seconds(inserted * 11)).await;
            inserted += 1;
        }
        for deployment in stored
            .iter_mut()
            .skip(usize::try_from(changed).expect("a count") * 49)
            .take(4)
        {
            advance(pool, deployment, Status::InProgress).await;
            changed += 1;
        }
        next = page["next_cursor"].as_str().map(ToOwned::to_owned);
        if next.is_none() {
            break;
        }
    }
    assert!(inserted >= 500 && changed >= 100, "{inserted} {changed}");
    let once: BTreeSet<String> = met.iter().cloned().collect();
    assert_eq!(once.len(), met.len(), "one came twice");
    assert!(once.is_superset(&expected), "one of the first was missed");
}
