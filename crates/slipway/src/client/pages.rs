//! Lists over all their pages, each item as the gateway wrote it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, Query};
use crate::client::answer::read;
use crate::failure::Failure;

/// As many as the API gives at once.
const PAGE: usize = 200;

/// The shape of every list, with items as they came.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pages {
    items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    event_cursor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    freshness: Option<Box<RawValue>>,
}

impl Pages {
    /// Up to `limit` items of the list at this path; with none, all.
    pub(crate) async fn read(
        client: &Client,
        parts: &[&str],
        query: &Query,
        limit: Option<usize>,
    ) -> Result<Self, Failure> {
        let mut all: Option<Self> = None;
        loop {
            let have = all.as_ref().map_or(0, |all| all.items.len());
            let left = limit.map_or(PAGE, |limit| limit.saturating_sub(have));
            let mut asked = query.clone();
            asked.push(("limit", left.clamp(1, PAGE).to_string()));
            if let Some(cursor) = all.as_ref().and_then(|all| all.next_cursor.clone()) {
                asked.retain(|(name, _)| *name != "cursor");
                asked.push(("cursor", cursor));
            }
            let page: Self = client.get(parts, &asked).await?.json()?;
            let all = match &mut all {
                None => all.insert(page),
                Some(all) => {
                    all.items.extend(page.items);
                    all.next_cursor = page.next_cursor;
                    all.freshness = page.freshness;
                    all
                }
            };
            if all.next_cursor.is_none() || limit.is_some_and(|limit| all.items.len() >= limit) {
                break;
            }
        }
        all.ok_or_else(|| Failure::new("the gateway gives no pages"))
    }

    /// The items in the shape of this release.
    pub(crate) fn items<T: DeserializeOwned>(&self) -> Result<Vec<T>, Failure> {
        self.items.iter().map(|item| read(item.get())).collect()
    }

    /// Where it would go on.
    pub(crate) fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    /// How far it can be trusted, where the list says so.
    pub(crate) fn freshness(&self) -> Option<slipway_api::ListFreshnessView> {
        serde_json::from_str(self.freshness.as_ref()?.get()).ok()
    }

    /// One list, in the API's own shape.
    pub(crate) fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| Failure::new(format!("the list cannot be written: {error}")))
    }
}
