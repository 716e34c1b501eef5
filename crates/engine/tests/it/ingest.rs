//! The one write path.

use slipway_core::provider::LiveRule;
use slipway_core::{Authority, DeploymentId, Phase, State, Status};
use slipway_engine::ingest::{IngestError, Lease, ingest};
use slipway_store::{applications, event_log, transitions, unmapped_statuses};
use uuid::Uuid;

use crate::world::{START, World, deployment, streamed};

#[tokio::test]
async fn the_same_payload_twice_or_over_any_way_gives_the_same_rows() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(1, vec![deployment("a", 5, Status::InProgress)]).await;
    let (before, head) = (world.deployment("a").await, world.head().await);

    let again = world.see(2, vec![deployment("a", 5, Status::InProgress)]).await;
    let streamed_too = world.see(3, vec![streamed("a", Status::InProgress)]).await;
    let older = world.see(0, vec![streamed("a", Status::Queued)]).await;

    for report in [again, streamed_too, older] {
        assert_eq!((report.created, report.changed, report.last_event), (0, 0, None));
    }
    assert_eq!(world.deployment("a").await, before);
    assert_eq!(world.head().await, head);
}

#[tokio::test]
async fn a_life_is_told_step_by_step_with_one_event_for_each_axis() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let head = world.head().await;
    let step = |status, phase| {
        let mut seen = deployment("a", 5, status);
        seen.state.phase = phase;
        seen
    };
    world.see(1, vec![step(Status::Queued, Some(Phase::QUEUED))]).await;
    world.see(2, vec![step(Status::InProgress, Some(Phase::BUILD))]).await;
    world.see(3, vec![step(Status::InProgress, Some(Phase::PUSH))]).await;
    world.see(4, vec![step(Status::Succeeded, None)]).await;

    let types = world.event_types_after(head).await;
    assert_eq!(
        types,
        [
            "deployment.created",
            "deployment.queued",
            "application.updated",
            "deployment.started",
            "deployment.phase_changed",
            "deployment.finished",
            "deployment.went_live",
            "application.updated",
        ]
    );
    let events = world.events_after(head).await;
    let finished = events
        .iter()
        .find(|event| event.r#type == "deployment.finished")
        .expect("finished");
    assert_eq!(
        (finished.status.as_deref(), finished.previous_status.as_deref()),
        (Some("succeeded"), Some("in_progress"))
    );
    assert_eq!(finished.occurred_at, Some(START + time::Duration::seconds(35)));
    let deployment = world.deployment("a").await;
    assert_eq!(
        (deployment.version, deployment.is_live, deployment.is_latest),
        (4, Some(true), true)
    );
    let steps = transitions::list_for_deployment(&mut *world.connection().await, deployment.id.0)
        .await
        .expect("a timeline");
    let steps: Vec<_> = steps
        .iter()
        .map(|step| (step.status.as_str(), step.phase.as_deref()))
        .collect();
    assert_eq!(
        steps,
        [
            ("queued", Some("queued")),
            ("in_progress", Some("build")),
            ("in_progress", Some("push")),
            ("succeeded", None)
        ]
    );
}

#[tokio::test]
async fn history_from_before_the_first_sight_is_told_by_one_event_a_page() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let head = world.head().await;
    let page = (1..=20)
        .map(|number| deployment(&format!("old-{number}"), -1_000 * number, Status::Succeeded))
        .collect();
    let report = world.see(1, page).await;
    assert_eq!(report.created, 20);
    assert_eq!(world.event_types_after(head).await, ["application.history_changed"]);

    let application = applications::find(&mut *world.connection().await, world.application_id)
        .await
        .expect("a read");
    let newest = world.deployment("old-1").await;
    assert!(newest.is_latest && newest.is_live == Some(true));
    let application = application.expect("stored");
    assert_eq!(
        (application.last_deployment_id, application.live_deployment_id),
        (Some(newest.id), Some(newest.id))
    );
    assert_eq!(world.deployment("old-2").await.is_live, Some(false));

    // One that still runs at the first sight gets its own.
    let head = world.head().await;
    world.see(2, vec![deployment("new", 10, Status::InProgress)]).await;
    let types = world.event_types_after(head).await;
    assert!(types.contains(&"deployment.created".to_owned()), "{types:?}");
    assert!(!world.deployment("old-1").await.is_latest);
}

