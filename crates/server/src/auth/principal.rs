//! Who asks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use slipway_store::Visibility;
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{Scope, Scopes};
use crate::problem::{Code, Problem};

/// Who asks, and what they may do and see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Names them for ever: `token:…`, `config:…`, `oidc:…`, `open`.
    pub id: Arc<str>,
    /// Names them for people.
    pub name: Arc<str>,
    /// What they may do.
    pub scopes: Scopes,
    /// What they may see.
    pub visibility: Arc<Visibility>,
    /// When that ends; none for no end.
    pub expires_at: Option<OffsetDateTime>,
    /// Whether it came by a code and may only look, whatever else its token allows.
    pub(crate) is_read_only: bool,
    pub(crate) source: Source,
}

/// Where it is looked up whether a principal still may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A token of the configuration, which holds while it stands there. With a part of its secret's hash.
    Configured(Arc<str>),
    /// A token of the database.
    Token(Uuid),
    /// A token of an issuer that is trusted until it ends.
    Issuer,
    /// Whoever reaches a gateway with open access.
    Open,
}

impl Principal {
    /// A token of the configuration.
    pub(crate) fn configured(name: &str, scopes: Scopes, fingerprint: &str) -> Self {
        Self {
            id: format!("config:{name}").into(),
            name: name.into(),
            scopes,
            visibility: Arc::default(),
            expires_at: None,
            is_read_only: false,
            source: Source::Configured(fingerprint.into()),
        }
    }

    /// Whoever reaches a gateway with open access; `may_deploy` where nothing real is behind it.
    pub(crate) fn open(may_deploy: bool) -> Self {
        let scopes = if may_deploy { Scopes::TRY } else { Scopes::READ };
        Self {
            id: "open".into(),
            name: "open".into(),
            scopes,
            visibility: Arc::default(),
            expires_at: None,
            is_read_only: false,
            source: Source::Open,
        }
    }

    /// A subject of an issuer.
    pub(crate) fn of_issuer(subject: &str, scopes: Scopes, visibility: Visibility, expires_at: OffsetDateTime) -> Self {
        Self {
            id: format!("oidc:{subject}").into(),
            name: subject.into(),
            scopes,
            visibility: Arc::new(visibility),
            expires_at: Some(expires_at),
            is_read_only: false,
            source: Source::Issuer,
        }
    }

    /// Whether they may do something.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`], with the scope that is missing.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        self.require_any(&[scope])
    }

    /// Whether they may do something that each of these scopes allows.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`], with the scopes of which one is missing.
    pub(crate) fn require_any(&self, scopes: &[Scope]) -> Result<(), Problem> {
        let has =
            |scope: &Scope| self.scopes.allows(*scope) && (*scope != Scope::Admin || self.visibility.is_everything());
        if scopes.iter().any(has) {
            return Ok(());
        }
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        Err(Problem::new(Code::InsufficientScope)
            .with_detail(format!("this needs the scope `{}`", words.join("` or `")))
            .with_field("scope", words.join(" or ")))
    }

    /// What is kept in a session or a ticket: whose it is, and of the rest only what cannot be looked up again.
    pub(crate) fn stored(&self) -> StoredPrincipal {
        let stored = match &self.source {
            Source::Configured(fingerprint) => StoredPrincipal::Configured {
                name: self.name.to_string(),
                fingerprint: fingerprint.to_string(),
            },
            Source::Token(id) => StoredPrincipal::Token { id: *id },
            Source::Issuer => StoredPrincipal::Issuer {
                subject: self.name.to_string(),
                scopes: self.scopes.granted(),
                visibility: Visibility::clone(&self.visibility),
                expires_at: self.expires_at.map_or(0, OffsetDateTime::unix_timestamp),
            },
            Source::Open => StoredPrincipal::Open,
        };
        match self.is_read_only {
            true => StoredPrincipal::ReadOnly { of: Box::new(stored) },
            false => stored,
        }
    }

    /// The same, who may only look.
    pub(crate) fn read_only(mut self) -> Self {
        self.scopes = self.scopes.only_reads();
        self.is_read_only = true;
        self
    }
}

/// A principal as a session or a ticket names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum StoredPrincipal {
    Configured {
        name: String,
        fingerprint: String,
    },
    Token {
        id: Uuid,
    },
    Issuer {
        subject: String,
        scopes: Vec<String>,
        /// Always there: one without it is none of this release, and never one that sees everything.
        visibility: Visibility,
        /// Seconds since 1970.
        expires_at: i64,
    },
    Open,
    /// Who came by a code: the same, but may only look.
    ReadOnly {
        of: Box<Self>,
    },
    /// No session but a code for one.
    Code {
        of: Box<Self>,
    },
}
