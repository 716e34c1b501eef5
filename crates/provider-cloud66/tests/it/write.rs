//! Writes against the simulator: what they make, what is refused before anything is sent, and what is found again.

use slipway_core::provider::{
    ApplicationRef, Capabilities, ErrorKind, Provider as _, Revision, TriggerRequest, UnansweredCall, Write,
};
use slipway_core::{DeploymentObservation, SystemClock};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{Secret, Url};
use slipway_simulator::{Fault, FaultKind, Provider, Simulator, SimulatorSettings};
use std::sync::Arc;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

struct World {
    simulator: Simulator,
    provider: Cloud66Provider,
    stack: ApplicationRef,
}

async fn start() -> World {
    let settings = SimulatorSettings {
        cloud66_stacks: 3,
        scalingo_apps: 0,
        history_per_application: 3,
        rate_limits: false,
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    simulator.world().pause();
    let options = Cloud66Options {
        base_url: Url::parse(&format!("{}/api/3", simulator.cloud66_url())).unwrap(),
        ..Cloud66Options::new(Secret::new(simulator.cloud66_token()))
    };
    let provider = Cloud66Provider::new(options, Arc::new(SystemClock)).unwrap();
    let stack = simulator.world().applications(Provider::Cloud66).remove(0);
    World {
        simulator,
        provider,
        stack: ApplicationRef {
            provider_application_id: stack.id,
            name: stack.name,
        },
    }
}

impl World {
    async fn newest(&self) -> DeploymentObservation {
        self.provider
            .list_deployments(&self.stack, None)
            .await
            .unwrap()
            .items
            .remove(0)
    }

    fn made(&self) -> usize {
        let stacks = self.simulator.world().applications(Provider::Cloud66);
        stacks.iter().map(|stack| stack.api_deployments).sum()
    }

    fn requests(&self) -> usize {
        self.simulator.world().requests().entries().len()
    }
}

fn trigger(git_ref: &str) -> Write {
    Write::Trigger(TriggerRequest {
        git_ref: Some(git_ref.to_owned()),
        ..TriggerRequest::default()
    })
}

fn revision(sha: Option<&str>, git_ref: Option<&str>) -> Revision {
    Revision {
        git_sha: sha.map(str::to_owned),
        git_ref: git_ref.map(str::to_owned),
        ..Revision::default()
    }
}

#[tokio::test]
async fn a_trigger_makes_one_deployment_that_is_found_by_reading() {
    let world = start().await;
    let before = world.newest().await;
    let calling_at = world.simulator.world().now();
    let accepted = world
        .provider
        .write(&world.stack, &trigger("main"), "ref-1")
        .await
        .unwrap();
    assert_eq!((accepted.deployment, accepted.is_queued), (None, false));
    let newest = world.newest().await;
    let call = |git_ref| UnansweredCall {
        calling_at,
        highest_known_id: Some(&before.provider_deployment_id),
        git_ref: Some(git_ref),
    };
    assert!(world.provider.may_result_from(&newest, &call("main")));
    assert!(!world.provider.may_result_from(&before, &call("main")));
    // The stack is busy now, so the next one waits.
    assert!(
        world
            .provider
            .write(&world.stack, &trigger("main"), "ref-2")
            .await
            .unwrap()
            .is_queued
    );
    assert_eq!(world.made(), 2);
    for (reference, arrived) in [("ref-1", true), ("ref-2", true), ("ref-3", false)] {
        let arrival = world.provider.find_write(&world.stack, reference).await.unwrap();
        assert_eq!(
            arrival.map(|arrival| arrival.is_finished),
            arrived.then_some(false),
            "{reference}"
        );
    }
}

#[tokio::test]
async fn a_running_deployment_is_canceled_and_one_that_ended_is_not() {
    let world = start().await;
    let ended = world.newest().await;
    world.provider.write(&world.stack, &trigger("main"), "r").await.unwrap();
    let cancel = |deployment: &DeploymentObservation| Write::Cancel {
        provider_deployment_id: deployment.provider_deployment_id.clone(),
    };
    let running = cancel(&world.newest().await);
    for _ in 0..2 {
        world.provider.write(&world.stack, &running, "c").await.unwrap();
    }
    let error = world
        .provider
        .write(&world.stack, &cancel(&ended), "c")
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.may_have_been_applied), (ErrorKind::Conflict, false));
    let gone = Write::Cancel {
        provider_deployment_id: "999999999".to_owned(),
    };
    assert_eq!(
        world.provider.write(&world.stack, &gone, "c").await.unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn redeploy_and_rollback_deploy_the_known_revision() {
    let world = start().await;
    for write in [
        Write::Redeploy(revision(Some(SHA), Some("main"))),
        Write::Rollback(revision(Some(SHA), None)),
    ] {
        let plan = world.provider.plan_write(&world.stack, &write).unwrap();
        assert_eq!(
            (plan.method, plan.body.unwrap()["git_ref"].as_str()),
            ("POST", Some(SHA))
        );
        world.provider.write(&world.stack, &write, "r").await.unwrap();
        let newest = world.newest().await;
        assert_eq!(newest.details.git.sha.as_deref(), Some(SHA), "{newest:?}");
    }
    let requests = world.requests();
    for write in [
        Write::Redeploy(revision(None, None)),
        Write::Rollback(revision(None, Some("main"))),
    ] {
        let error = world.provider.write(&world.stack, &write, "r").await.unwrap_err();
        assert_eq!(
            (error.kind, error.reason),
            (ErrorKind::Conflict, Some("source_unknown"))
        );
    }
    assert_eq!(world.requests(), requests);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name_without_a_request() {
    let world = start().await;
    let faults = [
        ("git_ref", trigger("-x")),
        ("git_ref", trigger("")),
        ("git_ref", Write::Redeploy(revision(None, Some("--force")))),
        (
            "source_url",
            Write::Trigger(TriggerRequest {
                source_url: Some("https://example.com/x.tar.gz".to_owned()),
                ..TriggerRequest::default()
            }),
        ),
        (
            "services",
            Write::Trigger(TriggerRequest {
                services: vec!["a b".to_owned()],
                ..TriggerRequest::default()
            }),
        ),
    ];
    for (field, write) in faults {
        for error in [
            world.provider.plan_write(&world.stack, &write).unwrap_err(),
            world.provider.write(&world.stack, &write, "r").await.unwrap_err(),
        ] {
            assert_eq!(
                (error.kind, error.may_have_been_applied),
                (ErrorKind::InvalidRequest, false)
            );
            assert!(error.message.starts_with(&format!("`{field}`")), "{error}");
        }
    }
    let long = "r".repeat(256);
    let error = world
        .provider
        .write(&world.stack, &trigger("main"), &long)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert_eq!(world.requests(), 0);
}

#[tokio::test]
async fn faults_tell_whether_it_may_have_been_carried_out() {
    let world = start().await;
    for (kind, status, error_kind, may_be) in [
        (FaultKind::DropAfter, None, ErrorKind::Unavailable, true),
        (FaultKind::StatusAfter, Some(500), ErrorKind::Unavailable, true),
        (FaultKind::Garbage, None, ErrorKind::Protocol, true),
        (FaultKind::Truncated, None, ErrorKind::Unavailable, true),
        (FaultKind::Status, Some(403), ErrorKind::PermissionDenied, false),
        (FaultKind::Status, Some(409), ErrorKind::Conflict, false),
        (FaultKind::Status, Some(404), ErrorKind::NotFound, false),
    ] {
        let (requests, made) = (world.requests(), world.made());
        world.simulator.world().set_fault(Fault {
            status,
            count: Some(1),
            ..Fault::new(Provider::Cloud66, kind)
        });
        let error = world
            .provider
            .write(&world.stack, &trigger("main"), "r")
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_been_applied),
            (error_kind, may_be),
            "{kind:?} {status:?}"
        );
        assert_eq!(world.requests(), requests + 1, "{kind:?}: never repeated");
        let was_done = matches!(
            kind,
            FaultKind::DropAfter | FaultKind::StatusAfter | FaultKind::Truncated
        );
        assert_eq!(world.made(), made + usize::from(was_done), "{kind:?}");
    }
    world.simulator.world().set_fault(Fault {
        count: Some(1),
        ..Fault::new(Provider::Cloud66, FaultKind::Throttled)
    });
    let error = world
        .provider
        .write(&world.stack, &trigger("main"), "r")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.may_have_been_applied),
        (ErrorKind::RateLimited, false)
    );
}