#[tokio::test]
async fn the_one_that_succeeded_last_is_live_and_names_the_one_it_superseded() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(1, vec![deployment("a", 5, Status::Succeeded)]).await;
    world.see(2, vec![deployment("b", 50, Status::Failed)]).await;
    assert_eq!(world.deployment("a").await.is_live, Some(true));
    let head = world.head().await;
    world.see(3, vec![deployment("c", 100, Status::Succeeded)]).await;
    let (a, c) = (world.deployment("a").await, world.deployment("c").await);
    assert_eq!((a.is_live, a.superseded_by_id), (Some(false), Some(c.id)));
    assert_eq!(c.is_live, Some(true));
    let types = world.event_types_after(head).await;
    assert!(types.contains(&"deployment.superseded".to_owned()) && types.contains(&"deployment.went_live".to_owned()));

    // The live one turns out to have failed: what succeeded before is what runs.
    world.correct(4, deployment("c", 100, Status::Failed)).await;
    let (a, c) = (world.deployment("a").await, world.deployment("c").await);
    assert_eq!(
        (a.is_live, a.superseded_by_id, c.is_live),
        (Some(true), None, Some(false))
    );
}

#[tokio::test]
async fn where_the_provider_marks_the_live_one_its_word_counts() {
    let world = World::new(LiveRule::Reported).await;
    let marked = |key, second, is_live| {
        let mut seen = deployment(key, second, Status::Succeeded);
        seen.details.is_live = Some(is_live);
        seen
    };
    world.see(1, vec![marked("b", 50, false), marked("a", 5, true)]).await;
    assert_eq!(
        (world.deployment("a").await.is_live, world.deployment("b").await.is_live),
        (Some(true), Some(false))
    );
    world.see(2, vec![marked("b", 50, true), marked("a", 5, false)]).await;
    let (a, b) = (world.deployment("a").await, world.deployment("b").await);
    assert_eq!(
        (a.is_live, a.superseded_by_id, b.is_live),
        (Some(false), Some(b.id), Some(true))
    );
    // The mark moves to one that is not in the page with the old one.
    world.see(3, vec![marked("c", 90, true)]).await;
    assert_eq!(world.deployment("b").await.is_live, Some(false));
    world.see(4, vec![marked("c", 90, false)]).await;
    assert_eq!(world.deployment("c").await.is_live, Some(false));
}

#[tokio::test]
async fn contradicting_ends_write_nothing_until_a_correction_settles_them() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(1, vec![deployment("a", 5, Status::Succeeded)]).await;
    let head = world.head().await;
    let report = world.see(2, vec![deployment("a", 5, Status::Failed)]).await;
    assert_eq!(report.contradictions, ["a"]);
    assert_eq!(world.head().await, head);

    world.correct(3, deployment("a", 5, Status::Failed)).await;
    let types = world.event_types_after(head).await;
    assert_eq!(
        types,
        ["deployment.corrected", "deployment.superseded", "application.updated"]
    );
    let stale = world.see(2, vec![deployment("a", 5, Status::Succeeded)]).await;
    assert_eq!((stale.changed, stale.contradictions.len()), (0, 0));
    assert_eq!(world.deployment("a").await.tracked.status(), Status::Failed);
}

