//! Which deployments a number counts, and why it leaves others out: one by one, and how many for each reason.

use sqlx::{PgConnection, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::metric::Metric;
use super::scope::InsightScope;
use crate::page::AfterDeployment;
use crate::{Result, Visibility};

/// A page of deployments that a number looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainQuery {
    /// Which number.
    pub metric: Metric,
    /// Of which deployments.
    pub scope: InsightScope,
    /// Only those that count, or only those that do not.
    pub is_counted: Option<bool>,
    /// The last row of the page before.
    pub after: Option<AfterDeployment>,
    /// How many at most.
    pub limit: i64,
}

/// A deployment that a number looked at.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ExplainedRow {
    /// The deployment.
    pub id: Uuid,
    /// Its application.
    pub application_id: Uuid,
    /// The application's name.
    pub application_name: String,
    /// The application's environment.
    pub environment: Option<String>,
    /// When it was created.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// Where it stands.
    pub status: String,
    /// Why it is left out; none where it counts.
    pub reason: Option<String>,
    /// The milliseconds that it gives.
    pub value_ms: Option<i64>,
}

/// How many deployments one reason leaves out.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LeftOutRow {
    /// Why; none for those that count.
    pub reason: Option<String>,
    /// How many.
    pub deployments: i64,
}

/// The deployments that a number looked at, newest first.
pub async fn list_explained(
    conn: &mut PgConnection,
    query: &ExplainQuery,
    visibility: &Visibility,
) -> Result<Vec<ExplainedRow>> {
    let metric = query.metric;
    let mut sql =
        QueryBuilder::new("SELECT * FROM (SELECT one.id, one.application_id, application.name AS application_name,");
    sql.push(" application.environment, one.created_at, one.finished_at, one.status, ")
        .push(format_args!(
            "{} AS reason, {} AS value_ms",
            metric.reason(),
            metric.value()
        ))
        .push(" FROM deployments AS one JOIN applications AS application ON application.id = one.application_id")
        .push(metric.joins())
        .push(" WHERE true");
    query.scope.push(&mut sql, visibility);
    if let Some(after) = query.after {
        sql.push(" AND (one.created_at, one.id) < (")
            .push_bind(after.at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    sql.push(") AS looked_at");
    match query.is_counted {
        Some(true) => sql.push(" WHERE reason IS NULL"),
        Some(false) => sql.push(" WHERE reason IS NOT NULL"),
        None => &mut sql,
    };
    sql.push(format_args!(" ORDER BY created_at DESC, id DESC LIMIT {}", query.limit));
    Ok(sql.build_query_as().persistent(false).fetch_all(conn).await?)
}

/// How many deployments count, and how many each reason leaves out, most first.
pub async fn list_left_out(
    conn: &mut PgConnection,
    metric: Metric,
    scope: &InsightScope,
    visibility: &Visibility,
) -> Result<Vec<LeftOutRow>> {
    let mut sql = QueryBuilder::new("SELECT reason, count(*) AS deployments FROM (SELECT ");
    sql.push(metric.reason())
        .push(" AS reason FROM deployments AS one")
        .push(metric.joins())
        .push(" WHERE true");
    scope.push(&mut sql, visibility);
    sql.push(") AS looked_at GROUP BY reason ORDER BY deployments DESC, reason");
    Ok(sql.build_query_as().persistent(false).fetch_all(conn).await?)
}
