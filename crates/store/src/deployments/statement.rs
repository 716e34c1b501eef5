//! The statement behind a list of deployments.
//!
//! Built at run time, here and nowhere else: with a dozen optional filters in one fixed statement PostgreSQL's generic plan
//! walks the wrong index. Several values of one filter become branches, each walking an index in the order of the list; they
//! are merged as they are read (`Merge Append`), so that a page of fifty reads little more than fifty rows. Each branch has
//! order and limit of its own: without them PostgreSQL sorts what all of them have. The limit stands in the text, because a
//! generic plan for any limit at all would be one for a tenth of the table.
//!
//! What walks over all deployments, or over all of one status, says so in a form that only the indexes for it have: see
//! migration 0008.

use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::list::{DeploymentFilter, DeploymentQuery, DeploymentSort};
use crate::Visibility;

/// More branches cost more to plan than they save.
const BRANCHES_MAX: usize = 64;

/// Of applications more are worth it: without branches those of a restricted token are looked for in all of history.
pub(super) const APPLICATIONS_MAX: usize = 256;

/// One condition that an index serves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Id(Uuid),
}

/// Alternatives for one column.
#[derive(Debug, Clone)]
struct Alternatives {
    column: Column,
    values: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
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
    const fn name(self) -> &'static str {
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
    columns: Vec<Alternatives>,
    visibility: &'a Visibility,
    checks_labels: bool,
    /// The applications that are left are all seen.
    are_seen: bool,
    /// What is wanted and what may be seen exclude each other.
    is_empty: bool,
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
    fn branches(&self) -> Vec<Vec<(Column, Value)>> {
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
    fn operand(&self, column: Column) -> &'static str {
        let has_both = self.columns.iter().any(|known| {
            matches!(
                known.column,
                Column::Application | Column::Account | Column::Environment | Column::Provider
            )
        });
        if column == Column::Status && !has_both {
            "status COLLATE \"C\""
        } else {
            column.name()
        }
    }

