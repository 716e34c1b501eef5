//! Which deployments are looked at.

use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Visibility;
use crate::labels::LabelSelector;
use crate::visibility::push_any;

/// From an instant up to another one, which is no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub starts_at: OffsetDateTime,
    /// The first instant after it.
    pub ends_at: OffsetDateTime,
}

/// Which deployments are looked at: those created in a window, of applications that a filter lets through. What belongs to an
/// application counts as it is now. Empty lists let everything through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightScope {
    /// When they were created.
    pub window: Window,
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Applications.
    pub applications: Vec<Uuid>,
    /// Environments.
    pub environments: Vec<String>,
    /// What the labels of their applications say.
    pub labels: LabelSelector,
}

impl InsightScope {
    /// Adds the conditions for `deployments AS one`, after a condition. The window stands there as every index has it: an
    /// application's has the instant, that over all deployments, which holds all that is counted, the form of migration 0008.
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>, visibility: &Visibility) {
        for (comparison, bound) in [(">=", self.window.starts_at), ("<", self.window.ends_at)] {
            query
                .push(format_args!(" AND one.created_at {comparison} "))
                .push_bind(bound)
                .push(format_args!(" AND (one.created_at AT TIME ZONE 'UTC') {comparison} "))
                .push_bind(bound)
                .push("::timestamptz AT TIME ZONE 'UTC'");
        }
        push_any(query, "one.application_id", &self.applications);
        push_any(query, "one.application_id", &visibility.applications);
        let rest = Visibility {
            applications: Vec::new(),
            ..visibility.clone()
        };
        if rest.is_everything() && !self.narrows_applications() {
            return;
        }
        query.push(" AND one.application_id IN (SELECT id FROM applications WHERE true");
        rest.push_for_applications(query);
        push_any(query, "provider", &self.providers);
        push_any(query, "account", &self.accounts);
        push_any(query, "environment", &self.environments);
        self.labels.push(query, "labels");
        query.push(")");
    }

    fn narrows_applications(&self) -> bool {
        let lists = [&self.providers, &self.accounts, &self.environments];
        lists.into_iter().any(|list| !list.is_empty()) || !self.labels.is_empty()
    }
}
