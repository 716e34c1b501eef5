//! What is forgotten, and when: never while the same request could still come.

use slipway_core::Status;
use slipway_core::provider::TriggerRequest;
use slipway_engine::retention::sweep;
use slipway_engine::writes::{Order, Reply};
use slipway_store::inbox::{self, NewWebhook};

use super::{Script, Site, request};

const KEYS: &str = "SELECT count(*) FROM idempotency_keys";
const INTENTS: &str = "SELECT count(*) FROM intents";

async fn sweep_all(site: &Site) {
    while sweep(&site.world.context).await.expect("swept") {}
}

#[tokio::test]
async fn a_key_lives_a_day_and_what_it_leads_to_two() {
    let site = Site::new(false).await;
    let ask = async || {
        let answer = site
            .writes
            .make(site.trigger("main"), request(Some(("key", "body"))))
            .await;
        match answer.expect("an answer") {
            Reply::Deployment { id, is_replay, .. } => (id, is_replay),
            Reply::Refused { refusal, .. } => panic!("{refusal:?}"),
        }
    };
    let (id, _) = ask().await;
    site.pass(60 * 24 - 1);
    sweep_all(&site).await;
    assert_eq!(ask().await, (id, true), "a retry may come within 24 hours");
    site.pass(1);
    sweep_all(&site).await;
    assert_eq!((site.number(KEYS).await, site.number(INTENTS).await), (0, 1));
    let (other, is_replay) = ask().await;
    assert!(other != id && !is_replay, "the key is free again");
    site.pass(60 * 24 - 1);
    sweep_all(&site).await;
    assert_eq!(site.number(INTENTS).await, 2);
    site.pass(1);
    sweep_all(&site).await;
    assert_eq!((site.number(KEYS).await, site.number(INTENTS).await), (0, 1));
    site.pass(60 * 24);
    sweep_all(&site).await;
    assert_eq!(site.number(INTENTS).await, 0);
    assert_eq!(site.count_rows().await, 2, "deployments stay");
}

#[tokio::test]
async fn what_is_not_settled_and_what_tells_a_source_stays() {
    let site = Site::new(true).await;
    // Nobody names this one, and nobody looks for it: it stays claimable.
    site.made(site.trigger("open")).await;
    let from_source = TriggerRequest {
        source_url: Some("https://example.com/archive.tar.gz".to_owned()),
        ..TriggerRequest::default()
    };
    site.provider.plays(Script::Name);
    let sourced = site
        .made(Order::Trigger(site.world.application_id, from_source.clone()))
        .await;
    site.provider
        .plays(Script::Refuse(slipway_core::provider::ErrorKind::InvalidRequest));
    let refused = site.make(Order::Trigger(site.world.application_id, from_source)).await;
    assert!(matches!(refused, Ok(Reply::Refused { .. })));
    site.pass(60 * 24 * 30);
    sweep_all(&site).await;
    assert_eq!(
        site.number("SELECT count(*) FROM intents WHERE state = 'claimable'")
            .await,
        1
    );
    assert_eq!(
        site.number(INTENTS).await,
        2,
        "the refused one is gone, the source is not"
    );
    // Of which it still is known what to deploy again.
    site.provider.plays(Script::Name);
    site.provider.finish_all(Status::Succeeded);
    site.poll().await;
    site.made(Order::Redeploy(sourced)).await;
    let (write, _) = site.provider.site().writes.last().cloned().expect("a write");
    let slipway_core::provider::Write::Redeploy(revision) = write else {
        panic!("{write:?}")
    };
    assert_eq!(
        revision.source_url.as_deref(),
        Some("https://example.com/archive.tar.gz")
    );
}

#[tokio::test]
async fn more_than_a_batch_is_forgotten_and_a_webhook_after_a_week() {
    let site = Site::new(false).await;
    let webhook = NewWebhook {
        account: "main",
        delivery_hash: b"once",
        event_type: None,
        provider_application_id: None,
    };
    let mut conn = site.world.connection().await;
    assert!(inbox::insert(&mut conn, &webhook).await.expect("kept"));
    assert!(!inbox::insert(&mut conn, &webhook).await.expect("known"));
    drop(conn);
    site.run(
        "UPDATE webhook_inbox SET received_at = '2026-03-01 12:00Z';
         INSERT INTO webhook_inbox (account, delivery_hash, received_at)
         SELECT 'main', decode(md5(n::text), 'hex'), '2026-03-01 11:00Z' FROM generate_series(1, 2500) AS n",
    )
    .await;
    let count = "SELECT count(*) FROM webhook_inbox";
    site.pass(60 * 24 * 7 - 1);
    sweep_all(&site).await;
    assert_eq!(site.number(count).await, 1, "the older ones were three batches");
    site.pass(1);
    sweep_all(&site).await;
    assert_eq!(site.number(count).await, 0);
}
