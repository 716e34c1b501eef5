//! Errors as clients see them.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use slipway_api::{FieldErrorView, ProblemView};
use slipway_store::StoreError;

/// A problem's `type` is this and the code.
const TYPE_BASE: &str = "urn:slipway:problem:";

macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal, $status:ident, $retryable:literal, $title:literal;)*) => {
        /// What kinds of errors there are. A code never changes its meaning; docs/API-DESIGN.md lists them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])+ $variant,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The public spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// Whether the same request may succeed later.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// What it is, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    /// The request is not HTTP that this API understands, or its body is not what the operation takes.
    MalformedRequest = "malformed_request", BAD_REQUEST, false, "The request is malformed";
    /// A query parameter that the operation does not know.
    UnknownParameter = "unknown_parameter", BAD_REQUEST, false, "Unknown parameter";
    /// A parameter has a value that it cannot have.
    InvalidParameter = "invalid_parameter", BAD_REQUEST, false, "Invalid parameter";
    /// A page cursor or an event cursor that is broken, or that belongs to a list with other filters.
    InvalidCursor = "invalid_cursor", BAD_REQUEST, false, "Invalid cursor";
    /// No token, or one that is not known.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, false, "Not authenticated";
    /// The token has ended.
    TokenExpired = "token_expired", UNAUTHORIZED, false, "The token has expired";
    /// The token was taken back.
    TokenRevoked = "token_revoked", UNAUTHORIZED, false, "The token was revoked";
    /// A ticket for a stream that is not known, was not used in time, or has ended.
    TicketExpired = "ticket_expired", UNAUTHORIZED, false, "The ticket has expired";
    /// A token in a URL, where logs and histories keep it.
    CredentialsInUrl = "credentials_in_url", BAD_REQUEST, false, "A token in the URL";
    /// The token does not allow this; `detail` names the scope that does.
    InsufficientScope = "insufficient_scope", FORBIDDEN, false, "Insufficient scope";
    /// A change that a browser sends with a session, and that does not come from the gateway's own origin.
    CrossSiteRequest = "cross_site_request", FORBIDDEN, false, "A request from another site";
    /// Open access is for this machine: not under another host name, and not through a proxy.
    OpenAccessRefused = "open_access_refused", FORBIDDEN, false, "Open access is for this machine only";
    /// The token does not allow this.
    PermissionDenied = "permission_denied", FORBIDDEN, false, "Permission denied";
    /// No such path or no such resource.
    NotFound = "not_found", NOT_FOUND, false, "Not found";
    /// The provider has no log of this deployment.
    LogNotFound = "log_not_found", NOT_FOUND, false, "No log";
    /// The path exists, the method does not; `Allow` names those that do.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, false, "Method not allowed";
    /// The provider, or its adapter, cannot do this; `detail` says what is possible instead.
    CapabilityNotSupported = "capability_not_supported", CONFLICT, false, "Not supported by the provider";
    /// Nobody knows from which source to deploy once more.
    SourceUnknown = "source_unknown", CONFLICT, false, "The source is not known";
    /// The deployment has ended, and was not canceled here.
    AlreadyFinished = "already_finished", CONFLICT, false, "The deployment has ended";
    /// An application goes back only to a deployment that succeeded.
    NotSucceeded = "not_succeeded", CONFLICT, false, "The deployment did not succeed";
    /// The deployment is what runs now.
    AlreadyLive = "already_live", CONFLICT, false, "The deployment is live";
    /// The provider has not named the deployment yet.
    NotNamedYet = "not_named_yet", CONFLICT, true, "Not named by the provider yet";
    /// A freeze window is in force; `detail` tells until when.
    Frozen = "frozen", CONFLICT, false, "Deployments are frozen";
    /// The provider does not have the application any more.
    ApplicationArchived = "application_archived", CONFLICT, false, "The application is archived";
    /// The account is not configured any more; its history stays.
    AccountNotConfigured = "account_not_configured", CONFLICT, false, "The account is not configured";
    /// The provider says that this cannot be done in the present state.
    ProviderConflict = "provider_conflict", CONFLICT, false, "The provider refuses this now";
    /// The provider does not have what this is about.
    ProviderNotFound = "provider_not_found", CONFLICT, false, "The provider does not have this";
    /// A request with the same idempotency key is not answered yet.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT, true, "The same request is being worked on";
    /// The deployment has changed since the version that `If-Match` names.
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, false, "The deployment has changed";
    /// The position in the event log cannot be resumed from; read a list and start from its `event_cursor`.
    CursorGone = "cursor_gone", GONE, false, "The cursor is gone";
    /// Everything that was asked for ended before history is whole: it was removed.
    HistoryRemoved = "history_removed", GONE, false, "The history was removed";
    /// The body is larger than this API takes.
    PayloadTooLarge = "payload_too_large", PAYLOAD_TOO_LARGE, false, "The body is too large";
    /// The URI is longer than this API takes.
    UriTooLong = "uri_too_long", URI_TOO_LONG, false, "The URI is too long";
    /// The range lies outside of what there is; `Content-Range` tells how much that is.
    RangeNotSatisfiable = "range_not_satisfiable", RANGE_NOT_SATISFIABLE, false, "Range not satisfiable";
    /// The body has a type that this API does not take.
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, false, "Unsupported media type";
    /// The body is JSON, but not what the operation takes; `errors` names the fields.
    InvalidBody = "invalid_body", UNPROCESSABLE_ENTITY, false, "Invalid body";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, false, "The key was used with another body";
    /// The provider refuses what was asked.
    ProviderRejected = "provider_rejected", UNPROCESSABLE_ENTITY, false, "The provider refuses this";
    /// The principal has as many streams open as it may.
    TooManyStreams = "too_many_streams", TOO_MANY_REQUESTS, true, "Too many streams";
    /// The principal has made as many requests as it may; `Retry-After` tells when the next may come.
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, true, "Too many requests";
    /// The address has sent too many tokens that are not known; `Retry-After` tells when it may try another.
    TooManyFailedLogins = "too_many_failed_logins", TOO_MANY_REQUESTS, true, "Too many failed logins";
    /// The provider takes no more requests for now.
    ProviderRateLimited = "provider_rate_limited", TOO_MANY_REQUESTS, true, "The provider takes no more requests for now";
    /// The provider does not let the account do this: the operator has to look at its credentials.
    ProviderDenied = "provider_denied", BAD_GATEWAY, false, "The provider does not let the account do this";
    /// A write without an idempotency key has no answer yet; it goes on.
    WriteInProgress = "write_in_progress", GATEWAY_TIMEOUT, false, "The write is not answered yet";
    /// A fault of the gateway; its log has more under the request id.
    Internal = "internal", INTERNAL_SERVER_ERROR, true, "Internal error";
    /// The gateway cannot reach its database.
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, true, "The database is not available";
    /// The provider cannot be asked now, or did not answer in time.
    ProviderUnavailable = "provider_unavailable", SERVICE_UNAVAILABLE, true, "The provider is not available";
    /// The issuer of the token cannot be asked for its keys.
    IssuerUnavailable = "issuer_unavailable", SERVICE_UNAVAILABLE, true, "The issuer is not available";
    /// No process that syncs has fetched this log.
    LogNotFetched = "log_not_fetched", SERVICE_UNAVAILABLE, true, "The log is not fetched yet";
    /// This replica has not seen the position that `min_cursor` names.
    Behind = "behind", SERVICE_UNAVAILABLE, true, "This replica is behind";
    /// More requests at once than the gateway serves.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, true, "Overloaded";
    /// The answer took too long.
    Timeout = "timeout", SERVICE_UNAVAILABLE, true, "Timed out";
    /// The gateway is going down, or not up yet.
    NotReady = "not_ready", SERVICE_UNAVAILABLE, true, "Not ready";
}

