//! The list of applications: keyset pages by name, with the newest and the live deployment of each where they are asked for.
//! Both are named on the application's row, so that the cost does not depend on history.

use slipway_core::Application;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::row::{ApplicationRow, select_applications};
use crate::deployments::DeploymentBody;
use crate::event_log::Head;
use crate::labels::LabelSelector;
use crate::page::AfterApplication;
use crate::{Result, StoreError, Visibility};

/// More branches cost more to plan than they save.
const BRANCHES_MAX: usize = 64;

/// Which applications a list shows. An empty filter lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ApplicationFilter {
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Owners.
    pub owners: Vec<String>,
    /// Names, exactly.
    pub names: Vec<String>,
    /// What their labels say.
    pub labels: LabelSelector,
    /// Only those that the provider no longer has, instead of those that it has.
    pub archived: bool,
}

/// A page of applications to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ApplicationQuery {
    /// Which.
    pub filter: ApplicationFilter,
    /// From Z to A.
    pub descending: bool,
    /// The last row of the page before.
    pub after: Option<AfterApplication>,
    /// Whether the newest deployment of each is wanted.
    pub with_last: bool,
    /// Whether the live deployment of each is wanted.
    pub with_live: bool,
    /// How many at most.
    pub limit: usize,
}

/// One application of a list.
#[derive(Debug, Clone)]
pub struct ListedApplication {
    /// The application.
    pub application: Application,
    /// Its newest deployment, where that is wanted.
    pub last: Option<DeploymentBody>,
    /// Its live deployment, where that is wanted.
    pub live: Option<DeploymentBody>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct ApplicationPage {
    /// The position in the event log that the page shows: read in the same statement.
    pub head: Head,
    /// By name.
    pub rows: Vec<ListedApplication>,
    /// Where the next page begins, if there is more.
    pub next: Option<AfterApplication>,
}

/// A page of those applications that the caller sees, by name.
pub async fn list(
    conn: &mut PgConnection,
    query: &ApplicationQuery,
    visibility: &Visibility,
) -> Result<ApplicationPage> {
    let mut statement = statement(query, visibility);
    // Labels are planned with at hand: whether they are rare decides between two indexes.
    let is_prepared = query.filter.labels.is_empty();
    let rows = statement.build().persistent(is_prepared).fetch_all(conn).await?;
    let first = rows
        .first()
        .ok_or_else(|| StoreError::inconsistent("event_head", "there is no row"))?;
    let mut page = ApplicationPage {
        head: Head {
            epoch: first.try_get("head_epoch")?,
            seq: first.try_get("head_seq")?,
        },
        rows: Vec::new(),
        next: None,
    };
    for row in &rows {
        if row.try_get::<Option<Uuid>, _>("id")?.is_none() {
            continue;
        }
        if page.rows.len() == query.limit {
            page.next = page.rows.last().map(|last| AfterApplication {
                name: last.application.observed.name.clone(),
                id: last.application.id.0,
            });
            break;
        }
        let application: Application = ApplicationRow::from_row(row)?.try_into()?;
        let id = application.id.0;
        page.rows.push(ListedApplication {
            application,
            last: body(row, id, query.with_last.then_some(("last_version", "last_body")))?,
            live: body(row, id, query.with_live.then_some(("live_version", "live_body")))?,
        });
    }
    Ok(page)
}

fn body(
    row: &sqlx::postgres::PgRow,
    application_id: Uuid,
    columns: Option<(&str, &str)>,
) -> std::result::Result<Option<DeploymentBody>, sqlx::Error> {
    let Some((version, body)) = columns else {
        return Ok(None);
    };
    let version: Option<i64> = row.try_get(version)?;
    let body: Option<String> = row.try_get(body)?;
    Ok(version.zip(body).map(|(version, body)| DeploymentBody {
        application_id,
        version,
        body,
    }))
}

/// The name as it stands in the indexes of the walks over all applications, which no other list is to use: see migration 0026.
const NAME: &str = "(name || '')";

/// An environment, where the index over it and a provider is the one to use.
const ENVIRONMENT_OF_PROVIDER: &str = "(environment || '')";

/// Alternatives for one column.
type Alternatives = (&'static str, Vec<String>);

/// What is wanted and may be seen, as alternatives for each column; the columns in the order in which they mostly narrow. None
/// where the two exclude each other.
fn choose(filter: &ApplicationFilter, visibility: &Visibility) -> Option<Vec<Alternatives>> {
    if visibility.is_nothing() {
        return None;
    }
    let mut columns = Vec::new();
    for (column, wanted, seen) in [
        (NAME, &filter.names, &Vec::new()),
        ("owner", &filter.owners, &Vec::new()),
        ("account", &filter.accounts, &visibility.accounts),
        ("environment", &filter.environments, &visibility.environments),
        ("provider", &filter.providers, &visibility.providers),
    ] {
        let mut values = if wanted.is_empty() {
            seen.clone()
        } else {
            wanted.clone()
        };
        if values.is_empty() {
            continue;
        }
        values.retain(|value| seen.is_empty() || seen.contains(value));
        // Twice the same value would be twice the same row.
        values.sort();
        values.dedup();
        if values.is_empty() {
            return None;
        }
        columns.push((column, values));
    }
    Some(columns)
}

/// Takes the columns away of which each value is looked up in an index by name: the one that narrows most, and an environment
/// with an account or a provider, for which there are indexes over both.
fn take_split(columns: &mut Vec<Alternatives>) -> Vec<Alternatives> {
    let mut split: Vec<Alternatives> = Vec::new();
    let mut count = 1;
    columns.retain(|(column, values)| {
        let is_wanted = match split.first().filter(|_| split.len() == 1) {
            None => split.is_empty(),
            Some(("account", _)) => *column == "environment",
            Some(("environment", _)) => *column == "provider",
            Some(_) => false,
        };
        let next = count * values.len();
        let is_split = is_wanted && next <= BRANCHES_MAX;
        if is_split {
            count = next;
            split.push((*column, values.clone()));
        }
        !is_split
    });
    if let [("environment", environments), ("provider", _)] = split.as_mut_slice() {
        split[0] = (ENVIRONMENT_OF_PROVIDER, std::mem::take(environments));
    }
    split
}

/// Each value of each of these columns with each of the others.
fn branches(split: &[Alternatives]) -> Vec<Vec<(&'static str, &String)>> {
    split.iter().fold(vec![Vec::new()], |branches, (column, values)| {
        let with = |branch: Vec<(&'static str, _)>| {
            values
                .iter()
                .map(move |value| branch.iter().copied().chain([(*column, value)]).collect())
        };
        branches.into_iter().flat_map(with).collect()
    })
}

/// Several values become branches, each walking an index by name, which are merged as they are read: see
/// `deployments::statement`.
fn statement(query: &ApplicationQuery, visibility: &Visibility) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("SELECT head.epoch AS head_epoch, head.seq AS head_seq, page.*");
    let bodies = [(query.with_last, "last"), (query.with_live, "live")];
    let bodies = bodies
        .into_iter()
        .filter_map(|(is_wanted, name)| is_wanted.then_some(name));
    for name in bodies.clone() {
        sql.push(format_args!(
            ", {name}.version AS {name}_version, {name}.body AS {name}_body"
        ));
    }
    // One row, which the planner only believes of a limit: see `deployments::statement`.
    sql.push(" FROM (SELECT epoch, seq FROM event_head LIMIT 1) AS head LEFT JOIN (SELECT * FROM (");
    let direction = if query.descending { "DESC" } else { "ASC" };
    // One more than asked for tells whether there is a next page. In the text, because a plan for any limit at all would be
    // one for a tenth of the table.
    let limit = query.limit.saturating_add(1);
    match choose(&query.filter, visibility) {
        None => {
            sql.push("SELECT * FROM applications WHERE false");
        }
        Some(mut columns) => {
            // Those that a token names are few; and of archived ones there is the walk only.
            let split = if visibility.applications.is_empty() && !query.filter.archived {
                take_split(&mut columns)
            } else {
                Vec::new()
            };
            let key = match split.first() {
                None | Some((NAME, _)) => NAME,
                Some(_) => "name",
            };
            for (index, branch) in branches(&split).into_iter().enumerate() {
                sql.push(if index == 0 { "(" } else { " UNION ALL (" });
                push_source(&mut sql, visibility);
                for (column, value) in branch {
                    sql.push(format_args!(" AND {column} = ")).push_bind(value.clone());
                }
                push_conditions(&mut sql, &columns, query, key);
                sql.push(format_args!(
                    " ORDER BY {key} {direction}, id {direction} LIMIT {limit})"
                ));
            }
        }
    }
    sql.push(format_args!(
        ") AS branches ORDER BY name {direction}, id {direction} LIMIT {limit}) AS page ON true"
    ));
    for name in bodies {
        sql.push(format_args!(
            " LEFT JOIN deployments AS {name} ON {name}.id = page.{name}_deployment_id"
        ));
    }
    sql.push(format_args!(" ORDER BY page.name {direction}, page.id {direction}"));
    sql
}

/// All applications, or those that a token names, which are few and looked up one by one.
fn push_source(sql: &mut QueryBuilder<Postgres>, visibility: &Visibility) {
    if visibility.applications.is_empty() {
        sql.push("SELECT * FROM applications WHERE true");
        return;
    }
    let mut ids = visibility.applications.clone();
    ids.sort();
    ids.dedup();
    sql.push("SELECT applications.* FROM unnest(")
        .push_bind(ids)
        .push(") AS shown (shown_id) CROSS JOIN LATERAL (SELECT * FROM applications WHERE id = shown_id OFFSET 0) ")
        .push("AS applications WHERE true");
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, columns: &[Alternatives], query: &ApplicationQuery, key: &str) {
    for (column, values) in columns {
        match values.as_slice() {
            [only] => sql.push(format_args!(" AND {column} = ")).push_bind(only.clone()),
            several => sql
                .push(format_args!(" AND {column} = ANY("))
                .push_bind(several.to_vec())
                .push(")"),
        };
    }
    query.filter.labels.push(sql, "labels");
    // As the indexes say it.
    sql.push(match query.filter.archived {
        true => " AND archived_at IS NOT NULL",
        false => " AND archived_at IS NULL",
    });
    if let Some(after) = &query.after {
        let beyond = if query.descending { "<" } else { ">" };
        sql.push(format_args!(" AND ({key}, id) {beyond} ("))
            .push_bind(after.name.clone())
            .push(", ")
            .push_bind(after.id)
            .push(")");
    }
}

/// Applications to which other rules than these were applied last, locked in the order of their ids; those that others hold
/// are left to them.
pub async fn lock_with_other_rules(conn: &mut PgConnection, rules_hash: &str, limit: i64) -> Result<Vec<Application>> {
    let rows = select_applications!(
        "WHERE rules_hash IS DISTINCT FROM $1 ORDER BY id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED",
        rules_hash,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Application::try_from).collect()
}

/// Whether there are such applications: then one of them is at an end of the index, nulls included.
pub async fn has_other_rules(conn: &mut PgConnection, rules_hash: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT FROM ((SELECT rules_hash FROM applications ORDER BY rules_hash LIMIT 1)
                         UNION ALL (SELECT rules_hash FROM applications ORDER BY rules_hash DESC LIMIT 1)) AS ends
            WHERE rules_hash IS DISTINCT FROM $1) AS "exists!"
        "#,
        rules_hash
    )
    .fetch_one(conn)
    .await?)
}
