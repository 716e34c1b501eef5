//! Each sort and each filter that a dashboard uses is served by an index: on a large table, with the plans that prepared
//! statements end up with, a list reads hardly more rows than it answers.

use slipway_core::Clock as _;
use slipway_core::Labels;
use slipway_store::applications::{self, ApplicationFilter, ApplicationQuery};
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery, DeploymentSort};
use slipway_store::insights::{self, Group, InsightScope, Window};
use slipway_store::labels::LabelSelector;
use slipway_store::{PgConnection, Visibility};
use slipway_test_database::TestDatabase;
use time::Duration;
use uuid::Uuid;

/// Twenty thousand applications, most of them of one account and a quarter archived, 500 over 10 accounts with 200,000
/// deployments, a minute apart; of which every tenth failed and a handful is under way.
const ROWS: &str = r"
SET synchronous_commit = off;
INSERT INTO applications (id, provider, account, provider_application_id, name, environment, owner, labels, first_seen_at,
                          updated_at, version, archived_at)
SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'cloud66' ELSE 'scalingo' END, 'account-' || n % 10, n::text,
       'app-' || lpad(n::text, 4, '0'), CASE WHEN n = 333 THEN 'preview' WHEN n % 3 = 0 THEN 'staging' ELSE 'production' END, 'owner-' || n % 20,
       jsonb_build_object('team', 'team-' || n % 25, 'tier', CASE n % 5 WHEN 0 THEN 'db' ELSE 'web' END), now(), now(), 1,
       CASE WHEN n % 50 = 0 THEN now() END
FROM generate_series(0, 499) AS n;

INSERT INTO applications (id, provider, account, provider_application_id, name, environment, owner, first_seen_at,
                          updated_at, version, archived_at)
SELECT gen_random_uuid(), CASE WHEN n % 9000 = 0 THEN 'rare' WHEN n % 2 = 0 THEN 'cloud66' ELSE 'scalingo' END,
       CASE WHEN n >= 5000 THEN 'large' ELSE 'account-' || 10 + n % 100 END, n::text,
       'app-' || lpad(n::text, 5, '0'), CASE n % 7000 WHEN 0 THEN 'review' ELSE 'production' END,
       CASE WHEN n >= 5000 THEN 'everybody' ELSE 'owner-' || 20 + n % 100 END, now(), now(), 1,
       CASE WHEN n < 5500 THEN now() END
FROM generate_series(500, 19999) AS n;

-- Indexes are faster made at the end.
CREATE TEMP TABLE made AS
SELECT indexname AS name, indexdef AS definition FROM pg_indexes
WHERE schemaname = 'public' AND tablename = 'deployments' AND indexname LIKE 'deployments_by_%';
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM made LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
END $$;

CREATE TEMP TABLE numbered AS
SELECT id, provider, account, environment, labels, name, provider_application_id::int AS n FROM applications
WHERE provider_application_id::int < 500;
ALTER TABLE numbered ADD PRIMARY KEY (n);

INSERT INTO deployments (id, application_id, provider, account, environment, labels, application_name,
                         provider_deployment_id, status, is_finished, is_live, is_latest, created_at, finished_at,
                         first_seen_at, observed_at, observed_via, updated_at, version, tracked, body)
SELECT gen_random_uuid(), application.id, application.provider, application.account, application.environment,
       application.labels, application.name, k::text, state.status, state.is_finished, k > 199500, k > 199500, created.at,
       CASE WHEN state.is_finished THEN created.at + '5 minutes' END, created.at, created.at, 'poll', created.at, 1,
       jsonb_build_object('details', jsonb_build_object(
           'kind', CASE k % 4 WHEN 0 THEN 'build' ELSE 'deploy' END,
           'trigger', jsonb_build_object('kind', CASE k % 100 WHEN 0 THEN 'hook' ELSE 'push' END),
           'actor', jsonb_build_object('name', 'actor-' || k % 97),
           'git', jsonb_build_object('ref', CASE k % 50 WHEN 0 THEN 'release-' || k / 50 ELSE 'main' END,
                                     'sha', md5(k::text) || '01234567', 'message', 'change ticket-' || k))),
       '{}'
