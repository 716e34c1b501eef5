//! Logs: followed over broken sockets, fetched when they are final, asked for later, cut, dropped.

use std::time::Duration;

use slipway_core::provider::{ApplicationRef, Capabilities, LiveRule};
use slipway_core::{AccountName, LogState, Status};
use slipway_engine::Context;
use slipway_engine::logs::fetch::fetch_some;
use slipway_engine::logs::retention::remove_some;
use slipway_engine::logs::{LogSettings, MASK, Masks};
use slipway_simulator::{Fault, FaultKind, Provider, Scenario};
use slipway_store::logs::{self, LogHead};
use slipway_store::{PgConnection, deployments};
use uuid::Uuid;

use crate::provider::TestProvider;
use crate::relabel::with_provider;
use crate::sync::{Running, begin, start_with};
use crate::world::{World, deployment, until};

fn quick() -> LogSettings {
    LogSettings {
        first_pause: Duration::from_millis(50),
        ..LogSettings::default()
    }
}

async fn text(conn: &mut PgConnection, id: Uuid) -> String {
    let chunks = logs::list_chunks_after_line(conn, id, 0, 10_000).await.expect("chunks");
    chunks.iter().map(|chunk| chunk.text().expect("text")).collect()
}

impl Running {
    async fn id_of(&self, provider_id: &str) -> Uuid {
        let sql = "SELECT id FROM deployments WHERE provider_deployment_id = $1";
        until("the deployment is known", || async {
            self.count(&format!("deployments WHERE provider_deployment_id = '{provider_id}'"))
                .await
                == 1
        })
        .await;
        let found = sqlx::query_scalar(sql).bind(provider_id).fetch_one(&self.database.pool);
        found.await.expect("known")
    }

    async fn head(&self, id: Uuid) -> LogHead {
        let mut conn = self.database.pool.acquire().await.expect("a connection");
        logs::find_head(&mut conn, id)
            .await
            .expect("a read")
            .expect("a deployment")
    }

    async fn text(&self, id: Uuid) -> String {
        text(&mut self.database.pool.acquire().await.expect("a connection"), id).await
    }

    /// What the provider itself says.
    async fn text_at_provider(&self, provider_id: &str) -> String {
        let sql = "SELECT a.provider_application_id, a.name FROM applications a JOIN deployments d ON d.application_id = a.id \
                   WHERE d.provider_deployment_id = $1";
        let (id, name): (String, String) = sqlx::query_as(sql)
            .bind(provider_id)
            .fetch_one(&self.database.pool)
            .await
            .expect("an application");
        let application = ApplicationRef {
            provider_application_id: id,
            name,
        };
        let provider = self.registry.get(&AccountName::from("sc")).expect("an account");
        provider.read_log(&application, provider_id).await.expect("a log")
    }
}

