//! An event, encoded once for everybody.

use bytes::Bytes;
use serde::Serialize;
use slipway_api::Cursor;
use slipway_store::event_log::EventRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// What filters look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// What happened.
    pub r#type: String,
    /// The kind of platform.
    pub provider: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The application it is about.
    pub application_id: Option<Uuid>,
    /// The deployment it is about.
    pub deployment_id: Option<Uuid>,
    /// The status after the change.
    pub status: Option<String>,
    /// The status before.
    pub previous_status: Option<String>,
}

/// One event of the log, ready to be sent.
#[derive(Debug)]
pub struct Frame {
    seq: i64,
    keys: Keys,
    http_chunk: Bytes,
    sse: Bytes,
    json: Bytes,
}

/// Room for the size of a chunk, in hexadecimal digits, and the end of its line.
const CHUNK_HEAD: usize = 10;

impl Frame {
    /// Encodes a row. The deployment's JSON is taken over as it is stored.
    pub(crate) fn new(epoch: &str, row: EventRow) -> Self {
        let id = Cursor {
            epoch: epoch.to_owned(),
            seq: row.seq,
        }
        .to_string();
        let EventRow {
            seq,
            r#type,
            occurred_at,
            recorded_at,
            application_id,
            deployment_id,
            provider,
            account,
            ..
        } = row;
        let EventRow {
            environment,
            status,
            previous_status,
            observed_via,
            reason,
            trace_id,
            deployment,
            ..
        } = row;
        let fields = Fields {
            id: Some(&id),
            r#type: &r#type,
            time: occurred_at,
            recorded_at,
            application_id,
            deployment_id,
            provider: provider.as_deref(),
            account: account.as_deref(),
            status: status.as_deref(),
            previous_status: previous_status.as_deref(),
            observed_via: observed_via.as_deref(),
            reason: reason.as_deref(),
            trace_id: trace_id.as_deref(),
            ..Fields::new(&r#type, recorded_at)
        };
        let mut block = Vec::with_capacity(deployment.as_ref().map_or(0, String::len) + 640);
        block.extend_from_slice(&[b'0'; CHUNK_HEAD]);
        block.extend_from_slice(b"id: ");
        block.extend_from_slice(id.as_bytes());
        block.extend_from_slice(b"\nevent: ");
        block.extend_from_slice(r#type.as_bytes());
        block.extend_from_slice(b"\ndata: ");
        let start = block.len();
        fields.write(&mut block, "[]", deployment.as_deref());
        let end = block.len();
        block.extend_from_slice(b"\n\n");
        let end_of_block = block.len();
        block.extend_from_slice(b"\r\n");
        let size = format!("{:x}\r\n", end_of_block - CHUNK_HEAD);
        // A block is shorter than 4 GiB, so that its size has room.
        let start_of_chunk = CHUNK_HEAD.saturating_sub(size.len());
        block.splice(start_of_chunk..CHUNK_HEAD, size.into_bytes());
        let block = Bytes::from(block);
        let http_chunk = block.slice(start_of_chunk..);
        let sse = block.slice(CHUNK_HEAD..end_of_block);
        let json = block.slice(start..end);
        let keys = Keys {
            r#type,
            provider,
            account,
            environment,
            application_id,
            deployment_id,
            status,
            previous_status,
        };
        Self {
            seq,
            keys,
            http_chunk,
            sse,
            json,
        }
    }

    /// Its number in the log.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// What filters look at.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The block of the stream, with the blank line that ends it.
    pub fn sse(&self) -> &Bytes {
        &self.sse
    }

    /// The same as a chunk of an HTTP/1.1 body: <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>.
    pub fn http_chunk(&self) -> &Bytes {
        &self.http_chunk
    }

    /// The JSON of the event.
    pub fn json(&self) -> &Bytes {
        &self.json
    }
}

/// Appends the `event:` and `data:` lines of a control frame and the blank line that ends it. Control frames never carry an
/// id. `freshness` is the JSON of a list of [`slipway_api::AccountFreshnessView`].
pub fn write_control(
    out: &mut Vec<u8>,
    r#type: &str,
    recorded_at: OffsetDateTime,
    cursor: Option<&Cursor>,
    freshness: &str,
    reason: Option<&str>,
) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(r#type.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let cursor = cursor.map(ToString::to_string);
    Fields {
        cursor: cursor.as_deref(),
        reason,
        ..Fields::new(r#type, recorded_at)
    }
    .write(out, freshness, None);
    out.extend_from_slice(b"\n\n");
}

/// Appends the control frame of a deployment in a snapshot. It has no position: a client that is cut off here has not seen
/// the whole and begins again.
pub(crate) fn write_snapshot(out: &mut Vec<u8>, keys: &Keys, recorded_at: OffsetDateTime, deployment: &str) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(keys.r#type.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    Fields {
        application_id: keys.application_id,
        deployment_id: keys.deployment_id,
        provider: keys.provider.as_deref(),
        account: keys.account.as_deref(),
        status: keys.status.as_deref(),
        ..Fields::new(&keys.r#type, recorded_at)
    }
    .write(out, "[]", Some(deployment));
    out.extend_from_slice(b"\n\n");
}

/// The fields of [`slipway_api::EventView`] that are written one by one.
struct Fields<'a> {
    id: Option<&'a str>,
    r#type: &'a str,
    time: Option<OffsetDateTime>,
    recorded_at: OffsetDateTime,
    cursor: Option<&'a str>,
    application_id: Option<Uuid>,
    deployment_id: Option<Uuid>,
    provider: Option<&'a str>,
    account: Option<&'a str>,
    status: Option<&'a str>,
    previous_status: Option<&'a str>,
    observed_via: Option<&'a str>,
    reason: Option<&'a str>,
    trace_id: Option<&'a str>,
}

/// What comes before `freshness`.
#[derive(Serialize)]
struct Head<'a> {
    id: Option<&'a str>,
    r#type: &'a str,
    #[serde(with = "time::serde::rfc3339::option")]
    time: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    recorded_at: OffsetDateTime,
    cursor: Option<&'a str>,
}

/// What comes between `freshness` and `deployment`.
#[derive(Serialize)]
struct Middle<'a> {
    application_id: Option<Uuid>,
    deployment_id: Option<Uuid>,
    provider: Option<&'a str>,
    account: Option<&'a str>,
    status: Option<&'a str>,
    previous_status: Option<&'a str>,
}