FROM generate_series(1, 200000) AS k
     JOIN numbered AS application ON application.n = k * 7919 % 500
     CROSS JOIN LATERAL (SELECT now() - (200000 - k) * interval '1 minute' AS at) AS created
     CROSS JOIN LATERAL (SELECT CASE WHEN k > 199990 THEN 'in_progress' WHEN k > 199980 THEN 'queued'
                                     WHEN k * 31 % 10 = 0 THEN 'failed' WHEN k % 500 = 7 THEN 'canceled'
                                     ELSE 'succeeded' END AS status, k <= 199980 AS is_finished) AS state;
DROP TABLE numbered;
SET maintenance_work_mem = '256MB';
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT * FROM made LOOP EXECUTE one.definition; END LOOP;
END $$;
UPDATE applications SET last_deployment_id = newest.id, live_deployment_id = newest.id
FROM (SELECT DISTINCT ON (application_id) application_id, id FROM deployments
      ORDER BY application_id, created_at DESC) AS newest
WHERE newest.application_id = applications.id;
ANALYZE applications;
ANALYZE deployments;
SET plan_cache_mode = force_generic_plan;
-- What parallel workers read is not counted here.
SET max_parallel_workers_per_gather = 0;
";

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// The rows of a table that this transaction has read so far.
async fn rows_read(conn: &mut PgConnection, table: &str) -> i64 {
    let counted = "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint
                   FROM pg_stat_xact_user_tables WHERE relname = $1";
    sqlx::query_scalar(counted)
        .bind(table)
        .fetch_one(conn)
        .await
        .expect("a count")
}

/// Too many rows read, in a sentence.
fn judge(what: &str, read: i64, returned: usize) -> Option<String> {
    let most = 5 * i64::try_from(returned).expect("a count") + 200;
    (read > most).then(|| format!("{what}: read {read} rows for {returned}, at most {most} are allowed"))
}

/// From here on PostgreSQL compiles what it runs, which takes longer than any page.
const COMPILED_FROM: f64 = 100_000.0;

/// The last statement that was prepared, if its plan seems to be so much work that it would be compiled: a page is not, not
/// even where nobody has counted `event_head` yet, as here.
async fn dear(conn: &mut PgConnection, what: &str) -> Option<String> {
    let last = "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements
                WHERE statement LIKE '%AS head LEFT JOIN%' ORDER BY prepare_time DESC LIMIT 1";
    let (name, parameters): (String, i32) = sqlx::query_as(last)
        .persistent(false)
        .fetch_optional(&mut *conn)
        .await
        .expect("a statement")?;
    let nulls = vec!["NULL"; usize::try_from(parameters).expect("a number")].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}{arguments}");
    let plan: serde_json::Value = sqlx::query_scalar(sqlx::AssertSqlSafe(explain))
        .persistent(false)
        .fetch_one(conn)
        .await
        .expect("a plan");
    let cost = plan[0]["Plan"]["Total Cost"].as_f64().expect("a cost");
    (cost >= COMPILED_FROM).then(|| format!("{what}: the plan costs {cost}"))
}

async fn walk_deployments(
    conn: &mut PgConnection,
    what: &str,
    query: &DeploymentQuery,
    visibility: &Visibility,
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut query = query.clone();
    query.limit = 50;
    for page in 0..3 {
        let before = rows_read(conn, "deployments").await;
        let found = deployments::list(conn, &query, visibility).await.expect("a page");
        let read = rows_read(conn, "deployments").await - before;
        faults.extend(judge(&format!("{what}, page {page}"), read, found.bodies.len()));
        faults.extend(dear(conn, what).await);
        if found.next.is_none() {
            break;
        }
        query.after = found.next;
    }
    faults
}

