//! Every adapter of the program passes the suite, against a platform that was written from the provider's documents.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cargo_metadata::{DependencyKind, MetadataCommand};
use slipway_conformance::{Course, Fault, Subject, World, run};
use slipway_core::SystemClock;
use slipway_core::provider::{ApplicationRef, SharedProvider};
use slipway_provider_cloud66::{Cloud66Options, Cloud66Provider};
use slipway_provider_http::{Secret, Url};
use slipway_provider_scalingo::{ScalingoOptions, ScalingoProvider};
use slipway_simulator::{
    Fault as PlatformFault, FaultKind, Phase, Provider, Scenario, Simulator, SimulatorSettings, StartRequest,
};

/// The adapters that have a subject here, by name.
const SUBJECTS: [&str; 2] = ["cloud66", "scalingo"];

struct Simulated(Provider);

struct SimulatedWorld {
    kind: Provider,
    simulator: Simulator,
    provider: SharedProvider,
    application: ApplicationRef,
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("the simulator has a URL")
}

#[async_trait]
impl Subject for Simulated {
    async fn world(&self) -> Box<dyn World> {
        let settings = SimulatorSettings {
            cloud66_stacks: 40,
            scalingo_apps: 40,
            history_per_application: 120,
            rate_limits: false,
            ..SimulatorSettings::default()
        };
        let simulator = Simulator::start(settings).await.expect("a simulator");
        simulator.world().pause();
        let clock = Arc::new(SystemClock);
        let provider: SharedProvider = match self.0 {
            Provider::Cloud66 => {
                let options = Cloud66Options {
                    base_url: url(&format!("{}/api/3", simulator.cloud66_url())),
                    ..Cloud66Options::new(Secret::new(simulator.cloud66_token()))
                };
                Arc::new(Cloud66Provider::new(options, clock).expect("options that work"))
            }
            Provider::Scalingo => {
                let options = ScalingoOptions {
                    api_url: url(&simulator.scalingo_api_url()),
                    auth_url: url(&simulator.scalingo_auth_url()),
                    stream_idle_timeout: Duration::from_secs(5),
                    ..ScalingoOptions::new(Secret::new(simulator.scalingo_token()))
                };
                Arc::new(ScalingoProvider::new(options, clock).expect("options that work"))
            }
        };
        // A silent stream is told from a quiet one by its pings.
        simulator
            .world()
            .set_quirks(|quirks| quirks.scalingo_ping_every_ms = 200);
        let first = simulator.world().applications(self.0).remove(0);
        let application = ApplicationRef {
            provider_application_id: first.id,
            name: first.name,
        };
        Box::new(SimulatedWorld {
            kind: self.0,
            simulator,
            provider,
            application,
        })
    }
}

impl World for SimulatedWorld {
    fn provider(&self) -> SharedProvider {
        Arc::clone(&self.provider)
    }

    fn application(&self) -> ApplicationRef {
        self.application.clone()
    }

    fn application_ids(&self) -> Vec<String> {
        let applications = self.simulator.world().applications(self.kind);
        applications.into_iter().map(|application| application.id).collect()
    }

    fn deployment_ids(&self) -> Vec<String> {
        let id = &self.application.provider_application_id;
        let deployments = self
            .simulator
            .world()
            .deployments(self.kind, id)
            .expect("the application is there");
        deployments.into_iter().map(|deployment| deployment.id).collect()
    }

    fn requests(&self) -> usize {
        self.simulator.world().requests().entries().len()
    }

    fn deployments_made(&self) -> usize {
        let applications = self.simulator.world().applications(self.kind);
        let ours = |id: &str| id == self.application.provider_application_id;
        applications
            .iter()
            .find(|application| ours(&application.id))
            .map_or(0, |found| found.api_deployments)
    }

    fn start(&self, course: Course) -> String {
        let world = self.simulator.world();
        let request = StartRequest {
            provider: Some(self.kind),
            application: Some(self.application.provider_application_id.clone()),
            scenario: Some(match course {
                Course::Succeeds => Scenario::Success,
                Course::Fails => Scenario::BuildFailure,
            }),
            ..StartRequest::default()
        };
        let started = world.start(&request).expect("the application is there").remove(0);
        for _ in 0..100 {
            let now = world
                .deployments(self.kind, &started.application)
                .expect("the application is there");
            if now
                .iter()
                .any(|deployment| deployment.id == started.id && deployment.phase != Phase::Queued)
            {
                break;
            }
            world.advance(Duration::from_millis(100));
        }
        started.id
    }