    fn split(&self) -> Vec<&Alternatives> {
        let mut split: Vec<&Alternatives> = Vec::new();
        let mut count = 1;
        let first = self.columns.iter().position(|known| known.column != Column::Status);
        for (index, alternatives) in self.columns.iter().enumerate() {
            let wanted = Some(index) == first
                || alternatives.column == Column::Status
                // Prefixes have no other form.
                || alternatives.column == Column::Sha;
            let next = count * alternatives.values.len();
            let is_of_applications = split.iter().any(|known| known.column == Column::Application);
            let most = match alternatives.column {
                Column::Application => APPLICATIONS_MAX,
                Column::Status if is_of_applications => 2 * APPLICATIONS_MAX,
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

/// By what a list is ordered, and which indexes serve that.
#[derive(Debug, Clone, Copy)]
struct Order {
    column: &'static str,
    direction: &'static str,
    beyond: &'static str,
    /// No filter has an index in this order: the list is walked whole.
    is_walk: bool,
}

impl Order {
    fn new(choice: &Choice<'_>, query: &DeploymentQuery) -> Self {
        let (column, direction, beyond) = match query.sort {
            DeploymentSort::NewestFirst => ("created_at", "DESC", "<"),
            DeploymentSort::OldestFirst => ("created_at", "ASC", ">"),
            DeploymentSort::LastFinishedFirst => ("finished_at", "DESC", "<"),
            DeploymentSort::FirstFinishedFirst => ("finished_at", "ASC", ">"),
        };
        let is_served = if column == "created_at" {
            !choice.columns.is_empty() || query.filter.is_live.is_some()
        } else {
            choice.columns.iter().any(|known| known.column == Column::Application)
        };
        Self {
            column,
            direction,
            beyond,
            is_walk: !is_served,
        }
    }

    fn key(self, column: &str) -> String {
        if self.is_walk {
            format!("({column} AT TIME ZONE 'UTC')")
        } else {
            column.to_owned()
        }
    }

    fn push_instant(self, sql: &mut QueryBuilder<Postgres>, instant: OffsetDateTime) {
        if self.is_walk {
            sql.push("(").push_bind(instant).push(" AT TIME ZONE 'UTC')");
        } else {
            sql.push_bind(instant);
        }
    }
}

pub(super) fn statement(choice: &Choice<'_>, query: &DeploymentQuery) -> QueryBuilder<Postgres> {
    let order = Order::new(choice, query);
    let Order {
        column,
        direction,
        beyond,
        ..
    } = order;
    let mut sql = QueryBuilder::new(
        "SELECT head.epoch, head.seq, page.id, page.at, page.body FROM event_head AS head LEFT JOIN LATERAL (\
         SELECT id, at, position, body FROM (",
    );
    // One that gives nothing, where nothing is left to choose from.
    let branches = if choice.is_empty {
        vec![Vec::new()]
    } else {
        choice.branches()
    };
    // One more than asked for tells whether there is a next page.
    let limit = query.limit.saturating_add(1);
    let (open, close) = if branches.len() > 1 { ("(", ")") } else { ("", "") };
    let split: Vec<Column> = choice.split().iter().map(|alternatives| alternatives.column).collect();
    for (index, branch) in branches.into_iter().enumerate() {
        if index > 0 {
            sql.push(" UNION ALL ");
        }
        sql.push(format_args!(
            "{open}SELECT id, {column} AS at, {} AS position, body FROM deployments WHERE ",
            order.key(column)
        ));
        sql.push(if choice.is_empty { "false" } else { "true" });
        for (column, value) in branch {
            push_one(&mut sql, column, choice.operand(column), value);
        }
        for alternatives in choice.columns.iter().filter(|known| !split.contains(&known.column)) {
            push_any(&mut sql, alternatives, choice.operand(alternatives.column));
        }
        push_rest(&mut sql, choice, query, order);
        if let Some(after) = query.after {
            sql.push(format_args!(" AND ({}, id) {beyond} (", order.key(column)));
            order.push_instant(&mut sql, after.at);
            sql.push(", ").push_bind(after.id).push(")");
        }
        if !close.is_empty() {
            sql.push(format_args!(
                " ORDER BY {} {direction}, id {direction} LIMIT {limit}{close}",
                order.key(column)
            ));
        }
    }
    sql.push(format_args!(
        ") AS branches ORDER BY position {direction}, id {direction} LIMIT {limit}) AS page ON true \
         ORDER BY page.position {direction}, page.id {direction}"
    ));
    sql
}

fn push_one(sql: &mut QueryBuilder<Postgres>, column: Column, operand: &str, value: Value) {
    match (column, value) {
        (Column::Sha, Value::Text(prefix)) => {
            let head: String = prefix.chars().take(4).collect();
            sql.push(" AND left(git_sha, 4) = ")
                .push_bind(head)
                .push(" AND starts_with(git_sha, ")
                .push_bind(prefix)
                .push(")");
        }
        (_, Value::Text(text)) => {
            sql.push(format_args!(" AND {operand} = ")).push_bind(text);
        }
        (_, Value::Id(id)) => {
            sql.push(format_args!(" AND {operand} = ")).push_bind(id);
        }
    }
}

fn push_any(sql: &mut QueryBuilder<Postgres>, alternatives: &Alternatives, operand: &str) {
    if let [only] = alternatives.values.as_slice() {
        push_one(sql, alternatives.column, operand, only.clone());
        return;
    }
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    for value in &alternatives.values {
        match value {
            Value::Text(text) => texts.push(text.clone()),
            Value::Id(id) => ids.push(*id),
        }
    }
    sql.push(format_args!(" AND {operand} = ANY("));
    if alternatives.column == Column::Application {
        sql.push_bind(ids);
    } else {
        sql.push_bind(texts);
    }
    sql.push(")");
}

fn push_rest(sql: &mut QueryBuilder<Postgres>, choice: &Choice<'_>, query: &DeploymentQuery, order: Order) {
    let filter = &query.filter;
    // Providers, accounts and applications are among the columns already.
    if !choice.are_seen {
        choice.visibility.push_environments_for_deployments(sql);
    }
    if let Some(is_live) = filter.is_live {
        sql.push(" AND is_live = ").push_bind(is_live);
    }
    for (bound, column, comparison) in [
        (filter.created_after, "created_at", ">="),
        (filter.created_before, "created_at", "<"),
        (filter.finished_after, "finished_at", ">="),
        (filter.finished_before, "finished_at", "<"),
    ] {
        let Some(bound) = bound else { continue };
        // Where the page before ended lies inside the window: that end of it is none any more.
        let is_passed = column == order.column && (comparison == "<") == (order.direction == "DESC");
        if query.after.is_some() && is_passed {
            continue;
        }
        sql.push(format_args!(" AND {} {comparison} ", order.key(column)));
        order.push_instant(sql, bound);
    }
    if matches!(
        query.sort,
        DeploymentSort::LastFinishedFirst | DeploymentSort::FirstFinishedFirst
    ) {
        sql.push(" AND finished_at IS NOT NULL");
    }
    if choice.checks_labels {
        // As the environment of an application: one look for each row.
        const LABELS: &str = "(SELECT labelled.labels FROM applications AS labelled \
                              WHERE labelled.id = deployments.application_id)";
        filter.labels.push(sql, LABELS);
    }
    if !filter.words.is_empty() {
        sql.push(" AND search @@ lower(")
            .push_bind(search(&filter.words))
            .push(")::tsquery");
    }
}

/// All of the words, each as the beginning of one.
fn search(words: &[String]) -> String {
    let lexemes: Vec<String> = words
        .iter()
        .map(|word| format!("'{}':*", word.replace('\\', "\\\\").replace('\'', "''")))
        .collect();
    lexemes.join(" & ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_of_the_narrowest_column_and_of_the_status_become_branches() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = DeploymentFilter {
            statuses: words(&["queued", "in_progress", "queued"]),
            accounts: words(&["a", "b"]),
            providers: words(&["cloud66", "scalingo"]),
            ..DeploymentFilter::default()
        };
        let everything = Visibility::default();
        let choice = Choice::new(&filter, &everything, true);
        assert_eq!(choice.branches().len(), 4);
        let query = DeploymentQuery {
            filter,
            limit: 50,
            ..DeploymentQuery::default()
        };
        let sql = statement(&choice, &query);
        assert_eq!(sql.sql().as_str().matches("UNION ALL").count(), 3);
        assert_eq!(sql.sql().as_str().matches("provider = ANY(").count(), 4);

        let restricted = Visibility {
            accounts: words(&["b", "c"]),
            ..Visibility::default()
        };
        let choice = Choice::new(&query.filter, &restricted, true);
        assert_eq!(choice.branches().len(), 2);
        let restricted = Visibility {
            accounts: words(&["c"]),
            ..Visibility::default()
        };
        let choice = Choice::new(&query.filter, &restricted, true);
        assert!(statement(&choice, &query).sql().as_str().contains("WHERE false"));
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
