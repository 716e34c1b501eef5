//! Lines of logs as blocks of a stream, encoded once for all who follow.

use bytes::Bytes;
use slipway_api::{LogCursor, LogEventView};
use slipway_store::{PgPool, StoreError, logs, pool};
use uuid::Uuid;

const CHUNKS_PER_PAGE: i64 = 64;
/// A page ends with the chunk that reaches so much text.
const PAGE_BYTES: usize = 256 * 1024;

/// Lines that are encoded already.
#[derive(Debug)]
pub(crate) struct Page {
    epoch: i64,
    /// The line before the first.
    after: i64,
    sse: Bytes,
    /// Where each line begins.
    offsets: Vec<usize>,
}

impl Page {
    /// Its last line.
    pub(crate) fn last(&self) -> i64 {
        self.after + i64::try_from(self.offsets.len()).unwrap_or(i64::MAX)
    }

    /// The lines after a line, if it has any of them and none before is missing.
    pub(crate) fn after(&self, epoch: i64, line: i64) -> Option<Bytes> {
        if self.epoch != epoch || line < self.after {
            return None;
        }
        let offset = *self.offsets.get(usize::try_from(line - self.after).ok()?)?;
        Some(self.sse.slice(offset..))
    }
}

/// The lines after a position; none when the text is another by now.
pub(crate) async fn read_page(pool: &PgPool, id: Uuid, position: LogCursor) -> Result<Option<Page>, StoreError> {
    let mut snapshot = pool::begin_snapshot(pool).await?;
    let head = logs::find_head(&mut snapshot, id).await?;
    if head.is_none_or(|head| head.epoch != position.epoch) {
        return Ok(None);
    }
    let chunks = logs::list_chunks_after_line(&mut snapshot, id, position.line, CHUNKS_PER_PAGE).await?;
    drop(snapshot);
    let Some(first) = chunks.first() else { return Ok(None) };
    let after = first.first_line - 1;
    let (mut sse, mut offsets, mut line) = (Vec::new(), Vec::new(), after);
    for chunk in &chunks {
        for text in chunk.text()?.lines() {
            line += 1;
            offsets.push(sse.len());
            write_line(&mut sse, LogCursor { line, ..position }, text);
        }
        if sse.len() > PAGE_BYTES {
            break;
        }
    }
    Ok(Some(Page {
        epoch: position.epoch,
        after,
        sse: sse.into(),
        offsets,
    }))
}

fn write_line(out: &mut Vec<u8>, cursor: LogCursor, text: &str) {
    let view = LogEventView {
        id: Some(cursor.to_string()),
        r#type: "line".to_owned(),
        line: Some(cursor.line),
        text: Some(text.to_owned()),
        cursor: None,
        reason: None,
    };
    out.extend_from_slice(format!("id: {cursor}\nevent: line\ndata: ").as_bytes());
    out.extend(serde_json::to_vec(&view).unwrap_or_default());
    out.extend_from_slice(b"\n\n");
}

/// Appends a control frame. It never carries an id.
pub fn write_log_control(out: &mut Vec<u8>, r#type: &str, cursor: Option<LogCursor>, reason: Option<&str>) {
    let view = LogEventView {
        id: None,
        r#type: r#type.to_owned(),
        line: None,
        text: None,
        cursor: cursor.map(|cursor| cursor.to_string()),
        reason: reason.map(str::to_owned),
    };
    out.extend_from_slice(format!("event: {}\ndata: ", view.r#type).as_bytes());
    out.extend(serde_json::to_vec(&view).unwrap_or_default());
    out.extend_from_slice(b"\n\n");
}
