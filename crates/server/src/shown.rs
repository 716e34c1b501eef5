//! Which accounts a caller sees.

use std::collections::BTreeSet;

use slipway_store::Visibility;

use crate::auth::Principal;
use crate::state::AppState;

/// The accounts that a caller sees: as a whole, or because one of their applications is seen.
#[derive(Debug)]
pub(crate) struct ShownAccounts<'a> {
    visibility: &'a Visibility,
    by_application: Option<BTreeSet<String>>,
}

impl<'a> ShownAccounts<'a> {
    pub(crate) fn of(state: &AppState, principal: &'a Principal) -> Self {
        Self {
            visibility: &principal.visibility,
            by_application: state.feed().applications().accounts_shown(&principal.visibility),
        }
    }

    pub(crate) fn shows(&self, provider: &str, account: &str) -> bool {
        self.visibility.may_show_account(provider, account)
            && self.by_application.as_ref().is_none_or(|shown| shown.contains(account))
    }
}
