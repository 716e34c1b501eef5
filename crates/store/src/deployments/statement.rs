//! The statement behind a list of deployments.
//!
//! Built at run time, here and nowhere else: with a dozen optional filters in one fixed statement PostgreSQL's generic plan
//! walks the wrong index. Several values of one filter become branches, each walking an index in the order of the list; they
//! are merged as they are read (`Merge Append`), so that a page of fifty reads little more than fifty rows. Each branch has
//! order and limit of its own: without them PostgreSQL sorts what all of them have. The limit stands in the text, because a
//! generic plan for any limit at all would be one for a tenth of the table.
//!
//! `event_head` has one row, which the planner only believes of a `LIMIT`: where nobody has counted it takes a thousand for
//! granted, and compiles a statement that seems to be so much work.
//!
//! What walks over all deployments, or over all of one status, says so in a form that only the indexes for it have: see
//! migration 0008.

use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::choice::{Alternatives, Choice, Column, Value};
use super::list::{DeploymentQuery, DeploymentSort};

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
            choice.has(Column::Application)
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

/// The whole statement.
pub(super) fn statement(choice: &Choice<'_>, query: &DeploymentQuery) -> QueryBuilder<Postgres> {
    let order = Order::new(choice, query);
    let Order {
        column,
        direction,
        beyond,
        ..
    } = order;
    let mut sql = QueryBuilder::new(
        "SELECT head.epoch, head.seq, page.id, page.at, page.version, page.body FROM (SELECT epoch, seq FROM event_head LIMIT 1) AS head \
         LEFT JOIN LATERAL (SELECT id, at, position, version, body FROM (",
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
            "{open}SELECT id, {column} AS at, {} AS position, version, body FROM deployments WHERE ",
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
