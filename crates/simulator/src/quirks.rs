//! Switches for behaviour on which the providers' documents disagree, or which tests need faster.

use serde::{Deserialize, Serialize};

/// How Cloud 66 writes the `code` of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeStyle {
    /// `{"code":1,"meaning":"success"}`, as in the samples.
    Integer,
    /// `{"code":"success","meaning":"Successful"}`, as in the newer model page.
    Text,
}

/// What a `new` frame of Scalingo carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewFrame {
    /// The whole deployment, as the official command line reads it.
    Object,
    /// The UUID only, as the documentation shows it.
    Id,
}

/// The switches, readable and changeable through the control API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirks {
    /// Form of enumeration codes of Cloud 66.
    pub cloud66_code_style: CodeStyle,
    /// What the Cloud 66 token may do.
    pub cloud66_scopes: Vec<String>,
    /// Requests an hour of Cloud 66.
    pub cloud66_requests_per_hour: u32,
    /// Content of `new` frames of Scalingo.
    pub scalingo_new_frame: NewFrame,
    /// Whether apps of Scalingo are linked to a repository, from which one can deploy without a source.
    pub scalingo_repository_links: bool,
    /// Requests a minute of Scalingo.
    pub scalingo_requests_per_minute: u32,
    /// How long an exchanged token is valid, in seconds.
    pub scalingo_token_lifetime_s: u64,
    /// Pause between two pings of a deployment socket, in milliseconds.
    pub scalingo_ping_every_ms: u64,
    /// Whether the two limits above are enforced.
    pub rate_limits: bool,
}

impl Quirks {
    pub(crate) fn new(rate_limits: bool) -> Self {
        Self {
            cloud66_code_style: CodeStyle::Integer,
            cloud66_scopes: vec!["public".to_owned(), "redeploy".to_owned()],
            cloud66_requests_per_hour: 3_600,
            scalingo_new_frame: NewFrame::Object,
            scalingo_repository_links: true,
            scalingo_requests_per_minute: 60,
            scalingo_token_lifetime_s: 3_600,
            scalingo_ping_every_ms: 10_000,
            rate_limits,
        }
    }
}
