//! What the configuration put in force: the accounts with their adapters, and the rules. It may be replaced as a whole while
//! everything runs.

use std::sync::Arc;

use slipway_core::AccountName;
use slipway_core::provider::{Capabilities, ProviderRegistry, SharedProvider};
use tokio::sync::watch;

use crate::rules::Rules;
use crate::views::Views;

/// What is in force. Clones share it.
#[derive(Debug, Clone)]
pub struct Setup(Arc<watch::Sender<Arc<Configured>>>);

/// One configuration of accounts and rules.
#[derive(Debug)]
pub struct Configured {
    /// The accounts and their adapters.
    pub registry: ProviderRegistry,
    /// What gives environments, owners and labels.
    pub rules: Arc<Rules>,
    /// What the public JSON of each account's deployments is written by.
    pub(crate) views: Views,
}

impl Configured {
    fn new(registry: ProviderRegistry, rules: Arc<Rules>) -> Self {
        Self {
            views: Views::new(&registry),
            registry,
            rules,
        }
    }
}

impl Setup {
    /// These accounts, without rules.
    pub fn new(registry: ProviderRegistry) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(Configured::new(
            registry,
            Arc::default(),
        )))))
    }

    /// As it is now. What is under way may go on with it when it is replaced.
    pub fn now(&self) -> Arc<Configured> {
        Arc::clone(&self.0.borrow())
    }

    /// The adapter of an account.
    pub fn provider(&self, account: &AccountName) -> Option<SharedProvider> {
        self.0.borrow().registry.get(account).cloned()
    }

    /// What the account's provider can do: nothing where it is not configured.
    pub(crate) fn capabilities(&self, account: &AccountName) -> Capabilities {
        let provider = self.provider(account);
        provider.map(|provider| provider.capabilities()).unwrap_or_default()
    }

    /// The names of all accounts.
    pub fn account_names(&self) -> Vec<String> {
        let configured = self.0.borrow();
        configured.registry.iter().map(|(name, _)| name.to_string()).collect()
    }

    /// Puts others in force: everybody who asks from now on gets them, and those who wait for a change hear of it.
    pub fn replace(&self, registry: ProviderRegistry, rules: Rules) {
        self.0
            .send_replace(Arc::new(Configured::new(registry, Arc::new(rules))));
    }

    /// Another one with these rules.
    pub(crate) fn with_rules(&self, rules: Rules) -> Self {
        let configured = Configured::new(self.now().registry.clone(), Arc::new(rules));
        Self(Arc::new(watch::Sender::new(Arc::new(configured))))
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Configured>> {
        self.0.subscribe()
    }
}