#[tokio::test]
async fn a_plan_shows_the_call_and_no_credential() {
    let world = start().await;
    let write = Write::Trigger(TriggerRequest {
        git_ref: Some("main".to_owned()),
        services: vec!["web".to_owned(), "worker".to_owned()],
        deployment_profile: Some("fast".to_owned()),
        ..TriggerRequest::default()
    });
    let plan = world.provider.plan_write(&world.stack, &write).unwrap();
    let uid = &world.stack.provider_application_id;
    assert!(
        plan.url.ends_with(&format!("/api/3/stacks/{uid}/deployments")),
        "{}",
        plan.url
    );
    let body = plan.body.as_ref().unwrap();
    assert_eq!(body["services"], serde_json::json!(["web", "worker"]));
    assert_eq!(body["deployment_profile"], "fast");
    assert!(!plan.warnings.is_empty());
    assert!(!format!("{plan:?}").contains(world.simulator.cloud66_token()));
    let cancel = Write::Cancel {
        provider_deployment_id: "7".to_owned(),
    };
    let plan = world.provider.plan_write(&world.stack, &cancel).unwrap();
    assert_eq!((plan.method, plan.body), ("DELETE", None));
    assert_eq!(world.requests(), 0);
    let Capabilities { call_reference, .. } = world.provider.capabilities();
    assert!(call_reference);
}
