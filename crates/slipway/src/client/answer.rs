//! A good answer of the gateway.

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, code};

#[derive(Debug)]
pub(crate) struct Answer {
    /// As it came, so that `--json` prints fields that this release does not know.
    pub(crate) text: String,
    pub(super) headers: HeaderMap,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(&self.text)
    }
}

/// JSON of the gateway in the shape of this release.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::with_code(
            code::UNAVAILABLE,
            format!("what answers there does not speak this release's API ({error})"),
        )
    })
}
