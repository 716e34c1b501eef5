//! Which accounts there are, and which adapter serves each.

use std::collections::BTreeMap;

use super::SharedProvider;
use crate::id::{AccountName, ProviderName};

/// The configured accounts with their adapters.
#[derive(Debug, Clone, Default)]
pub struct ProviderRegistry {
    accounts: BTreeMap<AccountName, SharedProvider>,
}

impl ProviderRegistry {
    /// Adds an account; an earlier one of the same name is replaced.
    pub fn insert(&mut self, account: AccountName, provider: SharedProvider) {
        self.accounts.insert(account, provider);
    }

    /// The adapter of an account.
    pub fn get(&self, account: &AccountName) -> Option<&SharedProvider> {
        self.accounts.get(account)
    }

    /// All accounts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&AccountName, &SharedProvider)> {
        self.accounts.iter()
    }

    /// The kinds of platform in use, each with one of its adapters.
    pub fn providers(&self) -> BTreeMap<ProviderName, &SharedProvider> {
        self.accounts
            .values()
            .map(|provider| (ProviderName::from(provider.info().name), provider))
            .collect()
    }
}
