//! Lists that are walked by time, newest first, and that no filter narrows: tokens, the audit log.

use axum::response::Response;
use http::HeaderMap;
use serde::Deserialize;
use slipway_api::Cursor;
use time::OffsetDateTime;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::extract::{Limit, PageCursor};
use crate::listing::{Items, Listing};
use crate::problem::{Code, Problem};

/// What such a list can be asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ByTimeParameters {
    /// How many items a page holds.
    #[param(value_type = i32, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page begins: the `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page that is being read.
#[derive(Debug)]
pub(crate) struct Page {
    walk: &'static str,
    limit: usize,
    begin: Option<PageCursor>,
    after: Option<(OffsetDateTime, Uuid)>,
}

impl Page {
    /// What is asked for. `walk` names the list.
    pub(crate) fn new(walk: &'static str, parameters: ByTimeParameters) -> Result<Self, Problem> {
        let ByTimeParameters {
            limit: Limit(limit),
            cursor,
        } = parameters;
        let begin = cursor.map(|text| PageCursor::decode(&text, walk)).transpose()?;
        let after = begin.as_ref().map(after).transpose()?;
        Ok(Self {
            walk,
            limit,
            begin,
            after,
        })
    }

    /// Where it begins.
    pub(crate) fn after(&self) -> Option<(OffsetDateTime, Uuid)> {
        self.after
    }

    /// How many rows to read: one more than asked for tells whether there is a next page.
    pub(crate) fn fetched(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The answer. `key` is what rows are sorted by.
    pub(crate) fn respond<T>(
        self,
        head: &Cursor,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> (OffsetDateTime, Uuid),
        json: impl Fn(T) -> Result<String, Problem>,
        request_headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let event_cursor = self.begin.map_or_else(|| head.clone(), |cursor| cursor.event_cursor);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| {
            let (at, id) = key(last);
            let next = PageCursor {
                event_cursor: event_cursor.clone(),
                id,
                sort_key: (at.unix_timestamp_nanos() / 1_000).to_string(),
            };
            next.encode(self.walk)
        });
        Listing {
            items: Items::new(&rows.into_iter().map(json).collect::<Result<Vec<_>, _>>()?),
            next_cursor,
            event_cursor: &event_cursor,
            position: head,
            freshness: None,
        }
        .respond(request_headers)
    }
}

fn after(cursor: &PageCursor) -> Result<(OffsetDateTime, Uuid), Problem> {
    let micros: Option<i128> = cursor.sort_key.parse().ok();
    let at = micros.and_then(|micros| OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok());
    at.map(|at| (at, cursor.id))
        .ok_or_else(|| Problem::new(Code::InvalidCursor))
}
