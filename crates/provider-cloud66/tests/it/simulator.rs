//! The adapter against the simulator, which was written from the provider's documents and not from this adapter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use slipway_core::provider::{ApplicationRef, ErrorKind, Provider as _};
use slipway_core::{ApplicationObservation, DeploymentObservation, Status, SystemClock};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{Secret, Url};
use slipway_simulator::{
    CodeStyle, Fault, FaultKind, Phase, Provider, Scenario, Simulator, SimulatorSettings, StartRequest,
};

async fn start() -> (Simulator, Cloud66Provider) {
    let settings = SimulatorSettings {
        cloud66_stacks: 45,
        scalingo_apps: 0,
        history_per_application: 60,
        rate_limits: false,
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let options = Cloud66Options {
        base_url: Url::parse(&format!("{}/api/3", simulator.cloud66_url())).unwrap(),
        ..Cloud66Options::new(Secret::new(simulator.cloud66_token()))
    };
    (simulator, Cloud66Provider::new(options, Arc::new(SystemClock)).unwrap())
}

async fn applications(provider: &Cloud66Provider) -> Vec<ApplicationObservation> {
    let mut page = provider.list_applications(None).await.unwrap();
    let mut all = std::mem::take(&mut page.items);
    while let Some(next) = page.next {
        page = provider.list_applications(Some(&next)).await.unwrap();
        all.append(&mut page.items);
    }
    all
}

async fn deployments(provider: &Cloud66Provider, application: &ApplicationRef) -> Vec<DeploymentObservation> {
    let mut page = provider.list_deployments(application, None).await.unwrap();
    let mut all = std::mem::take(&mut page.items);
    while let Some(next) = page.next {
        page = provider.list_deployments(application, Some(&next)).await.unwrap();
        all.append(&mut page.items);
    }
    all
}

fn reference(application: &ApplicationObservation) -> ApplicationRef {
    ApplicationRef {
        provider_application_id: application.provider_application_id.clone(),
        name: application.name.clone(),
    }
}

fn expected(phase: Phase) -> Status {
    match phase {
        Phase::Queued => Status::Queued,
        Phase::Building | Phase::Pushing | Phase::Starting => Status::InProgress,
        Phase::Success => Status::Succeeded,
        _ => Status::Failed,
    }
}

#[tokio::test]
async fn everything_in_the_world_is_seen_as_it_is() {
    let (simulator, provider) = start().await;
    simulator.world().pause();
    let seen = applications(&provider).await;
    assert_eq!(seen.len(), 45);
    let summaries = simulator.world().applications(Provider::Cloud66);
    for application in &seen {
        let summary = summaries
            .iter()
            .find(|summary| summary.id == application.provider_application_id)
            .unwrap();
        assert_eq!(
            (&application.name, &application.environment),
            (&summary.name, &Some(summary.environment.clone()))
        );
        assert_eq!(provider.get_application(&summary.id).await.unwrap(), *application);
    }
    for style in [CodeStyle::Integer, CodeStyle::Text] {
        simulator.world().set_quirks(|quirks| quirks.cloud66_code_style = style);
        for application in seen.iter().take(5) {
            let truth = simulator
                .world()
                .deployments(Provider::Cloud66, &application.provider_application_id)
                .unwrap();
            let truth: BTreeMap<_, _> = truth.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
            let found = deployments(&provider, &reference(application)).await;
            assert_eq!(found.len(), truth.len());
            assert!(
                found
                    .iter()
                    .filter(|deployment| deployment.details.is_live == Some(true))
                    .count()
                    <= 1
            );
            for deployment in &found {
                let summary = &truth[&deployment.provider_deployment_id];
                let status = expected(summary.phase);
                // The page does not tell what a cancelled deployment becomes.
                let allowed = [
                    status,
                    if summary.phase == Phase::Cancelled {
                        Status::Canceled
                    } else {
                        status
                    },
                ];
                assert!(allowed.contains(&deployment.state.status), "{summary:?} {deployment:?}");
                assert_eq!(deployment.unmapped_status, None, "{deployment:?}");
                assert_eq!(deployment.finished_at.is_some(), summary.finished_at.is_some());
                assert!(!deployment.raw.as_ref().unwrap().to_string().contains("redeploy_hook"));
            }
            let newest = &found[0];
            let single = provider
                .get_deployment(&reference(application), &newest.provider_deployment_id)
                .await
                .unwrap();
            assert_eq!(single, *newest);
        }
    }
}

#[tokio::test]
async fn a_deployment_is_followed_through_the_change_feed_to_its_end() {
    let (simulator, provider) = start().await;
    let world = simulator.world();
    world.pause();
    let quiet = applications(&provider)
        .await
        .into_iter()
        .find(|application| !application.is_busy)
        .unwrap();
    let request = StartRequest {
        provider: Some(Provider::Cloud66),
        application: Some(quiet.provider_application_id.clone()),
        scenario: Some(Scenario::Failed),
        ..StartRequest::default()
    };
    let id = world.start(&request).unwrap().remove(0).id;
    let mut statuses = Vec::new();
    for _ in 0..600 {
        let status = provider
            .get_deployment(&reference(&quiet), &id)
            .await
            .unwrap()
            .state
            .status;
        if statuses.last() != Some(&status) {
            statuses.push(status);
        }
        if status.is_end() {
            break;
        }
        if status == Status::InProgress {
            let busy = provider.get_application(&quiet.provider_application_id).await.unwrap();
            assert!(busy.is_busy && busy.activity != quiet.activity, "{busy:?}");
        }
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(statuses.last(), Some(&Status::Failed), "{statuses:?}");
    assert!(statuses.contains(&Status::InProgress), "{statuses:?}");
    let after = provider.get_application(&quiet.provider_application_id).await.unwrap();
    assert!(!after.is_busy && after.activity != quiet.activity);
}

#[tokio::test]
async fn every_fault_has_its_kind_and_the_next_good_answer_heals() {
    let (simulator, provider) = start().await;
    let world = simulator.world();
    let application = reference(&applications(&provider).await[0]);
    let fault = |kind| Fault {
        path_contains: Some("/deployments".to_owned()),
        ..Fault::new(Provider::Cloud66, kind)
    };
    for (fault, kind) in [
        (
            Fault {
                status: Some(500),
                ..fault(FaultKind::Status)
            },
            ErrorKind::Unavailable,
        ),
        (
            Fault {
                status: Some(401),
                ..fault(FaultKind::Status)
            },
            ErrorKind::Unauthenticated,
        ),
        (
            Fault {
                status: Some(403),
                ..fault(FaultKind::Status)
            },
            ErrorKind::PermissionDenied,
        ),
        (fault(FaultKind::Garbage), ErrorKind::Protocol),
        (fault(FaultKind::Truncated), ErrorKind::Unavailable),
        (fault(FaultKind::HugeBody), ErrorKind::Protocol),
    ] {
        let shown = format!("{fault:?}");
        world.set_fault(fault);
        let error = provider.list_deployments(&application, None).await.unwrap_err();
        assert_eq!(error.kind, kind, "{shown} {error:?}");
        world.faults().clear();
        provider.list_deployments(&application, None).await.unwrap();
    }
    let missing = provider.get_deployment(&application, "999999999").await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
    assert_eq!(
        provider.get_application("0123456789abcdef").await.unwrap_err().kind,
        ErrorKind::NotFound
    );

    world.set_fault(fault(FaultKind::UnknownStatus));
    let page = provider.list_deployments(&application, None).await.unwrap();
    assert!(
        page.items
            .iter()
            .any(|item| item.state.status == Status::Unknown && item.unmapped_status.is_some())
    );
    assert!(
        page.items
            .iter()
            .all(|item| !matches!(item.state.status, Status::Succeeded | Status::Failed))
    );
    world.faults().clear();

    world.set_fault(fault(FaultKind::NullFields));
    let page = provider.list_deployments(&application, None).await.unwrap();
    assert_eq!(page.items.len(), 30);
    world.faults().clear();

    world.set_fault(fault(FaultKind::Throttled));
    let error = provider.list_deployments(&application, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited);
    world.faults().clear();
    let error = provider.list_deployments(&application, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited, "it stays closed for a while");
}
