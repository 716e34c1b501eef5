//! The list of deployments: keyset pages with optional filters, and the position in the event log that they show.

use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::choice::{APPLICATIONS_MAX, Choice};
use super::statement::statement;
use crate::event_log::Head;
use crate::labels::{self, LabelSelector};
use crate::page::AfterDeployment;
use crate::visibility::push_any;
use crate::{Result, Visibility, restamps};

/// Which deployments a list shows. An empty filter lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
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
    /// How the commit's hash begins: 4 characters at least, in lower case.
    pub git_shas: Vec<String>,
    /// Refs as they were asked for, or branches of deployments without one.
    pub git_refs: Vec<String>,
    /// Names of those who started them; e-mail address or id where the provider gives no name.
    pub actors: Vec<String>,
    /// What started them.
    pub triggers: Vec<String>,
    /// The provider's kinds of deployment.
    pub kinds: Vec<String>,
    /// Whether they run now.
    pub is_live: Option<bool>,
    /// Created at this instant or later.
    pub created_after: Option<OffsetDateTime>,
    /// Created before this instant.
    pub created_before: Option<OffsetDateTime>,
    /// Ended at this instant or later.
    pub finished_after: Option<OffsetDateTime>,
    /// Ended before this instant.
    pub finished_before: Option<OffsetDateTime>,
    /// What the labels of their applications say.
    pub labels: LabelSelector,
    /// Words that all begin a word of the application's name, the ref, the hash, the message or the actor's name.
    pub words: Vec<String>,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum DeploymentSort {
    /// Newest first: the only order in which a walk meets every deployment once.
    #[default]
    NewestFirst,
    /// Oldest first.
    OldestFirst,
    /// What ended last first; what has no time of its end is left out.
    LastFinishedFirst,
    /// What ended first first; what has no time of its end is left out.
    FirstFinishedFirst,
}

/// A page of deployments to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DeploymentQuery {
    /// Which.
    pub filter: DeploymentFilter,
    /// In which order.
    pub sort: DeploymentSort,
    /// The last row of the page before.
    pub after: Option<AfterDeployment>,
    /// How many at most.
    pub limit: usize,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct DeploymentPage {
    /// The position in the event log that the page shows: read in the same statement.
    pub head: Head,
    /// The public JSON of each deployment, in the order asked for.
    pub bodies: Vec<String>,
    /// Which deployment each is, and its version: what stands for its JSON.
    pub versions: Vec<(Uuid, i64)>,
    /// Where the next page begins, if there is more.
    pub next: Option<AfterDeployment>,
}

/// So many applications are walked side by side; more are looked for among all deployments.
const SELECTED_MAX: usize = 64;

/// Whether a restricted caller's list is narrowed in more than one way by what belongs to applications. Two ways, of which each
/// lets much through, can leave next to nothing: then the applications are looked up first, of which there are few.
fn crosses(filter: &DeploymentFilter, visibility: &Visibility) -> bool {
    let ways = [
        !filter.providers.is_empty() || !visibility.providers.is_empty(),
        !filter.accounts.is_empty() || !visibility.accounts.is_empty(),
        !filter.applications.is_empty() || !visibility.applications.is_empty(),
        !filter.environments.is_empty() || !visibility.environments.is_empty(),
    ];
    !visibility.is_everything() && ways.into_iter().filter(|is_narrowed| *is_narrowed).count() > 1
}

/// The applications that a caller sees and asks for, at most `limit`. Read a moment before the list.
async fn list_seen(
    conn: &mut PgConnection,
    filter: &DeploymentFilter,
    visibility: &Visibility,
    limit: usize,
) -> Result<Vec<Uuid>> {
    if visibility.is_nothing() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<Postgres>::new("SELECT id FROM applications WHERE true");
    visibility.push_for_applications(&mut query);
    push_any(&mut query, "provider", &filter.providers);
    push_any(&mut query, "account", &filter.accounts);
    push_any(&mut query, "id", &filter.applications);
    push_any(&mut query, "environment", &filter.environments);
    query.push(format_args!(" LIMIT {limit}"));
    // As for labels: planned with the values at hand.
    Ok(query.build_query_scalar().persistent(false).fetch_all(conn).await?)
}

/// A page of those deployments that the caller sees.
pub async fn list(conn: &mut PgConnection, query: &DeploymentQuery, visibility: &Visibility) -> Result<DeploymentPage> {
    // An application that has just moved to another environment is marked until its deployments have followed.
    let are_stamped = visibility.environments.is_empty() || !restamps::is_any(conn).await?;
    let mut choice = Choice::new(&query.filter, visibility, are_stamped);
    if crosses(&query.filter, visibility) {
        let named = !query.filter.applications.is_empty() || !visibility.applications.is_empty();
        let most = if named { APPLICATIONS_MAX } else { SELECTED_MAX };
        let seen = list_seen(conn, &query.filter, visibility, most + 1).await?;
        if seen.len() <= most {
            choice.keep_applications_seen(&seen, &query.filter);
        }
    }
    if !query.filter.labels.is_empty() {
        // Read a moment before the list: which applications a label selects may lag behind by that much.
        let most = i64::try_from(SELECTED_MAX + 1).unwrap_or(i64::MAX);
        let selected = labels::list_selected(conn, &query.filter.labels, most).await?;
        if selected.len() <= SELECTED_MAX {
            choice.keep_applications(&selected);
        } else {
            choice.check_labels();
        }
    }
    // By the end there is no such index.
    if matches!(query.sort, DeploymentSort::NewestFirst | DeploymentSort::OldestFirst) {
        choice.name_statuses();
    }
    let mut statement = statement(&choice, query);
    // A search is planned with its words at hand: whether they are rare decides between two indexes.
    let is_prepared = query.filter.words.is_empty();
    let rows = statement.build().persistent(is_prepared).fetch_all(conn).await?;
    let mut page = DeploymentPage {
        head: Head {
            epoch: String::new(),
            seq: 0,
        },
        bodies: Vec::new(),
        versions: Vec::new(),
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
        if page.bodies.len() == query.limit {
            page.next = last;
            break;
        }
        page.bodies.push(row.try_get("body")?);
        page.versions.push((id, row.try_get("version")?));
        last = Some(AfterDeployment {
            at: row.try_get("at")?,
            id,
        });
    }
    Ok(page)
}
