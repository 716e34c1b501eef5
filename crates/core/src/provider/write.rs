//! What a caller may ask a provider to do, and what it answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::deployment::Git;
use crate::observation::DeploymentObservation;

/// A call that changes something at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Write {
    /// Start a deployment. Needs `trigger`, and `trigger_with_revision` where a revision is named.
    Trigger(TriggerRequest),
    /// Deploy once more what a deployment deployed. Needs `redeploy`.
    Redeploy(Revision),
    /// Take the application back to what a deployment deployed. Needs `rollback`.
    Rollback(Revision),
    /// Stop a running deployment. Needs `cancel`.
    Cancel {
        /// The provider's id of it.
        provider_deployment_id: String,
    },
}

impl Write {
    /// The public name of the action.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Trigger(_) => "trigger",
            Self::Redeploy(_) => "redeploy",
            Self::Rollback(_) => "rollback",
            Self::Cancel { .. } => "cancel",
        }
    }
}

/// What to deploy. A field that the provider does not know is refused as [`super::ErrorKind::InvalidRequest`], naming it,
/// before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRequest {
    /// A branch, tag or commit.
    pub git_ref: Option<String>,
    /// Where the provider fetches an archive of the source.
    pub source_url: Option<String>,
    /// Only these services.
    pub services: Vec<String>,
    /// The provider's named set of options.
    pub deployment_profile: Option<String>,
}

/// A field that no provider would take as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {message}")]
pub struct InvalidField {
    /// Which one.
    pub field: &'static str,
    /// What is wrong with it, as the end of a sentence.
    pub message: &'static str,
}

impl TriggerRequest {
    /// Checks what holds for every provider. Adapters call it before they send anything.
    pub fn check(&self) -> Result<(), InvalidField> {
        if let Some(git_ref) = &self.git_ref {
            check_git_ref(git_ref)?;
        }
        let invalid = |field, message| Err(InvalidField { field, message });
        if let Some(url) = &self.source_url
            && (!(url.starts_with("https://") || url.starts_with("http://")) || !is_plain(url, 2000))
        {
            return invalid("source_url", "must be an http or https URL of at most 2000 characters");
        }
        if self.services.len() > 100 || !self.services.iter().all(|name| is_name(name)) {
            return invalid("services", "must be at most 100 names without spaces and commas");
        }
        if self.deployment_profile.as_ref().is_some_and(|name| !is_name(name)) {
            return invalid("deployment_profile", "must be a name without spaces and commas");
        }
        Ok(())
    }
}

/// Checks a branch, tag or commit: what git itself refuses, and what a program that is handed it could take for an option.
pub fn check_git_ref(git_ref: &str) -> Result<(), InvalidField> {
    let message = if git_ref.is_empty() {
        "must not be empty"
    } else if git_ref.contains("..") {
        "must not contain two dots"
    } else if git_ref.starts_with('-') {
        "must not begin with a dash"
    } else if !is_plain(git_ref, 255) {
        "must be at most 255 characters, without spaces and control characters"
    } else {
        return Ok(());
    };
    Err(InvalidField {
        field: "git_ref",
        message,
    })
}

fn is_plain(text: &str, max_chars: usize) -> bool {
    text.chars().count() <= max_chars && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && is_plain(text, 255) && !text.contains(',')
}

/// What an earlier deployment deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// The branch, tag or commit that was asked for.
    pub git_ref: Option<String>,
    /// The commit that it was.
    pub git_sha: Option<String>,
    /// Where its source came from, where our own call named it.
    pub source_url: Option<String>,
    /// The services that it was limited to.
    pub services: Vec<String>,
}

/// The provider took the call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accepted {
    /// The new deployment, where the answer names it. Without it, the deployment is found later by reading.
    pub deployment: Option<DeploymentObservation>,
    /// The provider says that it waits behind another.
    pub is_queued: bool,
}

