//! What the platform does wrong, and what the adapter makes of it.

use slipway_core::provider::{Capabilities, ErrorKind};

use super::trigger::trigger;
use super::{Case, Tried, always, case, ensure, must, refused};
use crate::{Fault, World};

pub(super) fn cases() -> Vec<Case> {
    fn can_trigger(can: &Capabilities) -> bool {
        can.trigger.is_available() && can.trigger_with_revision
    }
    vec![
        case!("faults/throttled_is_left_alone", always, throttled),
        case!("faults/down_is_unavailable", always, down),
        case!("faults/garbage_is_not_understood", always, garbage),
        case!("faults/truncated_is_an_error", always, truncated),
        case!("faults/null_fields_cost_only_themselves", always, null_fields),
        case!("faults/refusals_have_their_kind", always, refusals),
        case!("faults/unanswered_write_is_left_open", can_trigger, unanswered),
        case!("faults/refused_write_is_not_done", can_trigger, refused_write),
    ]
}

/// A read under a fault.
async fn read(world: &dyn World, fault: &Fault, kinds: &[ErrorKind]) -> Tried {
    world.heal();
    world.fail(fault);
    let listed = world.provider().list_deployments(&world.application(), None).await;
    refused(&format!("a read under {fault:?}"), listed, kinds).map(drop)
}

async fn throttled(world: &dyn World) -> Tried {
    must(
        "a read",
        world.provider().list_deployments(&world.application(), None).await,
    )?;
    read(world, &Fault::Throttled, &[ErrorKind::RateLimited]).await?;
    world.heal();
    let before = world.requests();
    let again = world.provider().list_deployments(&world.application(), None).await;
    let error = refused("a read right after a throttled one", again, &[ErrorKind::RateLimited])?;
    ensure(error.retry_after.is_some(), || {
        "it does not say when to come again".to_owned()
    })?;
    ensure(world.requests() == before, || {
        "a throttled platform is asked again at once".to_owned()
    })
}

async fn down(world: &dyn World) -> Tried {
    for status in [500, 503] {
        read(world, &Fault::Status(status), &[ErrorKind::Unavailable]).await?;
    }
    world.heal();
    must(
        "a read after it",
        world.provider().list_deployments(&world.application(), None).await,
    )
    .map(drop)
}

async fn garbage(world: &dyn World) -> Tried {
    read(world, &Fault::Garbage, &[ErrorKind::Protocol]).await
}

async fn truncated(world: &dyn World) -> Tried {
    read(world, &Fault::Truncated, &[ErrorKind::Unavailable, ErrorKind::Protocol]).await
}

async fn null_fields(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let ids = |page: slipway_core::page::Page<slipway_core::DeploymentObservation>| {
        page.items
            .into_iter()
            .map(|item| item.provider_deployment_id)
            .collect::<Vec<_>>()
    };
    let before = ids(must("a read", provider.list_deployments(&application, None).await)?);
    world.fail(&Fault::NullFields);
    let with_nulls = must("a read of nulls", provider.list_deployments(&application, None).await)?;
    let end = with_nulls.items.iter().find(|item| item.state.status.is_end());
    ensure(end.is_none(), || {
        "a deployment of which nothing is known has an end".to_owned()
    })?;
    ensure(ids(with_nulls) == before, || {
        "deployments with nulls are lost".to_owned()
    })
}

async fn refusals(world: &dyn World) -> Tried {
    read(world, &Fault::Status(403), &[ErrorKind::PermissionDenied]).await?;
    read(world, &Fault::Status(401), &[ErrorKind::Unauthenticated]).await
}

async fn unanswered(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    for fault in [Fault::DropAfter, Fault::BrokenAfter] {
        must("a read", provider.list_deployments(&application, None).await)?;
        let made = world.deployments_made();
        world.fail(&fault);
        let written = provider.write(&application, &trigger("main"), "r").await;
        world.heal();
        let error = refused(
            &format!("a write under {fault:?}"),
            written,
            &[ErrorKind::Unavailable, ErrorKind::Protocol],
        )?;
        ensure(error.may_have_been_applied, || {
            format!("{fault:?}: it was done, and the error denies it")
        })?;
        ensure(world.deployments_made() == made + 1, || {
            format!("{fault:?}: the write was repeated")
        })?;
    }
    Ok(())
}

async fn refused_write(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    for (status, kind) in [
        (403, ErrorKind::PermissionDenied),
        // A revision that nobody has, most often.
        (422, ErrorKind::InvalidRequest),
    ] {
        world.fail(&Fault::Status(status));
        let written = provider.write(&application, &trigger("main"), "r").await;
        world.heal();
        let error = refused(&format!("a write that is answered {status}"), written, &[kind])?;
        ensure(!error.may_have_been_applied && world.deployments_made() == 0, || {
            format!("a write that is refused with {status} is said to be possibly done")
        })?;
    }
    Ok(())
}