#[tokio::test]
async fn an_end_seen_only_on_a_stream_gets_its_finish_time_from_rest() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(1, vec![deployment("a", 5, Status::InProgress)]).await;
    world.see(2, vec![streamed("a", Status::Succeeded)]).await;
    let seen = world.deployment("a").await;
    assert_eq!(
        (seen.tracked.status(), seen.tracked.finished_at),
        (Status::Succeeded, None)
    );
    world.see(3, vec![deployment("a", 5, Status::Succeeded)]).await;
    assert_eq!(
        world.deployment("a").await.tracked.finished_at,
        Some(START + time::Duration::seconds(35))
    );
}

#[tokio::test]
async fn a_deployment_that_vanishes_in_mid_run_is_unknown_and_finished() {
    let world = World::new(LiveRule::LastSucceeded).await;
    world.see(1, vec![deployment("a", 5, Status::InProgress)]).await;
    let mut gone = deployment("a", 5, Status::Unknown);
    gone.state = State::gone();
    world.see(2, vec![gone]).await;
    let seen = world.deployment("a").await;
    assert_eq!(
        (seen.tracked.status(), seen.tracked.state.is_finished),
        (Status::Unknown, true)
    );
    assert_eq!(seen.tracked.state.failure_reason.as_deref(), Some("gone_upstream"));
    let report = world.see(3, vec![deployment("a", 5, Status::InProgress)]).await;
    assert_eq!(report.contradictions, ["a"]);
}

#[tokio::test]
async fn a_deployment_that_one_page_names_twice_is_stored_once() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let report = world
        .see(
            1,
            vec![
                deployment("a", 5, Status::Succeeded),
                deployment("a", 5, Status::Succeeded),
            ],
        )
        .await;
    assert_eq!(report.created, 1);
}

#[tokio::test]
async fn a_write_under_a_lost_lease_is_refused_whole() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let head = world.head().await;
    let mut batch = world.batch(1, vec![deployment("a", 5, Status::Succeeded)]);
    batch.lease = Some(Lease {
        token: Uuid::nil(),
        ..world.lease
    });
    let refused = ingest(&world.context, &batch).await;
    assert!(matches!(refused, Err(IngestError::LeaseLost)), "{refused:?}");
    assert_eq!(world.head().await, head);
    batch.lease = Some(world.lease);
    ingest(&world.context, &batch).await.expect("the lease is ours");
}

#[tokio::test]
async fn ten_writers_of_the_same_deployment_make_one_row_and_gapless_events() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let head = world.head().await;
    let page: Vec<_> = (0..10)
        .map(|number| deployment(&format!("d{number}"), number, Status::InProgress))
        .collect();
    let batch = world.batch(1, page);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (context, batch) = (world.context.clone(), batch.clone());
        writers.spawn(async move { ingest(&context, &batch).await.expect("ingested").created });
    }
    let created: usize = writers.join_all().await.into_iter().sum();
    assert_eq!(created, 10);
    let numbers: Vec<_> = world.events_after(head).await.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (head + 1..=world.head().await).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unmapped_status_is_kept_and_counted() {
    let world = World::new(LiveRule::LastSucceeded).await;
    let mut seen = deployment("a", 5, Status::Unknown);
    seen.state = State {
        provider_status: Some("hibernating".to_owned()),
        ..State::new(Status::Unknown, Authority::Rest)
    };
    seen.unmapped_status = Some("hibernating".to_owned());
    world.see(1, vec![seen.clone()]).await;
    world.see(2, vec![seen]).await;
    let counted = unmapped_statuses::list(&mut *world.connection().await)
        .await
        .expect("a list");
    assert_eq!(
        (counted[0].provider_status.as_str(), counted[0].seen_count),
        ("hibernating", 2)
    );
    let event = event_log::list_after(&mut *world.connection().await, 0, 100)
        .await
        .expect("events");
    let created = event
        .iter()
        .find(|event| event.r#type == "deployment.created")
        .expect("created");
    assert!(
        created
            .deployment
            .as_deref()
            .is_some_and(|body| body.contains(r#""provider_status":"hibernating""#))
    );
    assert_eq!(
        created.deployment_id.map(DeploymentId),
        Some(world.deployment("a").await.id)
    );
}
