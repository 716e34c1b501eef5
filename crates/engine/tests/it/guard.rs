//! No public field of a resource changes without version + 1 and an event in the same transaction.
//!
//! PostgreSQL itself watches: triggers compare every write with what was there, and at the end of each transaction look for
//! its event. Then everything that writes is let loose.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use slipway_core::provider::{Capabilities, LiveRule, Support};
use slipway_core::{AccountName, Authority, Phase, ProviderName, State, Status};
use slipway_engine::ingest::{archive, ingest, ingest_applications};
use slipway_engine::logs::LogSettings;
use slipway_engine::logs::fetch::fetch_some;
use slipway_engine::logs::retention::remove_some;
use slipway_engine::relabel;
use slipway_engine::rules::{Rule, Rules};
use slipway_store::{deployments, logs};

use crate::provider::TestProvider;
use crate::relabel::{relabel_all, with_capabilities, with_provider};
use crate::world::{World, application, deployment};

pub(crate) const GUARD: &str = r"
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - 'tracked' - 'rules_hash' - 'view_hash' END;
    after jsonb := to_jsonb(NEW) - 'tracked' - 'rules_hash' - 'view_hash';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.version <> 1 THEN RAISE 'a new row of % has version %', TG_TABLE_NAME, NEW.version; END IF;
    ELSIF before = after THEN
        RETURN NULL;
    ELSIF NEW.version <> OLD.version + 1 THEN
        RAISE 'a public change of % from version % to %: % -> %', TG_TABLE_NAME, OLD.version, NEW.version, before, after;
    END IF;
    IF TG_TABLE_NAME = 'deployments' THEN
        IF (after ->> 'body')::jsonb ->> 'version' <> NEW.version::text THEN
            RAISE 'the public JSON of a deployment is not that of its version';
        END IF;
        PERFORM FROM events
        WHERE xmin = pg_current_xact_id()::xid
          AND ((deployment_id = NEW.id AND deployment = after ->> 'body')
               OR (application_id = (after ->> 'application_id')::uuid AND type = 'application.history_changed'));
    ELSE
        PERFORM FROM events
        WHERE xmin = pg_current_xact_id()::xid AND application_id = NEW.id AND type LIKE 'application.%';
    END IF;
    IF NOT FOUND THEN RAISE 'a change of % without its event: %', TG_TABLE_NAME, after; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guard AFTER INSERT OR UPDATE ON deployments DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION guard();
CREATE FUNCTION guard_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM events
    WHERE xmin = pg_current_xact_id()::xid AND application_id = OLD.application_id AND type = 'application.history_changed';
    IF NOT FOUND THEN RAISE 'a deployment was removed without its event: %', to_jsonb(OLD); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER guard_removal AFTER DELETE ON deployments DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION guard_removal();
CREATE CONSTRAINT TRIGGER guard AFTER INSERT OR UPDATE ON applications DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION guard();
";

#[derive(Debug, Clone)]
struct Step {
    deployments: Vec<(u8, Status, bool, Option<bool>, bool)>,
    asked: i64,
    is_correction: bool,
    application_status: Option<u8>,
    archives: bool,
    rules: Option<u8>,
    cancels: Option<bool>,
    log: Option<Option<String>>,
    drops_logs: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let status = prop::sample::select(Status::ALL.to_vec());
    let seen = (
        0..6_u8,
        status,
        any::<bool>(),
        prop::option::of(any::<bool>()),
        any::<bool>(),
    );
    let step = (
        prop::collection::vec(seen, 0..5),
        0..40_i64,
        prop::bool::weighted(0.2),
        prop::option::of(0..3_u8),
        prop::bool::weighted(0.05),
        prop::option::weighted(0.3, 0..3_u8),
        prop::option::weighted(0.3, any::<bool>()),
        prop::option::weighted(0.5, prop::option::weighted(0.9, "[a-c\n]{0,5}")),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(deployments, asked, is_correction, application_status, archives, rules, cancels, log, drops_logs)| Step {
                deployments,
                asked,
                is_correction,
                application_status,
                archives,
                rules,
                cancels,
                log,
                drops_logs,
            },
        );
    prop::collection::vec(step, 1..40)
}

