//! A gateway that answers what a test tells it to, and remembers what it was asked.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What comes back.
pub(crate) enum Said {
    /// Status, more header lines, body.
    Json(u16, &'static str, Value),
    Text(u16, &'static str, String),
    /// The connection ends without a word.
    Nothing,
    /// A stream that is sent and then cut.
    Stream(String),
    /// A stream that is sent and then stays open until the client goes.
    OpenStream(String),
}

/// Ends with the test.
pub(crate) struct Script {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Script {
    /// `answer` is told what is asked, and how often the same path was asked with the same method before.
    pub(crate) fn new(answer: impl Fn(&Asked, usize) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        // The thread lives as long as the test's process; it holds nothing but a port.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn writes(&self) -> Vec<Asked> {
        self.asked()
            .into_iter()
            .filter(|asked| asked.method == "POST")
            .collect()
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: &(dyn Fn(&Asked, usize) -> Said + Send + Sync)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = Asked {
        method,
        path,
        headers,
        body: String::from_utf8(body).unwrap(),
    };
    let before = {
        let mut log = log.lock().unwrap();
        let same = |known: &&Asked| known.method == asked.method && known.path == asked.path;
        let before = log.iter().filter(same).count();
        log.push(asked.clone());
        before
    };
    drop(write(stream, answer(&asked, before)));
}

fn write(mut stream: TcpStream, said: Said) -> std::io::Result<()> {
    let (status, more, kind, body) = match said {
        Said::Nothing => return Ok(()),
        Said::Json(status, more, body) => {
            let kind = if status < 400 {
                "application/json"
            } else {
                "application/problem+json"
            };
            (status, more, kind, body.to_string())
        }
        Said::Text(status, more, body) => (status, more, "text/plain", body),
        Said::Stream(ref text) | Said::OpenStream(ref text) => {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{text}"
            )?;
            stream.flush()?;
            if matches!(said, Said::OpenStream(_)) {
                // Until the client closes its end.
                drop(stream.read(&mut [0]));
            }
            return Ok(());
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) const APPLICATION: &str = "018f0000-0000-7000-8000-00000000000a";
pub(crate) const DEPLOYMENT: &str = "018f0000-0000-7000-8000-00000000000d";

/// An application as the API writes it.
pub(crate) fn application(id: &str, name: &str, environment: Option<&str>) -> Value {
    let freshness = json!({"state": "fresh", "last_success_at": null, "last_attempt_at": null, "next_attempt_at": null,
        "mode": "poll", "reason": null, "backfill": {"state": "complete", "oldest_at": null}});
    let no = "unsupported";
    json!({"id": id, "provider": "scalingo", "account": "main", "provider_application_id": "1", "name": name,
        "environment": environment, "region": null, "url": null, "provider_url": null, "git_repository": null,
        "git_branch": null, "provider_status": null, "health": null, "owner": null, "labels": {},
        "last_deployment_id": DEPLOYMENT, "live_deployment_id": null,
        "capabilities": {"trigger": no, "redeploy": no, "cancel": no, "rollback": no, "logs": no, "log_stream": no,
            "status_stream": no},
        "allowed_actions": [], "blocked_actions": [], "freshness": freshness, "created_at": null,
        "first_seen_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "archived_at": null, "version": 1})
}

/// A deployment as the API writes it.
pub(crate) fn deployment(status: &str, is_finished: bool, version: i64) -> Value {
    let none = Value::Null;
    let mut deployment = json!({"id": DEPLOYMENT, "application_id": APPLICATION, "provider": "scalingo", "account": "main",
        "status": status, "is_finished": is_finished, "version": version, "trigger": {"kind": "api", "provider_value": none},
        "git": {"ref": "main", "sha": "0123456789abcdef", "branch": none, "previous_sha": none, "commit_url": none,
            "compare_url": none, "message": none, "committed_at": none},
        "services": [], "is_latest": true, "logs": {"available": true, "live": false, "complete": false},
        "allowed_actions": [], "blocked_actions": [], "labels": {}, "observed_via": "poll"});
    for name in [
        "provider_deployment_id",
        "provider_url",
        "environment",
        "phase",
        "failure_reason",
        "failure_message",
        "provider_status",
        "kind",
        "actor",
        "artifact",
        "is_live",
        "superseded_by_id",
        "rollback_of_id",
        "rolled_back_at",
        "rolled_back_by",
        "cancel_requested_at",
        "queued_at",
        "started_at",
        "finished_at",
        "queued_ms",
        "duration_ms",
    ] {
        deployment[name] = Value::Null;
    }
    for name in ["created_at", "first_seen_at", "observed_at", "updated_at"] {
        deployment[name] = json!("2026-01-01T00:00:00Z");
    }
    deployment
}

/// A list as the API writes it.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({"items": items, "next_cursor": null, "event_cursor": "e1-1", "freshness": {"state": "fresh", "accounts": []}})
}

/// A problem document.
pub(crate) fn problem(status: u16, code: &str, detail: &str, retryable: bool) -> Value {
    json!({"type": format!("urn:slipway:problem:{code}"), "title": "A problem", "status": status, "detail": detail,
        "code": code, "request_id": "r1", "retryable": retryable, "errors": []})
}

/// An event of the log as the API writes it.
pub(crate) fn event_json(id: &str, r#type: &str, deployment: &Value) -> Value {
    json!({"id": id, "type": r#type, "time": null, "recorded_at": "2026-01-01T00:00:00Z", "cursor": null,
        "freshness": [], "application_id": APPLICATION, "deployment_id": DEPLOYMENT, "provider": "scalingo",
        "account": "main", "status": deployment["status"], "previous_status": null, "deployment": deployment,
        "observed_via": "poll", "reason": null, "trace_id": null})
}

/// An event of the log as a block of the stream.
pub(crate) fn event(id: &str, r#type: &str, deployment: &Value) -> String {
    let event = event_json(id, r#type, deployment);
    format!("id: {id}\nevent: {type}\ndata: {event}\n\n")
}
