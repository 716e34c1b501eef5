//! Answers that are kept: never older than the position they name, never somebody else's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration as StdDuration;

use axum::body::Body;
use http::{Request, StatusCode, header};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use slipway_api::Cursor;
use slipway_core::{Application, Deployment, Status};
use slipway_store::event_log;
use time::Duration;
use uuid::Uuid;

use crate::access::{of_account, token};
use crate::harness::{Answer, Gateway, PATIENCE, READ, get};
use crate::rows::{advance, insert_application, insert_deployment, insert_many};

const LIMIT: usize = 3;
const WRITERS: u64 = 3;
const STEPS: u64 = 40;

/// What a deployment is at one position of the log.
#[derive(Debug, Clone)]
struct Shown {
    application_id: String,
    account: String,
    status: String,
    created_at: String,
    version: i64,
}

/// The model: all deployments by id.
type World = BTreeMap<String, Shown>;

#[derive(Debug, Clone)]
enum Question {
    All,
    Status(&'static str),
    Account(&'static str),
    Application(Uuid),
    One(Uuid),
    Board,
    Applications,
}

impl Question {
    fn path(&self) -> String {
        match self {
            Self::All => format!("/deployments?limit={LIMIT}"),
            Self::Status(status) => format!("/deployments?limit={LIMIT}&status={status}"),
            Self::Account(account) => format!("/deployments?limit={LIMIT}&account={account}"),
            Self::Application(id) => format!("/applications/{id}/deployments?limit={LIMIT}"),
            Self::One(id) => format!("/deployments/{id}"),
            Self::Board => format!("/board?limit={LIMIT}"),
            Self::Applications => format!("/applications?limit={LIMIT}&include=last_deployment"),
        }
    }

    fn fits(&self, id: &str, shown: &Shown) -> bool {
        match self {
            Self::All | Self::Board | Self::Applications => true,
            Self::Status(status) => shown.status == *status,
            Self::Account(account) => shown.account == *account,
            Self::Application(application) => shown.application_id == application.to_string(),
            Self::One(one) => id == one.to_string(),
        }
    }

    /// What the API must say, as ids with versions: of deployments, or of the newest of each application.
    fn answer(&self, world: &World, only_account: Option<&str>, applications: &[Application]) -> Vec<(String, i64)> {
        if matches!(self, Self::Board | Self::Applications) {
            let seen = applications
                .iter()
                .filter(|application| only_account.is_none_or(|account| application.account.as_str() == account));
            return seen
                .take(LIMIT)
                .map(|application| {
                    let id = application.id.to_string();
                    let own = world.iter().filter(|(_, shown)| shown.application_id == id);
                    let newest = own.max_by(|a, b| (&a.1.created_at, a.0).cmp(&(&b.1.created_at, b.0)));
                    newest.map_or((id.clone(), 0), |(id, shown)| (id.clone(), shown.version))
                })
                .collect();
        }
        let mut found: Vec<_> = world
            .iter()
            .filter(|(_, shown)| only_account.is_none_or(|account| shown.account == account))
            .filter(|(id, shown)| self.fits(id, shown))
            .collect();
        found.sort_by(|a, b| (&b.1.created_at, b.0).cmp(&(&a.1.created_at, a.0)));
        found.truncate(LIMIT);
        let pair = |(id, shown): (&String, &Shown)| (id.clone(), shown.version);
        found.into_iter().map(pair).collect()
    }
}

fn pair(deployment: &Value) -> (String, i64) {
    let id = deployment["id"].as_str().expect("an id").to_owned();
    (id, deployment["version"].as_i64().expect("a version"))
}

/// The same of an item: of a deployment, or of the newest of an application.
fn shown(item: &Value) -> (String, i64) {
    match item.get("last_deployment") {
        None => pair(item),
        Some(Value::Null) => {
            let id = item.get("application").unwrap_or(item)["id"].as_str();
            (id.expect("an id").to_owned(), 0)
        }
        Some(last) => pair(last),
    }
}

/// Names the newest deployment on the row of its application in the transaction that stores it, as ingest does.
const NAME_NEWEST: &str = "
    CREATE FUNCTION name_newest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM FROM applications WHERE id = NEW.application_id FOR UPDATE;
        UPDATE applications SET last_deployment_id = (SELECT id FROM deployments WHERE application_id = NEW.application_id
                                                      ORDER BY created_at DESC, id DESC LIMIT 1)
        WHERE id = NEW.application_id;
        RETURN NULL;
    END $$;
    CREATE TRIGGER name_newest AFTER INSERT ON deployments FOR EACH ROW EXECUTE FUNCTION name_newest();";

async fn ask(gateway: &Gateway, secret: &str, question: &Question) -> Answer {
    let request = Request::get(format!("/api/v1{}", question.path()));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
    gateway.ask(request.body(Body::empty()).expect("a request")).await
}

/// One writer's share of the world: what only it changes.
async fn write(gateway: &Gateway, seed: u64, applications: &[Application]) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut running: Vec<Deployment> = Vec::new();
    for step in 0..STEPS {
        let is_new = running.len() < 2 || rng.random_bool(0.4);
        if is_new {
            let application = applications.choose(&mut rng).expect("an application");
            // No two writers at the same instant: the order by time is then the order of the list.
            let age = Duration::milliseconds(i64::try_from(step * 10 + seed).expect("small"));
            running.push(insert_deployment(&gateway.db.pool, application, age).await);
        } else {
            let chosen = rng.random_range(0..running.len());
            let deployment = &mut running[chosen];
            match deployment.tracked.status() {
                Status::Queued => advance(&gateway.db.pool, deployment, Status::InProgress).await,
                _ => {
                    advance(&gateway.db.pool, deployment, Status::Succeeded).await;
                    running.swap_remove(chosen);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_what_the_log_says_at_its_position_while_others_write() {
    let gateway = Arc::new(Gateway::new().await);
    sqlx::raw_sql(NAME_NEWEST)
        .execute(&gateway.db.pool)
        .await
        .expect("a trigger");
    let (_, restricted) = token(&gateway, &["deployments:read"], of_account("other")).await;
    let mut applications = Vec::new();
    for (account, name) in [("main", "a"), ("main", "b"), ("other", "c"), ("other", "d")] {
        applications.push(insert_application(&gateway.db.pool, account, name).await);
    }
    let known = insert_deployment(&gateway.db.pool, &applications[0], Duration::ZERO).await;
    gateway.settle().await;

    let questions = [
        Question::All,
        Question::All,
        Question::Status("queued"),
        Question::Status("in_progress"),
        Question::Account("other"),
        Question::Application(applications[0].id.0),
        Question::Application(applications[3].id.0),
        Question::One(known.id.0),
        Question::Board,
        Question::Applications,
    ];
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for seed in 0..4 {
        let (gateway, is_over) = (Arc::clone(&gateway), Arc::clone(&is_over));
        let (questions, restricted) = (questions.clone(), restricted.clone());
        readers.spawn(async move {
            let mut rng = StdRng::seed_from_u64(100 + seed);
            let mut answers = Vec::new();
            loop {
                let was_over = is_over.load(Ordering::Relaxed);
                let question = questions.choose(&mut rng).expect("a question").clone();
                let only = rng.random_bool(0.5).then_some("other");
                let secret = if only.is_some() { &restricted } else { READ };
                let answer = ask(&gateway, secret, &question).await;
                let position = answer.header("x-event-cursor").to_owned();
                answers.push((question, only, position, answer.status, answer.text));
                if was_over && answers.len() > 200 {
                    return answers;
                }
            }
        });
    }
    let writing = (0..WRITERS).map(|seed| write(&gateway, seed, &applications));
    futures_util::future::join_all(writing).await;
    gateway.settle().await;
    is_over.store(true, Ordering::Relaxed);
    let answers: Vec<_> = readers.join_all().await.into_iter().flatten().collect();

    let mut worlds = vec![World::new()];
    let mut conn = gateway.db.pool.acquire().await.expect("a connection");
    for event in event_log::list_after(&mut conn, 0, 10_000).await.expect("the log") {
        let mut world = worlds.last().expect("the one before").clone();
        if let Some(text) = &event.deployment {
            let deployment: Value = serde_json::from_str(text).expect("JSON");
            let text = |name: &str| deployment[name].as_str().expect("text").to_owned();
            let shown = Shown {
                application_id: text("application_id"),
                account: text("account"),
                status: text("status"),
                created_at: text("created_at"),
                version: deployment["version"].as_i64().expect("a version"),
            };
            world.insert(text("id"), shown);
        }
        assert_eq!(usize::try_from(event.seq).expect("positive"), worlds.len());
        worlds.push(world);
    }
    let mut positions = std::collections::BTreeSet::new();
    for (question, only, position, status, text) in &answers {
        // A refusal names no position; it is right where the world at every position agrees.
        let seen = match *status {
            StatusCode::NOT_FOUND => Vec::new(),
            _ => {
                assert_eq!(*status, StatusCode::OK, "{text}");
                let body: Value = serde_json::from_str(text).expect("JSON");
                match body.get("items") {
                    Some(items) => items.as_array().expect("items").iter().map(shown).collect(),
                    None => vec![pair(&body)],
                }
            }
        };
        let world = if position.is_empty() {
            &worlds[worlds.len() - 1]
        } else {
            let cursor: Cursor = position.parse().expect("a cursor");
            positions.insert(cursor.seq);
            &worlds[usize::try_from(cursor.seq).expect("positive")]
        };
        assert_eq!(
            seen,
            question.answer(world, *only, &applications),
            "{question:?} for {only:?} at {position}"
        );
    }
    assert!(positions.len() > 10, "answers came while others wrote: {positions:?}");
}

#[tokio::test]
async fn what_nothing_touches_is_not_read_again() {
    let gateway = Gateway::new().await;
    let application = insert_application(&gateway.db.pool, "main", "shop").await;
    let other = insert_application(&gateway.db.pool, "other", "else").await;
    sqlx::raw_sql(NAME_NEWEST)
        .execute(&gateway.db.pool)
        .await
        .expect("a trigger");
    let deployment = insert_deployment(&gateway.db.pool, &application, Duration::ZERO).await;
    let paths = [
        "/deployments?account=main".to_owned(),
        "/board?account=main".to_owned(),
        "/applications?account=main&include=last_deployment".to_owned(),
        format!("/deployments/{}", deployment.id),
    ];
    let mut first = Vec::new();
    for path in &paths {
        first.push(gateway.get_ok(path).await);
    }
    // Behind the back of the log, so that whoever reads shows it.
    sqlx::query("UPDATE deployments SET body = replace(body, '\"production\"', '\"changed\"')")
        .execute(&gateway.db.pool)
        .await
        .expect("changed");
    sqlx::query("UPDATE applications SET region = 'changed'")
        .execute(&gateway.db.pool)
        .await
        .expect("changed");
    insert_deployment(&gateway.db.pool, &other, Duration::MINUTE).await;
    for (path, first) in paths.iter().zip(&first) {
        let again = gateway.get_ok(path).await;
        assert!(again.text.contains("\"production\""), "{}", again.text);
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_ne!(
            again.header("x-event-cursor"),
            first.header("x-event-cursor"),
            "it holds at the end of the log"
        );
        let known = get(path).header(header::IF_NONE_MATCH, first.header("etag"));
        let not_modified = gateway.ask(known.body(Body::empty()).expect("a request")).await;
        assert_eq!(not_modified.status, StatusCode::NOT_MODIFIED);
        assert_eq!(not_modified.text, "");
    }
    insert_deployment(&gateway.db.pool, &application, Duration::MINUTE * 2).await;
    for path in &paths {
        assert!(gateway.get_ok(path).await.text.contains("\"changed\""));
    }
}

/// How many statements wait for a lock.
async fn waiting(gateway: &Gateway) -> i64 {
    // Not on the transaction's connection: there the view stays as it was when it was first read.
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .fetch_one(&gateway.db.pool)
    .await
    .expect("a count")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_questions_share_one_read() {
    let gateway = Arc::new(Gateway::new().await);
    let application = insert_application(&gateway.db.pool, "main", "shop").await;
    insert_many(&gateway.db.pool, &application, 60).await;
    gateway.settle().await;
    let mut lock = gateway.db.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE deployments IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .expect("locked");
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let gateway = Arc::clone(&gateway);
        asking.spawn(async move { gateway.get("/deployments?limit=50").await });
    }
    let waiting = async || waiting(&gateway).await;
    let has_begun = async {
        while waiting().await == 0 {
            tokio::time::sleep(StdDuration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, has_begun).await.expect("one reads");
    // Others would have come by now, on the connections that are left.
    tokio::time::sleep(StdDuration::from_millis(200)).await;
    assert_eq!(waiting().await, 1);
    lock.rollback().await.expect("unlocked");
    for answer in asking.join_all().await {
        assert_eq!(answer.items().len(), 50);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_for_one_deployment_each_share_statements_and_get_their_own() {
    let gateway = Arc::new(Gateway::new().await);
    let (_, restricted) = token(&gateway, &["deployments:read"], of_account("other")).await;
    let mut all = Vec::new();
    for (account, name) in [("main", "shop"), ("other", "else")] {
        let application = insert_application(&gateway.db.pool, account, name).await;
        all.extend(insert_many(&gateway.db.pool, &application, 20).await);
    }
    gateway.settle().await;
    // Both are known then, and somebody is connected.
    for secret in [READ, &restricted] {
        ask(&gateway, secret, &Question::One(all[0].id.0)).await;
    }
    let mut lock = gateway.db.pool.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE deployments IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .expect("locked");
    let nobodys = Uuid::from_u128(7);
    let ids = all.iter().map(|deployment| deployment.id.0).chain([nobodys]);
    let mut asking = tokio::task::JoinSet::new();
    for id in ids {
        for secret in [READ.to_owned(), restricted.clone()] {
            let gateway = Arc::clone(&gateway);
            asking.spawn(async move {
                let is_restricted = secret != READ;
                (id, is_restricted, ask(&gateway, &secret, &Question::One(id)).await)
            });
        }
    }
    let has_begun = async {
        while waiting(&gateway).await == 0 {
            tokio::time::sleep(StdDuration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, has_begun).await.expect("some read");
    // Others would have come by now, on the connections that are left.
    tokio::time::sleep(StdDuration::from_millis(200)).await;
    assert!(waiting(&gateway).await <= 2);
    lock.rollback().await.expect("unlocked");
    for (id, is_restricted, answer) in asking.join_all().await {
        let own = all.iter().find(|deployment| deployment.id.0 == id);
        match own.filter(|deployment| !is_restricted || deployment.account.as_str() == "other") {
            Some(_) => {
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
                assert_eq!(answer.json()["id"], id.to_string());
            }
            None => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text),
        }
    }
}
