//! Which applications there are, as far as it decides who sees what: in memory, so that no event costs a query.

use std::collections::{BTreeSet, HashMap};

use parking_lot::RwLock;
use slipway_store::Visibility;
use slipway_store::applications::ApplicationKeysRow;
use uuid::Uuid;

use crate::frame::Keys;

/// All applications by their id. Follows the event log, and so is as new as the events that are shown.
#[derive(Debug, Default)]
pub struct ApplicationIndex(RwLock<HashMap<Uuid, Entry>>);

#[derive(Debug)]
struct Entry {
    provider: Box<str>,
    account: Box<str>,
    environment: Option<Box<str>>,
}

impl ApplicationIndex {
    /// Takes over what the database has.
    pub(crate) fn fill(&self, rows: Vec<ApplicationKeysRow>) {
        let entry = |row: ApplicationKeysRow| {
            let entry = Entry {
                provider: row.provider.into(),
                account: row.account.into(),
                environment: row.environment.map(Into::into),
            };
            (row.id, entry)
        };
        *self.0.write() = rows.into_iter().map(entry).collect();
    }

    /// Takes over what an event tells of its application.
    pub(crate) fn note(&self, keys: &Keys) {
        if let (Some(id), Some(provider), Some(account)) = (keys.application_id, &keys.provider, &keys.account)
            && keys.r#type.starts_with("application.")
        {
            let entry = Entry {
                provider: provider.as_str().into(),
                account: account.as_str().into(),
                environment: keys.environment.as_deref().map(Into::into),
            };
            self.0.write().insert(id, entry);
        }
    }

    /// Whether an event is seen: its application is, or its account where it is about no application.
    pub(crate) fn shows_event(&self, visibility: &Visibility, keys: &Keys) -> bool {
        if visibility.is_everything() {
            return true;
        }
        match (keys.application_id, &keys.provider, &keys.account) {
            (Some(id), ..) => (self.0.read().get(&id)).is_some_and(|entry| entry.is_shown(visibility, id)),
            (None, Some(provider), Some(account)) => self.shows_account(visibility, provider, account),
            _ => false,
        }
    }

    /// Whether an account is seen: as a whole, or because one of its applications is.
    pub fn shows_account(&self, visibility: &Visibility, provider: &str, account: &str) -> bool {
        visibility.may_show_account(provider, account)
            && (visibility.shows_whole_accounts()
                || self
                    .0
                    .read()
                    .iter()
                    .any(|(id, entry)| *entry.account == *account && entry.is_shown(visibility, *id)))
    }

    /// The accounts that are seen because one of their applications is; none where accounts are seen as a whole.
    pub fn accounts_shown(&self, visibility: &Visibility) -> Option<BTreeSet<String>> {
        if visibility.shows_whole_accounts() {
            return None;
        }
        let applications = self.0.read();
        let mut shown = BTreeSet::new();
        for (id, entry) in applications.iter() {
            if !shown.contains(&*entry.account) && entry.is_shown(visibility, *id) {
                shown.insert(entry.account.to_string());
            }
        }
        Some(shown)
    }
}

impl Entry {
    fn is_shown(&self, visibility: &Visibility, id: Uuid) -> bool {
        visibility.shows_application(&self.provider, &self.account, id, self.environment.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(r#type: &str, application_id: Option<Uuid>, environment: Option<&str>) -> Keys {
        Keys {
            r#type: r#type.to_owned(),
            provider: Some("scalingo".to_owned()),
            account: Some("main".to_owned()),
            environment: environment.map(ToOwned::to_owned),
            application_id,
            deployment_id: None,
            status: None,
            previous_status: None,
        }
    }

    #[test]
    fn what_an_application_is_now_decides_over_its_past_events_too() {
        let (index, id) = (ApplicationIndex::default(), Uuid::from_u128(1));
        let staging = Visibility {
            environments: vec!["staging".to_owned()],
            ..Visibility::default()
        };
        let old = keys("deployment.created", Some(id), Some("production"));
        assert!(index.shows_event(&Visibility::default(), &old));
        assert!(!index.shows_event(&staging, &old), "nothing is known of it");
        index.note(&keys("application.discovered", Some(id), Some("production")));
        assert!(!index.shows_event(&staging, &old));
        assert!(!index.shows_event(&staging, &keys("account.freshness_changed", None, None)));
        index.note(&keys("deployment.created", Some(id), Some("staging")));
        assert!(
            !index.shows_event(&staging, &old),
            "a deployment says nothing of where its application is"
        );
        index.note(&keys("application.updated", Some(id), Some("staging")));
        assert!(index.shows_event(&staging, &old));
        assert!(index.shows_event(&staging, &keys("account.freshness_changed", None, None)));
        assert_eq!(
            index.accounts_shown(&staging),
            Some(BTreeSet::from(["main".to_owned()]))
        );
        assert_eq!(index.accounts_shown(&Visibility::default()), None);
    }
}
