//! The live stream of an app's deployments.

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use slipway_core::Authority;
use slipway_core::provider::{ApplicationRef, ErrorKind, ProviderError, StreamItem};
use slipway_provider_http::{Url, lenient};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::auth::ApiToken;
use crate::client::ScalingoClient;
use crate::normalize::{self, Links};
use crate::payload::FramePayload;
use crate::provider::NAME;
use crate::stream_urls::StreamUrls;

const OPERATION: &str = "follow";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A frame is a line of log or a deployment.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What one stream needs.
#[derive(Debug)]
pub(crate) struct Follow {
    pub(crate) application: ApplicationRef,
    pub(crate) stream_urls: Arc<StreamUrls>,
    pub(crate) links: Links,
    pub(crate) idle_timeout: Duration,
    pub(crate) client: Arc<ScalingoClient>,
    pub(crate) token: ApiToken,
}

/// Opens the stream at a URL that was checked. Should it not be there any more, the next attempt asks where it is. It goes on until its end; after an error nothing more comes.
pub(crate) async fn open(
    url: Url,
    follow: Follow,
) -> Result<BoxStream<'static, Result<StreamItem, ProviderError>>, ProviderError> {
    let socket = match timeout(CONNECT_TIMEOUT, connect(&url, &follow.token)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            let error = refused(&error);
            follow.stream_urls.forget(&follow.application);
            if error.kind == ErrorKind::Unauthenticated {
                follow.client.forget(&follow.token).await;
            }
            return Err(error);
        }
        Err(_) => {
            follow.stream_urls.forget(&follow.application);
            return Err(problem(ErrorKind::Unavailable, "the live stream did not open in time"));
        }
    };
    Ok(stream::unfold(Some((socket, follow, false)), |state| async move {
        let (mut socket, follow, has_spoken) = state?;
        match next(&mut socket, &follow).await {
            Some(Ok(item)) => Some((Ok(item), Some((socket, follow, true)))),
            Some(Err(error)) => Some((Err(error), None)),
            None => {
                // This is all that the server does about a token that it does not like.
                if !has_spoken {
                    follow.stream_urls.forget(&follow.application);
                    follow.client.forget(&follow.token).await;
                }
                None
            }
        }
    })
    .boxed())
}

/// Connects and proves who we are. The server tells nothing of whether it believes us: it closes, or goes on.
async fn connect(url: &Url, token: &ApiToken) -> Result<Socket, SocketError> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let (mut socket, _) = connect_async_with_config(url.as_str(), Some(config), true).await?;
    let auth = json!({"type": "auth", "data": {"token": token.value.expose()}});
    socket.send(Message::text(auth.to_string())).await?;
    Ok(socket)
}

async fn next(socket: &mut Socket, follow: &Follow) -> Option<Result<StreamItem, ProviderError>> {
    match timeout(follow.idle_timeout, socket.next()).await {
        Err(_) => Some(Err(problem(ErrorKind::Unavailable, "the live stream is silent"))),
        Ok(None | Some(Ok(Message::Close(_)))) => None,
        Ok(Some(Ok(Message::Text(text)))) => Some(item(text.as_bytes(), follow)),
        Ok(Some(Ok(Message::Binary(bytes)))) => Some(item(&bytes, follow)),
        // A pong is sent by the library.
        Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => Some(Ok(StreamItem::Alive)),
        Ok(Some(Err(SocketError::ConnectionClosed))) => None,
        Ok(Some(Err(error))) => Some(Err(broken(&error))),
    }
}

/// One frame.
fn item(frame: &[u8], follow: &Follow) -> Result<StreamItem, ProviderError> {
    let frame: FramePayload = serde_json::from_slice::<Value>(frame)
        .ok()
        .filter(Value::is_object)
        .and_then(|frame| serde_json::from_value(frame).ok())
        .ok_or_else(|| problem(ErrorKind::Protocol, "a frame of the live stream is not a JSON object"))?;
    let kind = frame.kind.unwrap_or_default();
    let data = frame.data.unwrap_or_default();
    let understood = match kind.as_str() {
        "ping" => return Ok(StreamItem::Alive),
        "new" => data.deployment.and_then(|deployment| announced(deployment, follow)),
        "log" => frame
            .id
            .zip(data.content)
            .and_then(|(provider_deployment_id, content)| match content {
                Value::String(content) => Some(StreamItem::Log {
                    provider_deployment_id,
                    content: whole_lines(&content),
                }),
                _ => None,
            }),
        "status" => frame.id.zip(data.status).map(|(provider_deployment_id, status)| {
            StreamItem::Deployment(Box::new(normalize::status_frame(provider_deployment_id, Some(status))))
        }),
        _ => None,
    };
    Ok(understood.unwrap_or_else(|| {
        tracing::debug!(provider = NAME, kind, "a frame of the live stream is not understood");
        StreamItem::Alive
    }))
}

/// A frame holds whole lines, the last one with or without its newline: the provider's own command line prints each frame on
/// a line of its own. PostgreSQL keeps no NUL.
fn whole_lines(content: &str) -> String {
    let mut lines = content.replace('\0', "");
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    lines
}

/// `new` comes with an id, as documented, or with a whole deployment, as the provider's own command line reads it.
fn announced(deployment: Value, follow: &Follow) -> Option<StreamItem> {
    if deployment.is_object() {
        return normalize::deployment(deployment, &follow.application.name, &follow.links, Authority::Stream)
            .map(|observation| StreamItem::Deployment(Box::new(observation)));
    }
    lenient::id_of(&deployment).map(|provider_deployment_id| StreamItem::Announced { provider_deployment_id })
}

fn refused(error: &SocketError) -> ProviderError {
    match error {
        SocketError::Http(answer) => {
            let status = answer.status().as_u16();
            let kind = match status {
                401 => ErrorKind::Unauthenticated,
                402 | 403 => ErrorKind::PermissionDenied,
                404 => ErrorKind::NotFound,
                408 | 500..=599 => ErrorKind::Unavailable,
                429 => ErrorKind::RateLimited,
                _ => ErrorKind::Protocol,
            };
            problem(kind, &format!("the live stream was refused with {status}"))
        }
        error => broken(error),
    }
}

/// The text of the library's errors is left out: some of them quote what was received.
fn broken(error: &SocketError) -> ProviderError {
    match error {
        SocketError::Capacity(_) => problem(ErrorKind::Protocol, "a frame of the live stream is too large"),
        SocketError::Utf8(_) => problem(ErrorKind::Protocol, "a frame of the live stream is not text"),
        SocketError::Protocol(_) => problem(ErrorKind::Unavailable, "the live stream broke off"),
        SocketError::Io(error) => problem(ErrorKind::Unavailable, "the connection of the live stream broke")
            .with_source(error.kind().to_string()),
        SocketError::Tls(_) => problem(ErrorKind::Unavailable, "the live stream's host cannot be trusted"),
        _ => problem(ErrorKind::Protocol, "the live stream is not understood"),
    }
}

fn problem(kind: ErrorKind, message: &str) -> ProviderError {
    ProviderError::new(kind, NAME, OPERATION, message)
}

// The library logs whole frames at trace level, and the first of them carries a token: no filter may turn that on.
const _: () = assert!((log::STATIC_MAX_LEVEL as usize) < (log::LevelFilter::Trace as usize));
