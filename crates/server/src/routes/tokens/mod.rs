//! `/tokens`

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use slipway_api::{RestrictionsView, TokenView};
use slipway_store::Visibility;
use slipway_store::tokens::TokenRow;

/// The public form of a row.
fn view(row: TokenRow) -> TokenView {
    let restrictions = restrictions(&row.visibility());
    TokenView {
        id: row.id,
        name: row.name,
        prefix: row.prefix,
        scopes: row.scopes,
        restrictions,
        created_by: row.created_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        revoked_at: row.revoked_at,
    }
}

/// The public form of what is shown.
pub(crate) fn restrictions(visibility: &Visibility) -> RestrictionsView {
    let Visibility {
        providers,
        accounts,
        applications,
        environments,
    } = visibility.clone();
    RestrictionsView {
        providers,
        accounts,
        applications,
        environments,
    }
}
