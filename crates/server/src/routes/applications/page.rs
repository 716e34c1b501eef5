//! A page of applications, as the list and the board show it: kept in memory until an event touches it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use parking_lot::Mutex;
use slipway_api::Cursor;
use slipway_feed::Filter as EventFilter;
use slipway_store::applications::{self, ApplicationFilter, ApplicationQuery, ListedApplication};
use slipway_store::page::AfterApplication;
use slipway_store::sync_targets::{self, FreshnessRow};
use slipway_store::{StoreError, Visibility};
use uuid::Uuid;

use super::parameters::Included;
use super::view::{json, version, view};
use crate::auth::Principal;
use crate::extract::{Limit, PageCursor};
use crate::freshness::Snapshot;
use crate::front::{Again, Repeatable};
use crate::hot::{Answer, Key, narrower};
use crate::listing::{Items, Listing, Member, SealedListing, splice, to_json_text};
use crate::position;
use crate::problem::Problem;
use crate::shown::ShownAccounts;
use crate::state::AppState;

/// What an application costs in memory beside its deployments, about: its row, and its JSON.
const APPLICATION_BYTES: usize = 2048;

/// How applications are shown. A cursor belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    Applications,
    Board,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Applications => "applications",
            Self::Board => "board",
        }
    }
}

/// What is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) shape: Shape,
    pub(crate) filter: &'a ApplicationFilter,
    pub(crate) is_descending: bool,
    pub(crate) included: Included,
    pub(crate) limit: Limit,
    pub(crate) cursor: Option<&'a str>,
}

/// A page of a list of applications.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ApplicationsQuestion {
    shape: Shape,
    query: ApplicationQuery,
    /// The position that the first page of the walk showed; none on the first.
    began_at: Option<Cursor>,
}

/// A page as it was read.
pub(crate) struct ApplicationsAnswer {
    head: Cursor,
    rows: Vec<ListedApplication>,
    next: Option<AfterApplication>,
    touched_by: EventFilter,
    sealed: Mutex<Option<Sealed>>,
    /// Held while freshness is read and the page is made: who comes meanwhile shares it.
    sealing: tokio::sync::Mutex<()>,
}

/// The page as it was sent last, and what it was made from.
#[derive(Clone)]
struct Sealed {
    position: Cursor,
    /// The accounts, and the applications' own rows, which were read just after.
    freshness: Arc<Snapshot>,
    targets: Arc<HashMap<Uuid, FreshnessRow>>,
    listing: SealedListing,
}

impl Answer for ApplicationsAnswer {
    fn head(&self) -> &Cursor {
        &self.head
    }

    fn touched_by(&self) -> EventFilter {
        self.touched_by.clone()
    }

    fn bytes(&self) -> usize {
        let bodies = self.rows.iter().flat_map(|row| row.last.iter().chain(&row.live));
        // Twice: as they were read, and as they are sent.
        2 * bodies.map(|body| body.body.len()).sum::<usize>() + self.rows.len() * APPLICATION_BYTES
    }
}

impl Again for Key<ApplicationsQuestion> {
    fn answer(&self, state: &AppState, headers: &HeaderMap) -> Option<Response> {
        let (answer, position) = state.hot_applications().get_at_once(self)?;
        let sealed = answer.sealed(&state.freshness().recent()?)?;
        (sealed.position == position).then(|| sealed.listing.respond(headers))
    }
}

impl ApplicationsAnswer {
    fn sealed(&self, freshness: &Arc<Snapshot>) -> Option<Sealed> {
        let sealed = self.sealed.lock();
        sealed
            .as_ref()
            .filter(|last| Arc::ptr_eq(&last.freshness, freshness))
            .cloned()
    }
}

