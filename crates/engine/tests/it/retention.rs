//! What is older than what is kept goes, and is told of; what runs, is live, is the newest or is waited for stays.

use std::time::Duration;

use slipway_core::provider::LiveRule;
use slipway_core::{DeploymentObservation, Status};
use slipway_engine::Context;
use slipway_engine::retention::{RetentionSettings, remove_old};
use slipway_store::retention::{HorizonRow, list_horizons};
use slipway_store::{Connection, event_log, retention};
use sqlx::Row;
use time::OffsetDateTime;

use crate::guard::GUARD;
use crate::world::{START, World, deployment};

const DAY: i64 = 86_400;

fn days(days: u32) -> Option<Duration> {
    Some(Duration::from_secs(86_400) * days)
}

/// A process that keeps things for so long.
fn keeping(world: &World, settings: RetentionSettings) -> Context {
    world.context.clone().with_retention(settings)
}

fn history(world: &World, for_days: u32) -> Context {
    let settings = RetentionSettings {
        history: days(for_days),
        ..RetentionSettings::default()
    };
    keeping(world, settings)
}

async fn remove_all(context: &Context) {
    while remove_old(context).await.expect("removed") {}
}

fn set(world: &World, at: OffsetDateTime) {
    world.clock.advance(at - world.now());
}

async fn keys(world: &World) -> Vec<String> {
    let rows = sqlx::query("SELECT provider_deployment_id AS key FROM deployments ORDER BY created_at, id")
        .fetch_all(&world.context.pool)
        .await
        .expect("rows");
    rows.iter().map(|row| row.get("key")).collect()
}

async fn count(world: &World, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&world.context.pool)
        .await
        .expect("a count")
}

async fn horizon(world: &World, kind: &str) -> Option<(OffsetDateTime, i64)> {
    let rows = list_horizons(&mut *world.connection().await).await.expect("horizons");
    let of_kind = |row: &HorizonRow| (row.kind == kind).then_some((row.removed_before, row.removed_count));
    rows.iter().find_map(of_kind)
}

/// From the oldest: two that succeeded, one that failed and hangs about, one that still runs, the live one, the newest.
fn world_of_days() -> Vec<DeploymentObservation> {
    vec![
        deployment("first", -DAY, Status::Succeeded),
        deployment("second", 0, Status::Succeeded),
        deployment("failed", DAY, Status::Failed),
        deployment("running", 2 * DAY, Status::InProgress),
        deployment("live", 3 * DAY, Status::Succeeded),
        deployment("newest", 4 * DAY, Status::Failed),
    ]
}

#[tokio::test]
async fn history_goes_but_for_what_runs_is_live_or_is_the_newest_and_does_not_come_back() {
    let world = World::new(LiveRule::LastSucceeded).await;
    sqlx::raw_sql(GUARD)
        .execute(&world.context.pool)
        .await
        .expect("the guard");
    world.see(10, world_of_days()).await;
    set(&world, START + time::Duration::days(40));
    let head = world.head().await;

    remove_all(&keeping(&world, RetentionSettings::default())).await;
    assert_eq!(
        (keys(&world).await.len(), horizon(&world, "history").await),
        (6, None),
        "for ever"
    );

    let context = history(&world, 40);
    remove_all(&context).await;
    assert_eq!(
        keys(&world).await[0],
        "second",
        "created and ended before the day, to the second"
    );
    let context = history(&world, 30);
    remove_all(&context).await;
    assert_eq!(keys(&world).await, ["running", "live", "newest"]);
    let told = Some((START + time::Duration::days(10), 3));
    assert_eq!(horizon(&world, "history").await, told);
    let orphans = "SELECT count(*) FROM transitions WHERE deployment_id NOT IN (SELECT id FROM deployments)";
    assert_eq!(count(&world, orphans).await, 0);
    assert_eq!(count(&world, "SELECT count(*) FROM deployment_payloads").await, 3);
    let events = world.event_types_after(head).await;
    assert_eq!(
        events,
        ["application.history_changed", "application.history_changed"],
        "one a batch"
    );

    // The provider still lists everything.
    let head = world.head().await;
    let mut batch = world.batch(50, world_of_days());
    let report = slipway_engine::ingest::ingest(&context, &batch)
        .await
        .expect("ingested");
    assert_eq!((report.created, report.too_old, report.known), (0, 3, 6), "{report:?}");
    assert_eq!(world.head().await, head, "nothing is brought in that would go at once");
    // Who keeps more brings them in again; the horizon stays, because others may be gone.
    batch.asked.at += time::Duration::SECOND;
    let report = slipway_engine::ingest::ingest(&world.context, &batch)
        .await
        .expect("ingested");
    assert_eq!((report.created, report.too_old), (3, 0));
    assert_eq!(horizon(&world, "history").await, told);

    // What ran ends, and is kept for as long as everything else from then on.
    let mut ended = deployment("running", 2 * DAY, Status::Failed);
    ended.finished_at = Some(START + time::Duration::days(39));
    world.see(60, vec![ended]).await;
    remove_all(&context).await;
    assert_eq!(keys(&world).await, ["running", "live", "newest"]);
}