fn filters(application: Uuid, other: Uuid) -> Vec<(&'static str, DeploymentFilter)> {
    let now = slipway_core::SystemClock.now();
    let base = DeploymentFilter::default;
    let running = || words(&["queued", "in_progress"]);
    vec![
        ("everything", base()),
        (
            "status",
            DeploymentFilter {
                statuses: words(&["failed"]),
                ..base()
            },
        ),
        (
            "rare status",
            DeploymentFilter {
                statuses: words(&["canceled"]),
                ..base()
            },
        ),
        (
            "no such status",
            DeploymentFilter {
                statuses: words(&["unknown"]),
                ..base()
            },
        ),
        (
            "running",
            DeploymentFilter {
                statuses: running(),
                ..base()
            },
        ),
        (
            "ended badly",
            DeploymentFilter {
                statuses: words(&["failed", "canceled"]),
                ..base()
            },
        ),
        (
            "provider",
            DeploymentFilter {
                providers: words(&["scalingo"]),
                ..base()
            },
        ),
        (
            "provider and status",
            DeploymentFilter {
                providers: words(&["scalingo"]),
                statuses: words(&["failed"]),
                ..base()
            },
        ),
        (
            "account",
            DeploymentFilter {
                accounts: words(&["account-3"]),
                ..base()
            },
        ),
        (
            "accounts",
            DeploymentFilter {
                accounts: words(&["account-3", "account-4", "none"]),
                ..base()
            },
        ),
        (
            "account and status",
            DeploymentFilter {
                accounts: words(&["account-3"]),
                statuses: words(&["canceled"]),
                ..base()
            },
        ),
        (
            "accounts and statuses",
            DeploymentFilter {
                accounts: words(&["account-3", "account-4"]),
                statuses: words(&["canceled", "failed"]),
                ..base()
            },
        ),
        (
            "environment",
            DeploymentFilter {
                environments: words(&["staging"]),
                ..base()
            },
        ),
        (
            "no such environment",
            DeploymentFilter {
                environments: words(&["none"]),
                ..base()
            },
        ),
        (
            "environment and status",
            DeploymentFilter {
                environments: words(&["staging"]),
                statuses: words(&["canceled"]),
                ..base()
            },
        ),
        (
            "environment, running",
            DeploymentFilter {
                environments: words(&["staging"]),
                statuses: running(),
                ..base()
            },
        ),
        (
            "environments",
            DeploymentFilter {
                environments: (0..30)
                    .map(|n| format!("preview-{n}"))
                    .chain(words(&["staging"]))
                    .collect(),
                ..base()
            },
        ),
        (
            "environment and provider",
            DeploymentFilter {
                environments: words(&["production"]),
                providers: words(&["scalingo"]),
                ..base()
            },
        ),
        (
            "environments, providers and status",
            DeploymentFilter {
                environments: words(&["production", "staging"]),
                providers: words(&["scalingo", "cloud66"]),
                statuses: words(&["canceled", "failed"]),
                ..base()
            },
        ),
        (
            "provider and environment of which nothing failed",
            DeploymentFilter {
                environments: words(&["production"]),
                providers: words(&["scalingo"]),
                statuses: words(&["failed"]),
                ..base()
            },
        ),
        (
            "application",
            DeploymentFilter {
                applications: vec![application],
                ..base()
            },
        ),
        (
            "applications",
            DeploymentFilter {
                applications: vec![application, other],
                ..base()
            },
        ),
        (
            "application and status",
            DeploymentFilter {
                applications: vec![application],
                statuses: words(&["canceled", "failed"]),
                ..base()
            },
        ),
        (
            "application, running",
            DeploymentFilter {
                applications: vec![application],
                statuses: running(),
                ..base()
            },
        ),
        (
            "hash",
            DeploymentFilter {
                git_shas: words(&["c4ca"]),
                ..base()
            },
        ),
        (
            "whole hash",
            DeploymentFilter {
                git_shas: words(&["c4ca4238a0b923820dcc509a6f75849b01234567"]),
                ..base()
            },
        ),
        (
            "hashes",
            DeploymentFilter {
                git_shas: words(&["c4ca", "c81e7", "0000"]),
                ..base()
            },
        ),
        (
            "ref",
            DeploymentFilter {
                git_refs: words(&["release-17"]),
                ..base()
            },
        ),
        (
            "common ref",
            DeploymentFilter {
                git_refs: words(&["main"]),
                ..base()
            },
        ),
        (
            "actor",
            DeploymentFilter {
                actors: words(&["actor-5"]),
                ..base()
            },
        ),
        (
            "actors",
            DeploymentFilter {
                actors: words(&["actor-5", "actor-6"]),
                ..base()
            },
        ),
        (
            "trigger",
            DeploymentFilter {
                triggers: words(&["hook"]),
                ..base()
            },
        ),
        (
            "kind",
            DeploymentFilter {
                kinds: words(&["build"]),
                ..base()
            },
        ),
        (
            "live",
            DeploymentFilter {
                is_live: Some(true),
                ..base()
            },
        ),
        (
            "not live",
            DeploymentFilter {
                is_live: Some(false),
                ..base()
            },
        ),
        (
            "created window",
            DeploymentFilter {
                created_after: Some(now - Duration::days(30)),
                created_before: Some(now - Duration::days(29)),
                ..base()
            },
        ),
        (
            "created window and status",
            DeploymentFilter {
                created_after: Some(now - Duration::days(30)),
                created_before: Some(now - Duration::days(29)),
                statuses: words(&["failed"]),
                ..base()
            },
        ),
        (
            "label of some",
            DeploymentFilter {
                labels: LabelSelector {
                    equal: labels(&[("team", "team-3")]),
                    ..LabelSelector::default()
                },
                ..base()
            },
        ),
        (
            "label of many",
            DeploymentFilter {
                labels: LabelSelector {
                    equal: labels(&[("tier", "web")]),
                    ..LabelSelector::default()
                },
                ..base()
            },
        ),
        (
            "label of none",
            DeploymentFilter {
                labels: LabelSelector {
                    equal: labels(&[("tier", "none")]),
                    ..LabelSelector::default()
                },
                ..base()
            },
        ),
        (
            "labels",
            DeploymentFilter {
                labels: LabelSelector {
                    equal: labels(&[("team", "team-3")]),
                    different: vec![("tier".to_owned(), "db".to_owned())],
                },
                ..base()
            },
        ),
    ]
}

