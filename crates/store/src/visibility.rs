//! What a caller may see.

use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// What a caller may see. An empty list restricts nothing; values of one list are alternatives, lists add up. What is
/// restricted is always the application: a deployment, an event or a log is seen by whoever sees its application now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Visibility {
    /// Kinds of platform.
    pub providers: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Applications.
    pub applications: Vec<Uuid>,
    /// Environments, as the applications have them.
    pub environments: Vec<String>,
}

impl Visibility {
    /// What shows nothing: no kind of platform has an empty name.
    pub fn nothing() -> Self {
        Self {
            providers: vec![String::new()],
            ..Self::default()
        }
    }

    /// Whether everything is hidden.
    pub fn is_nothing(&self) -> bool {
        self.providers == [""]
    }

    /// Whether nothing is hidden.
    pub fn is_everything(&self) -> bool {
        self.providers.is_empty() && self.shows_whole_accounts() && self.accounts.is_empty()
    }

    /// Whether an account is either seen whole or not at all.
    pub fn shows_whole_accounts(&self) -> bool {
        self.applications.is_empty() && self.environments.is_empty()
    }

    /// Whether anything of an account may be seen. Where accounts are not shown whole, an application decides.
    pub fn may_show_account(&self, provider: &str, account: &str) -> bool {
        lets_through(&self.providers, Some(provider)) && lets_through(&self.accounts, Some(account))
    }

    /// Whether an application is seen, and with it all that belongs to it.
    pub fn shows_application(&self, provider: &str, account: &str, id: Uuid, environment: Option<&str>) -> bool {
        self.may_show_account(provider, account)
            && (self.applications.is_empty() || self.applications.contains(&id))
            && lets_through(&self.environments, environment)
    }

    /// Adds what restricts a statement over `deployments` to environments, after a condition. The other lists are narrowed
    /// down together with what the caller asks for.
    pub(crate) fn push_environments_for_deployments(&self, query: &mut QueryBuilder<Postgres>) {
        if !self.environments.is_empty() {
            query
                // One look at the application for each row: as a join the planner may prefer to sort the whole history.
                .push(" AND (SELECT seen.environment FROM applications AS seen WHERE seen.id = deployments.application_id)")
                .push(" = ANY(")
                .push_bind(self.environments.clone())
                .push(")");
        }
    }

    /// Adds what restricts a statement over `applications`, after a condition.
    pub(crate) fn push_for_applications(&self, query: &mut QueryBuilder<Postgres>) {
        push_any(query, "provider", &self.providers);
        push_any(query, "account", &self.accounts);
        push_any(query, "id", &self.applications);
        push_any(query, "environment", &self.environments);
    }
}

/// Adds a condition to a statement: one of these values, or no condition without any.
pub(crate) fn push_any<T>(query: &mut QueryBuilder<Postgres>, column: &str, values: &[T])
where
    T: Clone + Send + Sync + 'static,
    T: sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres> + sqlx::postgres::PgHasArrayType,
{
    match values {
        [] => {}
        // A single value lets the planner use the index on (column, created_at, id) in order.
        [only] => {
            query.push(format_args!(" AND {column} = ")).push_bind(only.clone());
        }
        several => {
            query
                .push(format_args!(" AND {column} = ANY("))
                .push_bind(several.to_vec())
                .push(")");
        }
    }
}

fn lets_through(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn lists_add_up_and_an_empty_one_restricts_nothing() {
        let id = Uuid::from_u128(1);
        let shows = |visibility: &Visibility| visibility.shows_application("scalingo", "main", id, Some("production"));
        assert!(Visibility::default().is_everything() && shows(&Visibility::default()));
        let mut visibility = Visibility {
            providers: words(&["cloud66", "scalingo"]),
            accounts: words(&["main"]),
            ..Visibility::default()
        };
        assert!(!visibility.is_everything() && visibility.shows_whole_accounts() && shows(&visibility));
        visibility.environments = words(&["production"]);
        assert!(!visibility.shows_whole_accounts() && shows(&visibility));
        assert!(!visibility.shows_application("scalingo", "main", id, None));
        visibility.applications = vec![Uuid::from_u128(2)];
        assert!(!shows(&visibility));
        visibility.applications.push(id);
        assert!(shows(&visibility));
        visibility.accounts = words(&["other"]);
        assert!(!shows(&visibility) && !visibility.may_show_account("scalingo", "main"));
    }
}
