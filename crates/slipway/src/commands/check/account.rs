//! One account, asked for its applications: what a gateway would do first.

use std::collections::BTreeSet;

use serde::Serialize;
use slipway_config::AccountSettings;
use slipway_core::provider::{ErrorKind, ProviderError, SharedProvider};

/// Whoever has more applications is not walked to the end: what is to be found out shows long before.
const PAGES_MAX: usize = 100;
/// Clocks of well kept machines differ by less.
const DIFFERENCE_MAX_MS: i64 = 30_000;

/// What an account's provider said.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) provider: &'static str,
    /// Whether anything answered.
    reachable: bool,
    /// Null where nobody could tell.
    token_accepted: Option<bool>,
    /// Null where the provider does not tell them, as neither Cloud 66 nor Scalingo does.
    scopes: Option<Vec<String>>,
    applications: Option<usize>,
    budget: Option<Budget>,
    /// How far the provider's clock is ahead of this machine's.
    clock_difference_ms: Option<i64>,
    #[serde(skip)]
    pub(super) fault: Option<String>,
    #[serde(skip)]
    pub(super) warning: Option<String>,
}

#[derive(Debug, Serialize)]
struct Budget {
    limit: u32,
    left: u32,
}

/// An account, and what it sees.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) account: Account,
    pub(super) application_ids: BTreeSet<String>,
}

pub(super) async fn ask(settings: &AccountSettings, provider: SharedProvider) -> Asked {
    let mut application_ids = BTreeSet::new();
    let walked = walk(&provider, &mut application_ids).await;
    let error = walked.err();
    let kind = error.as_ref().map(|error| error.kind);
    let difference = provider.clock_difference();
    let difference_ms = difference.map(|difference| i64::try_from(difference.whole_milliseconds()).unwrap_or(i64::MAX));
    let budget = provider.rate_budget();
    let name = settings.name.clone();
    let warning = difference_ms.filter(|ms| ms.abs() > DIFFERENCE_MAX_MS).map(|ms| {
        format!(
            "account {name}: the provider's clock and this machine's differ by {} s; see that this machine gets its time from \
             the network",
            ms.abs() / 1_000
        )
    });
    let account = Account {
        provider: settings.provider,
        // An answer has a date, whatever else it says.
        reachable: error.is_none() || difference.is_some(),
        token_accepted: match kind {
            None | Some(ErrorKind::PermissionDenied) => Some(true),
            Some(ErrorKind::Unauthenticated) => Some(false),
            Some(_) => None,
        },
        scopes: None,
        applications: error.is_none().then_some(application_ids.len()),
        budget: budget.map(|budget| Budget {
            limit: budget.limit,
            left: budget.remaining,
        }),
        clock_difference_ms: difference_ms,
        fault: error.map(|error| fault(settings, &error)),
        warning,
        name,
    };
    Asked {
        account,
        application_ids,
    }
}

async fn walk(provider: &SharedProvider, ids: &mut BTreeSet<String>) -> Result<(), ProviderError> {
    let mut next = None;
    for _ in 0..PAGES_MAX {
        let page = provider.list_applications(next.as_ref()).await?;
        ids.extend(page.items.into_iter().map(|item| item.provider_application_id));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    Ok(())
}

fn fault(settings: &AccountSettings, error: &ProviderError) -> String {
    let AccountSettings { name, place, .. } = settings;
    let way_out = match error.kind {
        ErrorKind::Unauthenticated => "give it a token that is valid",
        ErrorKind::PermissionDenied => "give it a token that may read applications and deployments",
        ErrorKind::RateLimited => "wait until the provider answers again",
        ErrorKind::Unavailable => "see that this machine reaches the provider, and that the URLs are right",
        _ => "see that the URLs are those of this provider's API",
    };
    format!("{place}: account {name}: {}; {way_out}", error.message)
}

impl Account {
    pub(super) fn sentence(&self) -> String {
        let mut parts = vec![if self.reachable { "reachable" } else { "not reachable" }.to_owned()];
        parts.push(
            match self.token_accepted {
                Some(true) => "token accepted",
                Some(false) => "token refused",
                None => "token not tried",
            }
            .to_owned(),
        );
        parts.extend(self.applications.map(super::counted));
        parts.push(match &self.scopes {
            Some(scopes) => format!("scopes {}", scopes.join(", ")),
            None => "scopes are not told by the provider".to_owned(),
        });
        parts.extend(
            self.budget
                .as_ref()
                .map(|budget| format!("{} of {} requests left", budget.left, budget.limit)),
        );
        parts.extend(self.clock_difference_ms.map(|ms| match ms.abs() {
            0..=1_500 => "clocks agree".to_owned(),
            ms => format!("clocks differ by {} s", ms / 1_000),
        }));
        parts.join(", ")
    }
}
