//! The history that is read: as large as it is asked for, with the public JSON of a real deployment in each row.

use serde_json::Value;
use slipway_test_database::{PgPool, TestDatabase};

use crate::Result;

/// How many deployments can be asked for one by one.
const ASKED_FOR: i64 = 1_000;

/// A database with a history.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) database: TestDatabase,
    /// Some deployments, from all over the history.
    pub(crate) ids: Vec<String>,
}

impl World {
    /// 500 applications over 10 accounts, and so many deployments a minute apart.
    pub(crate) async fn create(deployments: u32) -> Result<Self> {
        let database = TestDatabase::create().await?;
        let examples: Value = serde_json::from_str(include_str!("../../server/src/openapi/examples.json"))?;
        let body = &examples["getDeployment"];
        let id = body["id"].as_str().ok_or("the example of a deployment has no id")?;
        fill(&database.pool, deployments, &body.to_string(), id).await?;
        let ids = sqlx::query_scalar::<_, String>(
            "SELECT id::text FROM deployments TABLESAMPLE SYSTEM (20) ORDER BY random() LIMIT $1",
        )
        .bind(ASKED_FOR)
        .fetch_all(&database.pool)
        .await?;
        match ids.is_empty() {
            true => Err("a history must have more deployments than that".into()),
            false => Ok(Self { database, ids }),
        }
    }
}

async fn fill(pool: &PgPool, deployments: u32, body: &str, id: &str) -> Result<()> {
    let mut conn = pool.acquire().await?;
    sqlx::raw_sql(
        "INSERT INTO applications (id, provider, account, provider_application_id, name, environment, owner,
                                   first_seen_at, updated_at, version)
         SELECT gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'cloud66' ELSE 'scalingo' END, 'account-' || n % 10, n::text,
                'app-' || lpad(n::text, 4, '0'), CASE n % 3 WHEN 0 THEN 'staging' ELSE 'production' END, 'owner-' || n % 20,
                now(), now(), 1
         FROM generate_series(0, 499) AS n;
         CREATE TEMP TABLE numbered AS
         SELECT id, provider, account, environment, labels, name, provider_application_id::int AS n FROM applications",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO deployments (id, application_id, provider, account, environment, labels, application_name,
                                  provider_deployment_id, status, is_finished, is_live, is_latest, created_at, finished_at,
                                  first_seen_at, observed_at, observed_via, updated_at, version, tracked, body)
         SELECT new.id, one.id, one.provider, one.account, one.environment, one.labels, one.name, k::text,
                CASE k % 10 WHEN 0 THEN 'failed' ELSE 'succeeded' END, true, false, false, created.at,
                created.at + interval '5 minutes', created.at, created.at, 'poll', created.at, 1, '{\"details\": {}}',
                replace($1, $2, new.id::text)
         FROM generate_series(1, $3) AS k
              JOIN numbered AS one ON one.n = k * 7919 % 500
              CROSS JOIN LATERAL (SELECT now() - ($3 - k) * interval '1 minute' AS at) AS created
              CROSS JOIN LATERAL (SELECT gen_random_uuid() AS id WHERE k > 0) AS new",
    )
    .bind(body)
    .bind(id)
    .bind(i64::from(deployments))
    .execute(&mut *conn)
    .await?;
    sqlx::raw_sql("ANALYZE applications; ANALYZE deployments")
        .execute(&mut *conn)
        .await?;
    Ok(())
}
