//! What a list of deployments is asked for, as alternatives for each column, and which of them become branches.

use slipway_core::Status;
use uuid::Uuid;

use super::list::DeploymentFilter;
use crate::Visibility;

/// More branches cost more to plan than they save.
const BRANCHES_MAX: usize = 64;

/// As many as [`BRANCHES_MAX`] where nothing is said of the status.
const STATUS_BRANCHES_MAX: usize = Status::ALL.len() * BRANCHES_MAX;

/// Of applications more are worth it: without branches those of a restricted token are looked for in all of history.
pub(super) const APPLICATIONS_MAX: usize = 256;

/// One condition that an index serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Id(Uuid),
}

/// Alternatives for one column.
#[derive(Debug, Clone)]
pub(super) struct Alternatives {
    pub(super) column: Column,
    pub(super) values: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Sha,
    Application,
    Actor,
    Ref,
    Account,
    Environment,
    Kind,
    Trigger,
    Provider,
    Status,
}

impl Column {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sha => "git_sha",
            Self::Application => "application_id",
            Self::Actor => "actor",
            Self::Ref => "git_ref",
            Self::Account => "account",
            Self::Environment => "environment",
            Self::Kind => "kind",
            Self::Trigger => "trigger_kind",
            Self::Provider => "provider",
            Self::Status => "status",
        }
    }
}

/// What is wanted, as alternatives for each column; the columns in the order in which they narrow most.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    pub(super) columns: Vec<Alternatives>,
    pub(super) visibility: &'a Visibility,
    pub(super) checks_labels: bool,
    /// The applications that are left are all seen.
    pub(super) are_seen: bool,
    /// What is wanted and what may be seen exclude each other.
    pub(super) is_empty: bool,
}

impl<'a> Choice<'a> {
    /// `are_stamped`: every deployment carries the environment of its application, so that what a token is restricted to finds it.
    /// Without that it is only asked of each deployment's application.
    pub(super) fn new(filter: &DeploymentFilter, visibility: &'a Visibility, are_stamped: bool) -> Self {
        let mut choice = Self {
            columns: Vec::new(),
            visibility,
            checks_labels: false,
            are_seen: false,
            is_empty: visibility.is_nothing(),
        };
        choice.keep(Column::Sha, shortest(&filter.git_shas));
        choice.keep(Column::Application, ids(&filter.applications));
        choice.keep(Column::Application, ids(&visibility.applications));
        choice.keep(Column::Actor, texts(&filter.actors));
        choice.keep(Column::Ref, texts(&filter.git_refs));
        choice.keep(Column::Account, texts(&filter.accounts));
        choice.keep(Column::Account, texts(&visibility.accounts));
        choice.keep(Column::Environment, texts(&filter.environments));
        if are_stamped {
            choice.keep(Column::Environment, texts(&visibility.environments));
        }
        choice.keep(Column::Kind, texts(&filter.kinds));
        choice.keep(Column::Trigger, texts(&filter.triggers));
        choice.keep(Column::Provider, texts(&filter.providers));
        choice.keep(Column::Provider, texts(&visibility.providers));
        choice.keep(Column::Status, texts(&filter.statuses));
        choice
    }

    /// Only these applications.
    pub(super) fn keep_applications(&mut self, selected: &[Uuid]) {
        self.is_empty |= selected.is_empty();
        self.keep(Column::Application, ids(selected));
        // Selected applications narrow more than anything but a hash.
        self.columns.sort_by_key(|alternatives| match alternatives.column {
            Column::Sha => 0,
            Column::Application => 1,
            _ => 2,
        });
    }

    /// The same of applications that were selected by all that belongs to applications: of those nothing of it is left to ask.
    pub(super) fn keep_applications_seen(&mut self, selected: &[Uuid], filter: &DeploymentFilter) {
        self.columns.retain(|alternatives| {
            !matches!(
                alternatives.column,
                Column::Provider | Column::Account | Column::Environment
            )
        });
        // What the deployment itself carries is asked for all the same: it follows its application with a delay.
        self.keep(Column::Environment, texts(&filter.environments));
        self.are_seen = true;
        self.keep_applications(selected);
    }

    /// Every deployment's application is asked for its labels.
    pub(super) fn check_labels(&mut self) {
        self.checks_labels = true;
    }

    /// Providers and environments have no index without the status: where nothing is said of it, each of the six is one.
    pub(super) fn name_statuses(&mut self) {
        let first = self.columns.first().map(|known| known.column);
        if matches!(first, Some(Column::Environment | Column::Provider)) && !self.has(Column::Status) {
            let all = Status::ALL.map(|status| Value::Text(status.as_str().to_owned()));
            self.keep(Column::Status, all.to_vec());
        }
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.columns.iter().any(|known| known.column == column)
    }

    /// No values: no condition.
    fn keep(&mut self, column: Column, mut values: Vec<Value>) {
        if values.is_empty() {
            return;
        }
        let known = self.columns.iter_mut().find(|known| known.column == column);
        match known {
            Some(known) => {
                known.values.retain(|value| values.contains(value));
                self.is_empty |= known.values.is_empty();
            }
            None => {
                // Twice the same value would be twice the same row.
                let mut seen = Vec::with_capacity(values.len());
                values.retain(|value| {
                    !seen.contains(value) && {
                        seen.push(value.clone());
                        true
                    }
                });
                self.columns.push(Alternatives { column, values });
            }
        }
    }

