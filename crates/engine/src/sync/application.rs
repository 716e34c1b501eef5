//! Reads an application's deployments: the newest page, what it leaves out of the unfinished, and history with spare budget.

use std::collections::HashSet;
use std::time::Duration;

use slipway_core::budget::{HELD_BACK, Priority, with_priority};
use slipway_core::page::PageToken;
use slipway_core::provider::{ApplicationRef, SharedProvider};
use slipway_core::{ApplicationId, DeploymentObservation, FreshnessMode, Via};
use slipway_store::deployments::UnfinishedRow;
use slipway_store::sync_targets::{self, Attempt};
use slipway_store::{applications, deployments};
use time::OffsetDateTime;

use super::pace;
use super::worker::{Done, Failure, Worker};

/// Beyond this many pages of nothing but new deployments something is wrong with the provider's list.
const LONGEST_GAP_PAGES: usize = 50;
/// How many unfinished deployments that the newest page leaves out are asked for one by one in each attempt.
const READS_BY_ID: usize = 10;
const ARCHIVED_INTERVAL: Duration = Duration::from_secs(3_600);
const BACKFILL_PAUSE: Duration = Duration::from_secs(2);
const COMPLETE: &str = "complete";

/// What an attempt finds still to be done.
#[derive(Debug)]
pub(super) struct Reconciled {
    pub(super) unfinished: Vec<UnfinishedRow>,
    history: History,
}

/// How far an application's history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    Complete,
    /// The next page may be read.
    Open,
    /// Nothing was to spare for the next page, and will not be for this time.
    HeldBack(Duration),
}

impl Worker {
    pub(super) async fn sync_application(&self, provider: &SharedProvider, id: ApplicationId) -> Result<Done, Failure> {
        let found = applications::find(&mut *self.connection().await?, id).await?;
        let Some(found) = found.filter(|application| application.archived_at.is_none()) else {
            return Ok(self.succeeded(FreshnessMode::Poll, None, ARCHIVED_INTERVAL));
        };
        let observed = found.observed;
        let application = (
            id,
            ApplicationRef {
                provider_application_id: observed.provider_application_id,
                name: observed.name,
            },
        );
        let mut activity = self.target.listed_activity.clone();
        let priority = self.priority(id).await?;
        if priority == Priority::Incremental && self.has_only_history(provider) {
            let idle = self.idle_interval().await?;
            if self.was_read_within(idle) {
                return self.read_history(provider, &application, idle).await;
            }
        }
        let mut reconciled = with_priority(priority, self.reconcile(provider, &application, true)).await?;
        let mut mode = FreshnessMode::Poll;
        if !reconciled.unfinished.is_empty() && provider.capabilities().follow_status {
            mode = FreshnessMode::Stream;
            let followed = with_priority(Priority::Live, self.follow(provider, &application, reconciled));
            (activity, reconciled) = followed.await?;
        }
        let idle = self.idle_interval().await?;
        let interval = self.interval(provider, &reconciled, idle);
        let done = self.succeeded(mode, activity, interval);
        // History goes on earlier than the newest page has to be read again.
        let pause = match history_pause(provider, reconciled.history) {
            Some(pause) if reconciled.unfinished.is_empty() && pause < interval => pause,
            _ => return Ok(done),
        };
        Ok(Done {
            next_in: pace::not_before(pause),
            ..done
        })
    }

    /// What reading the application is for.
    async fn priority(&self, id: ApplicationId) -> Result<Priority, Failure> {
        if !self.list_unfinished(id).await?.is_empty() {
            return Ok(Priority::Live);
        }
        let is_asked_for = self.target.is_requested || self.target.is_hinted;
        Ok(if is_asked_for {
            Priority::Refresh
        } else {
            Priority::Incremental
        })
    }

    /// Nothing moved since the newest page was read: the account's list would tell.
    fn has_only_history(&self, provider: &SharedProvider) -> bool {
        let target = &self.target;
        target.backfill_page.is_some()
            && target.backfill_state != COMPLETE
            && provider.capabilities().change_feed
            && target.listed_activity.is_some()
            && target.listed_activity == target.read_activity
    }