/// What comes after `deployment`.
#[derive(Serialize)]
struct Tail<'a> {
    observed_via: Option<&'a str>,
    reason: Option<&'a str>,
    trace_id: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn new(r#type: &'a str, recorded_at: OffsetDateTime) -> Self {
        Self {
            id: None,
            r#type,
            time: None,
            recorded_at,
            cursor: None,
            application_id: None,
            deployment_id: None,
            provider: None,
            account: None,
            status: None,
            previous_status: None,
            observed_via: None,
            reason: None,
            trace_id: None,
        }
    }

    fn write(&self, out: &mut Vec<u8>, freshness: &str, deployment: Option<&str>) {
        let Self {
            id,
            r#type,
            time,
            recorded_at,
            cursor,
            ..
        } = *self;
        let Self {
            application_id,
            deployment_id,
            provider,
            account,
            status,
            previous_status,
            ..
        } = *self;
        let Self {
            observed_via,
            reason,
            trace_id,
            ..
        } = *self;
        out.push(b'{');
        write_members(
            out,
            &Head {
                id,
                r#type,
                time,
                recorded_at,
                cursor,
            },
        );
        out.extend_from_slice(b",\"freshness\":");
        write_on_one_line(out, freshness);
        out.push(b',');
        write_members(
            out,
            &Middle {
                application_id,
                deployment_id,
                provider,
                account,
                status,
                previous_status,
            },
        );
        out.extend_from_slice(b",\"deployment\":");
        write_on_one_line(out, deployment.unwrap_or("null"));
        out.push(b',');
        write_members(
            out,
            &Tail {
                observed_via,
                reason,
                trace_id,
            },
        );
        out.push(b'}');
    }
}

