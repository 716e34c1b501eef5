//! Stopping deployments.

use slipway_core::Status;
use slipway_core::provider::{Capabilities, ErrorKind, Write};

use super::{Case, Tried, case, ensure, must, refused};
use crate::{Course, World};

pub(super) fn cases() -> Vec<Case> {
    fn can_cancel(can: &Capabilities) -> bool {
        can.cancel.is_available()
    }
    vec![
        case!("cancel/stops_a_running_one", can_cancel, running),
        case!("cancel/twice", can_cancel, twice),
        case!("cancel/finished_is_a_conflict", can_cancel, finished),
    ]
}

fn cancel(id: &str) -> Write {
    Write::Cancel {
        provider_deployment_id: id.to_owned(),
    }
}

async fn running(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let id = world.start(Course::Succeeds);
    must("cancel", provider.write(&application, &cancel(&id), "r").await)?;
    world.finish();
    let state = must("get_deployment", provider.get_deployment(&application, &id).await)?.state;
    // Some platforms have no word of their own for it; the gateway knows that it asked.
    let is_stopped = matches!(state.status, Status::Canceled | Status::Failed | Status::Unknown);
    ensure(state.is_finished && is_stopped, || {
        format!("after its cancel it reads as {state:?}")
    })
}

async fn twice(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let id = world.start(Course::Succeeds);
    must("cancel", provider.write(&application, &cancel(&id), "r").await)?;
    match provider.write(&application, &cancel(&id), "r").await {
        Ok(_) => Ok(()),
        Err(error) => ensure(
            error.kind == ErrorKind::Conflict && !error.may_have_been_applied,
            || format!("the second cancel failed as {:?}: {error}", error.kind),
        ),
    }
}

async fn finished(world: &dyn World) -> Tried {
    let id = world
        .deployment_ids()
        .into_iter()
        .next()
        .ok_or("the world has no deployment")?;
    let written = world.provider().write(&world.application(), &cancel(&id), "r").await;
    let error = refused("the cancel of one that ended", written, &[ErrorKind::Conflict])?;
    ensure(!error.may_have_been_applied, || {
        "it is said to be possibly done".to_owned()
    })
}
