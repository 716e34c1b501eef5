//! What a stream may begin with: the deployments that matter now, before what happens to them.
//!
//! The position comes first and the rows after it, page by page, each as it is then. So nothing is held open for a client that
//! reads slowly, and what changes meanwhile comes again as an event after the position: a reader keeps the higher `version`.

use bytes::Bytes;
use slipway_api::Cursor;
use slipway_store::deployments::{self, SnapshotRow};
use slipway_store::{StoreError, Visibility};
use uuid::Uuid;

use crate::feed::Feed;
use crate::filter::Filter;
use crate::frame::{Keys, write_snapshot};

/// How many applications one read looks at. What one page holds in memory is that many newest deployments, and those that
/// are under way.
const PAGE: i64 = 100;

/// A walk over the deployments that have not ended and the newest of each application, as far as a filter lets them through.
#[derive(Debug)]
pub struct Snapshot {
    feed: Feed,
    filter: Filter,
    cursor: Cursor,
    /// The last application that was looked at; none after the last.
    after: Option<Uuid>,
}

impl Feed {
    /// Begins a snapshot at the end of the log. Types are not looked at: nothing in a snapshot has happened.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn begin_snapshot(&self, filter: &Filter) -> Result<Snapshot, StoreError> {
        self.prime().await?;
        let cursor = self.head().ok_or_else(StoreError::timed_out)?;
        Ok(Snapshot {
            feed: self.clone(),
            filter: Filter {
                types: Vec::new(),
                ..filter.clone()
            },
            cursor,
            after: Some(Uuid::nil()),
        })
    }
}

impl Snapshot {
    /// From where the log goes on after it.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The blocks of the next deployments; none after the last. May be dropped and called again: nothing is left out.
    ///
    /// # Errors
    /// What the database answers. Nothing is lost: call again.
    pub async fn next_blocks(&mut self) -> Result<Option<Bytes>, StoreError> {
        while let Some(after) = self.after {
            let (last, rows) = self.read(after).await?;
            self.after = last;
            let mut blocks = Vec::new();
            for row in rows {
                self.write(&mut blocks, row);
            }
            if !blocks.is_empty() {
                return Ok(Some(blocks.into()));
            }
        }
        Ok(None)
    }

    async fn read(&self, after: Uuid) -> Result<(Option<Uuid>, Vec<SnapshotRow>), StoreError> {
        let wanted = Visibility {
            providers: self.filter.providers.clone(),
            accounts: self.filter.accounts.clone(),
            applications: self.filter.applications.clone(),
            environments: Vec::new(),
        };
        // As for those that are behind the ring.
        let _turn = self.feed.0.replays.turn().await;
        let mut conn = self.feed.0.pool.acquire().await?;
        let seen = &self.filter.visibility;
        let applications = deployments::list_snapshot_applications(&mut conn, &wanted, seen, after, PAGE).await?;
        let rows = deployments::list_snapshot(&mut conn, &applications).await?;
        let is_last = applications.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
        Ok((applications.last().copied().filter(|_| !is_last), rows))
    }

    fn write(&self, out: &mut Vec<u8>, row: SnapshotRow) {
        let keys = Keys {
            r#type: "snapshot.deployment".to_owned(),
            provider: Some(row.provider),
            account: Some(row.account),
            environment: row.environment,
            application_id: Some(row.application_id),
            deployment_id: Some(row.id),
            status: Some(row.status),
            previous_status: None,
        };
        if self.filter.matches(&keys, &self.feed.0.applications) {
            write_snapshot(out, &keys, self.feed.0.clock.now(), &row.body);
        }
    }
}