    fn finish(&self) {
        self.simulator.world().advance(Duration::from_secs(600));
    }

    fn fail(&self, fault: &Fault) {
        let of = |kind| PlatformFault::new(self.kind, kind);
        let to = |kind, location: &String| PlatformFault {
            location: Some(location.clone()),
            ..of(kind)
        };
        self.simulator.world().set_fault(match fault {
            Fault::Throttled => of(FaultKind::Throttled),
            Fault::Status(status) => PlatformFault {
                status: Some(*status),
                ..of(FaultKind::Status)
            },
            Fault::Garbage => of(FaultKind::Garbage),
            Fault::Truncated => of(FaultKind::Truncated),
            Fault::InventedStatus => of(FaultKind::UnknownStatus),
            Fault::NullFields => of(FaultKind::NullFields),
            Fault::DropAfter => of(FaultKind::DropAfter),
            Fault::BrokenAfter => of(FaultKind::StatusAfter),
            Fault::ExpireTokens => of(FaultKind::ExpireTokens),
            Fault::DropStreams => of(FaultKind::DropSocket),
            Fault::SilentStreams => of(FaultKind::SilentSocket),
            Fault::Redirect(location) => to(FaultKind::Redirect, location),
            Fault::ForeignLinks(location) => to(FaultKind::ForeignLinks, location),
        });
    }

    fn heal(&self) {
        self.simulator.world().faults().clear();
    }

    fn webhooks(&self) -> Vec<Vec<u8>> {
        let id = &self.application.provider_application_id;
        let texts = match self.kind {
            Provider::Cloud66 => vec![
                format!(
                    r#"{{"uid":"{id}","name":"x","status":1,"event_type":"stack.redeploy.ok","timestamp":1794300000,
                    "deploy_context":{{"triggered_by":"a@example.com","outcome":"success","started_at":null}}}}"#
                ),
                format!(
                    r#"{{"event_type":"service.build.fail","timestamp":1794300000,"stack":{{"uid":"{id}"}},"service":{{}}}}"#
                ),
            ],
            Provider::Scalingo => vec![format!(
                r#"{{"id":"5ed0fe5f884fef000f5e4fd6","created_at":"2026-11-22T10:00:00.000Z","app_id":"{id}","app_name":"x",
                    "type":"deployment","type_data":{{"deployment_uuid":"cabf82f2-5a21-4a6d-8f0a-0c0c4f0b7f3e","status":"success",
                    "deployment_id":"5ed0fe5f884fef000f5e4fd6","pusher":"ada"}}}}"#
            )],
        };
        texts.into_iter().map(String::into_bytes).collect()
    }

    fn secrets(&self) -> Vec<String> {
        match self.kind {
            Provider::Cloud66 => vec![self.simulator.cloud66_token().to_owned()],
            // The second one is how every token that is exchanged for it begins.
            Provider::Scalingo => vec![
                self.simulator.scalingo_token().to_owned(),
                "eyJhbGciOiJIUzUxMiI".to_owned(),
            ],
        }
    }
}

async fn passes(subject: &dyn Subject) {
    let report = run(subject).await;
    assert!(report.is_success(), "{report}");
    assert!(report.passed() > 20, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud66_conforms() {
    passes(&Simulated(Provider::Cloud66)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scalingo_conforms() {
    passes(&Simulated(Provider::Scalingo)).await;
}

/// What the program is composed of decides which adapters there are, not what somebody remembered to add above.
#[test]
fn every_adapter_of_the_program_has_a_subject() {
    let mut command = MetadataCommand::new();
    command
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps();
    let metadata = command.exec().unwrap_or_else(|error| panic!("cargo metadata: {error}"));
    let program = metadata
        .packages
        .iter()
        .find(|package| *package.name == "slipway")
        .expect("the program");
    let mut adapters: Vec<_> = program
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .filter_map(|dependency| dependency.name.strip_prefix("slipway-provider-"))
        .filter(|name| *name != "http")
        .collect();
    adapters.sort_unstable();
    assert_eq!(adapters, SUBJECTS, "each adapter needs a subject in this file");
}
