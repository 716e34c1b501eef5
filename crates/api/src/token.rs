//! Tokens of the API, and what is bought with one.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a token is restricted to. An empty list restricts nothing; values of one list are alternatives, lists add up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Restrictions)]
pub struct RestrictionsView {
    /// Only these kinds of platform.
    pub providers: Vec<String>,
    /// Only these accounts.
    pub accounts: Vec<String>,
    /// Only these applications.
    pub applications: Vec<Uuid>,
    /// Only applications in these environments.
    pub environments: Vec<String>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenView {
    /// The gateway's id of it.
    pub id: Uuid,
    /// What it is called.
    #[schema(examples("grafana"))]
    pub name: String,
    /// How its secret begins.
    #[schema(examples("slp_k3JpXq"))]
    pub prefix: String,
    /// What it allows. An open list: `deployments:read`, `deployments:write`, `logs:read`, `events:read`, `raw:read`,
    /// `freezes:override`, `admin` (everything).
    #[schema(examples("deployments:read", "events:read"))]
    pub scopes: Vec<String>,
    /// What it is restricted to.
    pub restrictions: RestrictionsView,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends; null for one that does not.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was last used, to a minute.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

/// A new token with its secret, which is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CreatedToken)]
pub struct CreatedTokenView {
    /// The secret, to be sent as `Authorization: Bearer …`. Nobody can show it again.
    #[schema(examples("slp_k3JpXq0vH5mC0tq2cJrJm1dWw8p4b9mZl2yqN7s6T1o"))]
    pub secret: String,
    /// The token.
    pub token: TokenView,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewToken)]
#[serde(deny_unknown_fields)]
pub struct NewTokenView {
    /// What it is to be called, for people; 1 to 100 characters.
    #[schema(examples("grafana"), min_length = 1, max_length = 100)]
    pub name: String,
    /// What it is to allow, at least one of `deployments:read`, `deployments:write`, `logs:read`, `events:read`, `raw:read`,
    /// `freezes:override`, `admin`.
    #[schema(examples("deployments:read", "events:read"), min_items = 1)]
    pub scopes: Vec<String>,
    /// What it is to be restricted to; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restrictions: Option<NewRestrictionsView>,
    /// When it is to end; never by default.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub expires_at: Option<OffsetDateTime>,
}

/// What a new token is to be restricted to. What is left out restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewRestrictions)]
#[serde(default, deny_unknown_fields)]
pub struct NewRestrictionsView {
    /// Only these kinds of platform.
    pub providers: Vec<String>,
    /// Only these accounts.
    pub accounts: Vec<String>,
    /// Only these applications.
    pub applications: Vec<Uuid>,
    /// Only applications in these environments.
    pub environments: Vec<String>,
}

/// Tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// Newest first.
    pub items: Vec<TokenView>,
    /// Where the next page begins; null on the last.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
    /// The position in the event log at the time of the first page.
    pub event_cursor: String,
}

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Whoami)]
pub struct WhoamiView {
    /// The name of the token, or the subject of an issuer's.
    #[schema(examples("dashboard"))]
    pub principal: String,
    /// Everything that it allows. An open list: `deployments:read`, `deployments:write`, `logs:read`, `events:read`,
    /// `raw:read`, `freezes:override`, `admin`.
    #[schema(examples("deployments:read", "events:read"))]
    pub scopes: Vec<String>,
    /// What it is restricted to.
    pub restrictions: RestrictionsView,
    /// When it ends; null for one that does not.
    #[schema(required = true)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// A ticket for a stream.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StreamTicket)]
pub struct StreamTicketView {
    /// To be sent as `?ticket=` of a stream. It opens streams and nothing else.
    pub ticket: String,
    /// Until when it must be used for the first time.
    #[serde(with = "time::serde::rfc3339")]
    pub first_use_before: OffsetDateTime,
}

/// What is to be exchanged for a session: a token, or a code.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = NewSession)]
#[serde(default, deny_unknown_fields)]
pub struct NewSessionView {
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A code for one session that may only look: see `createSessionCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// A code for one session that may only look.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SessionCode)]
pub struct SessionCodeView {
    /// To be sent to `createSession`, once. In the fragment of the dashboard's address, `/#code=…`, it opens it.
    pub code: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A session of a browser. Its secret is in a cookie that scripts cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Whose it is.
    pub principal: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// What holds a secret shows in debug output only that it does.
macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), " [redacted]"))
            }
        }
    )*};
}

redacted!(CreatedTokenView, StreamTicketView, NewSessionView, SessionCodeView);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_no_secret() {
        let session = NewSessionView {
            token: Some("slp_canary".to_owned()),
            code: Some("canary".to_owned()),
        };
        let code = SessionCodeView {
            code: "canary".to_owned(),
            expires_at: OffsetDateTime::UNIX_EPOCH,
        };
        assert_eq!(
            format!("{session:?} {:?}", Some(code)),
            "NewSessionView [redacted] Some(SessionCodeView [redacted])"
        );
    }
}