/// The answer to any list of applications.
pub(crate) async fn respond(
    state: &AppState,
    principal: &Principal,
    headers: &HeaderMap,
    wanted: Wanted<'_>,
) -> Result<Response, Problem> {
    let Wanted {
        shape,
        filter,
        is_descending,
        included,
        limit: Limit(limit),
        cursor,
    } = wanted;
    let walk = || format!("{} {filter:?} {is_descending}", shape.name());
    let begin = cursor.map(|text| PageCursor::decode(text, &walk())).transpose()?;
    let question = ApplicationsQuestion {
        shape,
        query: ApplicationQuery {
            filter: filter.clone(),
            descending: is_descending,
            after: begin.as_ref().map(|cursor| AfterApplication {
                name: cursor.sort_key.clone(),
                id: cursor.id,
            }),
            with_last: included.last,
            with_live: included.live,
            limit,
        },
        began_at: begin.map(|cursor| cursor.event_cursor),
    };
    let key = Key::new(question, &principal.visibility);
    let question = &key.question;
    let read = async || read(state, &question.query, &principal.visibility).await;
    let (answer, position) = state.hot_applications().get(&key, read).await?;
    // How fresh an application is changes without an event: it is as old as that of the accounts at most.
    let freshness = state.freshness().snapshot().await?;
    let is_it = |last: &Sealed| last.position == position;
    if let Some(last) = answer.sealed(&freshness).filter(is_it) {
        let mut response = last.listing.respond(headers);
        Repeatable::mark(&mut response, key);
        return Ok(response);
    }
    let _turn = answer.sealing.lock().await;
    let last = answer.sealed(&freshness);
    if let Some(last) = last.as_ref().filter(|last| is_it(last)) {
        return Ok(last.listing.respond(headers));
    }
    let targets = match last {
        Some(last) => last.targets,
        None => Arc::new(read_targets(state, &answer.rows).await?),
    };
    let listing = seal(
        state,
        principal,
        question,
        &walk(),
        &answer,
        &position,
        &freshness,
        &targets,
    )?;
    *answer.sealed.lock() = Some(Sealed {
        position,
        freshness,
        targets,
        listing: listing.clone(),
    });
    Ok(listing.respond(headers))
}

async fn read(
    state: &AppState,
    query: &ApplicationQuery,
    visibility: &Visibility,
) -> Result<ApplicationsAnswer, Problem> {
    let mut reader = state.readers().acquire().await?;
    let page = applications::list(&mut reader, query, visibility).await?;
    reader.keep();
    Ok(ApplicationsAnswer {
        head: position::cursor(&page.head),
        rows: page.rows,
        next: page.next,
        touched_by: touched_by(&query.filter, visibility),
        sealed: Mutex::default(),
        sealing: tokio::sync::Mutex::default(),
    })
}

/// What belongs to an application for ever narrows it; all else may change, and is looked at by the next read.
fn touched_by(filter: &ApplicationFilter, visibility: &Visibility) -> EventFilter {
    EventFilter {
        providers: narrower(&filter.providers, &visibility.providers),
        accounts: narrower(&filter.accounts, &visibility.accounts),
        applications: visibility.applications.clone(),
        ..EventFilter::default()
    }
}

async fn read_targets(state: &AppState, rows: &[ListedApplication]) -> Result<HashMap<Uuid, FreshnessRow>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.application.id.0).collect();
    let mut reader = state.readers().acquire().await?;
    let targets = sync_targets::list_applications(&mut reader, &ids).await?;
    reader.keep();
    let by_id = targets.into_iter().filter_map(|row| Some((row.application_id?, row)));
    Ok(by_id.collect())
}

#[expect(clippy::too_many_arguments, reason = "all that a page is made of, used in one place")]
fn seal(
    state: &AppState,
    principal: &Principal,
    question: &ApplicationsQuestion,
    walk: &str,
    answer: &ApplicationsAnswer,
    position: &Cursor,
    freshness: &Snapshot,
    targets: &HashMap<Uuid, FreshnessRow>,
) -> Result<SealedListing, Problem> {
    let query = &question.query;
    let included = Included {
        last: query.with_last,
        live: query.with_live,
    };
    let (mut items, mut versions) = (Vec::new(), Vec::new());
    for row in &answer.rows {
        let view = view(state, &row.application, targets.get(&row.application.id.0));
        let (last, live) = (row.last.as_ref(), row.live.as_ref());
        let version = version(&view, last, live);
        match question.shape {
            Shape::Applications => {
                items.push(json(&view, included, last, live)?);
                versions.push(format!("{included:?} {version}"));
            }
            Shape::Board => {
                let application = to_json_text(&view)?;
                let members = [
                    Member::new("application", Some(&application)),
                    Member::new("live_deployment", live.map(|live| live.body.as_str())),
                    Member::new("last_deployment", last.map(|last| last.body.as_str())),
                ];
                items.push(splice("{}".to_owned(), &members));
                versions.push(version);
            }
        }
    }
    let event_cursor = question.began_at.as_ref().unwrap_or(position);
    let next_cursor = answer.next.as_ref().map(|last| {
        let next = PageCursor {
            event_cursor: event_cursor.clone(),
            id: last.id,
            sort_key: last.name.clone(),
        };
        next.encode(walk)
    });
    let shown = ShownAccounts::of(state, principal);
    let filter = &query.filter;
    let shows = |row: &FreshnessRow| {
        shown.shows(&row.provider, &row.account)
            && (filter.accounts.is_empty() || filter.accounts.contains(&row.account))
            && (filter.providers.is_empty() || filter.providers.contains(&row.provider))
    };
    Listing {
        items: Items::with_versions(&items, &versions),
        next_cursor,
        event_cursor,
        position,
        freshness: Some(freshness.list(state.clock().now(), shows)),
    }
    .seal()
}
