//! Which gateway, and with which token: flags first, then the environment, then `cli.toml`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use url::{Host, Url};

use super::profile;
use crate::cli::client::ConnectArgs;
use crate::failure::Failure;

/// Where `slipway demo` and `slipway serve` listen if nothing else is said.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// More than any token has.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// One gateway and what it is asked with. Where each came from is kept for messages; the token is never printed.
pub(crate) struct Connection {
    pub(crate) url: Url,
    /// A sentence's end: "which … names".
    pub(crate) url_origin: &'static str,
    token: Option<String>,
    pub(crate) token_origin: Option<String>,
    pub(crate) config_file: PathBuf,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn of(args: &ConnectArgs) -> Result<Self, Failure> {
        Self::choose(args, |name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn choose(args: &ConnectArgs, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let config_file = profile::default_path(&variable);
        let wanted = args.profile.clone().or_else(|| variable("SLIPWAY_PROFILE"));
        let profile = profile::load(&config_file, wanted.as_deref())?;
        let file = config_file.display().to_string();

        let of_profile = profile.url.as_deref().map(parse).transpose()?;
        let (url, url_origin) = if let Some(url) = &args.url {
            (parse(url)?, "--url names")
        } else if let Some(url) = variable("SLIPWAY_URL").filter(|_| args.profile.is_none()) {
            (parse(&url)?, "SLIPWAY_URL names")
        } else if let Some(url) = of_profile.clone() {
            (url, "cli.toml names")
        } else {
            (parse(DEFAULT_URL)?, "is the default")
        };

        let (token, token_origin) = if let Some(path) = &args.token_file {
            (Some(from_file(path)?), Some("--token-file".to_owned()))
        } else if let Some(token) = variable("SLIPWAY_TOKEN").filter(|_| args.profile.is_none()) {
            (Some(token), Some("SLIPWAY_TOKEN".to_owned()))
        } else if let Some(path) = variable("SLIPWAY_TOKEN_FILE").filter(|_| args.profile.is_none()) {
            (
                Some(from_file(Path::new(&path))?),
                Some("SLIPWAY_TOKEN_FILE".to_owned()),
            )
        } else if of_profile.is_none_or(|known| known.origin() != url.origin()) {
            // A profile's token is for the profile's gateway, not for whatever --url names.
            (None, None)
        } else if let Some(path) = &profile.token_file {
            profile::refuse_if_open(path)?;
            (Some(from_file(path)?), Some(path.display().to_string()))
        } else {
            let origin = profile.token.is_some().then_some(file);
            (profile.token, origin)
        };
        let token = token
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty());
        Ok(Self {
            url,
            url_origin,
            token_origin: token_origin.filter(|_| token.is_some()),
            token,
            config_file,
        })
    }

    /// For people.
    pub(super) fn shown_url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let Some(token) = &self.token else { return Ok(None) };
        let value = HeaderValue::from_str(&format!("Bearer {token}")).ok();
        let mut value = value.filter(|value| value.to_str().is_ok()).ok_or_else(|| {
            let origin = self.token_origin.as_deref().unwrap_or("the configuration");
            Failure::usage(format!(
                "what {origin} gives cannot be a token: it has characters that no header can carry"
            ))
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        }
    }
}

fn parse(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::usage(format!("`{}` cannot be a gateway's URL: {why}", without_password(text)));
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("it must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("tokens do not belong in it; set SLIPWAY_TOKEN"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("leave out what follows the path"));
    }
    Ok(url)
}

fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(end)) if start < end => format!("{}…{}", &text[..start + 3], &text[end..]),
        _ => text.to_owned(),
    }
}

fn from_file(path: &Path) -> Result<String, Failure> {
    let wrong = |why: String| Failure::usage(format!("the token file {} cannot be read: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    if text.trim().is_empty() || text.len() > TOKEN_BYTES_MAX {
        return Err(wrong("it must hold one token and nothing else".to_owned()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
