//! Writes against the simulator: where the source comes from, what is refused before anything is sent, and faults.

use std::sync::Arc;

use slipway_core::SystemClock;
use slipway_core::provider::{
    ApplicationRef, ErrorKind, Provider as _, Revision, TriggerRequest, UnansweredCall, Write,
};
use slipway_provider_http::{Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider, SourceUrlTemplate};
use slipway_simulator::{Fault, FaultKind, Provider, Simulator, SimulatorSettings};
use time::Duration;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const TEMPLATE: &str = "https://bot:s3cret@git.example.com/{application}/{git_ref}.tar.gz";

struct World {
    simulator: Simulator,
    provider: ScalingoProvider,
    app: ApplicationRef,
}

async fn start(template: Option<&str>) -> World {
    let settings = SimulatorSettings {
        cloud66_stacks: 0,
        scalingo_apps: 3,
        history_per_application: 3,
        rate_limits: false,
        ..SimulatorSettings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    simulator.world().pause();
    let options = ScalingoOptions {
        api_url: Url::parse(&simulator.scalingo_api_url()).unwrap(),
        auth_url: Url::parse(&simulator.scalingo_auth_url()).unwrap(),
        source_url_template: template.map(|template| SourceUrlTemplate::parse(template).unwrap()),
        ..ScalingoOptions::new(Secret::new(simulator.scalingo_token()))
    };
    let provider = ScalingoProvider::new(options, Arc::new(SystemClock)).unwrap();
    let app = simulator.world().applications(Provider::Scalingo).remove(0);
    World {
        simulator,
        provider,
        app: ApplicationRef {
            provider_application_id: app.id,
            name: app.name,
        },
    }
}

impl World {
    /// What is known of the newest deployment: what was asked for, and from where.
    fn newest(&self) -> (Option<String>, Option<String>) {
        let id = &self.app.provider_application_id;
        let newest = self
            .simulator
            .world()
            .deployments(Provider::Scalingo, id)
            .unwrap()
            .remove(0);
        (newest.git_ref, newest.source_url)
    }

    fn made(&self) -> usize {
        let apps = self.simulator.world().applications(Provider::Scalingo);
        apps.iter().map(|app| app.api_deployments).sum()
    }

    fn requests(&self) -> usize {
        self.simulator.world().requests().entries().len()
    }
}

fn trigger(git_ref: Option<&str>, source_url: Option<&str>) -> Write {
    Write::Trigger(TriggerRequest {
        git_ref: git_ref.map(str::to_owned),
        source_url: source_url.map(str::to_owned),
        ..TriggerRequest::default()
    })
}

fn revision(sha: Option<&str>, git_ref: Option<&str>, source_url: Option<&str>) -> Revision {
    Revision {
        git_sha: sha.map(str::to_owned),
        git_ref: git_ref.map(str::to_owned),
        source_url: source_url.map(str::to_owned),
        services: Vec::new(),
    }
}

#[tokio::test]
async fn the_source_is_the_callers_else_the_templates_else_the_link() {
    let own = "https://example.com/own.tar.gz";
    let named = start(Some(TEMPLATE)).await;
    let linked = start(None).await;
    let name = &named.app.name;
    let filled = |git_ref: &str| format!("https://bot:s3cret@git.example.com/{name}/{git_ref}.tar.gz");
    for (world, write, git_ref, source_url) in [
        (&named, trigger(Some("v1"), Some(own)), Some("v1"), Some(own.to_owned())),
        (
            &named,
            trigger(Some("feature/x"), None),
            Some("feature/x"),
            Some(filled("feature%2Fx")),
        ),
        (&linked, trigger(Some("main"), None), Some("main"), None),
        (&linked, trigger(None, Some(own)), None, Some(own.to_owned())),
        (
            &linked,
            Write::Redeploy(revision(Some(SHA), Some("main"), None)),
            Some(SHA),
            None,
        ),
        (
            &linked,
            Write::Redeploy(revision(None, Some("v1"), Some(own))),
            Some("v1"),
            Some(own.to_owned()),
        ),
        (
            &named,
            Write::Rollback(revision(Some(SHA), None, None)),
            Some(SHA),
            Some(filled(SHA)),
        ),
    ] {
        let made = world.made();
        let accepted = world.provider.write(&world.app, &write, "reference").await.unwrap();
        let deployment = accepted.deployment.unwrap();
        assert_eq!(world.newest(), (git_ref.map(str::to_owned), source_url), "{write:?}");
        assert_eq!(world.made(), made + 1);
        let read = world
            .provider
            .get_deployment(&world.app, &deployment.provider_deployment_id)
            .await
            .unwrap();
        assert_eq!(read.provider_deployment_id, deployment.provider_deployment_id);
        let plan = world.provider.plan_write(&world.app, &write).unwrap();
        assert!(!format!("{plan:?}").contains("s3cret"), "{plan:?}");
    }
}

#[tokio::test]
async fn without_a_source_it_is_refused_and_says_so() {
    let world = start(None).await;
    world
        .simulator
        .world()
        .set_quirks(|quirks| quirks.scalingo_repository_links = false);
    let error = world
        .provider
        .write(&world.app, &trigger(Some("main"), None), "r")
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.reason),
        (ErrorKind::Conflict, Some("source_unknown"))
    );
    assert!(!error.may_have_been_applied);
    let gone = ApplicationRef {
        provider_application_id: "5343eccd646573000b020000".to_owned(),
        name: "gone".to_owned(),
    };
    world
        .simulator
        .world()
        .set_quirks(|quirks| quirks.scalingo_repository_links = true);
    let error = world
        .provider
        .write(&gone, &trigger(Some("main"), None), "r")
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let requests = world.requests();
    for write in [
        Write::Redeploy(revision(None, None, None)),
        Write::Rollback(revision(None, None, None)),
    ] {
        let error = world.provider.write(&world.app, &write, "r").await.unwrap_err();
        assert_eq!(
            (error.kind, error.reason),
            (ErrorKind::Conflict, Some("source_unknown"))
        );
    }
    assert_eq!((world.requests(), world.made()), (requests, 0));
}

