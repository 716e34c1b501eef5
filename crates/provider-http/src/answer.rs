//! What came back.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use slipway_core::provider::{ErrorKind, ProviderError};

/// A whole answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The provider's name, for errors.
    pub provider: &'static str,
    /// The adapter's method, for errors.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type` without its parameters, in lower case; empty if there was none.
    pub content_type: String,
    /// `Retry-After`, as a duration from now and at most an hour.
    pub retry_after: Option<Duration>,
    /// The body, within the size limit.
    pub body: Bytes,
    /// Whether it answers a call that changes something.
    pub is_write: bool,
}

impl Answer {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as a JSON object. The error names the place, never what stands there.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ProviderError> {
        // Serde would fill a struct from an array, field by field.
        if self.body.trim_ascii_start().first() != Some(&b'{') {
            return Err(self.protocol("the answer is not a JSON object"));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = match error.classify() {
                serde_json::error::Category::Data => "is not of the documented shape",
                serde_json::error::Category::Eof => "ends in the middle",
                serde_json::error::Category::Syntax | serde_json::error::Category::Io => "is not JSON",
            };
            self.protocol(format!(
                "the answer {what} (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// The body as a JSON object, if it is one.
    pub fn json_object(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// An error about this answer. When it answers a write and is neither understood nor a refusal, the write may have been
    /// carried out, and the error says so.
    pub fn error(&self, kind: ErrorKind, message: impl Into<String>) -> ProviderError {
        let error = ProviderError::new(kind, self.provider, self.operation, message);
        let is_open = matches!(kind, ErrorKind::Unavailable | ErrorKind::Protocol);
        if self.is_write && is_open {
            error.possibly_applied()
        } else {
            error
        }
    }

    /// An error that says that this answer was not understood.
    pub fn protocol(&self, message: impl Into<String>) -> ProviderError {
        self.error(ErrorKind::Protocol, message)
    }
}
