//! What all lists share: the envelope around items that are JSON already, and conditional requests.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{Context, SHA256, digest};
use serde::Serialize;
use slipway_api::{Cursor, ListFreshnessView};

use crate::position;
use crate::problem::{Code, Problem};

/// A list on its way out.
pub(crate) struct Listing<'a> {
    /// The JSON of each item.
    pub(crate) items: Vec<String>,
    /// What stands for the items in the entity tag, where they carry times that move with every poll.
    pub(crate) versions: Option<Vec<String>>,
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
        let tag = self.tag()?;
        let mut response = if is_match(request_headers, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            json_response(self.body()?)
        };
        set_tag(&mut response, &tag);
        position::set(&mut response, self.position);
        Ok(response)
    }

    fn body(&self) -> Result<Vec<u8>, Problem> {
        let mut out = Vec::with_capacity(self.items.iter().map(|item| item.len() + 1).sum::<usize>() + 1024);
        out.extend_from_slice(b"{\"items\":[");
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item.as_bytes());
        }
        out.extend_from_slice(b"],\"next_cursor\":");
        write_json(&mut out, &self.next_cursor)?;
        out.extend_from_slice(b",\"event_cursor\":");
        write_json(&mut out, &self.event_cursor.to_string())?;
        if let Some(freshness) = &self.freshness {
            out.extend_from_slice(b",\"freshness\":");
            write_json(&mut out, freshness)?;
        }
        out.push(b'}');
        Ok(out)
    }

    /// Weak: over what a client would show differently. Times of freshness move with every poll and are left out.
    fn tag(&self) -> Result<String, Problem> {
        let mut context = Context::new(&SHA256);
        let mut part = |bytes: &[u8]| {
            context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(bytes);
        };
        part(self.event_cursor.epoch.as_bytes());
        self.versions
            .as_ref()
            .unwrap_or(&self.items)
            .iter()
            .for_each(|item| part(item.as_bytes()));
        // The next page's cursor moves with the first page's position. What matters is whether there is more: where that
        // begins follows from the items.
        part(&[u8::from(self.next_cursor.is_some())]);
        part(&to_json(&self.freshness.as_ref().map(|freshness| freshness.state))?);
        Ok(format!(
            "W/\"{}\"",
            URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..15])
        ))
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
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
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
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
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
    let tag = weak_tag(&position.epoch, shown);
    let mut response = if is_match(request_headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        json_response(body)
    };
    set_tag(&mut response, &tag);
    position::set(&mut response, position);
    response
}

/// Whether the client says that it has the answer with this tag. Compares weakly, as `If-None-Match` does.
pub(crate) fn is_match(request_headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().strip_prefix("W/").unwrap_or(tag.trim()).to_owned();
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
