//! `[auth]`

use url::Url;

use crate::Secret;
use crate::reader::Reader;

/// Shorter tokens can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Who may call the API, beside the tokens in the database.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// May read everything but raw payloads.
    pub read_token: Option<Secret>,
    /// May do everything.
    pub admin_token: Option<Secret>,
    /// Whoever reaches the API may read, without any token. Only on this machine.
    pub open_access: bool,
    /// An issuer of tokens that are trusted.
    pub oidc: Option<OidcSettings>,
}

/// Bearer tokens of an issuer that speaks `OpenID` Connect.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The `iss` of its tokens, and where its keys are found out.
    pub issuer: Url,
    /// The `aud` that tokens for this gateway carry.
    pub audience: String,
    /// Which claim is mapped to scopes: a text of words, or a list.
    pub claim: String,
    /// The scopes that each value of the claim stands for.
    pub scopes: Vec<(String, Vec<String>)>,
    /// The claims that name what a subject sees.
    pub restrictions: OidcRestrictions,
    /// Hosts beside the issuer's that may hold its keys.
    pub key_hosts: Vec<String>,
}

/// The claims that name what a subject of an issuer sees; none for what is not restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OidcRestrictions {
    /// Names kinds of platform.
    pub providers: Option<String>,
    /// Names accounts.
    pub accounts: Option<String>,
    /// Names applications, by their ids.
    pub applications: Option<String>,
    /// Names environments.
    pub environments: Option<String>,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<AuthSettings> {
    let mut is_complete = true;
    let mut token = |key: &str| {
        let token = section.secret(key)?;
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
    let open_access = section.boolean("open_access").is_some_and(|taken| taken.value);
    let oidc = section.section("oidc").map(oidc);
    let oidc = match oidc {
        Some(None) => {
            is_complete = false;
            None
        }
        Some(some) => some,
        None => None,
    };
    section.finish();
    is_complete.then_some(AuthSettings {
        read_token,
        admin_token,
        open_access,
        oidc,
    })
}

fn oidc(mut section: Reader<'_>) -> Option<OidcSettings> {
    let issuer = section.server_url("issuer");
    let issuer = section.required("issuer", issuer);
    let audience = section.string("audience").map(|taken| taken.value);
    let audience = section.required("audience", audience);
    let claim = section
        .string("claim")
        .map_or_else(|| "scope".to_owned(), |taken| taken.value);
    let key_hosts = section.list("key_hosts", "host names", |text| {
        (!text.is_empty() && !text.contains(['/', ':'])).then(|| text.to_owned())
    });
    let mut scopes = Vec::new();
    if let Some(mut mapped) = section.section("scopes") {
        for value in mapped.remaining_keys() {
            let words = mapped.list(&value, "scopes", |text| (!text.is_empty()).then(|| text.to_owned()));
            scopes.push((value, words));
        }
        mapped.finish();
    }
    let restrictions = section.section("restrictions").map(restrictions).unwrap_or_default();
    if scopes.is_empty() {
        let place = section.place().to_owned();
        section.fault(
            &place,
            "scopes",
            "is missing: without it no token of the issuer allows anything",
        );
    }
    section.finish();
    Some(OidcSettings {
        issuer: issuer?,
        audience: audience?,
        claim,
        scopes,
        restrictions,
        key_hosts,
    })
}

fn restrictions(mut section: Reader<'_>) -> OidcRestrictions {
    let mut claim = |key: &str| section.string(key).map(|taken| taken.value);
    let restrictions = OidcRestrictions {
        providers: claim("providers"),
        accounts: claim("accounts"),
        applications: claim("applications"),
        environments: claim("environments"),
    };
    section.finish();
    restrictions
}
