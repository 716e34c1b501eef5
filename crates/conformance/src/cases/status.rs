//! What becomes of statuses.

use slipway_core::Status;

use super::{Case, Tried, always, case, deployments, ensure, must};
use crate::{Course, Fault, World};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!("status/from_start_to_end", always, courses),
        case!("status/invented_is_unknown_and_counted", always, invented),
        case!("status/table_is_documented", always, table),
    ]
}

async fn courses(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    for (course, end) in [(Course::Succeeds, Status::Succeeded), (Course::Fails, Status::Failed)] {
        let id = world.start(course);
        let running = must("get_deployment", provider.get_deployment(&application, &id).await)?.state;
        ensure(!running.is_finished && running.status == Status::InProgress, || {
            format!("a deployment that is being worked on reads as {running:?}")
        })?;
        world.finish();
        let ended = must("get_deployment", provider.get_deployment(&application, &id).await)?;
        ensure(ended.state.is_finished && ended.state.status == end, || {
            format!("a deployment that {course:?} reads as {:?}", ended.state)
        })?;
        ensure(ended.state.provider_status.is_some(), || {
            "the platform's own word is lost".to_owned()
        })?;
        ensure(ended.unmapped_status.is_none(), || {
            "a documented status is not mapped".to_owned()
        })?;
    }
    Ok(())
}

async fn invented(world: &dyn World) -> Tried {
    world.fail(&Fault::InventedStatus);
    for deployment in deployments(world).await? {
        let state = &deployment.state;
        ensure(state.status == Status::Unknown, || {
            format!("an invented status reads as {state:?}")
        })?;
        ensure(deployment.unmapped_status.is_some(), || {
            "an invented status is not counted".to_owned()
        })?;
        ensure(state.is_finished == deployment.finished_at.is_some(), || {
            format!(
                "with the finish time {:?} it reads as {state:?}",
                deployment.finished_at
            )
        })?;
    }
    Ok(())
}

async fn table(world: &dyn World) -> Tried {
    let mappings = world.provider().info().status_mappings;
    for end in [Status::Succeeded, Status::Failed] {
        ensure(mappings.iter().any(|mapping| mapping.status == end), || {
            format!("no status is mapped to {end:?}")
        })?;
    }
    Ok(())
}
