//! The socket of an app's deployments: authentication, replay, then pings and live frames.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{payload, token};
use crate::faults::FaultKind;
use crate::front::{Front, Incoming};
use crate::quirks::NewFrame;
use crate::time_format::wall_clock;
use crate::world::Provider;
use crate::world::application::Application;
use crate::world::change::Change;

/// A client that says nothing is not kept.
const AUTHENTICATION_WITHIN: Duration = Duration::from_secs(10);
/// Frames that a socket sends before a counted `drop_socket` breaks it.
const FRAMES_BEFORE_DROP: usize = 3;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answer the handshake and go on with the socket in a task of its own.
pub(super) fn accept(front: &Arc<Front>, incoming: &Incoming, upgrade: Option<OnUpgrade>, name: &str) -> Response {
    let path = format!("/apps/{name}");
    if front.world.faults().hits_socket(FaultKind::RefuseSocket, &path) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let key = incoming.header(header::SEC_WEBSOCKET_KEY);
    let (Some(upgrade), Some(key)) = (upgrade, key) else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let accept_key = derive_accept_key(key.as_bytes());
    let (front, name, authority) = (front.clone(), name.to_owned(), incoming.authority.clone());
    tokio::spawn(async move {
        let stop = front.stop.clone();
        let served = async {
            let upgraded = match upgrade.await {
                Ok(upgraded) => upgraded,
                Err(error) => {
                    tracing::debug!(%error, "the client left during the handshake");
                    return;
                }
            };
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            front.world.shared().open_sockets.fetch_add(1, Ordering::SeqCst);
            let _open = OpenSocket(&front);
            serve(&front, socket, &name, &path, authority).await;
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = served => {}
        }
    });
    let headers = [
        (header::UPGRADE, "websocket".to_owned()),
        (header::CONNECTION, "Upgrade".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept_key),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

struct OpenSocket<'a>(&'a Front);

impl Drop for OpenSocket<'_> {
    fn drop(&mut self) {
        self.0.world.shared().open_sockets.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One socket after the handshake.
struct Connection<'a> {
    front: &'a Front,
    socket: Socket,
    path: &'a str,
    authority: String,
    /// Frames until a fault breaks the socket.
    frames_left: Option<usize>,
    /// A silent socket stays silent, as a half-open connection does.
    silent: bool,
}

/// The socket is gone, by the client or by a fault.
struct Gone;

async fn serve(front: &Front, mut socket: Socket, name: &str, path: &str, authority: String) {
    // Subscribed before the authentication, so that no drop is missed in between.
    let drops = front.world.faults().drops();
    let authenticated = tokio::time::timeout(AUTHENTICATION_WITHIN, socket.next()).await;
    let authenticated = matches!(authenticated, Ok(Some(Ok(Message::Text(text)))) if is_authentication(front, &text));
    let application = front.world.state().application(Provider::Scalingo, name).cloned();
    let (true, Some(application)) = (authenticated, application) else {
        // The client may be gone already.
        let _ = socket.close(None).await;
        return;
    };
    let dropped = front.world.faults().hits_socket(FaultKind::DropSocket, path);
    let frames_left = dropped.then_some(FRAMES_BEFORE_DROP);
    let mut connection = Connection {
        front,
        socket,
        path,
        authority,
        frames_left,
        silent: false,
    };
    // The end of a connection is not an error of the simulator: without a close frame the client sees it break.
    let _ = connection.run(&application, drops).await;
}

fn is_authentication(front: &Front, text: &str) -> bool {
    let frame: Value = serde_json::from_str(text).unwrap_or_default();
    frame["type"] == "auth"
        && frame["data"]["token"]
            .as_str()
            .is_some_and(|jwt| token::is_valid(front, jwt))
}

impl Connection<'_> {
    async fn run(&mut self, application: &Application, mut drops: broadcast::Receiver<String>) -> Result<(), Gone> {
        // Replay and subscription under one lock: no line twice, none missed.
        let (replay, mut changes) = {
            let mut state = self.front.world.state();
            let replay = replay(&state, application);
            (replay, state.follow(application.index))
        };
        for change in replay {
            self.tell(application, change).await?;
        }
        loop {
            let ping = Duration::from_millis(self.front.world.quirks().scalingo_ping_every_ms.max(1));
            tokio::select! {
                change = changes.recv() => match change {
                    Some(change) => {
                        self.tell(application, change).await?;
                        self.tell_waiting(application, &mut changes).await?;
                    }
                    // The app was removed.
                    None => return self.socket.close(None).await.map_err(|_| Gone),
                },
                frame = self.socket.next() => match frame {
                    // The client closes: answer in kind, so that it sees a clean end.
                    Some(Ok(Message::Close(_))) => return self.socket.close(None).await.map_err(|_| Gone),
                    None | Some(Err(_)) => return Err(Gone),
                    Some(Ok(_)) => {}
                },
                dropped = drops.recv() => if let Ok(part) = dropped && self.path.contains(&part) {
                    return Err(Gone);
                },
                () = tokio::time::sleep(ping) => {
                    self.send(json!({ "type": "ping", "data": { "ts": wall_clock().unix_timestamp() } })).await?;
                }
            }
        }
    }

    async fn tell_waiting(
        &mut self,
        application: &Application,
        changes: &mut mpsc::UnboundedReceiver<Change>,
    ) -> Result<(), Gone> {
        while let Ok(change) = changes.try_recv() {
            self.tell(application, change).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, application: &Application, change: Change) -> Result<(), Gone> {
        let frame = match change {
            Change::New(deployment) => {
                let seed = self.front.world.state().seed();
                let deployment = match self.front.world.quirks().scalingo_new_frame {
                    NewFrame::Id => json!(deployment.record.uuid(seed)),
                    NewFrame::Object => payload::deployment(seed, application, &deployment, &self.authority),
                };
                json!({ "type": "new", "data": { "deployment": deployment } })
            }
            Change::Log { uuid, line } => {
                // Content may or may not end with a newline; phases of the build pack do here.
                let content = if line.starts_with("-----") { line + "\n" } else { line };
                json!({ "type": "log", "id": uuid, "data": { "content": content } })
            }
            Change::Status { uuid, phase } => {
                let unknown = self
                    .front
                    .world
                    .faults()
                    .hits_socket(FaultKind::UnknownStatus, self.path);
                let status = if unknown {
                    payload::UNKNOWN_STATUS
                } else {
                    phase.scalingo_status()
                };
                json!({ "type": "status", "id": uuid, "data": { "status": status } })
            }
        };
        self.send(frame).await
    }

    async fn send(&mut self, frame: Value) -> Result<(), Gone> {
        self.silent = self.silent
            || self
                .front
                .world
                .faults()
                .hits_socket(FaultKind::SilentSocket, self.path);
        if self.silent {
            return Ok(());
        }
        if let Some(left) = &mut self.frames_left {
            if *left == 0 {
                return Err(Gone);
            }
            *left -= 1;
        }
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .map_err(|_| Gone)
    }
}

/// What the running deployments printed so far, or else what the last one printed.
fn replay(state: &crate::world::state::State, application: &Application) -> Vec<Change> {
    const RECENT: usize = 20;
    let recent = state.deployments(application, 0, RECENT);
    let mut shown: Vec<_> = recent
        .iter()
        .filter(|seen| !seen.progress.phase.is_finished())
        .collect();
    if shown.is_empty() {
        shown.extend(recent.first());
    }
    let mut changes = Vec::new();
    for seen in shown.into_iter().rev() {
        let uuid = seen.record.uuid(state.seed());
        let lines = state.output(application, &seen.record);
        changes.extend(lines.into_iter().map(|line| Change::Log {
            uuid: uuid.clone(),
            line,
        }));
    }
    changes
}
