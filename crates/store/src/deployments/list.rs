//! The list of deployments: keyset pages with optional filters, and the position in the event log that they show.
//!
//! Built at run time, here and nowhere else: with a dozen optional filters in one fixed statement PostgreSQL's generic plan
//! walks the wrong index.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;
use crate::event_log::Head;
use crate::page::AfterDeployment;

/// Which deployments a list shows. An empty filter lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentFilter {
    /// Statuses.
    pub statuses: Vec<String>,
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Applications.
    pub applications: Vec<Uuid>,
    /// Environments.
    pub environments: Vec<String>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct DeploymentPage {
    /// The position in the event log that the page shows: read in the same statement.
    pub head: Head,
    /// The public JSON of each deployment, newest first.
    pub bodies: Vec<String>,
    /// Where the next page begins, if there is more.
    pub next: Option<AfterDeployment>,
}

/// At most `limit` deployments, newest first, from `after` on.
pub async fn list(
    conn: &mut PgConnection,
    filter: &DeploymentFilter,
    after: Option<AfterDeployment>,
    limit: usize,
) -> Result<DeploymentPage> {
    let mut query = statement(filter, after, limit);
    let rows = query.build().fetch_all(conn).await?;
    let mut page = DeploymentPage {
        head: Head {
            epoch: String::new(),
            seq: 0,
        },
        bodies: Vec::new(),
        next: None,
    };
    let mut last = None;
    for row in &rows {
        if page.head.epoch.is_empty() {
            page.head = Head {
                epoch: row.try_get("epoch")?,
                seq: row.try_get("seq")?,
            };
        }
        let Some(id) = row.try_get::<Option<Uuid>, _>("id")? else {
            continue;
        };
        if page.bodies.len() == limit {
            page.next = last;
            break;
        }
        page.bodies.push(row.try_get("body")?);
        last = Some(AfterDeployment {
            created_at: row.try_get::<OffsetDateTime, _>("created_at")?,
            id,
        });
    }
    Ok(page)
}

fn statement(filter: &DeploymentFilter, after: Option<AfterDeployment>, limit: usize) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT head.epoch, head.seq, page.id, page.created_at, page.body FROM event_head AS head LEFT JOIN LATERAL (\
         SELECT id, created_at, body FROM deployments WHERE true",
    );
    one_of(&mut query, "status", &filter.statuses);
    one_of(&mut query, "provider", &filter.providers);
    one_of(&mut query, "account", &filter.accounts);
    one_of(&mut query, "environment", &filter.environments);
    one_of(&mut query, "application_id", &filter.applications);
    if let Some(after) = after {
        query
            .push(" AND (created_at, id) < (")
            .push_bind(after.created_at)
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
    // One more than asked for tells whether there is a next page.
    let fetched = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    query
        .push(" ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(fetched);
    query.push(") AS page ON true ORDER BY page.created_at DESC, page.id DESC");
    query
}

fn one_of<'a, T>(query: &mut QueryBuilder<Postgres>, column: &str, values: &'a [T])
where
    T: Clone + Send + Sync + 'static,
    T: sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres> + sqlx::postgres::PgHasArrayType,
{
    match values {
        [] => {}
        // A single value lets the planner use the index on (column, created_at, id) in order.
        [only] => {
            query.push(" AND ").push(column).push(" = ").push_bind(only.clone());
        }
        several => {
            query
                .push(" AND ")
                .push(column)
                .push(" = ANY(")
                .push_bind(several.to_vec())
                .push(")");
        }
    }
}
