//! What is refused, by us or by the provider, and what the same key gets.

use slipway_core::Status;
use slipway_core::provider::{ErrorKind, TriggerRequest};
use slipway_engine::freezes::{Freeze, Freezes, Window};
use slipway_engine::writes::{Order, Reply, WriteError};

use super::{Script, Site, request};

fn code(answer: &Result<Reply, WriteError>) -> String {
    match answer {
        Ok(Reply::Refused { refusal, .. }) | Err(WriteError::Refused(refusal)) => refusal.code.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn ten_requests_with_one_key_make_one_call() {
    let site = Site::new(false).await;
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (writes, order) = (site.writes.clone(), site.trigger("main"));
        tasks.push(tokio::spawn(async move {
            writes.make(order, request(Some(("key", "body")))).await
        }));
    }
    let mut ids = Vec::new();
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(Reply::Deployment { id, .. }) => ids.push(id),
            Err(WriteError::InFlight) => {}
            other => panic!("{other:?}"),
        }
    }
    ids.dedup();
    assert_eq!((ids.len(), site.provider.site().writes.len()), (1, 1));
    let other = site
        .writes
        .make(site.trigger("other"), request(Some(("key", "other"))))
        .await;
    assert!(matches!(other, Err(WriteError::KeyReused)), "{other:?}");
    site.pass(60 * 24 + 1);
    let late = site
        .writes
        .make(site.trigger("main"), request(Some(("key", "other"))))
        .await;
    assert!(
        matches!(late, Ok(Reply::Deployment { is_replay: false, .. })),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_providers_refusal_is_told_written_down_and_kept_only_where_it_lasts() {
    for (kind, expected, is_kept) in [
        (ErrorKind::Unauthenticated, "provider_denied", true),
        (ErrorKind::PermissionDenied, "provider_denied", true),
        (ErrorKind::NotFound, "provider_not_found", true),
        (ErrorKind::InvalidRequest, "provider_rejected", true),
        (ErrorKind::Conflict, "provider_conflict", true),
        (ErrorKind::RateLimited, "provider_rate_limited", false),
        (ErrorKind::Unavailable, "provider_unavailable", false),
    ] {
        let site = Site::new(false).await;
        site.provider.plays(Script::Refuse(kind));
        let answer = site
            .writes
            .make(site.trigger("main"), request(Some(("key", "body"))))
            .await;
        assert_eq!(code(&answer), expected);
        assert_eq!(site.count_rows().await, 0, "a refusal publishes nothing");
        assert_eq!(
            site.number("SELECT count(*) FROM audit_log WHERE outcome = 'refused'")
                .await,
            1
        );
        let is_denied = expected == "provider_denied";
        let faults = site
            .number("SELECT count(*) FROM sync_targets WHERE write_error_code IS NOT NULL")
            .await;
        assert_eq!(faults == 1, is_denied, "{kind:?}");
        site.provider.plays(Script::Name);
        let again = site
            .writes
            .make(site.trigger("main"), request(Some(("key", "body"))))
            .await;
        if is_kept {
            assert!(
                matches!(&again, Ok(Reply::Refused { is_replay: true, .. })),
                "{again:?}"
            );
            assert_eq!(code(&again), expected);
        } else {
            assert!(matches!(again, Ok(Reply::Deployment { .. })), "{again:?}");
        }
        site.made(site.trigger("next")).await;
        let faults = site
            .number("SELECT count(*) FROM sync_targets WHERE write_error_code IS NOT NULL")
            .await;
        assert_eq!(faults, 0, "an accepted write takes the fault away");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_any_call_and_frees_the_key() {
    let site = Site::new(false).await;
    let id = site.made(site.trigger("main")).await;
    let calls = site.provider.site().writes.len();
    let profile = TriggerRequest {
        deployment_profile: Some("fast".to_owned()),
        ..TriggerRequest::default()
    };
    let trigger = Order::Trigger(site.world.application_id, profile);
    assert_eq!(code(&site.make(trigger).await), "provider_rejected");
    assert_eq!(code(&site.make(Order::Rollback(id)).await), "not_succeeded");
    site.provider.finish_all(Status::Succeeded);
    site.poll().await;
    assert_eq!(code(&site.make(Order::Rollback(id)).await), "already_live");
    let key = request(Some(("key", "body")));
    assert_eq!(
        code(&site.writes.make(Order::Cancel(id), key).await),
        "already_finished"
    );
    assert_eq!(site.number("SELECT count(*) FROM idempotency_keys").await, 0);
    let mut stale = request(None);
    stale.if_version = Some(1);
    let answer = site.writes.make(Order::Redeploy(id), stale).await;
    assert!(matches!(answer, Err(WriteError::OtherVersion)), "{answer:?}");
    assert_eq!(site.provider.site().writes.len(), calls);
}

#[tokio::test]
async fn a_freeze_holds_deployments_back_and_never_a_cancel() {
    let freeze = Freeze {
        name: "year-end".to_owned(),
        reason: Some("accounts are closed".to_owned()),
        window: Window::parse(Some("2026-03-01T00:00:00Z"), Some("2026-03-02T00:00:00Z"), None, None)
            .expect("a window"),
        providers: Vec::new(),
        accounts: vec!["main".to_owned()],
        names: vec!["app-*".to_owned()],
        environments: vec!["production".to_owned()],
        labels: slipway_core::Labels::new(),
    };
    let site = Site::with(false, Freezes::new(vec![freeze])).await;
    let frozen = site.make(site.trigger("main")).await;
    assert_eq!(code(&frozen), "frozen");
    let Err(WriteError::Refused(refusal)) = frozen else {
        unreachable!()
    };
    assert!(refusal.detail.contains("2026-03-02T00:00:00Z"), "{}", refusal.detail);
    let mut overriding = request(None);
    overriding.overrides_freeze = true;
    let made = site.writes.make(site.trigger("main"), overriding).await;
    let Ok(Reply::Deployment { id, .. }) = made else {
        panic!("{made:?}")
    };
    assert!(matches!(
        site.make(Order::Cancel(id)).await,
        Ok(Reply::Deployment { .. })
    ));
    let preview = site.writes.preview(&site.trigger("main")).await.expect("a preview");
    assert_eq!(preview.call.warnings.len(), 1);
    site.pass(60 * 24);
    site.made(site.trigger("main")).await;
    let overridden = "SELECT count(*) FROM audit_log WHERE (detail ->> 'overrides_freeze')::boolean";
    assert_eq!(site.number(overridden).await, 1);
}
