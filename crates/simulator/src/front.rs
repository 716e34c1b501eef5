//! What both provider servers do with every request: count it, apply faults, log it, dispatch it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::faults::{Fault, FaultKind};
use crate::listener::Unanswered;
use crate::rate_limit::RateLimit;
use crate::request_log::RequestEntry;
use crate::world::{Provider, World};
use crate::{cloud66, scalingo, time_format};

/// Largest body that a provider server reads.
const BODY_MAX_BYTES: usize = 1 << 20;

/// One provider's server.
pub(crate) struct Front {
    pub(crate) provider: Provider,
    pub(crate) world: World,
    pub(crate) token: String,
    /// Where the server listens, for links in answers when a request names no host.
    pub(crate) authority: String,
    pub(crate) rate_limit: RateLimit,
    pub(crate) stop: CancellationToken,
}

/// A request, read and taken apart.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    /// The path without a `.json` at its end, cut at the slashes and decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// `host:port` as the client named it.
    pub(crate) authority: String,
    pub(crate) upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Incoming {
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The token of `Authorization: Bearer`, with the word in any case.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

pub(crate) fn router(front: Front) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(front))
}

async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let began = Instant::now();
    let at = time_format::wall_clock();
    let path = request
        .uri()
        .path_and_query()
        .map_or_else(String::new, ToString::to_string);
    let method = if request.method() == Method::HEAD {
        Method::GET
    } else {
        request.method().clone()
    };
    let segments = segments(request.uri().path());
    let kind = {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match front.provider {
            Provider::Cloud66 => cloud66::route_kind(&method, &segments),
            Provider::Scalingo => scalingo::route_kind(&method, &segments),
        }
    };
    let requests = front.world.requests();
    requests.count(kind);
    let fault = front.world.faults().for_request(front.provider, method.as_str(), &path);
    let traceparent = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    let traceparent = traceparent.map(str::to_owned);
    let entry = |status: u16| RequestEntry {
        provider: front.provider,
        method: method.to_string(),
        path: path.clone(),
        kind,
        status,
        at,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        traceparent: traceparent.clone(),
    };
    if fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Hang) {
        requests.append(entry(0));
        return std::future::pending().await;
    }
    let response = with_fault(&front, fault, request, method.clone(), segments).await;
    requests.append(entry(response.status().as_u16()));
    response
}

async fn with_fault(
    front: &Arc<Front>,
    fault: Option<Fault>,
    request: Request,
    method: Method,
    segments: Vec<String>,
) -> Response {
    let Some(fault) = fault else {
        return dispatch(front, request, method, segments).await;
    };
    match fault.kind {
        FaultKind::Latency => {
            tokio::time::sleep(fault.latency()).await;
            dispatch(front, request, method, segments).await
        }
        FaultKind::Status => error(front.provider, fault.status_code()),
        FaultKind::Redirect => {
            let location = fault.location.unwrap_or_default();
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response()
        }
        FaultKind::ForeignLinks => {
            let response = dispatch(front, request, method, segments).await;
            let location = fault.location.unwrap_or_default();
            rewritten(response, |body| relinked(body, &location)).await
        }
        FaultKind::DropAfter => {
            let mut response = dispatch(front, request, method, segments).await;
            response.extensions_mut().insert(Unanswered);
            response
        }
        FaultKind::LatencyAfter => {
            let response = dispatch(front, request, method, segments).await;
            tokio::time::sleep(fault.latency()).await;
            response
        }
        FaultKind::StatusAfter => {
            dispatch(front, request, method, segments).await;
            error(front.provider, fault.status_code())
        }
        FaultKind::Throttled => throttled(front.provider),
        FaultKind::Garbage => json_text("<!doctype html><p>502 upstream {\"res"),
        FaultKind::HugeBody => huge(fault.bytes.unwrap_or(10 << 20)),
        FaultKind::Truncated => truncated(dispatch(front, request, method, segments).await).await,
        FaultKind::UnknownStatus | FaultKind::NullFields => {
            let response = dispatch(front, request, method, segments).await;
            rewritten(response, |body| match (fault.kind, front.provider) {
                (FaultKind::NullFields, _) => null_fields(body),
                (_, Provider::Cloud66) => cloud66::payload::make_status_unknown(body),
                (_, Provider::Scalingo) => scalingo::payload::make_status_unknown(body),
            })
            .await
        }
        // These never match a request (`for_request`), or have been answered before.
        FaultKind::Hang
        | FaultKind::DropSocket
        | FaultKind::SilentSocket
        | FaultKind::RefuseSocket
        | FaultKind::ExpireTokens => dispatch(front, request, method, segments).await,
    }
}

