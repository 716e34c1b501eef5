//! What every process asks each second costs what there is to do, however many applications are followed.

use slipway_store::views::{self, AccountView};
use slipway_store::{PgConnection, applications, sync_targets};
use slipway_test_database::TestDatabase;
use time::Duration;

/// Ten thousand applications of ten accounts that are read to their end and due tomorrow; of one the history is missing, and
/// another one is due in a moment.
const ROWS: &str = r"
INSERT INTO sync_targets (id, account, provider, next_poll_at, interval_ms)
SELECT gen_random_uuid(), 'account-' || n, 'scalingo', now() + interval '1 hour', 5000 FROM generate_series(0, 9) AS n;
INSERT INTO applications (id, provider, account, provider_application_id, name, first_seen_at, updated_at, version,
                          rules_hash, view_hash)
SELECT gen_random_uuid(), 'scalingo', 'account-' || n % 10, n::text, 'app-' || n, now(), now(), 1, 'rules', 'release'
FROM generate_series(1, 10000) AS n;
INSERT INTO sync_targets (id, account, provider, application_id, next_poll_at, interval_ms, backfill_state)
SELECT gen_random_uuid(), account, provider, id,
       now() + CASE WHEN name = 'app-7' THEN interval '20 seconds' ELSE interval '1 day' END, 5000,
       CASE WHEN name = 'app-3' THEN 'running' ELSE 'complete' END
FROM applications;
SET max_parallel_workers_per_gather = 0;
";

fn view(account: &str) -> AccountView {
    AccountView {
        account: account.to_owned(),
        hash: "release".to_owned(),
    }
}

/// The rows of all tables that this transaction has read so far.
async fn rows_read(conn: &mut PgConnection) -> i64 {
    let counted = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
                   FROM pg_stat_xact_user_tables";
    sqlx::query_scalar(counted).fetch_one(conn).await.expect("a count")
}

#[tokio::test]
async fn an_idle_second_reads_a_handful_of_rows_of_ten_thousand_targets() {
    let database = TestDatabase::create().await.expect("a database");
    // With and without what PostgreSQL learns of the tables by itself, and with the plans that prepared statements end up with.
    for plans in [
        "SET plan_cache_mode = force_custom_plan",
        "ANALYZE sync_targets",
        "SET plan_cache_mode = force_generic_plan",
    ] {
        let mut conn = database.pool.acquire().await.expect("a connection").detach();
        let sql = format!("TRUNCATE applications CASCADE; TRUNCATE sync_targets; {ROWS} {plans}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut conn)
            .await
            .expect("rows");
        let wanted: Vec<_> = (0..10).map(|n| format!("account-{n}")).collect();
        let mut transaction = sqlx::Connection::begin(&mut conn).await.expect("a transaction");
        let conn = &mut *transaction;
        let before = rows_read(conn).await;
        let due = sync_targets::acquire_due(conn, &wanted, "ours", Duration::MINUTE, 64).await;
        assert_eq!(due.expect("leases").len(), 0);
        let next = sync_targets::find_next_due_ms(conn, &wanted, Duration::MINUTE).await;
        assert!(next.expect("an answer").is_some_and(|next| next <= 20_000));
        let unread = sync_targets::list_unread_accounts(conn).await.expect("accounts");
        assert_eq!(unread, ["account-3"]);
        let accounts = sync_targets::list_accounts(conn).await.expect("accounts");
        assert_eq!(accounts.len(), 10);
        let has_others = applications::has_other_rules(conn, "rules").await;
        assert!(!has_others.expect("an answer"));
        for account in &wanted {
            assert!(!views::has_outdated(conn, &view(account)).await.expect("an answer"));
        }
        let read = rows_read(conn).await - before;
        assert!(read < 100, "{plans}: {read} rows were read");

        for (rules, release) in [("'others'", "'another'"), ("NULL", "NULL")] {
            let one_is_other =
                format!("UPDATE applications SET rules_hash = {rules}, view_hash = {release} WHERE name = 'app-3'");
            sqlx::raw_sql(sqlx::AssertSqlSafe(one_is_other))
                .execute(&mut *conn)
                .await
                .expect("a row");
            assert!(applications::has_other_rules(conn, "rules").await.expect("an answer"));
            assert!(views::has_outdated(conn, &view("account-3")).await.expect("an answer"));
            assert!(!views::has_outdated(conn, &view("account-4")).await.expect("an answer"));
        }

        // Nor does it read all that wait, however many do.
        let all_wait = "UPDATE sync_targets SET backfill_state = 'pending', next_poll_at = now() - interval '1 second'";
        sqlx::raw_sql(all_wait).execute(&mut *conn).await.expect("rows");
        let before = rows_read(conn).await;
        let due = sync_targets::acquire_due(conn, &wanted, "ours", Duration::MINUTE, 4).await;
        assert_eq!(due.expect("leases").len(), 4 + 10);
        let unread = sync_targets::list_unread_accounts(conn).await.expect("accounts");
        assert_eq!(unread.len(), 10);
        let read = rows_read(conn).await - before;
        assert!(read < 500, "{plans}: {read} rows of those that wait were read");
    }
}
