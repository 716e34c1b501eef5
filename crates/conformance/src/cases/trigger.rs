//! Trigger, redeploy and rollback.

use slipway_core::DeploymentObservation;
use slipway_core::provider::{Accepted, Capabilities, ErrorKind, Revision, TriggerRequest, UnansweredCall, Write};
use time::OffsetDateTime;

use super::{Case, Tried, case, deployments, ensure, must, refused};
use crate::World;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) fn cases() -> Vec<Case> {
    fn can_trigger(can: &Capabilities) -> bool {
        can.trigger.is_available() && can.trigger_with_revision
    }
    vec![
        case!("trigger/makes_one_deployment", can_trigger, one),
        case!("trigger/what_it_made_is_recognised", can_trigger, recognised),
        case!(
            "trigger/is_found_by_its_reference",
            |can| can_trigger(can) && can.call_reference,
            reference
        ),
        case!("trigger/bad_revision_is_refused", can_trigger, bad_revision),
        case!("trigger/plan_makes_no_request", can_trigger, plan),
        case!(
            "redeploy/deploys_the_same_revision",
            |can| can.redeploy.is_available(),
            redeploy
        ),
        case!(
            "redeploy/unknown_source_is_a_conflict",
            |can| can.redeploy.is_available(),
            unknown_source
        ),
        case!(
            "rollback/deploys_the_earlier_revision",
            |can| can.rollback.is_available(),
            rollback
        ),
    ]
}

pub(super) fn trigger(git_ref: &str) -> Write {
    Write::Trigger(TriggerRequest {
        git_ref: Some(git_ref.to_owned()),
        ..TriggerRequest::default()
    })
}

fn earlier() -> Revision {
    Revision {
        git_sha: Some(SHA.to_owned()),
        ..Revision::default()
    }
}

async fn write(world: &dyn World, write: &Write) -> Result<Accepted, String> {
    let made = world.deployments_made();
    let accepted = must(
        "the write",
        world.provider().write(&world.application(), write, "reference-1").await,
    )?;
    let now = world.deployments_made();
    ensure(now == made + 1, || format!("one call made {} deployments", now - made))?;
    Ok(accepted)
}

async fn newest(world: &dyn World) -> Result<DeploymentObservation, String> {
    let page = world.provider().list_deployments(&world.application(), None).await;
    must("a page of deployments", page)?
        .items
        .into_iter()
        .next()
        .ok_or_else(|| "no deployment is listed".to_owned())
}

async fn one(world: &dyn World) -> Tried {
    let accepted = write(world, &trigger("main")).await?;
    let newest = newest(world).await?;
    let Some(named) = accepted.deployment else {
        return Ok(());
    };
    ensure(named.provider_deployment_id == newest.provider_deployment_id, || {
        format!(
            "the answer names {}, the newest is {}",
            named.provider_deployment_id, newest.provider_deployment_id
        )
    })?;
    ensure(!named.state.is_finished, || {
        "the answer says that it is over".to_owned()
    })
}

async fn recognised(world: &dyn World) -> Tried {
    let provider = world.provider();
    let before = newest(world).await?;
    write(world, &trigger("main")).await?;
    let made = newest(world).await?;
    let created_at = made.details.created_at.or(made.details.started_at);
    let call = |git_ref| UnansweredCall {
        calling_at: created_at.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        highest_known_id: Some(&before.provider_deployment_id),
        git_ref: Some(git_ref),
    };
    ensure(provider.may_result_from(&made, &call("main")), || {
        format!("not recognised: {made:?}")
    })?;
    ensure(!provider.may_result_from(&made, &call("another-branch")), || {
        "taken for one of another branch".to_owned()
    })?;
    for older in deployments(world).await?.iter().skip(1) {
        ensure(!provider.may_result_from(older, &call("main")), || {
            "an older deployment is taken for the new one".to_owned()
        })?;
    }
    Ok(())
}

async fn reference(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    write(world, &trigger("main")).await?;
    let found = must("find_write", provider.find_write(&application, "reference-1").await)?;
    let found = found.ok_or("the call that was made is not found by its reference")?;
    ensure(!found.is_finished && found.succeeded.is_none(), || {
        format!("it is running, and reads as {found:?}")
    })?;
    let other = must("find_write", provider.find_write(&application, "reference-2").await)?;
    ensure(other.is_none(), || "a call that was never made is found".to_owned())
}

async fn bad_revision(world: &dyn World) -> Tried {
    let (provider, application) = (world.provider(), world.application());
    let before = world.requests();
    for git_ref in ["--upload-pack=evil", "", "a\nb", "a b"] {
        let write = trigger(git_ref);
        let error = refused(
            git_ref,
            provider.write(&application, &write, "r").await,
            &[ErrorKind::InvalidRequest],
        )?;
        ensure(error.message.contains("git_ref"), || {
            format!("the refusal does not name the field: {error}")
        })?;
        refused(
            git_ref,
            provider.plan_write(&application, &write),
            &[ErrorKind::InvalidRequest],
        )?;
    }
    ensure(world.requests() == before, || "it was sent to the platform".to_owned())
}

async fn plan(world: &dyn World) -> Tried {
    let before = world.requests();
    let plan = must(
        "plan_write",
        world.provider().plan_write(&world.application(), &trigger("main")),
    )?;
    ensure(world.requests() == before && world.deployments_made() == 0, || {
        "planning made a request".to_owned()
    })?;
    let body = plan.body.map(|body| body.to_string()).unwrap_or_default();
    ensure(
        plan.url.contains("://") && (plan.url.contains("main") || body.contains("main")),
        || format!("the plan does not show the call: {} {body}", plan.url),
    )
}

async fn again(world: &dyn World, wanted: &Write) -> Tried {
    write(world, wanted).await?;
    let git = newest(world).await?.details.git;
    let said = [git.sha.as_deref(), git.r#ref.as_deref()];
    ensure(said.contains(&Some(SHA)), || {
        format!("asked for {SHA}, deployed {said:?}")
    })
}

async fn redeploy(world: &dyn World) -> Tried {
    again(world, &Write::Redeploy(earlier())).await
}

async fn rollback(world: &dyn World) -> Tried {
    again(world, &Write::Rollback(earlier())).await
}

async fn unknown_source(world: &dyn World) -> Tried {
    let before = world.requests();
    let write = Write::Redeploy(Revision::default());
    let written = world.provider().write(&world.application(), &write, "r").await;
    let error = refused("a redeploy of nobody knows what", written, &[ErrorKind::Conflict])?;
    ensure(error.reason == Some("source_unknown"), || {
        format!("the reason is {:?}", error.reason)
    })?;
    ensure(!error.may_have_been_applied, || {
        "it is said to be possibly done".to_owned()
    })?;
    ensure(world.requests() == before, || "it was sent to the platform".to_owned())
}
