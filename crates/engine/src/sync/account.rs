//! Reads an account's list of applications: the change feed that tells which of them to look at.

use slipway_core::provider::{ErrorKind, SharedProvider};
use slipway_core::{ApplicationId, FreshnessMode, ProviderName};
use slipway_store::applications;
use slipway_store::sync_targets::{self, Attempt};

use super::pace;
use super::worker::{Done, Failure, Worker};
use crate::ingest::{archive, ingest_applications};

impl Worker {
    pub(super) async fn sync_account(&self, provider: &SharedProvider) -> Result<Done, Failure> {
        let name = ProviderName::from(provider.info().name);
        let (mut page, mut calls, mut seen) = (None, 0, Vec::new());
        loop {
            let listed = provider.list_applications(page.as_ref()).await?;
            calls += 1;
            seen.extend(ingest_applications(&self.context, &self.account, &name, self.lease, &listed.items).await?);
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
        self.archive_missing(provider, &seen).await?;
        let interval = pace::list_within_budget(self.settings.account_interval, calls, provider.rate_budget());
        Ok(Done {
            attempt: Attempt::Succeeded {
                mode: FreshnessMode::Poll,
                read_activity: None,
            },
            interval,
            next_in: pace::jittered(interval),
        })
    }

    /// An application is archived only after two complete walks without it and a 404 on it: pages shift while one walks, and a
    /// list that leaves something out is no proof.
    async fn archive_missing(&self, provider: &SharedProvider, seen: &[ApplicationId]) -> Result<(), Failure> {
        let seen: Vec<_> = seen.iter().map(|id| id.0).collect();
        let missing = {
            let mut conn = self.connection().await?;
            let mut missing = Vec::new();
            for id in sync_targets::count_missed(&mut conn, self.account.as_str(), &seen).await? {
                missing.extend(applications::find(&mut conn, ApplicationId(id)).await?);
            }
            missing
        };
        for application in missing {
            match provider
                .get_application(&application.observed.provider_application_id)
                .await
            {
                Err(error) if error.kind == ErrorKind::NotFound => {
                    archive(&self.context, application.id, self.lease).await?;
                }
                Err(error) if !error.kind.is_transient() => tracing::warn!(
                    account.name = %self.account,
                    application.id = %application.id,
                    error = %error,
                    "an application left the list and its own page cannot be read"
                ),
                Err(error) => return Err(error.into()),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}
