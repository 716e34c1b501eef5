//! Filters with each other, in every order and with every form of a label: an answer, or a problem that says what is wrong,
//! and never a fault of ours.

use futures_util::StreamExt;
use serde_json::Value;
use slipway_core::{Application, Status};
use slipway_store::{PgPool, Visibility, applications};
use time::Duration;

use super::access::{of_account, request, token};
use crate::harness::{Gateway, READ};
use crate::rows::{insert_account, insert_application, insert_observed, observation, success};

/// How many requests are under way at once.
const AT_ONCE: usize = 4;

/// More applications than are walked side by side.
const MANY: usize = 70;

const LABELS: [&str; 12] = [
    "label=team=web",
    "label=team%3D%3Dweb",
    "label=team!=web",
    "label=a!=b",
    "label=team=none",
    "label=team=",
    "label=team!=",
    "label=team=web,tier!=db",
    "label=team!=web,team!=db,x!=y",
    "label=many=yes",
    "label=many!=yes,team!=web",
    "label=team=web,team=db",
];

async fn label(pool: &PgPool, application: &mut Application, key: &str, value: &str) {
    application.labels.insert(key.to_owned(), value.to_owned());
    application.version += 1;
    let mut conn = pool.acquire().await.expect("a connection");
    applications::update(&mut conn, application).await.expect("updated");
}

/// Two accounts, many applications, a few of them with labels and deployments.
async fn world(gateway: &Gateway) -> Application {
    let pool = &gateway.db.pool;
    for account in ["main", "other"] {
        insert_account(pool, account, Some(success())).await;
    }
    let mut shop = insert_application(pool, "main", "shop").await;
    for number in 0..MANY {
        let mut application = insert_application(pool, "other", &format!("app-{number}")).await;
        label(pool, &mut application, "many", "yes").await;
    }
    label(pool, &mut shop, "team", "web").await;
    label(pool, &mut shop, "tier", "web").await;
    for (age, status) in [Status::Queued, Status::Succeeded, Status::Failed]
        .into_iter()
        .enumerate()
    {
        let age = Duration::hours(i64::try_from(age).expect("small"));
        insert_observed(pool, &shop, age, &observation(status)).await;
    }
    gateway.settle().await;
    shop
}

/// Asks for all of these; whatever is neither an answer nor a problem of the caller's is a fault.
async fn faults(gateway: &Gateway, secret: &str, paths: Vec<String>) -> Vec<String> {
    let asked = paths.into_iter().map(|path| async move {
        let answer = gateway
            .ask(request("GET", &format!("/api/v1{path}"), Some(secret), None))
            .await;
        let told: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let is_right = match answer.status.as_u16() {
            200 => told["items"].is_array(),
            400 => told["code"].is_string() && !told["errors"].as_array().is_none_or(Vec::is_empty),
            _ => false,
        };
        (!is_right).then(|| format!("{path}: {} {}", answer.status, answer.text))
    });
    let answers: Vec<Option<String>> = futures_util::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    answers.into_iter().flatten().collect()
}

/// Every two of the filters, those that stand for themselves too, with each form of a label.
fn pairs(list: &str, filters: &[String]) -> Vec<String> {
    let mut paths = Vec::new();
    for (index, one) in filters.iter().enumerate() {
        for label in LABELS {
            paths.push(format!("{list}?{one}&{label}"));
        }
        for (number, other) in filters.iter().enumerate().skip(index + 1) {
            // Two of one parameter are one list of values, or a problem.
            paths.push(format!("{list}?{one}&{other}"));
            paths.push(format!(
                "{list}?{one}&{other}&{}",
                LABELS[(index + number) % LABELS.len()]
            ));
        }
    }
    paths
}

fn of_deployments(shop: &Application) -> Vec<String> {
    let mut filters: Vec<String> = [
        "status=failed",
        "status=queued,in_progress",
        "provider=testcloud",
        "account=main,other",
        "environment=production",
        "git_sha=abcd",
        "git_sha=abcd,abcdef,1234",
        "git_ref=main",
        "actor=Ada",
        "trigger=unknown,push",
        "kind=build",
        "live=true",
        "live=false",
        "created_after=2026-01-01T00:00:00Z",
        "created_before=2026-02-01T00:00:00Z",
        "finished_after=2026-01-01T00:00:00Z",
        "finished_before=2026-02-01T00:00:00Z",
        "q=shop",
        "q=%27%5C%3A*%20%26",
        "sort=created_at",
        "sort=-finished_at",
        "sort=finished_at",
        "limit=1",
    ]
    .map(ToOwned::to_owned)
    .into();
    filters.push(format!("application={}", shop.id));
    filters.push("application=018f0000-0000-7000-8000-000000000000".to_owned());
    filters
}

const OF_APPLICATIONS: [&str; 8] = [
    "name=shop",
    "name=shop,none",
    "provider=testcloud",
    "account=main",
    "environment=production,none",
    "owner=nobody",
    "archived=true",
    "limit=1",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_two_filters_and_any_form_of_a_label_get_an_answer() {
    let gateway = Gateway::new().await;
    let shop = world(&gateway).await;
    let filters = of_deployments(&shop);
    let mut wrong = faults(&gateway, READ, pairs("/deployments", &filters)).await;
    // The application in the path is one more filter, and its own are left out.
    let own = ["provider=", "account=", "environment=", "application="];
    let others: Vec<String> = filters
        .into_iter()
        .filter(|filter| !own.iter().any(|own| filter.starts_with(own)))
        .collect();
    let list = format!("/applications/{}/deployments", shop.id);
    let without_labels = pairs(&list, &others)
        .into_iter()
        .filter(|path| !path.contains("label="));
    wrong.extend(faults(&gateway, READ, without_labels.collect()).await);
    for list in ["/applications", "/board"] {
        wrong.extend(faults(&gateway, READ, pairs(list, &OF_APPLICATIONS.map(ToOwned::to_owned))).await);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_they_do_for_whoever_sees_a_part() {
    let gateway = Gateway::new().await;
    let shop = world(&gateway).await;
    let words = |word: &str| vec![word.to_owned()];
    let mut wrong = Vec::new();
    for visibility in [
        of_account("main"),
        Visibility {
            environments: words("production"),
            ..Visibility::default()
        },
        Visibility {
            providers: words("testcloud"),
            applications: vec![shop.id.0],
            ..Visibility::default()
        },
        Visibility::nothing(),
    ] {
        let (_, secret) = token(&gateway, &["deployments:read"], visibility).await;
        let filters = of_deployments(&shop);
        for label in LABELS {
            let paths = filters.iter().map(|filter| format!("/deployments?{filter}&{label}"));
            wrong.extend(faults(&gateway, &secret, paths.collect()).await);
        }
        for list in ["/applications", "/board"] {
            let paths = LABELS.iter().map(|label| format!("{list}?{label}"));
            wrong.extend(faults(&gateway, &secret, paths.collect()).await);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// This one was an internal error once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_a_label_is_found_in_one_application() {
    let gateway = Gateway::new().await;
    let shop = world(&gateway).await;
    let count = async |label: &str| {
        let path = format!("/deployments?application={}&label={label}", shop.id);
        gateway.get_ok(&path).await.items().len()
    };
    assert_eq!(count("a!=b").await, 3);
    assert_eq!(count("team!=db").await, 3);
    assert_eq!(count("team!=web").await, 0);
    assert_eq!(count("team=web,a!=b").await, 3);
    assert_eq!(count("many!=yes").await, 3);
    assert_eq!(count("many=yes").await, 0);
}
