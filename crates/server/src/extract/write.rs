//! A request that changes something at a provider: its body, and the headers that say how.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::{HeaderMap, HeaderName, header};
use ring::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use slipway_engine::writes;
use slipway_store::idempotency::IdempotencyKey;

use super::Caller;
use super::body::{json_bytes, parse};
use crate::auth::Scope;
use crate::problem::{Code, Problem};
use crate::state::AppState;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const FREEZE_OVERRIDE: HeaderName = HeaderName::from_static("x-freeze-override");
const KEY_MAX: usize = 255;

/// Which version a deployment must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Any.
    Any,
    /// One of an epoch of the log.
    Version {
        /// The epoch.
        epoch: String,
        /// The version.
        version: i64,
    },
    /// None: what was sent is no tag of a deployment.
    Never,
}

/// Who asks for what, and how.
#[derive(Debug)]
pub(crate) struct WriteRequest<T> {
    /// Who.
    pub(crate) caller: Caller,
    /// What.
    pub(crate) body: T,
    /// For the engine; without the version.
    pub(crate) request: writes::Request,
    /// Which version the deployment must have.
    pub(crate) if_match: IfMatch,
}

impl<T: DeserializeOwned> FromRequest<AppState> for WriteRequest<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        let overrides_freeze = overrides_freeze(&parts.headers)?;
        if overrides_freeze {
            caller.principal.require(Scope::FreezesOverride)?;
        }
        let key = one(&parts.headers, &IDEMPOTENCY_KEY)?.map(ToOwned::to_owned);
        if let Some(key) = &key
            && (key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            let message = format!("must have 1 to {KEY_MAX} visible ASCII characters");
            return Err(Problem::invalid_parameter("Idempotency-Key", message));
        }
        let if_match = one(&parts.headers, &header::IF_MATCH)?.map_or(IfMatch::Any, if_match);
        let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
        let bytes = json_bytes(Request::from_parts(parts, body), state).await?;
        let body = parse(&bytes)?;
        // As it is meant, not as it is written: blanks and the order of members make no other body.
        let meant = serde_json::from_slice::<serde_json::Value>(&bytes).and_then(|value| serde_json::to_vec(&value));
        let meant = meant.map_err(|_| Problem::new(Code::MalformedRequest))?;
        let actor = &caller.actor;
        let request = writes::Request {
            principal_id: actor.principal_id.clone(),
            principal: actor.principal.clone(),
            request_id: actor.request_id.clone(),
            client_address: actor.client_address.map(|address| address.to_string()),
            overrides_freeze,
            key: key.map(|key| IdempotencyKey {
                principal_id: actor.principal_id.clone(),
                method,
                path,
                key,
                fingerprint: digest(&SHA256, &meant).as_ref().to_vec(),
            }),
            if_version: None,
        };
        Ok(Self {
            caller,
            body,
            request,
            if_match,
        })
    }
}

fn overrides_freeze(headers: &HeaderMap) -> Result<bool, Problem> {
    match one(headers, &FREEZE_OVERRIDE)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::invalid_parameter(
            "X-Freeze-Override",
            "must be `true` or `false`",
        )),
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value.trim())),
        _ => Err(Problem::invalid_parameter(
            name.as_str(),
            "must be sent once, in visible ASCII characters",
        )),
    }
}

/// A tag as `GET /deployments/{deployment_id}` gives it: the epoch, the version, and what was included.
fn if_match(text: &str) -> IfMatch {
    if text == "*" {
        return IfMatch::Any;
    }
    let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let parsed = tag.and_then(|tag| {
        let mut parts = tag.splitn(3, '-');
        let (epoch, version) = (parts.next()?, parts.next()?);
        let known = ["raw", "timeline", "raw-timeline"];
        let is_known = parts.next().is_none_or(|included| known.contains(&included));
        let version = version.parse().ok().filter(|_| is_known)?;
        Some((epoch.to_owned(), version))
    });
    parsed.map_or(IfMatch::Never, |(epoch, version)| IfMatch::Version { epoch, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_of_a_deployment_names_its_version_and_nothing_else_does() {
        let version = |version| IfMatch::Version {
            epoch: "e1".to_owned(),
            version,
        };
        assert_eq!(if_match("\"e1-7\""), version(7));
        assert_eq!(if_match("\"e1-7-raw-timeline\""), version(7));
        assert_eq!(if_match("*"), IfMatch::Any);
        for odd in [
            "e1-7",
            "W/\"e1-7\"",
            "\"e1\"",
            "\"e1-x\"",
            "\"e1-7-else\"",
            "",
            "\"e1-7\", \"e1-8\"",
        ] {
            assert_eq!(if_match(odd), IfMatch::Never, "{odd}");
        }
    }
}
