//! What a principal may do.

use std::fmt;

macro_rules! scopes {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal, $bit:literal;)*) => {
        /// What a token can allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope { $($(#[$doc])+ $variant,)* }

        impl Scope {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The public spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            const fn bit(self) -> u8 {
                match self { $(Self::$variant => 1 << $bit,)* }
            }
        }
    };
}

scopes! {
    /// To read providers, accounts, applications and deployments.
    DeploymentsRead = "deployments:read", 0;
    /// To trigger, cancel, redeploy and roll back.
    DeploymentsWrite = "deployments:write", 1;
    /// To read logs.
    LogsRead = "logs:read", 2;
    /// To follow the event log.
    EventsRead = "events:read", 3;
    /// To read what the provider answered, as it answered.
    RawRead = "raw:read", 4;
    /// To deploy while a freeze window is in force.
    FreezesOverride = "freezes:override", 5;
    /// Everything, tokens and the audit log included.
    Admin = "admin", 6;
}

impl Scope {
    /// The scope of a public spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text)
    }
}

/// A set of scopes. [`Scope::Admin`] stands for all of them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// What the configured token to read allows: everything that is read, raw payloads apart.
    pub const READ: Self = Self(Scope::DeploymentsRead.bit() | Scope::LogsRead.bit() | Scope::EventsRead.bit());
    /// Everything but what administers the gateway.
    pub const TRY: Self = Self(Self::READ.0 | Scope::DeploymentsWrite.bit() | Scope::RawRead.bit());
    /// Everything.
    pub const ADMIN: Self = Self(Scope::Admin.bit());

    /// Whether it allows something.
    pub const fn allows(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// What of it only looks; all that looks, for who may do everything.
    pub(crate) const fn only_reads(self) -> Self {
        if self.allows(Scope::Admin) {
            return Self::READ;
        }
        Self(self.0 & Self::READ.0)
    }

    /// Both together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Everything that it allows, in public spellings.
    pub fn words(self) -> Vec<String> {
        let allowed = Scope::ALL.iter().filter(|scope| self.allows(**scope));
        allowed.map(|scope| scope.as_str().to_owned()).collect()
    }

    /// What was granted word by word, in public spellings: [`Scope::Admin`] alone where it is among them.
    pub fn granted(self) -> Vec<String> {
        if self.allows(Scope::Admin) {
            return vec![Scope::Admin.as_str().to_owned()];
        }
        self.words()
    }

    /// Of public spellings; those that this release does not know allow nothing.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words.into_iter().filter_map(Scope::parse).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.granted().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_stands_for_all_and_nothing_else_for_anything_more() {
        for scope in Scope::ALL {
            assert!(Scopes::ADMIN.allows(*scope));
            assert_eq!(Scope::parse(scope.as_str()), Some(*scope));
            let only = Scopes::from_words([scope.as_str(), "unheard:of"]);
            let allowed = Scope::ALL.iter().filter(|other| only.allows(**other)).count();
            assert_eq!(allowed, if *scope == Scope::Admin { Scope::ALL.len() } else { 1 });
        }
        assert_eq!(Scopes::READ.granted(), ["deployments:read", "logs:read", "events:read"]);
        assert_eq!(Scopes::ADMIN.granted(), ["admin"]);
        assert!(Scopes::default().words().is_empty());
    }
}
