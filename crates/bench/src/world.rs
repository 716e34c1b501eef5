//! The history that is read: as large as it is asked for, with the public JSON of a real deployment in each row.

use serde_json::Value;
use slipway_test_database::{PgPool, TestDatabase};
use sqlx::postgres::PgConnection;

use crate::Result;

/// How many deployments can be asked for one by one.
const ASKED_FOR: i64 = 1_000;

/// What ingest has to know of a deployment that has ended.
const TRACKED: &str = r#"{
    "state": {"status": "succeeded", "phase": null, "is_finished": true, "provider_status": null, "failure_reason": null,
              "failure_message": null, "authority": "rest"},
    "state_asked_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z", "details": {},
    "details_asked_at": "2026-01-01T00:00:00Z", "corrected_at": null, "cancel_requested_at": null
}"#;

/// Indexes are faster made at the end, when all rows are there.
const DROP_INDEXES: &str = "
    CREATE TEMP TABLE made AS
    SELECT indexname AS name, indexdef AS definition FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename = 'deployments' AND indexname LIKE 'deployments_by_%';
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT * FROM made LOOP EXECUTE 'DROP INDEX ' || one.name; END LOOP;
    END $$";
const MAKE_INDEXES: &str = "
    SET maintenance_work_mem = '256MB';
    DO $$ DECLARE one record; BEGIN
        FOR one IN SELECT * FROM made LOOP EXECUTE one.definition; END LOOP;
    END $$;
    RESET maintenance_work_mem";

/// A database with a history.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    /// Some deployments, from all over the history.
    pub(crate) ids: Vec<String>,
    /// All applications, by name.
    pub(crate) applications: Vec<String>,
}

impl World {
    /// 500 applications over 10 accounts, and so many deployments a minute apart.
    pub(crate) async fn create(deployments: u32) -> Result<Self> {
        Self::create_with(deployments, 500).await
    }

    /// So many applications without history.
    pub(crate) async fn of_applications(applications: usize) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let mut conn = database.pool.acquire().await?;
        insert_applications(&mut conn, u32::try_from(applications)?).await?;
        drop(conn);
        let applications = list_applications(&database.pool).await?;
        Ok(Self {
            database,
            ids: Vec::new(),
            applications,
        })
    }

    /// So many applications over 10 accounts, and so many deployments a minute apart.
    pub(crate) async fn create_with(deployments: u32, applications: u32) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let examples: Value = serde_json::from_str(include_str!("../../server/src/openapi/examples.json"))?;
        let body = &examples["getDeployment"];
        let id = body["id"].as_str().ok_or("the example of a deployment has no id")?;
        fill(&database.pool, (deployments, applications), &body.to_string(), id).await?;
        let ids = sqlx::query_scalar::<_, String>(
            "SELECT id::text FROM deployments TABLESAMPLE SYSTEM (20) ORDER BY random() LIMIT $1",
        )
        .bind(ASKED_FOR)
        .fetch_all(&database.pool)
        .await?;
        let applications = list_applications(&database.pool).await?;
        match ids.is_empty() {
            true => Err("a history must have more deployments than that".into()),
            false => Ok(Self {
                database,
                ids,
                applications,
            }),
        }
    }
}

async fn list_applications(pool: &PgPool) -> Result<Vec<String>> {
    let applications = sqlx::query_scalar("SELECT id::text FROM applications ORDER BY name");
    Ok(applications.fetch_all(pool).await?)
}

async fn insert_applications(conn: &mut PgConnection, applications: u32) -> Result<()> {
    sqlx::query(
        "INSERT INTO applications (id, provider, account, provider_application_id, name, environment, owner,
                                   first_seen_at, updated_at, version)
         SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'cloud66' ELSE 'scalingo' END, 'account-' || n % 10, n::text,
                'app-' || lpad(n::text, 5, '0'), CASE n % 3 WHEN 0 THEN 'staging' ELSE 'production' END,
                'owner-' || n % 20, now(), now(), 1
         FROM generate_series(0, $1 - 1) AS n",
    )
    .bind(i64::from(applications))
    .execute(conn)
    .await?;
    Ok(())
}

async fn fill(pool: &PgPool, (deployments, applications): (u32, u32), body: &str, id: &str) -> Result<()> {
    let mut conn = pool.acquire().await?;
    insert_applications(&mut conn, applications).await?;
    sqlx::raw_sql(
        "CREATE TEMP TABLE numbered AS
         SELECT id, provider, account, environment, labels, name, provider_application_id::int AS n FROM applications;
         ANALYZE numbered",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::raw_sql(DROP_INDEXES).execute(&mut *conn).await?;
    // Applications take turns, so the last of each is its newest: what runs where, as ingest keeps it.
    sqlx::query(
        "INSERT INTO deployments (id, application_id, provider, account, environment, labels, application_name,
                                  provider_deployment_id, status, is_finished, is_live, is_latest, created_at, finished_at,
                                  first_seen_at, observed_at, observed_via, updated_at, version, tracked, body)
         SELECT new.id, one.id, one.provider, one.account, one.environment, one.labels, one.name, k::text,
                CASE k % 10 WHEN 0 THEN 'failed' ELSE 'succeeded' END, true, k > $3 - $4, k > $3 - $4, created.at,
                created.at + interval '5 minutes', created.at, created.at, 'poll', created.at, 1, $5::jsonb,
                replace($1, $2, new.id::text)
         FROM generate_series(1, $3) AS k
              JOIN numbered AS one ON one.n = k * 7919 % $4
              CROSS JOIN LATERAL (SELECT now() - ($3 - k) * interval '1 minute' AS at) AS created
              CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE k > 0) AS new",
    )
    .bind(body)
    .bind(id)
    .bind(i64::from(deployments))
    .bind(i64::from(applications))
    .bind(TRACKED)
    .execute(&mut *conn)
    .await?;
    sqlx::raw_sql(MAKE_INDEXES).execute(&mut *conn).await?;
    sqlx::raw_sql(
        "UPDATE applications SET last_deployment_id = newest.id, live_deployment_id = newest.id
         FROM deployments AS newest WHERE newest.is_latest AND newest.application_id = applications.id",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::raw_sql("ANALYZE applications; ANALYZE deployments")
        .execute(&mut *conn)
        .await?;
    Ok(())
}
