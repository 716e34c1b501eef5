//! `GET /deployments`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use parking_lot::Mutex;
use slipway_api::{Cursor, DeploymentList};
use slipway_feed::Filter as EventFilter;
use slipway_store::deployments::{self, DeploymentFilter, DeploymentQuery, DeploymentSort};
use slipway_store::page::AfterDeployment;
use slipway_store::sync_targets::FreshnessRow;
use slipway_store::{Visibility, applications};
use time::OffsetDateTime;
use uuid::Uuid;

use super::parameters::{DeploymentParameters, bound_search};
use super::removed;
use crate::auth::Principal;
use crate::extract::{Limit, PageCursor, Parameters};
use crate::freshness::Snapshot;
use crate::front::{Again, Repeatable};
use crate::hot::{Answer, Key, narrower};
use crate::listing::{Items, Listing, SealedListing};
use crate::position;
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// List deployments
///
/// Over all applications and providers, newest first unless `sort` says otherwise.
#[utoipa::path(
    get,
    path = "/deployments",
    operation_id = "listDeployments",
    tag = "deployments",
    params(DeploymentParameters),
    responses((status = 200, description = "A page of deployments.", body = DeploymentList))
)]
pub(crate) async fn list_deployments(
    State(state): State<AppState>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Parameters(parameters): Parameters<DeploymentParameters>,
) -> Result<Response, Problem> {
    let (filter, sort) = parameters.filter()?;
    let cursor = parameters.cursor.as_deref();
    let answer = respond(&state, &principal, &headers, &filter, sort, parameters.limit, cursor);
    position::answer_after(&state, parameters.min_cursor.as_deref(), answer).await
}

/// A page of a list of deployments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ListQuestion {
    query: DeploymentQuery,
    /// The position that the first page of the walk showed; none on the first.
    began_at: Option<Cursor>,
}

/// A page as it was read.
pub(crate) struct ListAnswer {
    head: Cursor,
    items: Items,
    next: Option<AfterDeployment>,
    /// Whose freshness matters, where applications were asked for.
    accounts: Option<Vec<String>>,
    touched_by: EventFilter,
    sealed: Mutex<Option<Sealed>>,
}

/// The page as it was sent last, and what it was made from.
struct Sealed {
    position: Cursor,
    freshness: Arc<Snapshot>,
    listing: SealedListing,
}

impl Answer for ListAnswer {
    fn head(&self) -> &Cursor {
        &self.head
    }

    fn touched_by(&self) -> EventFilter {
        self.touched_by.clone()
    }

    fn bytes(&self) -> usize {
        self.items.bytes()
    }
}

/// The answer to any list of deployments.
pub(crate) async fn respond(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    filter: &DeploymentFilter,
    sort: DeploymentSort,
    Limit(limit): Limit,
    cursor: Option<&str>,
) -> Result<Response, Problem> {
    removed::refuse_window(state, filter).await?;
    let begin = cursor
        .map(|text| PageCursor::decode(text, &walk(filter, sort)))
        .transpose()?;
    let mut question = ListQuestion {
        query: DeploymentQuery {
            filter: filter.clone(),
            sort,
            after: begin.as_ref().map(after).transpose()?,
            limit,
        },
        began_at: begin.map(|cursor| cursor.event_cursor),
    };
    // How far back a search looks moves with the clock: then there is nothing to keep.
    bound_search(&mut question.query.filter, state.clock().now());
    let is_kept = question.query.filter == *filter;
    let page = Page {
        key: Key::new(question, &principal.visibility),
        walk: walk(filter, sort),
        principal: principal.clone(),
    };
    let query = &page.key.question.query;
    let (answer, position) = if is_kept {
        let read = async || read(state, query, &principal.visibility).await;
        state.hot_lists().get(&page.key, read).await?
    } else {
        let answer = Box::pin(read(state, query, &principal.visibility)).await?;
        let position = answer.head.clone();
        (Arc::new(answer), position)
    };
    let freshness = state.freshness().snapshot().await?;
    let mut response = page.respond(state, headers, &answer, position, freshness)?;
    let has_window = filter.created_before.or(filter.finished_before).is_some();
    // What a window shows may be removed: that is looked at each time.
    if is_kept && !has_window {
        Repeatable::mark(&mut response, page);
    }
    Ok(response)
}

