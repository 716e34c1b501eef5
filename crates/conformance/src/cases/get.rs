//! Single reads.

use slipway_core::provider::{ApplicationRef, ErrorKind};

use super::{Case, Tried, always, case, ensure, must, refused};
use crate::World;

/// An id that no platform has given to anything.
const UNKNOWN: &str = "999999999999";

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!("get/application_as_listed", always, application),
        case!("get/deployment_as_listed", always, deployment),
        case!("get/unknown_is_not_found", always, unknown),
    ]
}

async fn application(world: &dyn World) -> Tried {
    let provider = world.provider();
    let listed = must("a page of applications", provider.list_applications(None).await)?.items;
    let first = listed.first().ok_or("no application is listed")?;
    let single = must(
        "get_application",
        provider.get_application(&first.provider_application_id).await,
    )?;
    ensure(single == *first, || format!("listed as {first:?}, read as {single:?}"))
}

async fn deployment(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let listed = must(
        "a page of deployments",
        provider.list_deployments(&application, None).await,
    )?
    .items;
    for item in listed.iter().take(3) {
        let single = must(
            "get_deployment",
            provider
                .get_deployment(&application, &item.provider_deployment_id)
                .await,
        )?;
        ensure(single == *item, || format!("listed as {item:?}, read as {single:?}"))?;
    }
    ensure(!listed.is_empty(), || "no deployment is listed".to_owned())
}

async fn unknown(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let not_found = [ErrorKind::NotFound];
    refused(
        "an unknown application",
        provider.get_application(UNKNOWN).await,
        &not_found,
    )?;
    let read = provider.get_deployment(&application, UNKNOWN).await;
    refused("an unknown deployment", read, &not_found)?;
    let gone = ApplicationRef {
        provider_application_id: UNKNOWN.to_owned(),
        name: UNKNOWN.to_owned(),
    };
    let listed = provider.list_deployments(&gone, None).await;
    refused("the deployments of an unknown application", listed, &not_found).map(drop)
}
