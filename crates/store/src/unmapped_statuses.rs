//! Native statuses that no mapping covers.

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::Result;

/// A native status that no mapping covers.
#[derive(Debug, Clone)]
pub struct UnmappedStatusRow {
    /// The kind of platform.
    pub provider: String,
    /// The provider's word.
    pub provider_status: String,
    /// How many observations carried it.
    pub seen_count: i64,
    /// When it was last seen.
    pub last_seen_at: OffsetDateTime,
}

/// Counts observations that carried `provider_status`.
pub async fn count(
    conn: &mut PgConnection,
    provider: &str,
    provider_status: &str,
    times: i64,
    seen_at: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO unmapped_statuses AS known (provider, provider_status, seen_count, first_seen_at, last_seen_at)
        VALUES ($1, $2, $3, $4, $4)
        ON CONFLICT (provider, provider_status)
        DO UPDATE SET seen_count = known.seen_count + excluded.seen_count, last_seen_at = excluded.last_seen_at
        "#,
        provider,
        provider_status,
        times,
        seen_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every word of a provider that was ever seen without a mapping, or that the configuration ever mapped, in lower case.
pub async fn list_words(conn: &mut PgConnection, provider: &str) -> Result<Vec<String>> {
    let words = sqlx::query_scalar!(
        r#"SELECT lower(provider_status) AS "word!" FROM unmapped_statuses WHERE provider = $1"#,
        provider
    );
    Ok(words.fetch_all(conn).await?)
}

/// All that were seen, the most frequent first.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<UnmappedStatusRow>> {
    Ok(sqlx::query_as!(
        UnmappedStatusRow,
        r#"
        SELECT provider, provider_status, seen_count, last_seen_at
        FROM unmapped_statuses WHERE seen_count > 0 ORDER BY provider, seen_count DESC, provider_status
        "#
    )
    .fetch_all(conn)
    .await?)
}