#[tokio::test]
async fn no_public_field_changes_without_a_version_and_an_event() {
    // The same cases each time: what fails here fails on every machine.
    let config = Config {
        cases: 1,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    for live_rule in [LiveRule::LastSucceeded, LiveRule::Reported] {
        let world = Arc::new(World::new(live_rule).await);
        sqlx::raw_sql(GUARD)
            .execute(&world.context.pool)
            .await
            .expect("the guard stands");
        for _ in 0..12 {
            for step in steps().new_tree(&mut runner).expect("steps").current() {
                take(&world, &step).await;
            }
        }
        let written = world.events_after(0).await.len();
        assert!(
            written > 100,
            "the steps wrote only {written} events: they prove nothing"
        );
        let stored = world.log_changes().await;
        assert!(stored > 5, "hardly a log was stored: {stored}");
    }
}

async fn take(world: &World, step: &Step) {
    world.clock.advance(time::Duration::SECOND);
    let observations = step
        .deployments
        .iter()
        .map(|(key, status, has_phase, is_live, has_extra)| {
            let mut seen = deployment(&key.to_string(), i64::from(*key) * 10 - 20, *status);
            seen.state = State {
                phase: has_phase.then_some(Phase::BUILD),
                ..State::new(*status, Authority::Rest)
            };
            seen.details.is_live = *is_live;
            seen.details.rolled_back_at = has_extra.then(|| world.now());
            seen
        })
        .collect();
    let mut batch = world.batch(step.asked, observations);
    batch.asked.is_correction = step.is_correction;
    ingest(&world.context, &batch)
        .await
        .expect("the guard has nothing to say");

    if let Some(status) = step.application_status {
        let mut seen = application("app-1");
        seen.provider_status = Some(format!("status-{status}"));
        seen.name = format!("app-{}", status % 2);
        let (account, provider) = (AccountName::from("main"), ProviderName::from("scalingo"));
        ingest_applications(&world.context, &account, &provider, world.lease, &[seen])
            .await
            .expect("the guard has nothing to say");
    }
    if let Some(number) = step.rules {
        let context = world.context.clone().with_rules(rules(number));
        let mut conn = world.connection().await;
        relabel::announce(&context, &mut conn).await.expect("announced");
        relabel_all(&context).await;
    }
    if let Some(cancels) = step.cancels {
        let capabilities = Capabilities {
            cancel: if cancels {
                Support::Supported
            } else {
                Support::Unsupported
            },
            ..Capabilities::default()
        };
        let context = with_capabilities(&world.context, capabilities);
        let mut conn = world.connection().await;
        relabel::announce(&context, &mut conn).await.expect("announced");
        relabel_all(&context).await;
    }
    if let Some(log) = &step.log {
        fetch_logs(world, log.clone()).await;
    }
    if step.drops_logs {
        let logs = LogSettings {
            keep_for: Duration::ZERO,
            ..LogSettings::default()
        };
        world.clock.advance(time::Duration::SECOND);
        let context = world.context.clone().with_logs(logs);
        while remove_some(&context, &mut *world.connection().await)
            .await
            .expect("the guard has nothing to say")
        {}
    }
    if step.archives {
        archive(&world.context, world.application_id, world.lease)
            .await
            .expect("the guard has nothing to say");
    }
}

/// Everybody asks for the log of everything that has ended.
async fn fetch_logs(world: &World, log: Option<String>) {
    let capabilities = Capabilities {
        read_logs: true,
        ..Capabilities::default()
    };
    let mut context = with_provider(&world.context, TestProvider { capabilities, log });
    context = context.with_logs(LogSettings {
        first_pause: Duration::ZERO,
        ..LogSettings::default()
    });
    let now = world.now();
    for key in 0..6_u8 {
        let mut conn = world.connection().await;
        let ids = [key.to_string()];
        let found = deployments::find_by_provider_ids(&mut conn, world.application_id, &ids)
            .await
            .expect("a read");
        for deployment in found.into_values() {
            logs::request(&mut conn, deployment.id.0, now).await.expect("requested");
        }
    }
    while fetch_some(&context).await.expect("the guard has nothing to say") > 0 {}
}

fn rules(number: u8) -> Rules {
    Rules::new(vec![Rule {
        owner: (number > 0).then(|| format!("owner-{number}")),
        labels: [("number".to_owned(), number.to_string())].into(),
        ..Rule::default()
    }])
}

/// The guard sees only what the steps above reach: a new statement that writes public rows has to be added there first.
#[test]
fn every_statement_that_writes_public_rows_is_one_of_those_tested() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/src");
    let mut found = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(sources)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the store's sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            let words: Vec<&str> = text.split_whitespace().collect();
            for window in words.windows(3) {
                let statement = match window {
                    ["INSERT", "INTO", table] | ["DELETE", "FROM", table] => Some((window[0], *table)),
                    ["UPDATE", table, _] => Some(("UPDATE", *table)),
                    _ => None,
                };
                if let Some((verb, table)) = statement
                    && matches!(
                        table.trim_matches('"'),
                        "applications" | "deployments" | "UPDATE deployments"
                    )
                {
                    found.insert(format!(
                        "{verb} {table} in {}",
                        path.file_name().expect("a name").to_string_lossy()
                    ));
                }
                if let [first, table, _] = window
                    && first.ends_with("\"UPDATE")
                    && *table == "deployments"
                {
                    found.insert(format!("remember {table}"));
                }
            }
        }
    }
    let expected = [
        "INSERT applications in write.rs",
        "INSERT deployments in write.rs",
        "UPDATE applications in account_names.rs",
        "UPDATE applications in views.rs",
        "UPDATE applications in write.rs",
        "UPDATE deployments in write.rs",
        "remember deployments",
    ];
    assert_eq!(found, expected.iter().map(ToString::to_string).collect());
}