    fn was_read_within(&self, time: Duration) -> bool {
        let is_recent = |at| self.context.database_now() - at < pace::signed(time);
        self.target.last_success_at.is_some_and(is_recent)
    }

    async fn read_history(
        &self,
        provider: &SharedProvider,
        application: &(ApplicationId, ApplicationRef),
        idle: Duration,
    ) -> Result<Done, Failure> {
        let history = self.backfill(provider, application, None, None).await?;
        let (interval, next_in) = match history_pause(provider, history) {
            Some(pause) => (pause, pace::not_before(pause)),
            None => (idle, pace::jittered(idle)),
        };
        Ok(Done {
            attempt: self.postponed(matches!(history, History::HeldBack(_))),
            interval,
            next_in,
        })
    }

    /// Reads the newest page, goes on while it meets only what is new, and asks one by one for what is unfinished and not in it.
    pub(super) async fn reconcile(
        &self,
        provider: &SharedProvider,
        application: &(ApplicationId, ApplicationRef),
        may_backfill: bool,
    ) -> Result<Reconciled, Failure> {
        let is_first = may_backfill && self.target.backfill_state == "pending";
        let via = match (is_first, may_backfill && self.target.is_hinted) {
            (true, _) => Via::Backfill,
            (false, true) => Via::Webhook,
            (false, false) => Via::Poll,
        };
        let (mut page, mut seen, mut pages, mut oldest_at) = (None, HashSet::new(), 0, None);
        let first_next = loop {
            let asked = self.asked(via);
            let listed = provider.list_deployments(&application.1, page.as_ref()).await?;
            pages += 1;
            oldest_at = oldest(&listed.items).or(oldest_at);
            seen.extend(listed.items.iter().map(|item| item.provider_deployment_id.clone()));
            let report = self.bring_in(provider, application, asked, listed.items).await?;
            let is_gap = report.known == 0 && !is_first && pages < LONGEST_GAP_PAGES;
            page = listed.next;
            if page.is_none() || !is_gap {
                break page;
            }
        };
        let mut history = self.history();
        if may_backfill && history != History::Complete {
            history = self.backfill(provider, application, first_next, oldest_at).await?;
        }
        let unfinished = self.list_unfinished(application.0).await?;
        let missing: Vec<_> = unfinished
            .iter()
            .map(|row| row.provider_deployment_id.clone())
            .filter(|id| !seen.contains(id))
            .take(READS_BY_ID)
            .collect();
        if missing.is_empty() {
            return Ok(Reconciled { unfinished, history });
        }
        for id in missing {
            self.refresh_one(provider, application, &id).await?;
        }
        Ok(Reconciled {
            unfinished: self.list_unfinished(application.0).await?,
            history,
        })
    }

    /// Reads one deployment by id and brings it in.
    pub(super) async fn refresh_one(
        &self,
        provider: &SharedProvider,
        application: &(ApplicationId, ApplicationRef),
        provider_deployment_id: &str,
    ) -> Result<DeploymentObservation, Failure> {
        let asked = self.asked(Via::Poll);
        let observation = self
            .read_by_id(provider, &application.1, provider_deployment_id)
            .await?;
        self.bring_in(provider, application, asked, vec![observation.clone()])
            .await?;
        Ok(observation)
    }

    /// What is still to be done, as far as it is known.
    pub(super) async fn look_at(&self, id: ApplicationId) -> Result<Reconciled, Failure> {
        Ok(Reconciled {
            unfinished: self.list_unfinished(id).await?,
            history: self.history(),
        })
    }

    /// As it was when the attempt began.
    fn history(&self) -> History {
        if self.target.backfill_state == COMPLETE {
            History::Complete
        } else {
            History::Open
        }
    }

    pub(super) async fn list_unfinished(&self, id: ApplicationId) -> Result<Vec<UnfinishedRow>, Failure> {
        Ok(deployments::list_unfinished(&mut *self.connection().await?, id).await?)
    }

