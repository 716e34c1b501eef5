//! `cli.toml`: gateways by name, so that nobody has to remember addresses and tokens.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// The file. Its own `url` and token are the profile without a name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    default_profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// One gateway. Not `Debug`: it may hold a token.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) url: Option<String>,
    pub(super) token: Option<String>,
    /// Relative to the folder of `cli.toml`; `~/` is the home folder.
    pub(super) token_file: Option<PathBuf>,
}

/// `$XDG_CONFIG_HOME/slipway/cli.toml`, else `~/.config/slipway/cli.toml`.
pub(super) fn default_path(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let config = match variable("XDG_CONFIG_HOME").filter(|path| Path::new(path).is_absolute()) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(variable("HOME").unwrap_or_default()).join(".config"),
    };
    config.join("slipway/cli.toml")
}

/// The profile with this name, else the default one. A file that is not there holds an empty one.
pub(super) fn load(path: &Path, wanted: Option<&str>) -> Result<Profile, Failure> {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match wanted {
                Some(name) => Err(Failure::usage(format!(
                    "there is no profile `{name}`, because there is no {shown}"
                ))),
                None => Ok(Profile::default()),
            };
        }
        Err(error) => return Err(Failure::usage(format!("{shown} cannot be read: {error}"))),
    };
    // Not the parser's own text: it would show the line, and with it a token.
    let file: File = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        Failure::usage(format!("{shown}:{line}: {}", error.message()))
    })?;
    let holds_token = file.token.is_some() || file.profiles.values().any(|profile| profile.token.is_some());
    if holds_token {
        refuse_if_open(path)?;
    }
    let mut profile = match wanted.or(file.default_profile.as_deref()) {
        Some(name) => file.profiles.get(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
            Failure::usage(format!("{shown} has no profile `{name}`; it has: {}", known.join(", ")))
        })?,
        None => Profile {
            url: file.url,
            token: file.token,
            token_file: file.token_file,
        },
    };
    if profile.token.is_some() && profile.token_file.is_some() {
        return Err(Failure::usage(format!(
            "{shown}: `token` and `token_file` exclude each other"
        )));
    }
    profile.token_file = profile.token_file.map(|file| in_folder_of(path, &file));
    Ok(profile)
}

fn in_folder_of(config: &Path, file: &Path) -> PathBuf {
    if let (Ok(rest), Some(home)) = (file.strip_prefix("~"), std::env::var_os("HOME")) {
        return Path::new(&home).join(rest);
    }
    config
        .parent()
        .map_or_else(|| file.to_owned(), |folder| folder.join(file))
}

/// A token that others can read is no secret.
pub(super) fn refuse_if_open(path: &Path) -> Result<(), Failure> {
    let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    match mode {
        Ok(mode) if mode & 0o077 != 0 => Err(Failure::usage(format!(
            "{path} holds a token and can be read by others: chmod 600 {path}",
            path = path.display()
        ))),
        _ => Ok(()),
    }
}