#[tokio::test]
async fn lists_read_hardly_more_rows_than_they_answer() {
    let database = TestDatabase::create().await.expect("a database");
    let mut conn = database.pool.acquire().await.expect("a connection");
    sqlx::raw_sql(ROWS).execute(&mut *conn).await.expect("rows");
    // Counters are kept for each transaction.
    let mut transaction = slipway_store::Connection::begin(&mut *conn)
        .await
        .expect("a transaction");
    let conn = &mut *transaction;
    let applications: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM applications ORDER BY name LIMIT 2 OFFSET 20")
        .fetch_all(&mut *conn)
        .await
        .expect("applications");
    let everything = Visibility::default();
    let mut faults = Vec::new();
    for (what, filter) in filters(applications[0], applications[1]) {
        // Which applications have a label is looked up first, planned with the label at hand.
        let has_label = !filter.labels.is_empty();
        plan(conn, if has_label { "auto" } else { "force_generic_plan" }).await;
        for sort in [DeploymentSort::NewestFirst, DeploymentSort::OldestFirst] {
            // Backwards only a plain walk is offered for long; what is rare at that end is still found by its index.
            let query = DeploymentQuery {
                filter: filter.clone(),
                sort,
                ..DeploymentQuery::default()
            };
            faults.extend(walk_deployments(conn, &format!("{what}, {sort:?}"), &query, &everything).await);
        }
    }
    plan(conn, "force_generic_plan").await;
    faults.extend(finished(conn, applications[0]).await);
    let many: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM applications ORDER BY name LIMIT 200 OFFSET 250")
        .fetch_all(&mut *conn)
        .await
        .expect("applications");
    faults.extend(restricted(conn, &applications, &many).await);
    faults.extend(searches(conn).await);
    faults.extend(of_applications(conn).await);
    faults.extend(numbers(conn, applications[0]).await);
    faults.extend(unused(conn).await);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Indexes that only background work and writes need: what is due or outdated, and that nothing is stored twice.
const OF_WRITES: [&str; 5] = [
    "applications_account_provider_application_id_key",
    "applications_by_rules",
    "applications_by_view",
    "deployments_application_id_provider_deployment_id_key",
    "deployments_unfinished",
];

/// Each index is paid for with every row that is written: one that none of these lists has used should go.
async fn unused(conn: &mut PgConnection) -> Vec<String> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT indexrelid::regclass::text FROM pg_index
         WHERE indrelid IN ('applications'::regclass, 'deployments'::regclass)
           AND pg_stat_get_xact_numscans(indexrelid) = 0 ORDER BY 1",
    )
    .fetch_all(conn)
    .await
    .expect("names");
    let of_lists = names.into_iter().filter(|name| !OF_WRITES.contains(&name.as_str()));
    of_lists.map(|name| format!("{name}: no list uses it")).collect()
}

