//! Which events a subscription sees.

use std::sync::Arc;

use slipway_store::Visibility;
use uuid::Uuid;

use crate::applications::ApplicationIndex;
use crate::frame::Keys;

/// What to let through. An empty list lets everything through; values of one list are alternatives, lists add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Applications.
    pub applications: Vec<Uuid>,
    /// Deployments.
    pub deployments: Vec<Uuid>,
    /// Environments.
    pub environments: Vec<String>,
    /// Types of events.
    pub types: Vec<String>,
    /// Statuses, before or after the change.
    pub statuses: Vec<String>,
    /// What the subscriber may see at all.
    pub visibility: Arc<Visibility>,
}

impl Filter {
    /// Whether an event with these keys is seen.
    pub fn matches(&self, keys: &Keys, applications: &ApplicationIndex) -> bool {
        self.wants(keys) && applications.shows_event(&self.visibility, keys)
    }

    fn wants(&self, keys: &Keys) -> bool {
        lets_through(&self.types, Some(&keys.r#type))
            && lets_through(&self.providers, keys.provider.as_ref())
            && lets_through(&self.accounts, keys.account.as_ref())
            && lets_through(&self.environments, keys.environment.as_ref())
            && lets_through(&self.applications, keys.application_id.as_ref())
            && lets_through(&self.deployments, keys.deployment_id.as_ref())
            && (lets_through(&self.statuses, keys.status.as_ref())
                || lets_through(&self.statuses, keys.previous_status.as_ref()))
    }
}

fn lets_through<T: PartialEq>(wanted: &[T], value: Option<&T>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys {
            r#type: "deployment.finished".to_owned(),
            provider: Some("scalingo".to_owned()),
            account: Some("main".to_owned()),
            environment: None,
            application_id: Some(Uuid::from_u128(1)),
            deployment_id: Some(Uuid::from_u128(2)),
            status: Some("failed".to_owned()),
            previous_status: Some("in_progress".to_owned()),
        }
    }

    #[test]
    fn lists_add_up_and_their_values_are_alternatives() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(Filter::default().wants(&keys()));
        assert!(
            Filter {
                providers: words(&["cloud66", "scalingo"]),
                ..Filter::default()
            }
            .wants(&keys())
        );
        let both = Filter {
            providers: words(&["scalingo"]),
            accounts: words(&["other"]),
            ..Filter::default()
        };
        assert!(!both.wants(&keys()));
        assert!(
            !Filter {
                environments: words(&["production"]),
                ..Filter::default()
            }
            .wants(&keys())
        );
        assert!(
            Filter {
                applications: vec![Uuid::from_u128(1)],
                ..Filter::default()
            }
            .wants(&keys())
        );
        assert!(
            !Filter {
                deployments: vec![Uuid::from_u128(3)],
                ..Filter::default()
            }
            .wants(&keys())
        );
    }

    #[test]
    fn a_status_matches_before_and_after_the_change() {
        for (status, seen) in [("failed", true), ("in_progress", true), ("queued", false)] {
            let filter = Filter {
                statuses: vec![status.to_owned()],
                ..Filter::default()
            };
            assert_eq!(filter.wants(&keys()), seen, "{status}");
        }
    }
}