#[tokio::test]
async fn of_an_application_that_rests_for_years_the_newest_and_the_live_one_come_in() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let context = history(&world, 30);
    let old = |key: &str, day: i64, status| deployment(key, -(1_000 - day) * DAY, status);
    let page = vec![
        old("newest", 9, Status::Failed),
        old("live", 8, Status::Succeeded),
        old("before", 7, Status::Succeeded),
        old("oldest", 6, Status::Failed),
    ];
    let report = slipway_engine::ingest::ingest(&context, &world.batch(10, page))
        .await
        .expect("ingested");
    assert_eq!((report.created, report.too_old), (2, 2));
    assert_eq!(keys(&world).await, ["live", "newest"]);
    assert_eq!(world.deployment("live").await.is_live, Some(true));
    // The next page has nothing that would be kept.
    let page = vec![old("older", 5, Status::Succeeded), old("much-older", 4, Status::Failed)];
    let report = slipway_engine::ingest::ingest(&context, &world.batch(11, page))
        .await
        .expect("ingested");
    assert_eq!((report.created, report.too_old), (0, 2));
    remove_all(&context).await;
    assert_eq!(keys(&world).await, ["live", "newest"]);
}

#[tokio::test]
async fn what_an_open_intent_is_about_stays_until_it_is_settled() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(10, world_of_days()).await;
    set(&world, START + time::Duration::days(100));
    let first = world.deployment("first").await.id;
    let intent = "INSERT INTO intents (id, application_id, account, action, target_deployment_id, deployment_id, request,
                                       overrides_freeze, principal_id, principal, created_at, state, due_at)
                  VALUES (gen_random_uuid(), $1, 'main', 'rollback', $2, NULL, '{}', false, 'test', 'test', now(), 'calling',
                          now())";
    sqlx::query(intent)
        .bind(world.application_id.0)
        .bind(first.0)
        .execute(&world.context.pool)
        .await
        .expect("an intent");
    let context = history(&world, 30);
    remove_all(&context).await;
    assert_eq!(keys(&world).await, ["first", "running", "live", "newest"]);
    let settle = "UPDATE intents SET state = 'settled', settled_at = now()";
    sqlx::query(settle).execute(&world.context.pool).await.expect("settled");
    remove_all(&context).await;
    assert_eq!(keys(&world).await, ["running", "live", "newest"]);
}

#[tokio::test]
async fn events_go_from_the_beginning_and_the_last_one_never() {
    let world = World::new(LiveRule::LastSucceeded).await;
    for day in 0..8 {
        set(&world, START + time::Duration::days(day));
        world
            .see(
                10 + day,
                vec![deployment(&format!("d{day}"), day * DAY, Status::Failed)],
            )
            .await;
    }
    let settings = RetentionSettings {
        events: days(3),
        ..RetentionSettings::default()
    };
    let before = world.events_after(0).await;
    remove_all(&keeping(&world, settings.clone())).await;
    let after = world.events_after(0).await;
    let horizon_at = world.now() - time::Duration::days(3);
    let kept: Vec<_> = before.iter().filter(|event| event.recorded_at >= horizon_at).collect();
    assert!(!kept.is_empty() && kept.len() < before.len());
    assert_eq!(
        after.iter().map(|event| event.seq).collect::<Vec<_>>(),
        kept.iter().map(|event| event.seq).collect::<Vec<_>>(),
        "all the newer ones, without a gap"
    );
    let removed = i64::try_from(before.len() - kept.len()).expect("few");
    assert_eq!(horizon(&world, "events").await, Some((horizon_at, removed)));
    assert_eq!(keys(&world).await.len(), 8, "deployments are another matter");

    set(&world, START + time::Duration::days(400));
    remove_all(&keeping(&world, settings)).await;
    let last = world.events_after(0).await;
    assert_eq!(last.len(), 1);
    let mut conn = world.connection().await;
    assert_eq!(event_log::find_head(&mut conn).await.expect("a head").seq, last[0].seq);
    assert_eq!(
        event_log::find_oldest(&mut conn).await.expect("an event"),
        Some(last[0].seq)
    );
}

#[tokio::test]
async fn payloads_go_in_more_than_one_batch_and_only_one_process_removes() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let many = (0..2_300).map(|number| deployment(&format!("d{number}"), number, Status::Failed));
    let mut seen: Vec<_> = many.collect();
    seen.extend(world_of_days());
    for page in seen.chunks(500) {
        world.see(10, page.to_vec()).await;
    }
    set(&world, START + time::Duration::days(50));
    let settings = RetentionSettings {
        payloads: days(20),
        ..RetentionSettings::default()
    };
    let context = keeping(&world, settings);
    let payloads = "SELECT count(*) FROM deployment_payloads";
    let mut other = world.connection().await;
    let mut turn = other.begin().await.expect("a transaction");
    assert!(retention::try_lock(&mut turn).await.expect("a turn"));
    remove_all(&context).await;
    assert_eq!(count(&world, payloads).await, 2_306, "it is another process's turn");
    turn.rollback().await.expect("given back");

    let head = world.head().await;
    remove_all(&context).await;
    assert_eq!(
        count(&world, payloads).await,
        3,
        "of what runs, is live and is the newest"
    );
    assert_eq!(horizon(&world, "payloads").await.map(|(_, count)| count), Some(2_303));
    assert_eq!(
        (world.head().await, keys(&world).await.len()),
        (head, 2_306),
        "nothing public changed"
    );
}