async fn dispatch(front: &Arc<Front>, mut request: Request, method: Method, segments: Vec<String>) -> Response {
    let upgrade = request
        .headers()
        .contains_key(header::UPGRADE)
        .then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX_BYTES).collect().await else {
        return error(front.provider, StatusCode::PAYLOAD_TOO_LARGE);
    };
    let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = named.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let incoming = Incoming {
        method,
        segments,
        query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
        authority: named.unwrap_or(&front.authority).to_owned(),
        headers: parts.headers,
        body: body.to_bytes(),
        upgrade,
    };
    match front.provider {
        Provider::Cloud66 => cloud66::answer(front, incoming).await,
        Provider::Scalingo => scalingo::answer(front, incoming).await,
    }
}

fn segments(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".json").unwrap_or(path);
    let decode = |segment: &str| {
        // A segment is decoded like the value of a form, in which only the plus sign differs.
        let escaped = segment.replace('+', "%2B");
        pairs(escaped.as_bytes())
            .into_iter()
            .next()
            .map_or_else(|| segment.to_owned(), |(key, _)| key)
    };
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(decode)
        .collect()
}

/// The pairs of a query string or of a form.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

pub(crate) fn error(provider: Provider, status: StatusCode) -> Response {
    match provider {
        Provider::Cloud66 => cloud66::error::of_status(status),
        Provider::Scalingo => scalingo::error::of_status(status),
    }
}

pub(crate) fn throttled(provider: Provider) -> Response {
    match provider {
        Provider::Cloud66 => cloud66::error::throttled(),
        Provider::Scalingo => scalingo::error::throttled(),
    }
}

fn json_text(text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text.into()).into_response()
}

fn huge(bytes: usize) -> Response {
    const CHUNK: Bytes = Bytes::from_static(&[b'x'; 64 * 1024]);
    let chunks = bytes.div_ceil(CHUNK.len());
    let head = Bytes::from_static(b"{\"response\":\"");
    let tail = Bytes::from_static(b"\"}");
    let parts = std::iter::once(head)
        .chain(std::iter::repeat_n(CHUNK, chunks))
        .chain(std::iter::once(tail));
    json_text(Body::from_stream(futures_util::stream::iter(
        parts.map(Ok::<_, Infallible>),
    )))
}

async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return parts.status.into_response();
    };
    let body = body.to_bytes();
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    let half = body.slice(..body.len() / 2);
    let stream = async_half(half);
    Response::from_parts(parts, Body::from_stream(stream))
}

/// The half, a moment for it to reach the client, and then a broken connection.
fn async_half(half: Bytes) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    futures_util::stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
            Some(_) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(std::io::Error::other("truncated by a fault")), None))
            }
            None => None,
        }
    })
}

async fn rewritten(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return parts.status.into_response();
    };
    let body = body.to_bytes();
    let Ok(mut value) = serde_json::from_slice(&body) else {
        return Response::from_parts(parts, body.into());
    };
    change(&mut value);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}

/// Puts `location` in the place of every link to a socket.
fn relinked(value: &mut Value, location: &str) {
    match value {
        Value::String(text) if text.starts_with("ws") && text.contains("://") => location.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| relinked(item, location)),
        Value::Object(fields) => fields.values_mut().for_each(|field| relinked(field, location)),
        _ => {}
    }
}

/// Null in every plain field of every object in a list or envelope, but for ids and what frames the answer.
fn null_fields(value: &mut Value) {
    fn walk(value: &mut Value, inside: bool) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, true)),
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    if name == "pagination" || name == "meta" || name == "links" {
                        continue;
                    }
                    match field {
                        Value::Array(_) | Value::Object(_) if !inside => walk(field, matches!(field, Value::Object(_))),
                        _ if inside && !matches!(name.as_str(), "id" | "uid" | "app_id" | "token") => {
                            *field = Value::Null;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    walk(value, false);
}
