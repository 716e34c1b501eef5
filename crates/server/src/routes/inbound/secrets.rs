//! Which account's webhooks are taken, and by which secret in their path.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::ConstantTimeEq;

use crate::auth::{Hash, sha256};

/// The secrets of the accounts that take webhooks. Only their hashes are kept. Clones share them.
#[derive(Clone, Default)]
pub struct WebhookSecrets(Arc<RwLock<BTreeMap<String, Hash>>>);

impl WebhookSecrets {
    /// Whether this is the account's secret. Takes as long for an account that has none.
    pub(crate) fn is_right(&self, account: &str, secret: &str) -> bool {
        // No secret has this hash.
        let wanted = self.known().get(account).copied().unwrap_or_default();
        bool::from(wanted.ct_eq(&sha256(secret)))
    }

    /// Puts others in force.
    pub fn replace(&self, others: Self) {
        let others = others.known();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = others;
    }

    fn known(&self) -> BTreeMap<String, Hash> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for WebhookSecrets {
    /// From accounts and their secrets.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(secrets: I) -> Self {
        let secrets = secrets.into_iter();
        let hashes = secrets.map(|(account, secret)| (account.to_owned(), sha256(secret)));
        Self(Arc::new(RwLock::new(hashes.collect())))
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().keys()).finish()
    }
}