async fn finished(conn: &mut PgConnection, application: Uuid) -> Vec<String> {
    let mut faults = Vec::new();
    let now = slipway_core::SystemClock.now();
    let base = DeploymentFilter::default;
    let filters = [
        ("everything", base()),
        (
            "application",
            DeploymentFilter {
                applications: vec![application],
                ..base()
            },
        ),
        (
            "window",
            DeploymentFilter {
                finished_after: Some(now - Duration::days(20)),
                finished_before: Some(now - Duration::days(19)),
                ..base()
            },
        ),
    ];
    for (what, filter) in filters {
        for sort in [DeploymentSort::LastFinishedFirst, DeploymentSort::FirstFinishedFirst] {
            let query = DeploymentQuery {
                filter: filter.clone(),
                sort,
                ..DeploymentQuery::default()
            };
            faults.extend(walk_deployments(conn, &format!("{what}, {sort:?}"), &query, &Visibility::default()).await);
        }
    }
    faults
}

/// What tokens are restricted to: of each kind, common and rare, and together.
fn restrictions(few: &[Uuid], many: &[Uuid]) -> Vec<(&'static str, Visibility)> {
    let base = Visibility::default;
    vec![
        (
            "a provider",
            Visibility {
                providers: words(&["scalingo"]),
                ..base()
            },
        ),
        ("nothing", Visibility::nothing()),
        (
            "an account",
            Visibility {
                accounts: words(&["account-3"]),
                ..base()
            },
        ),
        (
            "accounts",
            Visibility {
                accounts: words(&["account-3", "account-4", "account-50", "none"]),
                ..base()
            },
        ),
        (
            "applications",
            Visibility {
                applications: few.to_vec(),
                ..base()
            },
        ),
        (
            "many applications",
            Visibility {
                applications: many.to_vec(),
                ..base()
            },
        ),
        (
            "a common environment",
            Visibility {
                environments: words(&["production"]),
                ..base()
            },
        ),
        (
            "environments",
            Visibility {
                environments: words(&["production", "staging"]),
                ..base()
            },
        ),
        (
            "a rare environment",
            Visibility {
                environments: words(&["preview"]),
                ..base()
            },
        ),
        (
            "an environment that is not there",
            Visibility {
                environments: words(&["none"]),
                ..base()
            },
        ),
        (
            "an account and an environment",
            Visibility {
                accounts: words(&["account-3"]),
                environments: words(&["production"]),
                ..base()
            },
        ),
        (
            "a provider and an environment",
            Visibility {
                providers: words(&["scalingo"]),
                environments: words(&["production"]),
                ..base()
            },
        ),
    ]
}

