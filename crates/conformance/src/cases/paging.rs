//! Walks over pages: everything once, in order.

use std::collections::BTreeSet;

use slipway_core::page::PageToken;
use slipway_core::provider::ErrorKind;

use super::{Case, Tried, always, case, deployments, ensure, must, refused};
use crate::World;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!("paging/every_application_once", always, applications),
        case!("paging/every_deployment_once_newest_first", always, every_deployment),
        case!("paging/foreign_page_token", always, foreign_token),
    ]
}

async fn applications(world: &dyn World) -> Tried {
    let provider = world.provider();
    let (mut seen, mut next) = (Vec::new(), None::<PageToken>);
    for _ in 0..1000 {
        let page = must(
            "a page of applications",
            provider.list_applications(next.as_ref()).await,
        )?;
        seen.extend(page.items.into_iter().map(|item| item.provider_application_id));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    ensure(distinct.len() == seen.len(), || "an application came twice".to_owned())?;
    let there: BTreeSet<_> = world.application_ids().into_iter().collect();
    ensure(distinct == there, || {
        format!("{} applications are there, {} were listed", there.len(), distinct.len())
    })
}

async fn every_deployment(world: &dyn World) -> Tried {
    let seen = deployments(world).await?;
    let ids: Vec<_> = seen
        .into_iter()
        .map(|deployment| deployment.provider_deployment_id)
        .collect();
    let there = world.deployment_ids();
    ensure(ids == there, || format!("there are {there:?}, listed were {ids:?}"))
}

async fn foreign_token(world: &dyn World) -> Tried {
    let before = world.requests();
    let token = PageToken("no page of yours".to_owned());
    let listed = world
        .provider()
        .list_deployments(&world.application(), Some(&token))
        .await;
    refused("a page token of another provider", listed, &[ErrorKind::InvalidRequest])?;
    ensure(world.requests() == before, || "it was sent to the platform".to_owned())
}