    /// One more page of history, when there is budget to spare. How far it came is kept after each page, so that it goes on
    /// there, in whatever process.
    async fn backfill(
        &self,
        provider: &SharedProvider,
        application: &(ApplicationId, ApplicationRef),
        first_next: Option<PageToken>,
        oldest_at: Option<OffsetDateTime>,
    ) -> Result<History, Failure> {
        let Some(page) = self.target.backfill_page.clone().map(PageToken).or(first_next) else {
            self.note_backfill(COMPLETE, None, oldest_at).await?;
            return Ok(History::Complete);
        };
        let asked = self.asked(Via::Backfill);
        let read = provider.list_deployments(&application.1, Some(&page));
        let listed = match with_priority(Priority::Backfill, read).await {
            Ok(listed) => listed,
            Err(error) if error.reason == Some(HELD_BACK) => {
                self.note_backfill("running", Some(&page), oldest_at).await?;
                return Ok(History::HeldBack(error.retry_after.unwrap_or(BACKFILL_PAUSE)));
            }
            Err(error) => return Err(error.into()),
        };
        let oldest_at = oldest(&listed.items).or(oldest_at);
        let count = listed.items.len();
        let report = self.bring_in(provider, application, asked, listed.items).await?;
        // Newest first: beyond a page that is too old there is nothing that would be kept.
        let is_complete = listed.next.is_none() || (count > 0 && report.too_old == count);
        let next = listed.next.as_ref().filter(|_| !is_complete);
        let state = if is_complete { COMPLETE } else { "running" };
        self.note_backfill(state, next, oldest_at).await?;
        Ok(if is_complete { History::Complete } else { History::Open })
    }

    async fn note_backfill(
        &self,
        state: &str,
        page: Option<&PageToken>,
        oldest_at: Option<OffsetDateTime>,
    ) -> Result<(), Failure> {
        let mut conn = self.connection().await?;
        let page = page.map(|page| page.0.as_str());
        sync_targets::note_backfill(
            &mut conn,
            self.lease.target_id,
            self.lease.token,
            state,
            page,
            oldest_at,
        )
        .await?;
        Ok(())
    }

    /// How long an application is left alone where the account's list tells what moves.
    async fn idle_interval(&self) -> Result<Duration, Failure> {
        let mut conn = self.connection().await?;
        let applications = sync_targets::count_applications(&mut conn, self.account.as_str()).await?;
        Ok(pace::while_idle(self.settings.idle_interval, applications))
    }

    fn interval(&self, provider: &SharedProvider, reconciled: &Reconciled, idle: Duration) -> Duration {
        let now = self.context.clock.now();
        let budget = provider.rate_budget();
        if let Some(newest) = reconciled.unfinished.first() {
            let interval = pace::while_running(self.settings.running_interval, now - newest.created_at);
            // As a rule a handful of applications run at the same time and share the budget.
            pace::within_budget(interval, 4, budget)
        } else if provider.capabilities().change_feed {
            idle
        } else {
            pace::within_budget(self.settings.idle_interval / 5, 1, budget)
        }
    }

    fn succeeded(&self, mode: FreshnessMode, read_activity: Option<String>, interval: Duration) -> Done {
        let next_in = pace::jittered(interval);
        Done {
            attempt: Attempt::Succeeded { mode, read_activity },
            interval,
            next_in,
        }
    }
}

/// How long until the next page of history is read; none when there is none.
fn history_pause(provider: &SharedProvider, history: History) -> Option<Duration> {
    let pause = pace::within_budget(BACKFILL_PAUSE, 1, provider.rate_budget());
    match history {
        History::Complete => None,
        History::Open => Some(pause),
        History::HeldBack(wait) => Some(wait.max(pause)),
    }
}

fn oldest(items: &[DeploymentObservation]) -> Option<OffsetDateTime> {
    items
        .iter()
        .filter_map(|item| item.details.created_at.or(item.details.started_at))
        .min()
}