/// A page as one caller asks for it.
#[derive(Debug)]
struct Page {
    key: Key<ListQuestion>,
    walk: String,
    principal: Principal,
}

impl Again for Page {
    fn answer(&self, state: &AppState, headers: &HeaderMap) -> Option<Response> {
        let (answer, position) = state.hot_lists().get_at_once(&self.key)?;
        let freshness = state.freshness().recent()?;
        self.respond(state, headers, &answer, position, freshness).ok()
    }
}

impl Page {
    fn respond(
        &self,
        state: &AppState,
        headers: &HeaderMap,
        answer: &ListAnswer,
        position: Cursor,
        freshness: Arc<Snapshot>,
    ) -> Result<Response, Problem> {
        let mut sealed = answer.sealed.lock();
        if let Some(last) = &*sealed
            && last.position == position
            && Arc::ptr_eq(&last.freshness, &freshness)
        {
            return Ok(last.listing.respond(headers));
        }
        let question = &self.key.question;
        let listing = seal(
            state,
            &self.principal,
            question,
            &self.walk,
            answer,
            &position,
            &freshness,
        )?;
        let response = listing.respond(headers);
        *sealed = Some(Sealed {
            position,
            freshness,
            listing,
        });
        Ok(response)
    }
}

/// Names the list and its filters.
fn walk(filter: &DeploymentFilter, sort: DeploymentSort) -> String {
    format!("deployments {filter:?} {sort:?}")
}

async fn read(state: &AppState, query: &DeploymentQuery, visibility: &Visibility) -> Result<ListAnswer, Problem> {
    let mut conn = state.readers().acquire().await?;
    let page = deployments::list(&mut conn, query, visibility).await?;
    let accounts = match query.filter.applications.as_slice() {
        [] => None,
        some => Some(applications::list_accounts_of(&mut conn, some).await?),
    };
    conn.keep();
    // A version is never shown with other bytes, and hashes in no time.
    let version = |(id, version): &(Uuid, i64)| [id.as_bytes().as_slice(), &version.to_be_bytes()].concat();
    let versions: Vec<_> = page.versions.iter().map(version).collect();
    Ok(ListAnswer {
        head: position::cursor(&page.head),
        items: Items::with_versions(&page.bodies, &versions),
        next: page.next,
        accounts,
        touched_by: touched_by(&query.filter, visibility),
        sealed: Mutex::default(),
    })
}

/// What belongs to an application for ever narrows it; all else may change, and is looked at by the next read.
fn touched_by(filter: &DeploymentFilter, visibility: &Visibility) -> EventFilter {
    EventFilter {
        providers: narrower(&filter.providers, &visibility.providers),
        accounts: narrower(&filter.accounts, &visibility.accounts),
        applications: narrower(&filter.applications, &visibility.applications),
        ..EventFilter::default()
    }
}

fn seal(
    state: &AppState,
    principal: &Principal,
    question: &ListQuestion,
    walk: &str,
    answer: &ListAnswer,
    position: &Cursor,
    freshness: &Snapshot,
) -> Result<SealedListing, Problem> {
    let event_cursor = question.began_at.as_ref().unwrap_or(position);
    let next_cursor = answer.next.map(|last| {
        let next = PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key: (last.at.unix_timestamp_nanos() / 1_000).to_string(),
        };
        next.encode(walk)
    });
    let shown = ShownAccounts::of(state, principal);
    let filter = &question.query.filter;
    let shows = |row: &FreshnessRow| {
        shown.shows(&row.provider, &row.account)
            && (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
            && (filter.providers.is_empty() || filter.providers.contains(&row.provider))
            && answer
                .accounts
                .as_ref()
                .is_none_or(|accounts| accounts.contains(&row.account))
    };
    Listing {
        items: answer.items.clone(),
        next_cursor,
        event_cursor,
        position,
        freshness: Some(freshness.list(state.clock().now(), shows)),
    }
    .seal()
}

fn after(cursor: &PageCursor) -> Result<AfterDeployment, Problem> {
    let at = cursor
        .sort_key
        .parse::<i128>()
        .ok()
        .and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok());
    let at = at.ok_or_else(|| Problem::new(crate::problem::Code::InvalidCursor))?;
    Ok(AfterDeployment { at, id: cursor.id })
}
