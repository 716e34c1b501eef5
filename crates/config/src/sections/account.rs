//! `[[accounts]]`

use std::collections::{BTreeMap, BTreeSet};

use super::items;
use crate::Secret;
use crate::node::Node;
use crate::reader::{Notes, Reader};

/// An adapter of this binary, and the keys that it takes beside `name`, `provider` and `token`.
#[derive(Debug, Clone, Copy)]
pub struct ProviderKeys {
    /// What `provider` is called.
    pub name: &'static str,
    /// Its own keys; all of them are optional strings.
    pub keys: &'static [&'static str],
}

/// A connection to a provider.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Its identity in the history: unique, and not to be changed.
    pub name: String,
    /// What it was called before: its history goes with it.
    pub previous_name: Option<String>,
    /// Which adapter serves it.
    pub provider: &'static str,
    /// The credential.
    pub token: Secret,
    /// What the path of its provider's webhooks ends with; without one it takes none.
    pub webhook_secret: Option<Secret>,
    /// The adapter's own keys.
    pub options: BTreeMap<&'static str, AccountOption>,
    /// Where the account is configured, for faults that only the adapter finds.
    pub place: String,
}

/// The value of one of the adapter's own keys.
#[derive(Debug, Clone)]
pub struct AccountOption {
    /// As it was written.
    pub value: String,
    /// Where.
    pub place: String,
}

pub(super) fn read(
    accounts: Option<Node>,
    mut notes: Notes<'_>,
    providers: &[ProviderKeys],
) -> Option<Vec<AccountSettings>> {
    let items = items("accounts", accounts, &mut notes)?;
    let mut names = BTreeSet::new();
    let mut read = Vec::new();
    let mut complete = true;
    for (name, place, table) in items {
        let Some(table) = table else {
            complete = false;
            continue;
        };
        let section = Reader::new(name.clone(), &place, table, notes.lend());
        match account(section, providers) {
            Some(account) if !names.insert(account.name.clone()) => {
                notes.faults.push(
                    place,
                    format!("{name}.name"),
                    format!("`{}` is taken already", account.name),
                );
            }
            Some(account) => read.push(account),
            None => complete = false,
        }
    }
    for (index, account) in read.iter().enumerate() {
        if let Some(message) = wrong_previous_name(account, &read[..index], &names) {
            let key = format!("account {}: previous_name", account.name);
            notes.faults.push(account.place.clone(), key, message);
        }
    }
    complete.then_some(read)
}

fn account(mut section: Reader<'_>, providers: &[ProviderKeys]) -> Option<AccountSettings> {
    let place = section.place().to_owned();
    let name = section.string("name");
    let name = section.required("name", name);
    if let Some(name) = &name
        && !is_name(&name.value)
    {
        let message = "must be 1 to 64 letters a-z, digits, `-` and `_`, as it stands in URLs and in the history";
        section.fault(&name.place, "name", message);
    }
    let token = section.required_secret("token");
    let webhook_secret = section.secret("webhook_secret");
    let previous_name = section.string("previous_name").map(|taken| taken.value);
    if let Some(secret) = webhook_secret
        .as_ref()
        .filter(|secret| !is_webhook_secret(secret.value.expose()))
    {
        let message =
            "must be 32 to 128 letters, digits, `-` and `_`, such as `openssl rand -hex 32` prints: it stands in a URL";
        let place = secret.place.clone();
        section.fault(&place, "webhook_secret", message);
    }
    let choices: Vec<_> = providers.iter().map(|provider| (provider.name, *provider)).collect();
    let provider = section.choice("provider", &choices);
    let Some(provider) = section.required("provider", provider) else {
        // Which keys are right is known only with the provider.
        return None;
    };
    let mut options = BTreeMap::new();
    for key in provider.keys {
        if let Some(taken) = section.string(key) {
            let option = AccountOption {
                value: taken.value,
                place: taken.place,
            };
            options.insert(*key, option);
        }
    }
    section.finish();
    Some(AccountSettings {
        name: name?.value,
        previous_name,
        provider: provider.name,
        token: token?.value,
        webhook_secret: webhook_secret.map(|secret| secret.value),
        options,
        place,
    })
}

/// A history can go one way only.
fn wrong_previous_name(
    account: &AccountSettings,
    before: &[AccountSettings],
    names: &BTreeSet<String>,
) -> Option<String> {
    let former = account.previous_name.as_ref()?;
    if names.contains(former) {
        return Some(format!("`{former}` is the name of an account that is configured"));
    }
    let other = before
        .iter()
        .find(|other| other.previous_name.as_ref() == Some(former))?;
    Some(format!(
        "`{former}` is the previous name of account {}, too",
        other.name
    ))
}

fn is_webhook_secret(secret: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (32..=128).contains(&secret.len()) && secret.bytes().all(legal)
}

fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(legal)
}
