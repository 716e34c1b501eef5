//! Requests that got no answer: what is said of them, and whether they may have reached the provider.

use slipway_core::provider::{ErrorKind, ProviderError};

use super::Client;
use crate::request::Request;

/// How one attempt ended without an answer.
pub(super) struct Failure {
    pub(super) error: ProviderError,
    pub(super) is_worth_repeating: bool,
}

impl Client {
    pub(super) fn too_slow(&self, request: &Request<'_>) -> Failure {
        let message = format!(
            "no complete answer within {} s",
            self.settings.total_timeout.as_secs_f32()
        );
        Failure {
            error: self.unanswered(request, message),
            is_worth_repeating: false,
        }
    }

    pub(super) fn no_answer(&self, request: &Request<'_>, error: reqwest::Error) -> Failure {
        let message = if error.is_timeout() {
            "the connection was not made in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke before an answer"
        };
        let has_not_left = error.is_connect() || error.is_builder();
        let failed = if has_not_left {
            self.error(ErrorKind::Unavailable, request.operation, message)
        } else {
            self.unanswered(request, message)
        };
        Failure {
            error: failed.with_source(error.without_url()),
            is_worth_repeating: true,
        }
    }

    /// No answer to a request that may have reached the provider.
    pub(super) fn unanswered(&self, request: &Request<'_>, message: impl Into<String>) -> ProviderError {
        let error = self.error(ErrorKind::Unavailable, request.operation, message);
        if request.is_write {
            error.possibly_applied()
        } else {
            error
        }
    }

    pub(super) fn error(&self, kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> ProviderError {
        ProviderError::new(kind, self.settings.provider, operation, message)
    }
}

pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