async fn restricted(conn: &mut PgConnection, few: &[Uuid], many: &[Uuid]) -> Vec<String> {
    let mut faults = Vec::new();
    let now = slipway_core::SystemClock.now();
    let base = DeploymentFilter::default;
    for (what, visibility) in restrictions(few, many) {
        for (filtered, filter) in [
            ("everything", base()),
            (
                "a status",
                DeploymentFilter {
                    statuses: words(&["failed"]),
                    ..base()
                },
            ),
            (
                "running",
                DeploymentFilter {
                    statuses: words(&["queued", "in_progress"]),
                    ..base()
                },
            ),
            (
                "another account",
                DeploymentFilter {
                    accounts: words(&["account-7"]),
                    ..base()
                },
            ),
            (
                "an environment",
                DeploymentFilter {
                    environments: words(&["staging"]),
                    ..base()
                },
            ),
            (
                "an application",
                DeploymentFilter {
                    applications: few[..1].to_vec(),
                    ..base()
                },
            ),
            (
                "a window",
                DeploymentFilter {
                    created_after: Some(now - Duration::days(30)),
                    ..base()
                },
            ),
        ] {
            for sort in [DeploymentSort::NewestFirst, DeploymentSort::OldestFirst] {
                let query = DeploymentQuery {
                    filter: filter.clone(),
                    sort,
                    ..DeploymentQuery::default()
                };
                // Which applications are asked for is looked up first, planned with the values at hand.
                let what = format!("restricted to {what}: {filtered}, {sort:?}");
                faults.extend(walk_deployments(conn, &what, &query, &visibility).await);
            }
        }
        for filter in [
            ApplicationFilter::default(),
            ApplicationFilter {
                environments: words(&["production"]),
                ..ApplicationFilter::default()
            },
        ] {
            let what = format!("restricted to {what}, {:?}", filter.environments);
            faults.extend(walk_applications(conn, &what, &filter, &visibility).await);
        }
    }
    faults
}

/// What is planned with its values at hand (see [`plan`]) is run without a forced plan, which would not be its own.
async fn plan(conn: &mut PgConnection, mode: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SET LOCAL plan_cache_mode = {mode}")))
        .execute(conn)
        .await
        .expect("set");
}

/// Searches are planned with their words at hand.
async fn searches(conn: &mut PgConnection) -> Vec<String> {
    let mut faults = Vec::new();
    plan(conn, "auto").await;
    for (what, search) in [
        ("rare words", "ticket 199777"),
        ("common words", "change"),
        ("no such word", "nothing"),
    ] {
        let filter = DeploymentFilter {
            words: search.split(' ').map(ToOwned::to_owned).collect(),
            created_after: Some(slipway_core::SystemClock.now() - Duration::days(90)),
            ..DeploymentFilter::default()
        };
        let query = DeploymentQuery {
            filter,
            ..DeploymentQuery::default()
        };
        faults.extend(walk_deployments(conn, what, &query, &Visibility::default()).await);
    }
    plan(conn, "force_generic_plan").await;
    faults
}

/// Numbers look at what lies in their window, and at hardly more; how long history is does not matter.
async fn numbers(conn: &mut PgConnection, application: Uuid) -> Vec<String> {
    let mut faults = Vec::new();
    plan(conn, "auto").await;
    let now = slipway_core::SystemClock.now();
    let of_account = Visibility {
        accounts: words(&["account-3"]),
        ..Visibility::default()
    };
    // A deployment a minute over everything, one in 500 minutes of an application.
    for (what, days, applications, visibility, most) in [
        ("numbers of two days", 2, vec![], Visibility::default(), 2_880),
        ("numbers of an account", 2, vec![], of_account, 2_880),
        (
            "numbers of an application",
            90,
            vec![application],
            Visibility::default(),
            300,
        ),
    ] {
        let window = Window {
            starts_at: now - Duration::days(days),
            ends_at: now,
        };
        let scope = InsightScope {
            window,
            providers: Vec::new(),
            accounts: Vec::new(),
            applications,
            environments: Vec::new(),
            labels: LabelSelector::default(),
        };
        let before = rows_read(conn, "deployments").await;
        let counted = insights::count(conn, &scope, &visibility, &[window.starts_at]).await;
        let read = rows_read(conn, "deployments").await - before;
        let looked_at = counted.expect("numbers")[&Group::Total].deployments;
        assert!(looked_at > 0 && looked_at <= most, "{what}: {looked_at}");
        // Twice what is in the window, and a few for each that failed.
        if read > 3 * most {
            faults.push(format!("{what}: read {read} rows for a window of {most}"));
        }
    }
    plan(conn, "force_generic_plan").await;
    faults
}

