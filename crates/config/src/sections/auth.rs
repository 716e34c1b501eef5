//! `[auth]`

use crate::Secret;
use crate::reader::Reader;

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Who may call the API.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// May read everything.
    pub read_token: Secret,
    /// May read everything, and what operators see.
    pub admin_token: Secret,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<AuthSettings> {
    let mut token = |key: &str| {
        let token = section.required_secret(key)?;
        if token.value.expose().len() < SHORTEST_TOKEN {
            section.fault(
                &token.place,
                key,
                format!("must have at least {SHORTEST_TOKEN} characters"),
            );
            return None;
        }
        Some(token.value)
    };
    let read_token = token("read_token");
    let admin_token = token("admin_token");
    if read_token.is_some() && read_token == admin_token {
        let place = section.place().to_owned();
        section.fault(&place, "admin_token", "must differ from `read_token`");
    }
    section.finish();
    Some(AuthSettings {
        read_token: read_token?,
        admin_token: admin_token?,
    })
}