#[tokio::test]
async fn a_template_without_a_revision_is_nothing_to_go_back_to() {
    let world = start(Some("https://git.example.com/{application}/newest.tar.gz")).await;
    let redeploy = Write::Redeploy(revision(None, None, None));
    world.provider.write(&world.app, &redeploy, "r").await.unwrap();
    let rollback = Write::Rollback(revision(None, None, None));
    let error = world.provider.write(&world.app, &rollback, "r").await.unwrap_err();
    assert_eq!(error.reason, Some("source_unknown"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_without_a_request() {
    let world = start(Some(TEMPLATE)).await;
    let with = |services: &[&str], profile: Option<&str>| {
        Write::Trigger(TriggerRequest {
            git_ref: Some("main".to_owned()),
            services: services.iter().map(|&name| name.to_owned()).collect(),
            deployment_profile: profile.map(str::to_owned),
            ..TriggerRequest::default()
        })
    };
    for (field, write) in [
        ("services", with(&["web"], None)),
        ("deployment_profile", with(&[], Some("fast"))),
        ("git_ref", trigger(Some("-x"), None)),
        ("git_ref", trigger(Some("a\nb"), None)),
        ("git_ref", trigger(None, None)),
        ("source_url", trigger(None, Some("file:///etc/passwd"))),
        ("git_ref", Write::Rollback(revision(None, Some("-x"), None))),
    ] {
        let error = world.provider.write(&world.app, &write, "r").await.unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_been_applied),
            (ErrorKind::InvalidRequest, false),
            "{write:?}"
        );
        assert!(error.message.starts_with(&format!("`{field}`")), "{error}");
        assert_eq!(
            world.provider.plan_write(&world.app, &write).unwrap_err().message,
            error.message
        );
    }
    let cancel = Write::Cancel {
        provider_deployment_id: "x".to_owned(),
    };
    assert_eq!(
        world.provider.write(&world.app, &cancel, "r").await.unwrap_err().kind,
        ErrorKind::Unsupported
    );
    assert_eq!(
        world.provider.find_write(&world.app, "r").await.unwrap_err().kind,
        ErrorKind::Unsupported
    );
    assert_eq!(world.requests(), 0);
}

#[tokio::test]
async fn faults_tell_whether_it_may_have_been_carried_out() {
    let world = start(None).await;
    let write = trigger(Some("main"), None);
    world.provider.write(&world.app, &write, "r").await.unwrap();
    for (kind, status, error_kind, may_be, made) in [
        (FaultKind::DropAfter, None, ErrorKind::Unavailable, true, 1),
        (FaultKind::StatusAfter, Some(500), ErrorKind::Unavailable, true, 1),
        (FaultKind::Garbage, None, ErrorKind::Protocol, true, 0),
        (FaultKind::Status, Some(503), ErrorKind::Unavailable, true, 0),
        (FaultKind::Status, Some(422), ErrorKind::InvalidRequest, false, 0),
        (FaultKind::Throttled, None, ErrorKind::RateLimited, false, 0),
    ] {
        let (before, requests) = (world.made(), world.requests());
        world.simulator.world().set_fault(Fault {
            status,
            count: Some(1),
            ..Fault::new(Provider::Scalingo, kind)
        });
        let error = world.provider.write(&world.app, &write, "r").await.unwrap_err();
        assert_eq!(
            (error.kind, error.may_have_been_applied),
            (error_kind, may_be),
            "{kind:?}"
        );
        assert_eq!(
            (world.made(), world.requests()),
            (before + made, requests + 1),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_ended_costs_an_exchange_and_no_second_deployment() {
    let world = start(None).await;
    let write = trigger(Some("main"), None);
    world.provider.write(&world.app, &write, "r").await.unwrap();
    world
        .simulator
        .world()
        .set_fault(Fault::new(Provider::Scalingo, FaultKind::ExpireTokens));
    world.provider.write(&world.app, &write, "r").await.unwrap();
    assert_eq!(world.made(), 2);

    let world = start(None).await;
    world.simulator.world().set_fault(Fault {
        status: Some(500),
        path_contains: Some("/tokens/exchange".to_owned()),
        ..Fault::new(Provider::Scalingo, FaultKind::Status)
    });
    let error = world.provider.write(&world.app, &write, "r").await.unwrap_err();
    assert_eq!(
        (error.kind, error.may_have_been_applied),
        (ErrorKind::Unavailable, false)
    );
    assert_eq!(world.made(), 0);
}

#[tokio::test]
async fn a_call_without_an_answer_fits_what_is_new_and_ours() {
    let world = start(None).await;
    let write = trigger(Some("main"), None);
    let made = world
        .provider
        .write(&world.app, &write, "r")
        .await
        .unwrap()
        .deployment
        .unwrap();
    let fits = |minutes: i64, git_ref| {
        let call = UnansweredCall {
            calling_at: world.simulator.world().now() + Duration::minutes(minutes),
            highest_known_id: None,
            git_ref,
        };
        world.provider.may_result_from(&made, &call)
    };
    assert!(fits(0, Some("main")) && fits(1, None));
    assert!(!fits(3, Some("main")), "created more than two minutes before the call");
    assert!(!fits(0, Some("staging")));
    let mut foreign = made.clone();
    foreign.details.actor.id = Some("us-0d1a4b0e-5b1f-4f6e-9c1d-0f6f0f6f0f6f".to_owned());
    let call = UnansweredCall {
        calling_at: world.simulator.world().now(),
        highest_known_id: None,
        git_ref: Some("main"),
    };
    assert!(!world.provider.may_result_from(&foreign, &call));
    foreign.details.actor.id = Some("51161e5ef1e42617000001".to_owned());
    assert!(
        world.provider.may_result_from(&foreign, &call),
        "another kind of id says nothing"
    );
}