async fn of_applications(conn: &mut PgConnection) -> Vec<String> {
    let mut faults = Vec::new();
    let base = ApplicationFilter::default;
    let filters = [
        ("everything", base()),
        (
            "archived",
            ApplicationFilter {
                archived: true,
                ..base()
            },
        ),
        (
            "provider",
            ApplicationFilter {
                providers: words(&["cloud66"]),
                ..base()
            },
        ),
        (
            "account",
            ApplicationFilter {
                accounts: words(&["account-3"]),
                ..base()
            },
        ),
        (
            "environment",
            ApplicationFilter {
                environments: words(&["staging"]),
                ..base()
            },
        ),
        (
            "rare provider",
            ApplicationFilter {
                providers: words(&["rare"]),
                ..base()
            },
        ),
        (
            "rare provider and common environment",
            ApplicationFilter {
                providers: words(&["rare"]),
                environments: words(&["production"]),
                ..base()
            },
        ),
        (
            "account and environment",
            ApplicationFilter {
                accounts: words(&["large"]),
                environments: words(&["review"]),
                ..base()
            },
        ),
        (
            "accounts, environments and provider",
            ApplicationFilter {
                accounts: words(&["large", "account-3"]),
                environments: words(&["review", "staging"]),
                providers: words(&["cloud66"]),
                ..base()
            },
        ),
        (
            "provider and environment",
            ApplicationFilter {
                providers: words(&["scalingo"]),
                environments: words(&["review"]),
                ..base()
            },
        ),
        (
            "account and environment that is not there",
            ApplicationFilter {
                accounts: words(&["large"]),
                environments: words(&["none"]),
                ..base()
            },
        ),
        (
            "owner",
            ApplicationFilter {
                owners: words(&["owner-3"]),
                ..base()
            },
        ),
        (
            "owner and account",
            ApplicationFilter {
                owners: words(&["owner-3"]),
                accounts: words(&["large"]),
                ..base()
            },
        ),
        (
            "name",
            ApplicationFilter {
                names: words(&["app-0021"]),
                ..base()
            },
        ),
        (
            "names",
            ApplicationFilter {
                names: words(&["app-0021", "app-0022", "none"]),
                ..base()
            },
        ),
        (
            "label",
            ApplicationFilter {
                labels: LabelSelector {
                    equal: labels(&[("team", "team-3")]),
                    ..LabelSelector::default()
                },
                ..base()
            },
        ),
    ];
    for (what, filter) in filters {
        let has_label = !filter.labels.is_empty();
        plan(conn, if has_label { "auto" } else { "force_generic_plan" }).await;
        faults.extend(walk_applications(conn, what, &filter, &Visibility::default()).await);
    }
    faults
}

async fn walk_applications(
    conn: &mut PgConnection,
    what: &str,
    filter: &ApplicationFilter,
    visibility: &Visibility,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (descending, with_bodies) in [(false, false), (true, false), (false, true)] {
        let mut query = ApplicationQuery {
            filter: filter.clone(),
            descending,
            with_last: with_bodies,
            with_live: with_bodies,
            limit: 50,
            ..ApplicationQuery::default()
        };
        for page in 0..3 {
            let (before, before_deployments) = (
                rows_read(conn, "applications").await,
                rows_read(conn, "deployments").await,
            );
            let found = applications::list(conn, &query, visibility).await.expect("a page");
            let read = rows_read(conn, "applications").await - before;
            let what = format!("applications: {what} {descending} {with_bodies} {page}");
            faults.extend(judge(&what, read, found.rows.len()));
            let read = rows_read(conn, "deployments").await - before_deployments;
            faults.extend(judge(&format!("deployments of {what}"), read, found.rows.len()));
            faults.extend(dear(conn, &what).await);
            let Some(next) = found.next else { break };
            query.after = Some(next);
        }
    }
    faults
}
