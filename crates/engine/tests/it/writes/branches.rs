//! Every way that a call can end, and what the reconciler makes of what is left.

use slipway_core::id::new_id;
use slipway_core::provider::Write;
use slipway_core::{Authority, DeploymentId, State, Status};
use slipway_engine::writes::{Order, Reply, WriteError};
use slipway_store::intents::{self, NewIntent};

use super::{Script, Site, request};

#[tokio::test]
async fn a_named_deployment_is_published_once_and_the_poll_finds_it_known() {
    let site = Site::new(false).await;
    let head = site.world.head().await;
    let id = site.made(site.trigger("main")).await;
    let row = site.row(id).await;
    assert_eq!(row.provider_deployment_id.as_deref(), Some("dep-1"));
    assert_eq!(row.tracked.status(), Status::InProgress);
    assert_eq!(row.observed_via, slipway_core::Via::Write);
    assert_eq!(
        site.world.event_types_after(head).await,
        ["deployment.created", "deployment.started", "application.updated"]
    );
    let report = site.poll().await;
    assert_eq!((report.created, report.deferred), (0, 0));
    assert_eq!((site.count_rows().await, site.provider.count()), (1, 1));
    assert_eq!(
        site.number("SELECT count(*) FROM audit_log WHERE outcome = 'succeeded'")
            .await,
        1
    );
    assert_eq!(
        site.number("SELECT count(*) FROM sync_targets WHERE is_requested")
            .await,
        1
    );
}

