//! Calls, polls, crashes and the passing of time in any order.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use slipway_core::Status;

use super::{Script, Site, request};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A write whose call ends like this.
    Call(Script),
    /// A write whose process dies with the call in flight.
    Crash,
    /// Somebody deploys without the gateway.
    Foreign,
    Poll,
    Reconcile,
    Finish,
    Minutes(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let script = prop::sample::select(vec![
        Script::Name,
        Script::Accept,
        Script::LoseAnswer,
        Script::LoseRequest,
    ]);
    let step = prop_oneof![
        3 => script.prop_map(Step::Call),
        1 => Just(Step::Crash),
        1 => Just(Step::Foreign),
        4 => Just(Step::Poll),
        2 => Just(Step::Reconcile),
        1 => Just(Step::Finish),
        2 => (1..20_i64).prop_map(Step::Minutes),
    ];
    prop::collection::vec(step, 1..25)
}

async fn take(site: &Site, step: Step, calls: &mut usize) {
    match step {
        Step::Call(script) => {
            site.provider.plays(script);
            *calls += 1;
            site.make(site.trigger("main")).await.expect("an answer");
        }
        Step::Crash => {
            site.provider.plays(Script::Accept);
            *calls += 1;
            let held = site.provider.gate.forget_permits(usize::MAX);
            let before = site.provider.count();
            let (writes, order) = (site.writes.clone(), site.trigger("main"));
            let call = tokio::spawn(async move { writes.make(order, request(None)).await });
            crate::world::until("the call arrived", async || site.provider.count() > before).await;
            site.poll().await;
            site.end_leases().await;
            site.reconcile().await;
            site.provider.gate.add_permits(held.min(1_000));
            drop(call.await);
        }
        Step::Foreign => drop(site.provider.deploy(Some("main"))),
        Step::Poll => drop(site.poll().await),
        Step::Reconcile => {
            site.end_leases().await;
            site.reconcile().await;
        }
        Step::Finish => site.provider.finish_all(Status::Succeeded),
        Step::Minutes(minutes) => site.pass(minutes),
    }
}

#[tokio::test]
async fn whatever_happens_a_call_is_made_once_and_a_deployment_has_one_row() {
    let config = Config {
        cases: 1,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    for round in 0..24 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let site = Site::new(round % 2 == 0).await;
        let mut calls = 0;
        let mut published: Vec<sqlx::types::Uuid> = Vec::new();
        for step in &steps {
            take(&site, *step, &mut calls).await;
            let mut conn = site.world.connection().await;
            let rows: Vec<sqlx::types::Uuid> = sqlx::query_scalar("SELECT id FROM deployments ORDER BY id")
                .fetch_all(&mut *conn)
                .await
                .expect("rows");
            assert!(
                published.iter().all(|id| rows.contains(id)),
                "a published row is gone: {steps:?}"
            );
            published = rows;
        }
        let references: Vec<_> = site
            .provider
            .site()
            .writes
            .iter()
            .map(|(_, reference)| reference.clone())
            .collect();
        let distinct: std::collections::BTreeSet<_> = references.iter().collect();
        assert_eq!(distinct.len(), references.len(), "one intent, one call: {steps:?}");
        assert!(references.len() <= calls, "{steps:?}");
        // Everything that the provider has is known in the end, each once.
        site.pass(1);
        site.end_leases().await;
        site.reconcile().await;
        site.poll().await;
        let named = site
            .number("SELECT count(*) FROM deployments WHERE provider_deployment_id IS NOT NULL")
            .await;
        assert_eq!(usize::try_from(named), Ok(site.provider.count()), "{steps:?}");
    }
}
