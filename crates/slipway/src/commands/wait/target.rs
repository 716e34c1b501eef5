//! Which deployment is waited for, and what is usual for its application.

use slipway_api::{ApplicationView, DeploymentList, DeploymentView};
use uuid::Uuid;

use crate::client::Query;
use crate::commands::session::Session;
use crate::failure::Failure;

/// How many successful deployments tell the usual duration.
const USUAL_OF: usize = 10;
/// The least of a hash that the API takes as one.
const SHA_DIGITS_MIN: usize = 4;

/// Which deployment is waited for.
pub(crate) enum Target {
    Id(Uuid),
    /// The newest of a commit or ref, also one that is still to come.
    Revision {
        application: Box<ApplicationView>,
        git_ref: String,
    },
}

impl Target {
    pub(super) fn query(&self) -> Query {
        match self {
            Self::Id(id) => vec![("deployment", id.to_string())],
            Self::Revision { application, .. } => vec![("application", application.id.to_string())],
        }
    }

    pub(super) fn fits(&self, deployment: &DeploymentView) -> bool {
        match self {
            Self::Id(id) => deployment.id == *id,
            Self::Revision { application, git_ref } => {
                let git = &deployment.git;
                let sha = git.sha.as_deref().unwrap_or_default().to_lowercase();
                let is_commit = is_sha(git_ref) && sha.starts_with(&git_ref.to_lowercase());
                let named = git.r#ref.as_ref().or(git.branch.as_ref());
                deployment.application_id == application.id && (is_commit || named == Some(git_ref))
            }
        }
    }

    /// As it is now; none if it is still to come.
    pub(super) async fn read(&self, session: &Session) -> Result<Option<DeploymentView>, Failure> {
        let (application, git_ref) = match self {
            Self::Id(id) => return session.deployment(*id, &Query::new()).await?.json().map(Some),
            Self::Revision { application, git_ref } => (application.id.to_string(), git_ref),
        };
        let names = if is_sha(git_ref) {
            ["git_sha", "git_ref"].as_slice()
        } else {
            &["git_ref"]
        };
        for name in names {
            let query = [(*name, git_ref.clone()), ("limit", "1".to_owned())];
            let answer = session
                .client
                .get(&["applications", &application, "deployments"], &query)
                .await?;
            let list: DeploymentList = answer.json()?;
            if let Some(newest) = list.items.into_iter().next() {
                return Ok(Some(newest));
            }
        }
        Ok(None)
    }
}

fn is_sha(text: &str) -> bool {
    (SHA_DIGITS_MIN..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The median of the application's last successful deployments, in milliseconds.
pub(super) async fn usual_ms(session: &Session, deployment: &DeploymentView) -> Option<i64> {
    let id = deployment.application_id.to_string();
    let query = [("status", "succeeded".to_owned()), ("limit", USUAL_OF.to_string())];
    let answer = session
        .client
        .get(&["applications", &id, "deployments"], &query)
        .await
        .ok()?;
    let list: DeploymentList = answer.json().ok()?;
    let mut took: Vec<i64> = list.items.iter().filter_map(|item| item.duration_ms).collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied()
}
