//! The tokens of the configuration.

use std::fmt;
use std::sync::Arc;

use subtle::{ConditionallySelectable, ConstantTimeEq};
use tokio::sync::watch;

use super::principal::{Principal, Source};
use super::scope::Scopes;
use super::secret::{Hash, sha256};

/// A token as the gateway keeps it: only its hash.
#[derive(Clone)]
pub struct Token {
    principal: Principal,
    hash: Hash,
}

impl Token {
    /// A token with these scopes, which hides nothing.
    pub fn from_secret(name: &str, scopes: Scopes, secret: &str) -> Self {
        let hash = sha256(secret);
        // Enough to notice that the token behind a session was exchanged, too little to learn it.
        let fingerprint: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            principal: Principal::configured(name, scopes, &fingerprint),
            hash,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// All tokens. Clones share them.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<watch::Sender<Arc<[Token]>>>);

impl Default for Tokens {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl Tokens {
    /// Puts others in force: whoever came with one that is not among them may no longer.
    pub fn replace(&self, others: &Self) {
        self.0.send_replace(others.now());
    }

    /// Tells when others are put in force.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<[Token]>> {
        self.0.subscribe()
    }

    fn now(&self) -> Arc<[Token]> {
        Arc::clone(&self.0.borrow())
    }

    /// The principal of a secret, if it is one of ours. Takes equally long whichever token it is and whether it is one.
    pub fn verify(&self, secret: &str) -> Option<Principal> {
        self.find_by_hash(&sha256(secret))
    }

    /// The same, of a secret with this hash.
    pub(crate) fn find_by_hash(&self, presented: &Hash) -> Option<Principal> {
        let tokens = self.now();
        // One past the end: none.
        let mut found = u64::MAX;
        for (index, token) in (0_u64..).zip(tokens.iter()) {
            found.conditional_assign(&index, token.hash.ct_eq(presented));
        }
        usize::try_from(found)
            .ok()
            .and_then(|index| tokens.get(index))
            .map(|token| token.principal.clone())
    }

    /// The principal of this name, if its secret is still the same.
    pub(crate) fn find(&self, name: &str, fingerprint: &str) -> Option<Principal> {
        let tokens = self.now();
        let source = Source::Configured(fingerprint.into());
        let mut principals = tokens.iter().map(|token| &token.principal);
        principals
            .find(|principal| *principal.name == *name && principal.source == source)
            .cloned()
    }
}

impl FromIterator<Token> for Tokens {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        Self(Arc::new(watch::Sender::new(tokens.into_iter().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_secret_is_accepted_and_none_is_ever_printed() {
        let tokens: Tokens = [
            Token::from_secret("a", Scopes::READ, "one"),
            Token::from_secret("b", Scopes::ADMIN, "two"),
        ]
        .into_iter()
        .collect();
        assert_eq!(tokens.verify("two").map(|principal| principal.name), Some("b".into()));
        for wrong in ["", "One", "one ", "three"] {
            assert_eq!(tokens.verify(wrong), None, "{wrong}");
        }
        assert_eq!(Tokens::default().verify(""), None);
        let Source::Configured(fingerprint) = tokens.verify("one").unwrap().source else {
            panic!("configured")
        };
        assert!(tokens.find("a", &fingerprint).is_some());
        assert!(tokens.find("b", &fingerprint).is_none() && tokens.find("a", "other").is_none());
        assert!(!format!("{tokens:?}").contains("hash"));
        let shared = tokens.clone();
        shared.replace(&[Token::from_secret("a", Scopes::READ, "three")].into_iter().collect());
        assert!(tokens.verify("three").is_some() && tokens.verify("one").is_none());
        assert!(tokens.find("a", &fingerprint).is_none(), "another secret");
    }
}
