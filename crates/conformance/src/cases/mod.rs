//! The cases, a file for each part of the contract.

mod cancel;
mod credentials;
mod faults;
mod get;
mod logs;
mod paging;
mod status;
mod stream;
mod times;
mod trigger;
mod unsupported;
mod webhook;

use futures_util::future::BoxFuture;
use slipway_core::DeploymentObservation;
use slipway_core::page::PageToken;
use slipway_core::provider::{Capabilities, ErrorKind, ProviderError};

use crate::World;

/// Ok, or what is wrong.
type Tried = Result<(), String>;

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Whether these capabilities call for it.
    pub(crate) applies: fn(&Capabilities) -> bool,
    pub(crate) run: for<'a> fn(&'a dyn World) -> BoxFuture<'a, Tried>,
}

/// `case!("name", capability test, async function)`.
macro_rules! case {
    ($name:literal, $applies:expr, $run:path) => {
        $crate::cases::Case {
            name: $name,
            applies: $applies,
            run: |world| Box::pin($run(world)),
        }
    };
}
use case;

pub(crate) fn all() -> Vec<Case> {
    let parts: [fn() -> Vec<Case>; 12] = [
        paging::cases,
        get::cases,
        status::cases,
        times::cases,
        trigger::cases,
        cancel::cases,
        logs::cases,
        stream::cases,
        webhook::cases,
        faults::cases,
        unsupported::cases,
        credentials::cases,
    ];
    parts.iter().flat_map(|cases| cases()).collect()
}

fn always(_: &Capabilities) -> bool {
    true
}

/// Fails with a sentence unless it holds.
fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Tried {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// A call that must succeed.
fn must<T>(what: &str, result: Result<T, ProviderError>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

/// A call that must fail in this way.
fn refused<T>(what: &str, result: Result<T, ProviderError>, kinds: &[ErrorKind]) -> Result<ProviderError, String> {
    match result {
        Ok(_) => Err(format!("{what} succeeded, and should fail as one of {kinds:?}")),
        Err(error) if kinds.contains(&error.kind) => Ok(error),
        Err(error) => Err(format!(
            "{what} failed as {:?}, not as one of {kinds:?}: {error}",
            error.kind
        )),
    }
}

/// All deployments of the application, page by page; a walk that never ends fails.
async fn deployments(world: &dyn World) -> Result<Vec<DeploymentObservation>, String> {
    let (provider, application) = (world.provider(), world.application());
    let (mut all, mut next) = (Vec::new(), None::<PageToken>);
    for _ in 0..1000 {
        let page = must(
            "a page of deployments",
            provider.list_deployments(&application, next.as_ref()).await,
        )?;
        all.extend(page.items);
        next = page.next;
        if next.is_none() {
            return Ok(all);
        }
    }
    Err("the walk over the deployments does not end".to_owned())
}
