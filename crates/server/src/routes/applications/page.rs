//! A page of applications, as the list and the board show it.

use std::collections::HashMap;

use slipway_api::{ApplicationView, Cursor, ListFreshnessView};
use slipway_store::applications::{self, ApplicationFilter, ApplicationQuery};
use slipway_store::deployments::DeploymentBody;
use slipway_store::page::AfterApplication;
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{event_log, pool};
use uuid::Uuid;

use super::parameters::Included;
use super::view::view;
use crate::auth::Principal;
use crate::extract::{Limit, PageCursor};
use crate::position;
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// What is asked for.
pub(crate) struct Wanted<'a> {
    /// Which list it is; a cursor belongs to one.
    pub(crate) list: &'static str,
    pub(crate) filter: &'a ApplicationFilter,
    pub(crate) is_descending: bool,
    pub(crate) included: Included,
    pub(crate) limit: Limit,
    pub(crate) cursor: Option<&'a str>,
}

/// One application of a page.
pub(crate) struct Entry {
    pub(crate) view: ApplicationView,
    pub(crate) last: Option<DeploymentBody>,
    pub(crate) live: Option<DeploymentBody>,
}

/// A page.
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) event_cursor: Cursor,
    pub(crate) head: Cursor,
    pub(crate) freshness: ListFreshnessView,
}

/// Reads a page, all of it in one snapshot.
pub(crate) async fn read(state: &AppState, principal: &Principal, wanted: Wanted<'_>) -> Result<Page, Problem> {
    let Wanted {
        list,
        filter,
        is_descending,
        included,
        limit: Limit(limit),
        cursor,
    } = wanted;
    let walk = format!("{list} {filter:?} {is_descending}");
    let begin = cursor.map(|text| PageCursor::decode(text, &walk)).transpose()?;
    let query = ApplicationQuery {
        filter: filter.clone(),
        descending: is_descending,
        after: begin.as_ref().map(|cursor| AfterApplication {
            name: cursor.sort_key.clone(),
            id: cursor.id,
        }),
        with_last: included.last,
        with_live: included.live,
        limit,
    };
    let mut snapshot = pool::begin_snapshot(state.pool()).await?;
    let head = position::cursor(&event_log::find_head(&mut snapshot).await?);
    let page = applications::list(&mut snapshot, &query, &principal.visibility).await?;
    let ids: Vec<Uuid> = page.rows.iter().map(|row| row.application.id.0).collect();
    let targets = sync_targets::list_applications(&mut snapshot, &ids).await?;
    drop(snapshot);

    let event_cursor = begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
    let next_cursor = page.next.map(|last| {
        let next = PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key: last.name,
        };
        next.encode(&walk)
    });
    let targets: HashMap<_, _> = targets
        .iter()
        .filter_map(|row| Some((row.application_id?, row)))
        .collect();
    let entry = |row: applications::ListedApplication| Entry {
        view: view(state, &row.application, targets.get(&row.application.id.0).copied()),
        last: row.last,
        live: row.live,
    };
    let shown = ShownAccounts::of(state, principal);
    let shows = |row: &FreshnessRow| {
        shown.shows(&row.provider, &row.account)
            && (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
            && (filter.providers.is_empty() || filter.providers.contains(&row.provider))
    };
    Ok(Page {
        entries: page.rows.into_iter().map(entry).collect(),
        next_cursor,
        event_cursor,
        head,
        freshness: state.freshness().of_list(shows).await?,
    })
}
