//! Cloud 66's JSON as far as we read it. A field that is missing, null or of another type is nothing.

use serde::Deserialize;
use serde_json::Value;
use slipway_provider_http::lenient;
use time::OffsetDateTime;

/// A stack.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct StackPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub uid: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git_branch: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub environment: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub fqdn: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub application_address: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub account_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub status: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub health: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub is_busy: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_activity: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_activity_iso: Option<String>,
    #[serde(deserialize_with = "lenient::instant")]
    pub created_at: Option<OffsetDateTime>,
    #[serde(deserialize_with = "lenient::instant")]
    pub created_at_iso: Option<OffsetDateTime>,
}

/// A deployment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub struct DeploymentPayload {
    #[serde(deserialize_with = "lenient::id")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub triggered_by: Option<String>,
    #[serde(deserialize_with = "coded")]
    pub triggered_via: Coded,
    #[serde(deserialize_with = "lenient::any")]
    pub started_at: Option<Value>,
    #[serde(deserialize_with = "lenient::any")]
    pub finished_at: Option<Value>,
    #[serde(deserialize_with = "coded")]
    pub outcome: Coded,
    #[serde(deserialize_with = "coded")]
    pub deploy_type: Coded,
    #[serde(deserialize_with = "lenient::text")]
    pub git_hash: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub git_ref: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub commit_url: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    pub is_live: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    pub is_deploying: Option<bool>,
    #[serde(deserialize_with = "lenient::text")]
    pub reverted_by: Option<String>,
    #[serde(deserialize_with = "lenient::instant")]
    pub reverted_at: Option<OffsetDateTime>,
}

/// One value of an enumeration: a code, which is a number or a word, and a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coded {
    /// The code.
    pub code: Option<String>,
    /// The word for it.
    pub meaning: Option<String>,
}

impl Coded {
    /// `code:meaning`, or the one of the two that there is.
    pub fn verbatim(&self) -> Option<String> {
        match (&self.code, &self.meaning) {
            (Some(code), Some(meaning)) => Some(format!("{code}:{meaning}")),
            (code, meaning) => code.clone().or_else(|| meaning.clone()),
        }
    }

    /// What is mapped, in lower case: the meaning, else a code that is a word.
    pub fn word(&self) -> Option<String> {
        let is_word = |code: &&String| code.chars().any(char::is_alphabetic);
        self.meaning
            .as_ref()
            .or_else(|| self.code.as_ref().filter(is_word))
            .map(|word| word.to_lowercase())
    }
}

fn coded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Coded, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Object(fields) => {
            let field = |name| fields.get(name).and_then(lenient::text_of);
            Coded {
                code: field("code"),
                meaning: field("meaning"),
            }
        }
        Value::String(meaning) => Coded {
            code: None,
            meaning: lenient::text_of(&Value::String(meaning)),
        },
        number @ Value::Number(_) => Coded {
            code: lenient::text_of(&number),
            meaning: None,
        },
        Value::Null | Value::Bool(_) | Value::Array(_) => Coded::default(),
    })
}

/// An asynchronous action of a stack: what a redeploy leaves behind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ActionPayload {
    #[serde(deserialize_with = "lenient::instant")]
    pub(crate) started_at: Option<OffsetDateTime>,
    #[serde(deserialize_with = "lenient::any")]
    pub(crate) finished_at: Option<Value>,
    #[serde(deserialize_with = "lenient::flag")]
    pub(crate) finished_success: Option<bool>,
    #[serde(deserialize_with = "lenient::object")]
    pub(crate) metadata: Option<MetadataPayload>,
}

/// What an action keeps of the call that made it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MetadataPayload {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) user_reference: Option<String>,
}

/// The answer to a redeploy or a cancel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OutcomePayload {
    #[serde(deserialize_with = "lenient::flag")]
    pub(crate) ok: Option<bool>,
    #[serde(deserialize_with = "lenient::flag")]
    pub(crate) queued: Option<bool>,
}

/// A webhook: the fields of a stack, or a service with its stack, and an event beside them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WebhookPayload {
    #[serde(deserialize_with = "lenient::text")]
    pub(crate) event_type: Option<String>,
    #[serde(deserialize_with = "lenient::id")]
    pub(crate) uid: Option<String>,
    #[serde(deserialize_with = "lenient::object")]
    pub(crate) stack: Option<StackPayload>,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct ListPayload {
    pub(crate) response: Vec<Value>,
    #[serde(default, deserialize_with = "lenient::object")]
    pub(crate) pagination: Option<PaginationPayload>,
}

/// A single object.
#[derive(Debug, Deserialize)]
pub(crate) struct SinglePayload {
    pub(crate) response: serde_json::Map<String, Value>,
}

/// Where a page stands. Only these fields agree in all that is documented.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PaginationPayload {
    #[serde(deserialize_with = "lenient::integer")]
    pub(crate) next: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(crate) pages: Option<i64>,
}

impl PaginationPayload {
    /// The page after `asked`, if there is one. Never an earlier one, so that a walk comes to its end.
    pub(crate) fn after(&self, asked: u32) -> Option<u32> {
        let following = asked.checked_add(1)?;
        let is_within = self.pages.is_some_and(|pages| i64::from(following) <= pages);
        lenient::page_number(self.next)
            .or(is_within.then_some(following))
            .filter(|next| *next > asked)
    }
}