/// An error on its way out. The request id and the body are added by `middleware::problems`.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldErrorView>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// Of a kind.
    pub fn new(code: Code) -> Self {
        let mut problem = Self {
            code,
            detail: None,
            errors: Vec::new(),
            headers: Vec::new(),
        };
        if code.is_retryable() && code != Code::Internal {
            problem = problem.with_retry_after(1);
        }
        problem
    }

    /// With a sentence on what went wrong this time and what to do. Never text of a database or of a provider.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With what is wrong with a field.
    pub fn with_field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldErrorView {
            field: field.into(),
            message: message.into(),
        });
        self
    }

    /// With a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value));
        self
    }

    /// With `Retry-After`, in seconds.
    pub fn with_retry_after(self, seconds: u16) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A value that a parameter cannot have.
    pub fn invalid_parameter(name: &str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter)
            .with_detail(format!("the parameter `{name}` has a value that it cannot have"))
            .with_field(name, message)
    }

    /// A field of a body that cannot be as it is.
    pub fn invalid_body(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidBody)
            .with_detail("the body is not what this operation takes")
            .with_field(field, message)
    }

    /// What kind it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The problem that stands for an answer with this status that something else made.
    pub(crate) fn for_status(status: StatusCode) -> Self {
        let same = |code: &&Code| code.status() == status;
        let code = match status {
            StatusCode::BAD_REQUEST => Code::MalformedRequest,
            StatusCode::REQUEST_TIMEOUT => Code::Timeout,
            _ => Code::ALL
                .iter()
                .find(same)
                .copied()
                .unwrap_or(if status.is_server_error() {
                    Code::Internal
                } else {
                    Code::MalformedRequest
                }),
        };
        Self::new(code)
    }

    pub(crate) fn view(self, request_id: &str) -> ProblemView {
        ProblemView {
            r#type: format!("{TYPE_BASE}{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: i32::from(self.code.status().as_u16()),
            detail: self.detail.map(Cow::into_owned),
            code: self.code.as_str().to_owned(),
            request_id: request_id.to_owned(),
            retryable: self.code.is_retryable(),
            errors: self.errors,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database is not available"
            );
            Self::new(Code::DatabaseUnavailable)
        } else {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the database refused a statement"
            );
            Self::new(Code::Internal)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let mut response = self.code.status().into_response();
        for (name, value) in self.headers.drain(..) {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}