    /// The branches: for the column that narrows most, and for the status, one for each value; the rest holds in all.
    pub(super) fn branches(&self) -> Vec<Vec<(Column, Value)>> {
        let mut branches = vec![Vec::new()];
        for alternatives in self.split() {
            branches = branches
                .iter()
                .flat_map(|branch: &Vec<_>| {
                    alternatives.values.iter().map(|value| {
                        let mut branch = branch.clone();
                        branch.push((alternatives.column, value.clone()));
                        branch
                    })
                })
                .collect();
        }
        branches
    }

    /// What a condition on a column says. A status alone has an index of its own, see migration 0008; beside one of the
    /// columns that have an index together with it that one must not be chosen.
    pub(super) fn operand(&self, column: Column) -> &'static str {
        let with_status = [
            Column::Application,
            Column::Account,
            Column::Environment,
            Column::Provider,
        ];
        if column == Column::Status && !with_status.into_iter().any(|other| self.has(other)) {
            "status COLLATE \"C\""
        } else {
            column.name()
        }
    }

    /// The columns of which each value has its own branch.
    pub(super) fn split(&self) -> Vec<&Alternatives> {
        let mut split: Vec<&Alternatives> = Vec::new();
        let mut count = 1;
        let first = self.columns.iter().position(|known| known.column != Column::Status);
        let is_of_environment = first.is_some_and(|first| self.columns[first].column == Column::Environment);
        for (index, alternatives) in self.columns.iter().enumerate() {
            let wanted = Some(index) == first
                || alternatives.column == Column::Status
                // An index has both.
                || alternatives.column == Column::Provider && is_of_environment
                // Prefixes have no other form.
                || alternatives.column == Column::Sha;
            let next = count * alternatives.values.len();
            let is_of_applications = split.iter().any(|known| known.column == Column::Application);
            let most = match alternatives.column {
                Column::Application => APPLICATIONS_MAX,
                Column::Status if is_of_applications => 2 * APPLICATIONS_MAX,
                Column::Status => STATUS_BRANCHES_MAX,
                _ => BRANCHES_MAX,
            };
            if wanted && (next <= most || alternatives.column == Column::Sha) {
                count = next;
                split.push(alternatives);
            }
        }
        split
    }
}

fn texts(values: &[String]) -> Vec<Value> {
    values.iter().cloned().map(Value::Text).collect()
}

fn ids(values: &[Uuid]) -> Vec<Value> {
    values.iter().copied().map(Value::Id).collect()
}

/// A prefix of another prefix says all that the other says.
fn shortest(prefixes: &[String]) -> Vec<Value> {
    let is_covered = |prefix: &String| {
        prefixes
            .iter()
            .any(|other| other.len() < prefix.len() && prefix.starts_with(other.as_str()))
    };
    let mut kept: Vec<String> = prefixes.iter().filter(|prefix| !is_covered(prefix)).cloned().collect();
    kept.dedup();
    texts(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn alternatives_of_the_narrowest_column_and_of_the_status_become_branches() {
        let filter = DeploymentFilter {
            statuses: words(&["queued", "in_progress", "queued"]),
            accounts: words(&["a", "b"]),
            providers: words(&["cloud66", "scalingo"]),
            ..DeploymentFilter::default()
        };
        let everything = Visibility::default();
        assert_eq!(Choice::new(&filter, &everything, true).branches().len(), 4);
        let restricted = Visibility {
            accounts: words(&["b", "c"]),
            ..Visibility::default()
        };
        let choice = Choice::new(&filter, &restricted, true);
        assert_eq!(choice.branches().len(), 2);
        assert!(!choice.is_empty);
        let restricted = Visibility {
            accounts: words(&["c"]),
            ..Visibility::default()
        };
        assert!(Choice::new(&filter, &restricted, true).is_empty);
    }

    #[test]
    fn an_environment_and_a_provider_are_looked_for_with_each_status() {
        let everything = Visibility::default();
        let branches = |filter: &DeploymentFilter| {
            let mut choice = Choice::new(filter, &everything, true);
            choice.name_statuses();
            choice.branches().len()
        };
        let mut filter = DeploymentFilter {
            environments: words(&["production", "staging"]),
            ..DeploymentFilter::default()
        };
        assert_eq!(branches(&filter), 2 * 6);
        filter.providers = words(&["cloud66", "scalingo"]);
        assert_eq!(branches(&filter), 2 * 2 * 6);
        filter.statuses = words(&["failed"]);
        assert_eq!(branches(&filter), 2 * 2);
        // These have an index without the status.
        filter.statuses.clear();
        filter.accounts = words(&["main"]);
        assert_eq!(branches(&filter), 1);
    }

    #[test]
    fn a_prefix_that_another_covers_is_left_out() {
        let prefixes = ["abcdef".to_owned(), "abcd".to_owned(), "1234".to_owned()];
        assert_eq!(
            shortest(&prefixes),
            [Value::Text("abcd".to_owned()), Value::Text("1234".to_owned())]
        );
    }
}