/// A provider's proof that a call with a reference of ours arrived. It does not say which deployment the call made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When the provider began to work on it, where it says.
    pub started_at: Option<OffsetDateTime>,
    /// Whether the provider is done with it.
    pub is_finished: bool,
    /// Whether it went well, once it is done.
    pub succeeded: Option<bool>,
}

/// What a write would send, without credentials: shown to callers, sent to nobody.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedCall {
    /// The HTTP method.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The JSON body, secret fields masked.
    pub body: Option<Value>,
    /// What the caller should know before doing it, such as "the provider does not say which deployment this makes".
    pub warnings: Vec<String>,
}

/// A write of ours of which it is not known which deployment it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnansweredCall<'a> {
    /// When the call was begun, in the database's time.
    pub calling_at: OffsetDateTime,
    /// The highest provider id of a deployment of the application that was known then, where ids have an order.
    pub highest_known_id: Option<&'a str>,
    /// The revision that was asked for.
    pub git_ref: Option<&'a str>,
}

impl UnansweredCall<'_> {
    /// Whether a deployment's revision can be the one that was asked for: what either side does not say contradicts nothing.
    pub fn fits_revision(&self, git: &Git) -> bool {
        let Some(asked) = self.git_ref else { return true };
        let is_asked = |said: &String| said == asked || is_short_for(asked, said);
        match (&git.r#ref, &git.sha) {
            // A hash that a branch was resolved to says nothing of the branch.
            (None, Some(sha)) => is_asked(sha) || !is_hash(asked),
            (None, None) => true,
            (Some(said), sha) => is_asked(said) || sha.as_ref().is_some_and(is_asked),
        }
    }
}

fn is_hash(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_short_for(asked: &str, said: &str) -> bool {
    is_hash(asked) && is_hash(said) && said.len() > asked.len() && said.starts_with(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn odd_fields_are_refused_by_name() {
        let git_ref = |text: &str| TriggerRequest {
            git_ref: Some(text.to_owned()),
            ..TriggerRequest::default()
        };
        for good in ["main", "feature/x", "v1.2.3", "a1b2c3d", "größe"] {
            assert_eq!(git_ref(good).check(), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a b",
            "a\nb",
            "a\0b",
            "../x",
            &"x".repeat(256),
        ] {
            assert_eq!(
                git_ref(bad).check().map_err(|fault| fault.field),
                Err("git_ref"),
                "{bad}"
            );
        }
        let faults = [
            TriggerRequest {
                source_url: Some("file:///etc/passwd".to_owned()),
                ..TriggerRequest::default()
            },
            TriggerRequest {
                services: vec!["web,worker".to_owned()],
                ..TriggerRequest::default()
            },
            TriggerRequest {
                deployment_profile: Some(String::new()),
                ..TriggerRequest::default()
            },
        ];
        let fields: Vec<_> = faults
            .iter()
            .filter_map(|request| request.check().err())
            .map(|fault| fault.field)
            .collect();
        assert_eq!(fields, ["source_url", "services", "deployment_profile"]);
    }

    #[test]
    fn a_revision_fits_unless_it_says_another() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let fits = |asked: Option<&str>, r#ref: Option<&str>, sha: Option<&str>| {
            let call = UnansweredCall {
                calling_at: datetime!(2026-11-22 10:00 UTC),
                highest_known_id: None,
                git_ref: asked,
            };
            call.fits_revision(&Git {
                r#ref: r#ref.map(str::to_owned),
                sha: sha.map(str::to_owned),
                ..Git::default()
            })
        };
        assert!(fits(None, Some("other"), Some(sha)));
        assert!(fits(Some("main"), Some("main"), Some(sha)));
        assert!(fits(Some("main"), None, Some(sha)));
        assert!(fits(Some("main"), None, None));
        assert!(fits(Some(sha), None, Some(sha)));
        assert!(fits(Some("0123456"), Some("main"), Some(sha)));
        assert!(!fits(Some("main"), Some("staging"), Some(sha)));
        assert!(!fits(Some("fedcba9876"), None, Some(sha)));
        assert!(!fits(Some(sha), Some("main"), Some("fedcba9876543210")));
    }
}
