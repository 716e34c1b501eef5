//! Why there is no good answer: in words for people, as a code for scripts, and what may be tried again.

use std::time::Duration;

use serde::Deserialize;

use super::settings::Connection;
use crate::failure::{Failure, chain, code};

#[derive(Debug)]
pub(crate) struct Refusal {
    status: Option<u16>,
    /// The stable code of the problem.
    code: String,
    is_retryable: bool,
    never_sent: bool,
    /// Whether the connection failed.
    is_broken: bool,
    retry_after: Option<Duration>,
    sentence: String,
}

/// What is read of a problem document: less than it holds, so that proxies' answers are told from the gateway's by `code`
/// alone.
#[derive(Deserialize)]
struct Problem {
    title: String,
    #[serde(default)]
    detail: Option<String>,
    code: String,
    #[serde(default)]
    retryable: bool,
    #[serde(default)]
    errors: Vec<slipway_api::FieldErrorView>,
}

impl Refusal {
    /// Nothing came back.
    pub(super) fn unreachable(connection: &Connection, error: &reqwest::Error) -> Self {
        let why = root_cause(error);
        let sentence = if error.is_connect() {
            format!(
                "no gateway answers at {} ({why}), which {}; name another with --url, SLIPWAY_URL or in {}, or start one: \
                 slipway demo",
                connection.shown_url(),
                connection.url_origin,
                connection.config_file.display()
            )
        } else {
            format!("the gateway at {} broke off its answer ({why})", connection.shown_url())
        };
        Self {
            never_sent: error.is_connect(),
            is_broken: true,
            ..Self::gone(sentence)
        }
    }

    /// Nothing came at all within the time that any answer takes.
    pub(super) fn silent(connection: &Connection) -> Self {
        Self::gone(format!("the gateway at {} does not answer", connection.shown_url()))
    }

    fn gone(sentence: String) -> Self {
        Self {
            status: None,
            code: String::new(),
            is_retryable: true,
            never_sent: false,
            is_broken: false,
            retry_after: None,
            sentence,
        }
    }

    /// Something else than a success came back.
    pub(super) fn answered(connection: &Connection, status: u16, retry_after: Option<Duration>, body: &str) -> Self {
        let Connection { url, token_origin, .. } = connection;
        let Ok(problem) = serde_json::from_str::<Problem>(body) else {
            return Self {
                status: Some(status),
                is_retryable: matches!(status, 502..=504),
                retry_after,
                ..Self::gone(format!(
                    "what answers at {url}, which {}, is no Slipway gateway, or a proxy before one (HTTP {status})",
                    connection.url_origin
                ))
            };
        };
        let mut said = problem.detail.unwrap_or(problem.title);
        for error in &problem.errors {
            said = format!("{said}; {}: {}", error.field, error.message);
        }
        let sentence = match (status, token_origin) {
            (401, None) => format!(
                "the gateway at {url} wants a token: set SLIPWAY_TOKEN or SLIPWAY_TOKEN_FILE, or `token_file` in {}",
                connection.config_file.display()
            ),
            (401, Some(origin)) => {
                format!(
                    "the gateway at {url} refuses the token that {origin} gives: {said} ({})",
                    problem.code
                )
            }
            (403, Some(origin)) => format!("the token that {origin} gives does not allow this: {said}"),
            _ => said,
        };
        Self {
            status: Some(status),
            code: problem.code,
            is_retryable: problem.retryable,
            never_sent: false,
            is_broken: false,
            retry_after,
            sentence: crate::terminal::on_one_line(&sentence),
        }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == Some(404) && self.code == "not_found"
    }

    /// Whether something answers that is no gateway, as a proxy does, or nothing in the time in which a gateway does.
    pub(super) fn is_of_another(&self) -> bool {
        self.code.is_empty() && !self.is_broken
    }

    /// Whether a freeze window holds the write back.
    pub(crate) fn is_frozen(&self) -> bool {
        self.code == "frozen"
    }

    /// The log of this deployment is known not to be there.
    pub(crate) fn is_log_not_found(&self) -> bool {
        self.code == "log_not_found"
    }

    /// The position in the event log cannot be resumed from.
    pub(crate) fn is_cursor_gone(&self) -> bool {
        self.code == "cursor_gone"
    }

    /// Whether the connection was refused, so that nobody can have read the request.
    pub(crate) fn never_sent(&self) -> bool {
        self.never_sent
    }

    /// Whether something is there that does not answer now: busy, starting, or just being stopped.
    pub(super) fn is_busy(&self) -> bool {
        self.is_retryable && !self.never_sent && self.status.is_none_or(|status| matches!(status, 429 | 502..=504))
    }

    /// Whether something that lasts may still connect later: all but what a person has to mend.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_retryable
    }

    /// Whether a write may be sent again under its key: its answer was lost, or is not there yet.
    pub(super) fn may_be_sent_again(&self) -> bool {
        self.is_retryable || (self.status == Some(409) && self.retry_after.is_some())
    }

    pub(crate) fn pause(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.status {
            Some(400 | 404 | 413..=415 | 422) if !refusal.code.is_empty() => code::USAGE,
            Some(402 | 405..=428) if !refusal.code.is_empty() => code::FAILED,
            _ => code::UNAVAILABLE,
        };
        Self::with_code(code, refusal.sentence).passing(refusal.is_retryable)
    }
}

/// The innermost cause, without the URL that every layer repeats.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = chain(cause);
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
