//! Who may ask.

use std::fmt;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To read.
    Read,
    /// Everything, the gateway's own state included.
    Admin,
}

impl Scope {
    /// The public spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name that the operator gave the token.
    pub name: Arc<str>,
    /// What it allows.
    pub scope: Scope,
}

/// A token as the gateway keeps it: only its hash.
#[derive(Clone)]
pub struct Token {
    principal: Principal,
    hash: [u8; 32],
}

impl Token {
    /// A token of which only the SHA-256 is known.
    pub fn from_hash(name: &str, scope: Scope, sha256: [u8; 32]) -> Self {
        Self {
            principal: Principal {
                name: name.into(),
                scope,
            },
            hash: sha256,
        }
    }

    /// A token whose secret is at hand.
    pub fn from_secret(name: &str, scope: Scope, secret: &str) -> Self {
        Self::from_hash(name, scope, sha256(secret))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// All tokens.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Arc<[Token]>);

impl Tokens {
    /// The principal of a secret, if it is one of ours. Takes equally long whichever token it is and whether it is one.
    pub fn verify(&self, secret: &str) -> Option<&Principal> {
        let presented = sha256(secret);
        // One past the end: none.
        let mut found = u64::MAX;
        for (index, token) in (0_u64..).zip(self.0.iter()) {
            found.conditional_assign(&index, token.hash.ct_eq(&presented));
        }
        usize::try_from(found)
            .ok()
            .and_then(|index| self.0.get(index))
            .map(|token| &token.principal)
    }
}

impl FromIterator<Token> for Tokens {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

fn sha256(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_secret_is_accepted_and_none_is_ever_printed() {
        let tokens: Tokens = [
            Token::from_secret("a", Scope::Read, "one"),
            Token::from_secret("b", Scope::Admin, "two"),
        ]
        .into_iter()
        .collect();
        assert_eq!(tokens.verify("two").map(|principal| &*principal.name), Some("b"));
        for wrong in ["", "One", "one ", "three"] {
            assert_eq!(tokens.verify(wrong), None, "{wrong}");
        }
        assert_eq!(Tokens::default().verify(""), None);
        assert!(!format!("{tokens:?}").contains("hash"));
    }
}
