//! What all lists share: the envelope around items that are JSON already, and conditional requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use axum::body::{Body, HttpBody};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::body::{Frame, SizeHint};
use ring::digest::{Context, SHA256, digest};
use serde::Serialize;
use slipway_api::{Cursor, ListFreshnessView};

use crate::position;
use crate::problem::{Code, Problem};

const CACHE_CONTROL: &str = "private, no-cache";
const VARY: &str = "authorization, cookie";

/// The items of a list, ready to be sent as often as they are asked for.
#[derive(Clone)]
pub(crate) struct Items {
    /// The list's JSON from its beginning to the end of the items.
    json: Bytes,
    /// What stands for the items in the entity tag.
    digest: Context,
}

impl Items {
    /// From the JSON of each.
    pub(crate) fn new(items: &[String]) -> Self {
        Self::with_versions(items, items)
    }

    /// The same where something else stands for them in the entity tag: it is shorter, or they carry times that move with
    /// every poll.
    pub(crate) fn with_versions(items: &[String], versions: &[impl AsRef<[u8]>]) -> Self {
        let mut json = Vec::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 16);
        json.extend_from_slice(b"{\"items\":[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                json.push(b',');
            }
            json.extend_from_slice(item.as_bytes());
        }
        json.push(b']');
        let mut digest = Context::new(&SHA256);
        for version in versions {
            add_part(&mut digest, version.as_ref());
        }
        Self {
            json: json.into(),
            digest,
        }
    }

    /// How much memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.json.len()
    }
}

/// A list on its way out.
pub(crate) struct Listing<'a> {
    /// The items.
    pub(crate) items: Items,
    /// Where the next page begins.
    pub(crate) next_cursor: Option<String>,
    /// The position that the first page showed.
    pub(crate) event_cursor: &'a Cursor,
    /// The position that this page shows.
    pub(crate) position: &'a Cursor,
    /// None for lists without it.
    pub(crate) freshness: Option<ListFreshnessView>,
}

impl Listing<'_> {
    /// The answer, or 304 when the client has it already.
    pub(crate) fn respond(self, request_headers: &HeaderMap) -> Result<Response, Problem> {
        Ok(self.seal()?.respond(request_headers))
    }

    /// All of it as bytes.
    pub(crate) fn seal(self) -> Result<SealedListing, Problem> {
        let mut end = Vec::with_capacity(1024);
        end.extend_from_slice(b",\"next_cursor\":");
        write_json(&mut end, &self.next_cursor)?;
        end.extend_from_slice(b",\"event_cursor\":");
        write_json(&mut end, &self.event_cursor.to_string())?;
        if let Some(freshness) = &self.freshness {
            end.extend_from_slice(b",\"freshness\":");
            write_json(&mut end, freshness)?;
        }
        end.push(b'}');
        Ok(SealedListing {
            head: Tagged::new(&self.tag()?, self.position),
            json: [self.items.json, end.into()],
        })
    }

    /// Weak: over what a client would show differently. Times of freshness move with every poll and are left out.
    fn tag(&self) -> Result<String, Problem> {
        let mut context = self.items.digest.clone();
        add_part(&mut context, self.event_cursor.epoch.as_bytes());
        // The next page's cursor moves with the first page's position. What matters is whether there is more: where that
        // begins follows from the items.
        add_part(&mut context, &[u8::from(self.next_cursor.is_some())]);
        let state = self.freshness.as_ref().map(|freshness| freshness.state);
        add_part(&mut context, &to_json(&state)?);
        Ok(format!(
            "W/\"{}\"",
            URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..15])
        ))
    }
}

fn add_part(digest: &mut Context, bytes: &[u8]) {
    digest.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(bytes);
}

/// A list as it is sent, however often.
#[derive(Debug, Clone)]
pub(crate) struct SealedListing {
    head: Tagged,
    json: [Bytes; 2],
}

