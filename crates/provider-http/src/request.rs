//! What is asked, and how it becomes a URL and a credential's header.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use http::HeaderValue;
use slipway_core::provider::{ErrorKind, ProviderError};
use url::Url;

use crate::Secret;

/// How a request proves who we are.
#[derive(Debug, Clone, Copy)]
pub enum Auth<'a> {
    /// `Authorization: Bearer`.
    Bearer(&'a Secret),
    /// `Authorization: Basic` with an empty user.
    BasicPassword(&'a Secret),
    /// Not at all, for what anybody may read.
    None,
}

/// One request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The adapter's method, for errors and spans.
    pub operation: &'static str,
    /// The verb.
    pub method: http::Method,
    /// The path with names in place of values, for spans.
    pub route: &'static str,
    /// What follows the base URL's path; each is encoded.
    pub segments: &'a [&'a str],
    /// The query.
    pub query: &'a [(&'a str, &'a str)],
    /// What is accepted.
    pub accept: &'static str,
    /// The credential.
    pub auth: Auth<'a>,
    /// A JSON body.
    pub json: Option<&'a serde_json::Value>,
    /// The largest body, if it is another than the client's.
    pub max_body_bytes: Option<usize>,
    /// Whether it changes something: then it is never repeated, may take from the reserve of the rate limit, and its errors
    /// tell whether it may have been carried out.
    pub is_write: bool,
}

impl<'a> Request<'a> {
    /// A read of JSON.
    pub fn get(operation: &'static str, route: &'static str, segments: &'a [&'a str], auth: Auth<'a>) -> Self {
        Self {
            operation,
            method: http::Method::GET,
            route,
            segments,
            query: &[],
            accept: "application/json",
            auth,
            json: None,
            max_body_bytes: None,
            is_write: false,
        }
    }

    /// A call that changes something, with a JSON body if it has one.
    pub fn write(
        operation: &'static str,
        method: http::Method,
        route: &'static str,
        segments: &'a [&'a str],
        auth: Auth<'a>,
        json: Option<&'a serde_json::Value>,
    ) -> Self {
        Self {
            method,
            json,
            is_write: true,
            ..Self::get(operation, route, segments, auth)
        }
    }

    /// The application that it is about: the first place of the route that a value takes. None when it concerns the whole
    /// account.
    pub(crate) fn application(&self) -> Option<&'a str> {
        let mut places = self.route.split('/').filter(|place| !place.is_empty());
        let place = places.position(|place| place.starts_with('{'))?;
        self.segments.get(place).copied()
    }

    /// The URL below `base_url`.
    pub(crate) fn url(&self, provider: &'static str, base_url: &Url) -> Result<Url, ProviderError> {
        let refuse = |message: &str| ProviderError::new(ErrorKind::InvalidRequest, provider, self.operation, message);
        // Such a segment would change which resource is meant, or be dropped.
        let is_odd = |segment: &&str| matches!(*segment, "" | "." | "..") || segment.len() > 1000;
        if self.segments.iter().any(is_odd) {
            return Err(refuse("an id is not usable in a path"));
        }
        let mut url = base_url.clone();
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(self.segments),
            Err(()) => return Err(refuse("the base URL takes no path")),
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        Ok(url)
    }

    /// The value of `Authorization`, if there is to be one, marked so that nothing prints it.
    pub(crate) fn authorization(&self, provider: &'static str) -> Result<Option<HeaderValue>, ProviderError> {
        let text = match self.auth {
            Auth::Bearer(token) => format!("Bearer {}", token.expose()),
            Auth::BasicPassword(password) => format!("Basic {}", BASE64.encode(format!(":{}", password.expose()))),
            Auth::None => return Ok(None),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            let message = "the token holds characters that cannot be sent";
            ProviderError::new(ErrorKind::Unauthenticated, provider, self.operation, message)
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