/// The members of an object without its braces.
fn write_members(out: &mut Vec<u8>, object: &impl Serialize) {
    let start = out.len();
    // Only strings, ids and times: none of them can fail, and a vector takes everything.
    if serde_json::to_writer(&mut *out, object).is_ok() {
        out.pop();
        out.remove(start);
    }
}

/// A line break inside `data:` would end it. In JSON one can only stand between tokens, where a space means the same.
fn write_on_one_line(out: &mut Vec<u8>, json: &str) {
    out.extend(
        json.bytes()
            .map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }),
    );
}

/// Proves that the hand-written order of fields is that of the public shape.
#[cfg(test)]
mod tests {
    use slipway_api::EventView;
    use time::macros::datetime;

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-01-02 03:04:05.678 UTC);

    fn row(deployment: Option<&str>) -> EventRow {
        EventRow {
            seq: 7,
            r#type: "deployment.finished".to_owned(),
            occurred_at: Some(AT),
            recorded_at: AT,
            application_id: Some(Uuid::from_u128(1)),
            deployment_id: Some(Uuid::from_u128(2)),
            provider: Some("scalingo".to_owned()),
            account: Some("main \"quoted\"\nline".to_owned()),
            environment: Some("production".to_owned()),
            status: Some("failed".to_owned()),
            previous_status: Some("in_progress".to_owned()),
            observed_via: Some("stream".to_owned()),
            reason: None,
            trace_id: None,
            deployment: deployment.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_frame_is_the_public_shape_byte_for_byte() {
        let frame = Frame::new("e1", row(None));
        let view: EventView = serde_json::from_slice(frame.json()).unwrap();
        assert_eq!(view.id.as_deref(), Some("e1-7"));
        assert_eq!(view.account.as_deref(), Some("main \"quoted\"\nline"));
        assert_eq!(serde_json::to_vec(&view).unwrap(), *frame.json());
    }

    #[test]
    fn a_block_is_one_event_whatever_it_carries() {
        let frame = Frame::new("e1", row(Some("{\"any\":\r\n1}")));
        let block = std::str::from_utf8(frame.sse()).unwrap();
        let lines: Vec<&str> = block.split('\n').collect();
        assert_eq!(lines[0], "id: e1-7");
        assert_eq!(lines[1], "event: deployment.finished");
        assert!(lines[2].starts_with("data: {\"id\":\"e1-7\",") && lines[2].contains("\"deployment\":{\"any\":  1},"));
        assert_eq!(lines[3..], ["", ""]);
        let chunk = std::str::from_utf8(frame.http_chunk()).unwrap();
        assert_eq!(chunk, format!("{:x}\r\n{block}\r\n", block.len()));
    }

    #[test]
    fn a_control_frame_has_a_cursor_and_no_id() {
        let mut out = Vec::new();
        let cursor = Cursor {
            epoch: "e1".to_owned(),
            seq: 9,
        };
        write_control(
            &mut out,
            "heartbeat",
            AT,
            Some(&cursor),
            "[]",
            Some("database_unavailable"),
        );
        let text = String::from_utf8(out).unwrap();
        let data = text
            .strip_prefix("event: heartbeat\ndata: ")
            .unwrap()
            .strip_suffix("\n\n")
            .unwrap();
        let view: EventView = serde_json::from_str(data).unwrap();
        assert_eq!((view.id, view.cursor.as_deref()), (None, Some("e1-9")));
        assert_eq!(view.reason.as_deref(), Some("database_unavailable"));
    }
}