impl SealedListing {
    /// The answer, or 304 when the client has it already.
    pub(crate) fn respond(&self, request_headers: &HeaderMap) -> Response {
        let body = || Body::new(Pieces(self.json.clone().into()));
        self.head.respond(request_headers, body)
    }
}

/// The head of an answer from memory, ready to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    tag: HeaderValue,
    position: HeaderValue,
}

impl Tagged {
    pub(crate) fn new(tag: &str, position: &Cursor) -> Self {
        // Both are printable, unless somebody put another epoch into the database.
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        Self {
            tag: value(tag),
            position: value(&position.to_string()),
        }
    }

    /// The answer, or 304 when the client has it already.
    pub(crate) fn respond<B: Into<Body>>(&self, request_headers: &HeaderMap, body: impl FnOnce() -> B) -> Response {
        let is_known = self.tag.to_str().is_ok_and(|tag| is_match(request_headers, tag));
        let mut response = if is_known {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(body().into())
        };
        let headers = response.headers_mut();
        // Room for all that is added on the way out.
        headers.reserve(12);
        if !is_known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
        headers.insert(header::VARY, HeaderValue::from_static(VARY));
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(position::X_EVENT_CURSOR, self.position.clone());
        response
    }
}

/// A body of several pieces, which are sent without being copied into one.
struct Pieces(VecDeque<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = self
            .0
            .iter()
            .map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX));
        SizeHint::with_exact(bytes.sum())
    }
}

/// An answer of bytes that are JSON already.
pub(crate) fn json_response(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    response
}

/// A member to add to an object that is JSON already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    name: &'static str,
    json: Option<&'a str>,
}

impl<'a> Member<'a> {
    /// None is null.
    pub(crate) fn new(name: &'static str, json: Option<&'a str>) -> Self {
        Self { name, json }
    }
}

/// Adds members to an object.
pub(crate) fn splice(mut object: String, members: &[Member<'_>]) -> String {
    for member in members {
        object.truncate(object.trim_end().len());
        // The closing brace goes and comes back.
        object.pop();
        if object.len() > 1 {
            object.push(',');
        }
        object.push('"');
        object.push_str(member.name);
        object.push_str("\":");
        object.push_str(member.json.unwrap_or("null"));
        object.push('}');
    }
    object
}

/// Puts an entity tag on an answer, a 304 too, and says whose it is.
pub(crate) fn set_tag(response: &mut Response, tag: &str) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    headers.insert(header::VARY, HeaderValue::from_static(VARY));
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

/// The entity tag of one thing that carries freshness: over what a client would show differently.
pub(crate) fn weak_tag(epoch: &str, shown: &str) -> String {
    let hash = digest(&SHA256, shown.as_bytes());
    format!("W/\"{epoch}-{}\"", URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]))
}

/// The answer that carries freshness, or 304 when the client has it already. `shown` is what a client would show differently.
pub(crate) fn respond_weakly(request_headers: &HeaderMap, position: &Cursor, shown: &str, body: String) -> Response {
    Tagged::new(&weak_tag(&position.epoch, shown), position).respond(request_headers, || body)
}

/// Whether the client says that it has the answer with this tag. Compares weakly, as `If-None-Match` does.
pub(crate) fn is_match(request_headers: &HeaderMap, tag: &str) -> bool {
    fn opaque(tag: &str) -> &str {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag)
    }
    let wanted = opaque(tag);
    request_headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|candidate| candidate.trim() == "*" || opaque(candidate) == wanted)
}

/// The JSON of a value of ours.
pub(crate) fn to_json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(not_json)
}

/// The same, as text.
pub(crate) fn to_json_text(value: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string(value).map_err(not_json)
}

fn write_json(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), Problem> {
    serde_json::to_writer(out, value).map_err(not_json)
}

fn not_json(error: serde_json::Error) -> Problem {
    tracing::error!(
        error = &error as &dyn std::error::Error,
        "an answer could not be written as JSON"
    );
    Problem::new(Code::Internal)
}
