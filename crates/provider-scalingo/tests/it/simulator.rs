//! The adapter against the simulator, which was written from the provider's documents and not from this adapter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use slipway_core::provider::{ApplicationRef, ErrorKind, Provider as _, StreamItem};
use slipway_core::{DeploymentObservation, Status, SystemClock};
use slipway_provider_http::{Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use slipway_simulator::{
    Fault, FaultKind, NewFrame, Phase, Provider, Scenario, Simulator, SimulatorSettings, StartRequest,
};
use tokio::time::timeout;

async fn start() -> (Simulator, ScalingoProvider) {
    let settings = SimulatorSettings {
        cloud66_stacks: 0,
        scalingo_apps: 8,
        history_per_application: 60,
        rate_limits: false,
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let options = ScalingoOptions {
        api_url: Url::parse(&simulator.scalingo_api_url()).unwrap(),
        auth_url: Url::parse(&simulator.scalingo_auth_url()).unwrap(),
        stream_idle_timeout: Duration::from_secs(3),
        ..ScalingoOptions::new(Secret::new(simulator.scalingo_token()))
    };
    (
        simulator,
        ScalingoProvider::new(options, Arc::new(SystemClock)).unwrap(),
    )
}

async fn references(provider: &ScalingoProvider) -> Vec<ApplicationRef> {
    let page = provider.list_applications(None).await.unwrap();
    page.items
        .into_iter()
        .map(|item| ApplicationRef {
            provider_application_id: item.provider_application_id,
            name: item.name,
        })
        .collect()
}

async fn deployments(provider: &ScalingoProvider, application: &ApplicationRef) -> Vec<DeploymentObservation> {
    let mut page = provider.list_deployments(application, None).await.unwrap();
    let mut all = std::mem::take(&mut page.items);
    while let Some(next) = page.next {
        page = provider.list_deployments(application, Some(&next)).await.unwrap();
        all.append(&mut page.items);
    }
    all
}

fn expected(phase: Phase) -> Status {
    match phase {
        Phase::Queued => Status::Queued,
        Phase::Building | Phase::Pushing | Phase::Starting => Status::InProgress,
        Phase::Success => Status::Succeeded,
        Phase::Aborted | Phase::Cancelled => Status::Canceled,
        _ => Status::Failed,
    }
}

fn deploy(simulator: &Simulator, application: &ApplicationRef, scenario: Scenario) -> String {
    let request = StartRequest {
        provider: Some(Provider::Scalingo),
        application: Some(application.provider_application_id.clone()),
        scenario: Some(scenario),
        ..StartRequest::default()
    };
    simulator.world().start(&request).unwrap().remove(0).id
}

#[tokio::test]
async fn everything_in_the_world_is_seen_as_it_is() {
    let (simulator, provider) = start().await;
    simulator.world().pause();
    let seen = references(&provider).await;
    assert_eq!(seen.len(), 8);
    for application in &seen {
        assert_eq!(
            provider
                .get_application(&application.provider_application_id)
                .await
                .unwrap()
                .name,
            application.name
        );
        let truth = simulator
            .world()
            .deployments(Provider::Scalingo, &application.provider_application_id)
            .unwrap();
        let truth: BTreeMap<_, _> = truth.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
        let found = deployments(&provider, application).await;
        assert_eq!(found.len(), truth.len());
        for deployment in &found {
            let summary = &truth[&deployment.provider_deployment_id];
            assert_eq!(deployment.state.status, expected(summary.phase), "{summary:?}");
            assert_eq!(deployment.unmapped_status, None);
            assert_eq!(deployment.finished_at.is_some(), summary.finished_at.is_some());
            let apart = (deployment.details.created_at.unwrap() - summary.created_at).abs();
            assert!(apart < time::Duration::milliseconds(1), "{apart}");
        }
        let newest = &found[0];
        let single = provider
            .get_deployment(application, &newest.provider_deployment_id)
            .await
            .unwrap();
        assert_eq!(single, *newest);
        assert!(
            !provider
                .read_log(application, &newest.provider_deployment_id)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_deployment_is_followed_live_to_its_end() {
    for (frame, scenario, end) in [
        (NewFrame::Object, Scenario::Success, Status::Succeeded),
        (NewFrame::Id, Scenario::CrashAtStart, Status::Failed),
        (NewFrame::Object, Scenario::Abort, Status::Canceled),
    ] {
        let (simulator, provider) = start().await;
        let world = simulator.world();
        world.pause();
        world.set_quirks(|quirks| {
            quirks.scalingo_new_frame = frame;
            quirks.scalingo_ping_every_ms = 200;
        });
        let application = references(&provider).await.remove(0);
        let mut stream = provider.follow(&application).await.unwrap();
        let alive = timeout(Duration::from_secs(10), stream.next()).await.unwrap().unwrap();
        alive.unwrap();
        let id = deploy(&simulator, &application, scenario);
        let (mut statuses, mut lines, mut is_announced) = (Vec::new(), 0, false);
        // Each ping moves the world, so that it cannot run away from the reader.
        for _ in 0..10_000 {
            match timeout(Duration::from_secs(10), stream.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap()
            {
                StreamItem::Alive => world.advance(Duration::from_secs(20)),
                StreamItem::Announced { provider_deployment_id } => is_announced |= provider_deployment_id == id,
                StreamItem::Log {
                    provider_deployment_id, ..
                } => lines += u32::from(provider_deployment_id == id),
                StreamItem::Deployment(seen) if seen.provider_deployment_id == id => {
                    assert_eq!((seen.finished_at, &seen.unmapped_status), (None, &None));
                    statuses.push(seen.state.status);
                }
                StreamItem::Deployment(_) => {}
            }
            if statuses.last().is_some_and(|status| status.is_end()) {
                break;
            }
        }
        assert_eq!(statuses.last(), Some(&end), "{statuses:?}");
        assert!(
            statuses.contains(&Status::InProgress) && lines > 0,
            "{statuses:?} {lines}"
        );
        assert_eq!(is_announced, frame == NewFrame::Id);
        drop(stream);
        let settled = provider.get_deployment(&application, &id).await.unwrap();
        assert_eq!(settled.state.status, end);
        assert!(settled.finished_at.is_some());
    }
}

#[tokio::test]
async fn sockets_that_break_are_errors_and_can_be_followed_again() {
    let (simulator, provider) = start().await;
    let world = simulator.world();
    let application = references(&provider).await.remove(0);
    world.set_fault(Fault::new(Provider::Scalingo, FaultKind::RefuseSocket));
    assert_eq!(
        provider.follow(&application).await.err().unwrap().kind,
        ErrorKind::Unavailable
    );
    world.faults().clear();

    world.set_fault(Fault::new(Provider::Scalingo, FaultKind::SilentSocket));
    let mut stream = provider.follow(&application).await.unwrap();
    let mut last = None;
    while let Some(item) = timeout(Duration::from_secs(10), stream.next()).await.unwrap() {
        last = Some(item);
    }
    assert_eq!(last.unwrap().unwrap_err().kind, ErrorKind::Unavailable);
    world.faults().clear();

    world.set_quirks(|quirks| quirks.scalingo_ping_every_ms = 100);
    let mut stream = provider.follow(&application).await.unwrap();
    timeout(Duration::from_secs(10), stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    world.set_fault(Fault::new(Provider::Scalingo, FaultKind::DropSocket));
    let mut last = None;
    while let Some(item) = timeout(Duration::from_secs(10), stream.next()).await.unwrap() {
        last = Some(item);
    }
    assert_eq!(last.unwrap().unwrap_err().kind, ErrorKind::Unavailable);

    let mut stream = provider.follow(&application).await.unwrap();
    timeout(Duration::from_secs(10), stream.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn every_fault_has_its_kind_and_the_next_good_answer_heals() {
    let (simulator, provider) = start().await;
    let world = simulator.world();
    let application = references(&provider).await.remove(0);
    let fault = |kind| Fault {
        path_contains: Some("/deployments".to_owned()),
        ..Fault::new(Provider::Scalingo, kind)
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
    world.set_fault(Fault::new(Provider::Scalingo, FaultKind::ExpireTokens));
    provider
        .list_deployments(&application, None)
        .await
        .expect("the token is exchanged again");

    let unknown_id = "00000000-0000-4000-8000-000000000000";
    for kind in [
        provider
            .get_deployment(&application, unknown_id)
            .await
            .unwrap_err()
            .kind,
        provider.read_log(&application, unknown_id).await.unwrap_err().kind,
        provider
            .get_application("0123456789abcdef01234567")
            .await
            .unwrap_err()
            .kind,
    ] {
        assert_eq!(kind, ErrorKind::NotFound);
    }

    world.set_fault(fault(FaultKind::UnknownStatus));
    let page = provider.list_deployments(&application, None).await.unwrap();
    assert!(
        page.items.iter().all(|item| item.unmapped_status.is_some()),
        "{:?}",
        page.items[0]
    );
    world.faults().clear();
    world.set_fault(fault(FaultKind::NullFields));
    let page = provider.list_deployments(&application, None).await.unwrap();
    assert!(page.items.len() > 10 && page.items.iter().all(|item| item.state.status == Status::Unknown));
    world.faults().clear();

    world.set_fault(fault(FaultKind::Throttled));
    for _ in 0..2 {
        let error = provider.list_deployments(&application, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::RateLimited);
        world.faults().clear();
    }
}
