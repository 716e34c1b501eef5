//! A renamed account takes everything with it, in one transaction, once; what cannot be is refused.

use slipway_core::provider::LiveRule;
use slipway_core::{AccountName, ProviderName, Status};
use slipway_engine::ingest::{IngestError, ingest_applications};
use slipway_engine::relabel;
use slipway_engine::renames::{Rename, RenameError, apply};
use slipway_store::deployments;
use sqlx::Row;

use crate::guard::GUARD;
use crate::relabel::relabel_all;
use crate::world::{World, application, deployment};

fn to(former: &str, name: &str) -> Rename {
    Rename {
        former: former.into(),
        name: name.into(),
        provider: "scalingo",
    }
}

async fn run(world: &World, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&world.context.pool).await.expect(sql);
}

/// Every table in which the name of an account stands, with how often a name does.
async fn places(world: &World, name: &str) -> Vec<(String, i64)> {
    let columns = "SELECT table_name::text AS table, data_type::text AS type, column_name::text AS column
                   FROM information_schema.columns
                   WHERE table_schema = 'public' AND column_name IN ('account', 'accounts') ORDER BY table_name";
    let mut places = Vec::new();
    for row in sqlx::query(columns)
        .fetch_all(&world.context.pool)
        .await
        .expect("columns")
    {
        let (table, column): (String, String) = (row.get("table"), row.get("column"));
        let named = match row.get::<String, _>("type").as_str() {
            "ARRAY" => format!("$1 = ANY({column})"),
            _ => format!("{column} = $1"),
        };
        let count = format!("SELECT count(*) FROM {table} WHERE {named}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
            .bind(name)
            .fetch_one(&world.context.pool)
            .await
            .expect("a count");
        places.push((table, count));
    }
    places
}

/// A row in every other table that names an account.
const ROWS: &str = "
    INSERT INTO tokens (id, name, secret_hash, prefix, scopes, providers, accounts, applications, environments, created_at,
                        created_by)
    VALUES (gen_random_uuid(), 'restricted', '\\x00', 'slw_', '{}', '{}', '{other,main}', '{}', '{}', now(), 'test');
    INSERT INTO intents (id, application_id, account, action, request, overrides_freeze, principal_id, principal, created_at,
                         state, due_at)
    SELECT gen_random_uuid(), id, 'main', 'trigger', '{}', false, 'test', 'test', now(), 'settled', now() FROM applications;
    INSERT INTO webhook_inbox (account, delivery_hash) VALUES ('main', '\\x01');
    INSERT INTO rate_budgets (account, ledger, updated_at) VALUES ('main', '{}', now()), ('fresh', '{}', now());
    INSERT INTO deployment_logs (deployment_id, application_id, account, written_at)
    SELECT id, application_id, account, now() FROM deployments LIMIT 1;
    INSERT INTO sync_targets (id, account, provider, next_poll_at, interval_ms)
    VALUES (gen_random_uuid(), 'fresh', 'scalingo', now(), 5000);";

#[tokio::test]
async fn everything_goes_along_with_versions_and_events() {
    let world = World::new(LiveRule::LastSucceeded).await;
    run(&world, GUARD).await;
    let mut seen: Vec<_> = (0..450)
        .map(|number| deployment(&number.to_string(), -10_000 + number, Status::Succeeded))
        .collect();
    seen.push(deployment("running", 5, Status::InProgress));
    world.see(10, seen).await;
    {
        let mut conn = world.connection().await;
        relabel::announce(&world.context, &mut conn).await.expect("announced");
    }
    relabel_all(&world.context).await;
    run(&world, ROWS).await;
    let before = world.deployment("7").await;
    let head = world.head().await;

    let fresh = ["fresh".to_owned()];
    let renames = [to("main", "fresh")];
    apply(&world.context, &fresh, &renames).await.expect("renamed");
    assert_eq!(world.event_types_after(head).await, ["application.updated"]);
    let left: Vec<_> = places(&world, "main")
        .await
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect();
    let tables: Vec<_> = left.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!(
        tables,
        ["deployments", "events"],
        "the past is told as it was, and deployments follow"
    );

    // A process that is not the sync of now: it holds a lease of before, and knows the former name.
    let late = ingest_applications(
        &world.context,
        &AccountName::from("main"),
        &ProviderName::from("scalingo"),
        world.lease,
        &[application("app-2")],
    )
    .await;
    assert!(matches!(late, Err(IngestError::LeaseLost)));
    let mut conn = world.connection().await;
    slipway_store::sync_targets::insert_account(&mut conn, uuid::Uuid::from_u128(1), "main", "scalingo")
        .await
        .expect("nothing to insert");
    assert!(lease_of(&mut conn, "main").await.is_none(), "no second history begins");
    assert!(lease_of(&mut conn, "fresh").await.is_some());

    let head = world.head().await;
    relabel::announce(&world.context, &mut conn).await.expect("announced");
    relabel_all(&world.context).await;
    let after = world.deployment("7").await;
    assert_eq!((after.account.as_str(), after.version), ("fresh", before.version + 1));
    let body = deployments::find_body(&mut conn, after.id.0)
        .await
        .expect("a read")
        .expect("a body");
    assert!(body.body.contains("\"account\":\"fresh\""), "{}", body.body);
    let left = places(&world, "main").await;
    assert!(
        left.iter().all(|(table, count)| *count == 0 || table == "events"),
        "{left:?}"
    );
    let events = world.events_after(head).await;
    let is_told = |account: &str| {
        let mut told = events.iter().filter(|event| event.account.as_deref() == Some(account));
        told.any(|event| event.r#type == "application.history_changed")
    };
    assert!(
        is_told("fresh") && is_told("main"),
        "also whoever follows the former name"
    );
    let last = events
        .iter()
        .rfind(|event| event.r#type == "application.history_changed");
    assert_eq!(
        last.and_then(|event| event.account.as_deref()),
        Some("fresh"),
        "the name of now is told last"
    );

    // Once done, leaving it there does no harm.
    let head = world.head().await;
    apply(&world.context, &fresh, &renames).await.expect("nothing to do");
    assert_eq!(world.head().await, head);
}

async fn lease_of(conn: &mut slipway_store::PgConnection, account: &str) -> Option<slipway_engine::ingest::Lease> {
    let accounts = [account.to_owned()];
    let leased = slipway_store::sync_targets::acquire_due(conn, &accounts, "test", time::Duration::HOUR, 1).await;
    leased
        .expect("a look")
        .first()
        .map(|target| slipway_engine::ingest::Lease {
            target_id: target.id,
            token: target.lease_token,
        })
}

#[tokio::test]
async fn two_histories_or_two_platforms_never_become_one() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let mut conn = world.connection().await;
    slipway_store::sync_targets::insert_account(&mut conn, uuid::Uuid::from_u128(2), "second", "scalingo")
        .await
        .expect("an account");
    let lease = lease_of(&mut conn, "second").await.expect("a lease");
    ingest_applications(
        &world.context,
        &AccountName::from("second"),
        &ProviderName::from("scalingo"),
        lease,
        &[application("app-9")],
    )
    .await
    .expect("an application");
    let head = world.head().await;
    let names = ["second".to_owned(), "third".to_owned()];
    let both = apply(&world.context, &names, &[to("main", "second")]).await;
    let sentence = both.expect_err("both have applications").to_string();
    assert!(
        sentence.contains("1 applications stand under `second` already"),
        "{sentence}"
    );
    let other = Rename {
        provider: "cloud66",
        ..to("main", "third")
    };
    // Also the one that would have gone before it stays.
    let refused = apply(&world.context, &names, &[to("second", "fourth"), other]).await;
    assert!(matches!(refused, Err(RenameError::OtherProvider { .. })), "{refused:?}");
    apply(&world.context, &names, &[to("nobody", "third")])
        .await
        .expect("nothing to do");
    assert_eq!(world.head().await, head);
    assert!(places(&world, "fourth").await.iter().all(|(_, count)| *count == 0));
}