fn masked(text: &str) -> String {
    let masks = Masks::default();
    text.lines().map(|line| format!("{}\n", masks.mask(line))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_followed_over_broken_sockets_without_a_line_twice_and_stored_when_it_is_final() {
    let running = start_with(quick()).await;
    let provider_id = begin(&running, Provider::Scalingo, Scenario::Success);
    let id = running.id_of(&provider_id).await;
    for lines in [2, 5, 9] {
        until("lines come in while it runs", || async {
            running.head(id).await.line_count >= lines
        })
        .await;
        running
            .simulator
            .world()
            .set_fault(Fault::new(Provider::Scalingo, FaultKind::DropSocket));
    }
    until("the final text is stored", || async {
        running.head(id).await.state == LogState::Complete
    })
    .await;
    let text = running.text(id).await;
    assert_eq!(text, masked(&running.text_at_provider(&provider_id).await));
    let head = running.head(id).await;
    assert_eq!(
        head.epoch, 1,
        "the final text goes on where the followed one ended:\n{text}"
    );
    assert_eq!(head.line_count, i64::try_from(text.lines().count()).expect("few"));
    let told = format!(
        "events WHERE deployment_id = '{id}' AND type = 'deployment.updated' AND deployment LIKE '%\"complete\":true%'"
    );
    assert_eq!(running.count(&told).await, 1);
    let plain = format!("deployment_log_chunks WHERE deployment_id = '{id}' AND NOT is_compressed");
    assert_eq!(running.count(&plain).await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_with_logs_is_asked_again_and_holds_up_nothing_else() {
    let running = start_with(quick()).await;
    let fault = |kind, status, count| Fault {
        status,
        count,
        path_contains: Some("/output".to_owned()),
        latency_ms: Some(1_500),
        ..Fault::new(Provider::Scalingo, kind)
    };
    let world = running.simulator.world();
    world.set_fault(fault(FaultKind::Status, Some(500), Some(6)));
    world.set_fault(fault(FaultKind::Latency, None, Some(1)));
    let failing = begin(&running, Provider::Scalingo, Scenario::BuildFailure);
    let id = running.id_of(&failing).await;
    until("the deployment has ended", || async {
        running
            .count(&format!(
                "deployments WHERE id = '{id}' AND status = 'failed' AND finished_at IS NOT NULL"
            ))
            .await
            == 1
    })
    .await;
    until("the log is stored in the end", || async {
        running.head(id).await.state == LogState::Complete
    })
    .await;
    assert_eq!(
        running.text(id).await,
        masked(&running.text_at_provider(&failing).await)
    );

    // One that the provider has no log of: what was followed is all there is.
    world.set_fault(fault(FaultKind::Status, Some(404), None));
    let mut attempts = 0;
    let (gone, id) = loop {
        let gone = begin(&running, Provider::Scalingo, Scenario::BuildFailure);
        let id = running.id_of(&gone).await;
        until("it is settled without the provider", || async {
            running.head(id).await.state != LogState::Open
        })
        .await;
        if running.head(id).await.line_count > 0 {
            break (gone, id);
        }
        // It was over before anybody followed it.
        assert_eq!(running.head(id).await.state, LogState::Missing);
        attempts += 1;
        assert!(attempts < 10, "nothing was followed");
    };
    world.faults().clear();
    assert_eq!(running.head(id).await.state, LogState::Complete);
    assert_eq!(running.text(id).await, masked(&running.text_at_provider(&gone).await));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_log_is_fetched_when_it_is_asked_for_and_only_once() {
    let running = start_with(quick()).await;
    let old = "deployments WHERE provider = 'scalingo' AND is_finished";
    until("history is there", || async { running.count(old).await > 3 }).await;
    let sql = "SELECT id, provider_deployment_id FROM deployments WHERE provider = 'scalingo' AND is_finished LIMIT 1";
    let (id, provider_id): (Uuid, String) = sqlx::query_as(sql)
        .fetch_one(&running.database.pool)
        .await
        .expect("one");
    assert_eq!(
        running
            .count("deployment_logs WHERE fetch_at IS NOT NULL OR line_count > 0")
            .await,
        0
    );
    let requests = || {
        running
            .simulator
            .world()
            .requests()
            .counter("scalingo.deployments.output")
    };
    let before = requests();
    let now = time::OffsetDateTime::UNIX_EPOCH;
    for _ in 0..10 {
        let mut conn = running.database.pool.acquire().await.expect("a connection");
        logs::request(&mut conn, id, now).await.expect("requested");
    }
    until("the text is stored", || async {
        running.head(id).await.state == LogState::Complete
    })
    .await;
    assert_eq!(requests() - before, 1);
    assert_eq!(
        running.text(id).await,
        masked(&running.text_at_provider(&provider_id).await)
    );
    running.stop().await;
}

struct Asked {
    world: World,
    id: Uuid,
}

/// A deployment that has ended, in a world whose provider has this log.
async fn ended() -> Asked {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(10, vec![deployment("1", 0, Status::Succeeded)]).await;
    let id = world.deployment("1").await.id.0;
    Asked { world, id }
}

impl Asked {
    fn context(&self, log: Option<&str>, settings: LogSettings) -> Context {
        let capabilities = Capabilities {
            read_logs: true,
            ..Capabilities::default()
        };
        let log = log.map(str::to_owned);
        with_provider(&self.world.context, TestProvider { capabilities, log }).with_logs(settings)
    }

    async fn fetch(&self, context: &Context) {
        let now = self.world.now();
        logs::request(&mut *self.world.connection().await, self.id, now)
            .await
            .expect("requested");
        assert_eq!(fetch_some(context).await.expect("fetched"), 1);
    }

    async fn head(&self) -> LogHead {
        let mut conn = self.world.connection().await;
        logs::find_head(&mut conn, self.id)
            .await
            .expect("a read")
            .expect("there")
    }

    async fn logs(&self) -> serde_json::Value {
        let mut conn = self.world.connection().await;
        let found = deployments::find_body(&mut conn, self.id)
            .await
            .expect("a read")
            .expect("there");
        serde_json::from_str::<serde_json::Value>(&found.body).expect("JSON")["logs"].clone()
    }
}

#[tokio::test]
async fn a_long_log_keeps_its_ends_and_an_old_one_goes_and_can_be_fetched_again() {
    let asked = ended().await;
    let long: String = (0..5_000)
        .map(|number| format!("line {number} tk-us-{number:08}\n"))
        .collect();
    let settings = LogSettings {
        max_bytes: 20_000,
        keep_for: Duration::from_secs(3_600),
        ..quick()
    };
    let context = asked.context(Some(&long), settings);
    asked.fetch(&context).await;
    let stored = text(&mut *asked.world.connection().await, asked.id).await;
    assert!(stored.len() < 20_200 && !stored.contains("tk-us-"), "{}", stored.len());
    assert!(stored.starts_with(&format!("line 0 {MASK}\n")) && stored.ends_with(&format!("line 4999 {MASK}\n")));
    assert_eq!(stored.matches("bytes of this log left out]").count(), 1);
    assert_eq!(
        asked.logs().await,
        serde_json::json!({"available": true, "live": false, "complete": true})
    );

    let mut conn = asked.world.connection().await;
    assert!(!remove_some(&context, &mut conn).await.expect("looked"));
    asked.world.clock.advance(time::Duration::hours(2));
    let (before, head) = (asked.head().await, asked.world.head().await);
    assert!(remove_some(&context, &mut conn).await.expect("removed"));
    assert!(!remove_some(&context, &mut conn).await.expect("looked"));
    let after = asked.head().await;
    assert_eq!(
        (after.state, after.line_count, after.epoch),
        (LogState::Open, 0, before.epoch + 1)
    );
    assert_eq!(text(&mut conn, asked.id).await, "");
    assert_eq!(
        asked.logs().await,
        serde_json::json!({"available": true, "live": false, "complete": false})
    );
    assert_eq!(
        asked.world.event_types_after(head).await,
        ["application.history_changed"]
    );

    asked.fetch(&context).await;
    assert_eq!(
        (asked.head().await.state, asked.head().await.line_count > 0),
        (LogState::Complete, true)
    );
    assert!(asked.head().await.epoch > before.epoch);
}

#[tokio::test]
async fn a_log_that_the_provider_does_not_have_is_missing_after_some_tries() {
    let asked = ended().await;
    let settings = LogSettings {
        first_pause: Duration::ZERO,
        ..quick()
    };
    let context = asked.context(None, settings);
    asked.fetch(&context).await;
    assert_eq!(asked.head().await.state, LogState::Open);
    while fetch_some(&context).await.expect("fetched") > 0 {}
    assert_eq!(asked.head().await.state, LogState::Missing);
    assert_eq!(
        asked.logs().await,
        serde_json::json!({"available": false, "live": false, "complete": false})
    );
}

#[tokio::test]
async fn words_and_payloads_of_a_provider_are_masked_before_they_are_stored() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let mut seen = deployment("1", 0, Status::Failed);
    seen.state.failure_message = Some("cannot pull https://bot:hunter2@git.example.com/a".to_owned());
    seen.details.git.message = Some("use tk-us-hunter2".to_owned());
    seen.raw = Some(serde_json::json!({"a": [{"note": "Authorization: Bearer hunter2"}]}));
    let report = world.see(10, vec![seen.clone()]).await;
    assert_eq!(report.created, 1);
    assert_eq!(
        world.see(20, vec![seen]).await.changed,
        0,
        "the same once more changes nothing"
    );
    let stored: String = sqlx::query_scalar(
        "SELECT body || tracked::text || payload::text || coalesce((SELECT string_agg(deployment, '') FROM events), '') \
         FROM deployments JOIN deployment_payloads ON deployment_id = id",
    )
    .fetch_one(&mut *world.connection().await)
    .await
    .expect("a row");
    assert!(stored.contains(MASK) && !stored.contains("hunter2"), "{stored}");
}
