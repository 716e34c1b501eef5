//! Labels: how they are stored, how lists select by them, and which rules give them.

use slipway_core::Labels;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Result;

/// What a list asks of labels. Everything must hold; an empty one lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    /// Must be there with this value.
    pub equal: Labels,
    /// Must not be there with this value: another value will do, and none too.
    pub different: Vec<(String, String)>,
}

impl LabelSelector {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.different.is_empty()
    }

    /// Adds what restricts a statement, after a condition. `labels` is the column.
    pub(crate) fn push(&self, query: &mut QueryBuilder<Postgres>, labels: &str) {
        if !self.equal.is_empty() {
            query
                .push(format_args!(" AND {labels} @> "))
                .push_bind(write(&self.equal));
        }
        // One object for each: all of them in one would only be forbidden together.
        for (key, value) in &self.different {
            query
                .push(format_args!(" AND NOT {labels} @> "))
                .push_bind(serde_json::json!({ key: value }));
        }
    }
}

pub(crate) fn read(value: serde_json::Value) -> std::result::Result<Labels, serde_json::Error> {
    serde_json::from_value(value)
}

pub(crate) fn write(labels: &Labels) -> serde_json::Value {
    labels
        .iter()
        .map(|(key, value)| (key.clone(), serde_json::Value::from(value.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The applications that a selector lets through, at most `limit`.
pub async fn list_selected(conn: &mut PgConnection, selector: &LabelSelector, limit: i64) -> Result<Vec<Uuid>> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT id FROM applications WHERE true");
    selector.push(&mut query, "labels");
    query.push(format_args!(" LIMIT {limit}"));
    // Planned with the labels at hand: whether they are rare decides whether their index is of use.
    Ok(query.build_query_scalar().persistent(false).fetch_all(conn).await?)
}

/// Puts rules in force: from now on theirs are the labels that everybody ends up with.
pub async fn announce_rules(conn: &mut PgConnection, hash: &str, announced_at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO label_rules (hash, announced_at) VALUES ($1, $2)
        ON CONFLICT (only_row) DO UPDATE SET hash = excluded.hash, announced_at = excluded.announced_at
        "#,
        hash,
        announced_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Which rules are in force.
pub async fn find_rules(conn: &mut PgConnection) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("SELECT hash FROM label_rules")
        .fetch_optional(conn)
        .await?)
}
