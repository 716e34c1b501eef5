//! Times: told where they are known, never invented.

use super::{Case, Tried, always, case, deployments, ensure, must};
use crate::{Course, World};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case!("times/ended_deployments_say_when", always, ended),
        case!("times/running_deployments_have_no_end", always, running),
    ]
}

async fn ended(world: &dyn World) -> Tried {
    let mut newer = None;
    for deployment in deployments(world).await? {
        let details = &deployment.details;
        let id = &deployment.provider_deployment_id;
        let finished_at = deployment
            .finished_at
            .ok_or_else(|| format!("{id} has ended and has no finish time"))?;
        let begun_at = details.created_at.or(details.started_at);
        let begun_at = begun_at.ok_or_else(|| format!("{id} has neither a creation nor a start time"))?;
        ensure(begun_at <= finished_at, || format!("{id} ended before it began"))?;
        ensure(newer.is_none_or(|newer| begun_at <= newer), || {
            format!("{id} is younger than the one listed before it")
        })?;
        newer = Some(begun_at);
    }
    Ok(())
}

async fn running(world: &dyn World) -> Tried {
    let id = world.start(Course::Succeeds);
    let read = world.provider().get_deployment(&world.application(), &id).await;
    let deployment = must("get_deployment", read)?;
    ensure(deployment.finished_at.is_none(), || {
        format!("it reads as ended at {:?}", deployment.finished_at)
    })?;
    ensure(deployment.details.duration_ms.is_none(), || {
        "it has a duration already".to_owned()
    })
}
