//! The text itself: chunks of whole lines, plain while a log grows, compressed when it is final.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use slipway_core::LogState;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Result, StoreError};

/// Some whole lines of a log, each with its line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The number of the first line; they count from 1.
    pub first_line: i64,
    /// How many lines.
    pub line_count: i64,
    /// How many bytes of text lie before it.
    pub first_byte: i64,
    /// How many bytes of text it has.
    pub byte_count: i64,
    /// Whether `content` is compressed.
    pub is_compressed: bool,
    /// The text, as it is stored.
    pub content: Vec<u8>,
}

impl Chunk {
    /// A chunk as live lines are stored.
    pub fn plain(first_line: i64, line_count: i64, first_byte: i64, text: String) -> Self {
        Self {
            first_line,
            line_count,
            first_byte,
            byte_count: length(&text),
            is_compressed: false,
            content: text.into_bytes(),
        }
    }

    /// A chunk as final text is stored. Takes some 10 ms for a MiB.
    pub fn compressed(first_line: i64, line_count: i64, first_byte: i64, text: &str) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        match written {
            Ok(content) => Self {
                is_compressed: true,
                content,
                ..Self::plain(first_line, line_count, first_byte, text.to_owned())
            },
            // Memory is all that is written to; a chunk that is not compressed is as good.
            Err(_) => Self::plain(first_line, line_count, first_byte, text.to_owned()),
        }
    }

    /// The text.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when it is not what was stored.
    pub fn text(&self) -> Result<String> {
        let broken = |what: String| StoreError::inconsistent("deployment_log_chunks", what);
        if !self.is_compressed {
            return String::from_utf8(self.content.clone()).map_err(|error| broken(error.to_string()));
        }
        let size = usize::try_from(self.byte_count).unwrap_or_default();
        let mut text = String::with_capacity(size);
        // One byte more than there should be: what is longer is broken, and is not taken into memory.
        let limit = u64::try_from(size).unwrap_or_default() + 1;
        ZlibDecoder::new(self.content.as_slice())
            .take(limit)
            .read_to_string(&mut text)
            .map_err(|error| broken(error.to_string()))?;
        if text.len() == size {
            Ok(text)
        } else {
            Err(broken(format!("{} bytes instead of {size}", text.len())))
        }
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// At most `limit` chunks of a log with lines after a line, in order.
pub async fn list_chunks_after_line(
    conn: &mut PgConnection,
    deployment_id: Uuid,
    after_line: i64,
    limit: i64,
) -> Result<Vec<Chunk>> {
    Ok(sqlx::query_as!(
        Chunk,
        r#"
        SELECT first_line, line_count, first_byte, byte_count, is_compressed, content
        FROM deployment_log_chunks
        WHERE deployment_id = $1
          AND first_line >= coalesce((SELECT max(first_line) FROM deployment_log_chunks
                                      WHERE deployment_id = $1 AND first_line <= $2::bigint + 1), 0)
          AND first_line + line_count > $2::bigint + 1
        ORDER BY first_line LIMIT $3
        "#,
        deployment_id,
        after_line,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// The chunks of a log with bytes in a range, in order.
pub async fn list_chunks_in_bytes(
    conn: &mut PgConnection,
    deployment_id: Uuid,
    bytes: std::ops::Range<i64>,
) -> Result<Vec<Chunk>> {
    Ok(sqlx::query_as!(
        Chunk,
        r#"
        SELECT first_line, line_count, first_byte, byte_count, is_compressed, content
        FROM deployment_log_chunks
        WHERE deployment_id = $1 AND first_byte < $3 AND first_byte + byte_count > $2
        ORDER BY first_line
        "#,
        deployment_id,
        bytes.start,
        bytes.end
    )
    .fetch_all(conn)
    .await?)
}

/// Puts the final text in the place of what is stored. The caller holds the application's lock and owes the deployment's
/// change and its event. `goes_on` says that the text begins with what was stored: only then the epoch stays.
pub async fn replace(
    conn: &mut PgConnection,
    deployment_id: Uuid,
    state: LogState,
    chunks: &[Chunk],
    goes_on: bool,
    written_at: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "DELETE FROM deployment_log_chunks WHERE deployment_id = $1",
        deployment_id
    )
    .execute(&mut *conn)
    .await?;
    for chunk in chunks {
        insert(conn, deployment_id, chunk).await?;
    }
    let lines: i64 = chunks.iter().map(|chunk| chunk.line_count).sum();
    let bytes: i64 = chunks.iter().map(|chunk| chunk.byte_count).sum();
    sqlx::query!(
        r#"
        UPDATE deployment_logs
        SET epoch = CASE WHEN $5 THEN epoch ELSE epoch + 1 END, line_count = $3, byte_count = $4, state = $2, written_at = $6,
            fetch_at = NULL, is_wanted = false, fetch_attempts = 0, fetch_error = NULL, lease_token = NULL,
            lease_expires_at = NULL
        WHERE deployment_id = $1
        "#,
        deployment_id,
        state.as_str(),
        lines,
        bytes,
        goes_on,
        written_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert(conn: &mut PgConnection, deployment_id: Uuid, chunk: &Chunk) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO deployment_log_chunks (deployment_id, first_line, line_count, first_byte, byte_count, is_compressed, content)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        deployment_id,
        chunk.first_line,
        chunk.line_count,
        chunk.first_byte,
        chunk.byte_count,
        chunk.is_compressed,
        &chunk.content
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_read_as_it_was_written_and_a_broken_one_is_told() {
        let text = "a line with ümlaut\n".repeat(500);
        let plain = Chunk::plain(1, 500, 0, text.clone());
        let packed = Chunk::compressed(1, 500, 0, &text);
        assert_eq!((plain.text().unwrap(), packed.text().unwrap()), (text.clone(), text));
        assert!(packed.content.len() * 10 < plain.content.len());
        assert_eq!(packed.byte_count, plain.byte_count);
        let shortened = Chunk {
            byte_count: 7,
            ..packed.clone()
        };
        let garbled = Chunk {
            content: vec![1, 2, 3],
            ..packed
        };
        assert!(shortened.text().is_err() && garbled.text().is_err());
    }
}