#[tokio::test]
async fn an_unnamed_deployment_waits_until_the_provider_shows_it() {
    let site = Site::new(true).await;
    site.provider.deploy(Some("main"));
    site.poll().await;
    let id = site.made(site.trigger("main")).await;
    let row = site.row(id).await;
    assert_eq!(
        (row.provider_deployment_id.clone(), row.tracked.status()),
        (None, Status::Queued)
    );
    let report = site.poll().await;
    assert_eq!((report.created, report.changed), (0, 1));
    let claimed = site.row(id).await;
    assert_eq!(claimed.provider_deployment_id.as_deref(), Some("2"));
    assert_eq!(claimed.tracked.status(), Status::InProgress);
    assert_eq!(claimed.created_at, row.created_at, "creation never changes");
    assert_eq!(site.count_rows().await, 2);
    assert_eq!(
        site.number("SELECT count(*) FROM intents WHERE state = 'settled'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_poll_that_sees_the_deployment_before_the_answer_waits_for_it() {
    for is_numbered in [false, true] {
        let site = Site::new(is_numbered).await;
        let permits = site.provider.gate.forget_permits(usize::MAX);
        let (writes, order) = (site.writes.clone(), site.trigger("main"));
        let call = tokio::spawn(async move { writes.make(order, request(None)).await });
        crate::world::until("the call arrived", async || site.provider.count() == 1).await;
        let report = site.poll().await;
        assert_eq!((report.created, report.deferred), (0, 1));
        assert_eq!(
            site.count_rows().await,
            0,
            "nothing is published while the call is in flight"
        );
        site.provider.gate.add_permits(permits.min(1_000));
        let Ok(Ok(Reply::Deployment { id, .. })) = call.await else {
            panic!("no answer")
        };
        site.poll().await;
        assert_eq!(site.count_rows().await, 1);
        assert!(site.row(id).await.provider_deployment_id.is_some());
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_the_provider_shows_what_it_made() {
    for is_numbered in [false, true] {
        let site = Site::new(is_numbered).await;
        site.provider.plays(Script::LoseAnswer);
        let id = site.made(site.trigger("main")).await;
        let row = site.row(id).await;
        assert_eq!(row.tracked.status(), Status::Unknown);
        assert_eq!(row.tracked.state.failure_reason.as_deref(), Some("outcome_unknown"));
        assert!(!row.tracked.state.is_finished);
        site.poll().await;
        let row = site.row(id).await;
        assert_eq!(row.tracked.status(), Status::InProgress);
        assert_eq!(row.tracked.state.failure_reason, None);
        assert_eq!((site.count_rows().await, site.provider.count()), (1, 1));
    }
}

#[tokio::test]
async fn a_deployment_of_which_nothing_is_found_is_given_up_and_may_still_be_corrected() {
    let site = Site::new(false).await;
    site.provider.plays(Script::LoseRequest);
    let id = site.made(site.trigger("main")).await;
    site.pass(14);
    site.reconcile().await;
    assert!(!site.row(id).await.tracked.state.is_finished, "not before its time");
    site.pass(2);
    site.provider.site().is_away = true;
    site.reconcile().await;
    assert!(
        !site.row(id).await.tracked.state.is_finished,
        "not without a complete look"
    );
    site.provider.site().is_away = false;
    site.pass(1);
    site.reconcile().await;
    let row = site.row(id).await;
    assert!(row.tracked.state.is_finished);
    assert_eq!(row.tracked.status(), Status::Unknown);
    let head = site.world.head().await;
    // It shows up after all.
    site.provider.deploy(Some("main"));
    site.poll().await;
    let row = site.row(id).await;
    assert_eq!(row.tracked.status(), Status::InProgress);
    assert!(
        site.world
            .event_types_after(head)
            .await
            .contains(&"deployment.corrected".to_owned())
    );
    assert_eq!(site.count_rows().await, 1);
}

#[tokio::test]
async fn after_a_day_nothing_is_claimed_any_more() {
    let site = Site::new(true).await;
    let id = site.made(site.trigger("main")).await;
    site.provider.site().deployments.clear();
    site.pass(60 * 24 + 1);
    site.reconcile().await;
    let row = site.row(id).await;
    assert!(row.tracked.state.is_finished);
    assert_eq!(row.tracked.state.failure_reason.as_deref(), Some("outcome_unknown"));
    site.provider.deploy(Some("main"));
    assert_eq!(site.poll().await.created, 1);
    assert_eq!(site.row(id).await.provider_deployment_id, None);
}

#[tokio::test]
async fn a_process_that_died_before_the_call_leaves_one_that_is_called_or_never_sent() {
    for (minutes, is_sent) in [(1, true), (11, false)] {
        let site = Site::new(false).await;
        let id = insert_waiting(&site).await;
        site.pass(minutes);
        site.end_leases().await;
        site.reconcile().await;
        let row = site.row(id).await;
        assert_eq!(site.provider.count(), usize::from(is_sent));
        if is_sent {
            assert_eq!(row.provider_deployment_id.as_deref(), Some("dep-1"));
        } else {
            assert_eq!(row.tracked.status(), Status::Canceled);
            assert_eq!(row.tracked.state.failure_reason.as_deref(), Some("never_sent"));
        }
        site.end_leases().await;
        site.reconcile().await;
        assert_eq!(site.provider.count(), usize::from(is_sent), "never again");
    }
}

/// An intent whose process died before the call.
async fn insert_waiting(site: &Site) -> DeploymentId {
    let now = site.world.now();
    let Order::Trigger(application_id, trigger) = site.trigger("main") else {
        unreachable!("it is one")
    };
    let id = DeploymentId::new(now);
    let new = NewIntent {
        id: new_id(now),
        application_id,
        account: "main".to_owned(),
        target: None,
        deployment_id: Some(id),
        request: Write::Trigger(trigger),
        overrides_freeze: false,
        principal_id: "token:1".to_owned(),
        principal: "tester".to_owned(),
        request_id: None,
        client_address: None,
        created_at: now,
    };
    let mut conn = site.world.connection().await;
    intents::insert(&mut conn, &new, new_id(now), time::Duration::HOUR)
        .await
        .expect("an intent");
    id
}

#[tokio::test]
async fn a_process_that_died_during_the_call_leaves_an_unknown_outcome_or_a_proof() {
    for is_numbered in [false, true] {
        let site = Site::new(is_numbered).await;
        let _held = site.provider.gate.forget_permits(usize::MAX);
        let (writes, order) = (site.writes.clone(), site.trigger("main"));
        let call = tokio::spawn(async move { writes.make(order, request(Some(("k", "b")))).await });
        crate::world::until("the call arrived", async || site.provider.count() == 1).await;
        call.abort();
        site.end_leases().await;
        let waiting = site.writes.make(site.trigger("main"), request(Some(("k", "b")))).await;
        assert!(matches!(waiting, Err(WriteError::InFlight)), "{waiting:?}");
        site.reconcile().await;
        let answer = site.writes.make(site.trigger("main"), request(Some(("k", "b")))).await;
        let Ok(Reply::Deployment {
            id,
            body,
            is_replay: true,
        }) = answer
        else {
            panic!("{answer:?}")
        };
        let expected = if is_numbered { "queued" } else { "unknown" };
        assert!(body.contains(&format!("\"status\":\"{expected}\"")), "{body}");
        site.poll().await;
        assert!(site.row(id).await.provider_deployment_id.is_some());
        assert_eq!((site.count_rows().await, site.provider.count()), (1, 1));
        // The process was only held up: its answer comes late, and changes nothing.
        site.provider.gate.add_permits(10);
        site.writes.finish().await;
        assert_eq!(site.count_rows().await, 1);
        let again = site.writes.make(site.trigger("main"), request(Some(("k", "b")))).await;
        let Ok(Reply::Deployment { body: same, .. }) = again else {
            panic!("{again:?}")
        };
        assert_eq!(body, same, "the stored answer never changes");
    }
}

#[tokio::test]
async fn a_late_answer_names_the_row_that_was_published_without_it() {
    let site = Site::new(false).await;
    let _held = site.provider.gate.forget_permits(usize::MAX);
    let (writes, order) = (site.writes.clone(), site.trigger("main"));
    let call = tokio::spawn(async move { writes.make(order, request(None)).await });
    crate::world::until("the call arrived", async || site.provider.count() == 1).await;
    site.end_leases().await;
    site.reconcile().await;
    site.provider.gate.add_permits(10);
    let Ok(Ok(Reply::Deployment { id, .. })) = call.await else {
        panic!("no answer")
    };
    assert_eq!(site.row(id).await.provider_deployment_id.as_deref(), Some("dep-1"));
    assert_eq!(site.poll().await.created, 0);
    assert_eq!(site.count_rows().await, 1);
}

#[tokio::test]
async fn a_cancel_is_kept_and_makes_a_failure_read_canceled() {
    let site = Site::new(false).await;
    let id = site.made(site.trigger("main")).await;
    let answer = site.make(Order::Cancel(id)).await;
    assert!(matches!(answer, Ok(Reply::Deployment { .. })), "{answer:?}");
    assert!(site.row(id).await.tracked.cancel_requested_at.is_some());
    site.provider.finish_all(Status::Failed);
    site.poll().await;
    assert_eq!(site.row(id).await.tracked.status(), Status::Canceled);
    let calls = site.provider.site().writes.len();
    let again = site.make(Order::Cancel(id)).await;
    assert!(matches!(again, Ok(Reply::Deployment { .. })), "{again:?}");
    assert_eq!(
        site.provider.site().writes.len(),
        calls,
        "a second cancel makes no call"
    );
}

#[tokio::test]
async fn a_cancel_that_comes_after_the_failure_corrects_it() {
    let site = Site::new(false).await;
    let id = site.made(site.trigger("main")).await;
    let permits = site.provider.gate.forget_permits(usize::MAX);
    let writes = site.writes.clone();
    let call = tokio::spawn(async move { writes.make(Order::Cancel(id), request(None)).await });
    crate::world::until("the call arrived", async || site.provider.site().writes.len() == 2).await;
    site.provider.finish_all(Status::Failed);
    site.poll().await;
    assert_eq!(site.row(id).await.tracked.status(), Status::Failed);
    let head = site.world.head().await;
    site.provider.gate.add_permits(permits.min(10));
    assert!(matches!(call.await, Ok(Ok(Reply::Deployment { .. }))));
    assert_eq!(site.row(id).await.tracked.status(), Status::Canceled);
    assert_eq!(site.world.event_types_after(head).await, ["deployment.corrected"]);
}

#[tokio::test]
async fn an_unanswered_cancel_is_called_again() {
    let site = Site::new(false).await;
    let id = site.made(site.trigger("main")).await;
    site.provider.plays(Script::LoseRequest);
    let answer = site.make(Order::Cancel(id)).await;
    assert!(
        matches!(&answer, Ok(Reply::Refused { refusal, .. }) if refusal.code == "provider_unavailable"),
        "{answer:?}"
    );
    site.provider.plays(Script::Accept);
    site.pass(1);
    site.reconcile().await;
    assert!(site.row(id).await.tracked.cancel_requested_at.is_some());
}

#[tokio::test]
async fn a_rollback_names_the_deployment_that_it_goes_back_to() {
    let site = Site::new(false).await;
    let first = site.made(site.trigger("v1")).await;
    site.provider.finish_all(Status::Succeeded);
    site.poll().await;
    site.pass(5);
    let _second = site.made(site.trigger("v2")).await;
    site.provider.finish_all(Status::Succeeded);
    site.poll().await;
    site.pass(5);
    let back = site.made(Order::Rollback(first)).await;
    assert_eq!(site.row(back).await.rollback_of_id, Some(first));
    let again = site.made(Order::Redeploy(first)).await;
    assert_eq!(site.row(again).await.rollback_of_id, None);
    assert_eq!(site.provider.count(), 4);
}

#[tokio::test]
async fn the_providers_word_for_what_we_brought_ourselves_is_no_step_of_the_timeline() {
    let site = Site::new(true).await;
    let id = site.made(site.trigger("main")).await;
    let says = |word: &str, status: Status| {
        for made in &mut site.provider.site().deployments {
            made.state = State {
                provider_status: Some(word.to_owned()),
                ..State::new(status, Authority::Rest)
            };
        }
    };
    let steps = "SELECT count(*) FROM transitions";
    says("pending", Status::Queued);
    site.poll().await;
    let row = site.row(id).await;
    assert_eq!(row.tracked.state.provider_status.as_deref(), Some("pending"));
    assert_eq!((row.version, site.number(steps).await), (2, 1), "queued once");
    says("deploying", Status::InProgress);
    site.poll().await;
    assert_eq!(site.number(steps).await, 2);
    // A word for another is news: nobody knows what it means.
    says("odd", Status::Unknown);
    let before = site.number(steps).await;
    site.poll().await;
    assert_eq!(site.number(steps).await, before, "it loses");
}
