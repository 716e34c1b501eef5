//! The promises of the state machine, for any observations in any order.

use proptest::prelude::*;
use slipway_core::observation::Asked;
use slipway_core::{
    Authority, DeploymentDetails, DeploymentObservation, Outcome, Phase, State, Status, Tracked, Via, transition,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const START: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

fn asked(second: usize) -> Asked {
    let at = START + Duration::seconds(i64::try_from(second).unwrap_or(0));
    Asked {
        via: Via::Poll,
        at,
        is_correction: false,
    }
}

fn observation(state: State) -> DeploymentObservation {
    DeploymentObservation {
        provider_deployment_id: "1".to_owned(),
        state,
        finished_at: None,
        details: DeploymentDetails::default(),
        raw: None,
        unmapped_status: None,
    }
}

/// A life that one provider could tell, in pieces: any steps before the end, and at most one end for each authority.
fn one_life() -> impl Strategy<Value = Vec<DeploymentObservation>> {
    let phase = prop_oneof![
        Just(None),
        Just(Some(Phase::QUEUED)),
        Just(Some(Phase::BUILD)),
        Just(Some(Phase::PUSH)),
        Just(Some(Phase::START)),
        Just(Some(Phase::HOOK)),
        Just(Some(Phase::other("warm_up"))),
    ];
    let authority = prop_oneof![Just(Authority::Stream), Just(Authority::Rest)];
    let open = (
        prop_oneof![Just(Status::Queued), Just(Status::InProgress), Just(Status::Unknown)],
        phase,
        authority,
    )
        .prop_map(|(status, phase, authority)| State {
            phase: phase.filter(|_| status == Status::InProgress),
            ..State::new(status, authority)
        });
    let unclear = Just(State {
        is_finished: true,
        ..State::new(Status::Unknown, Authority::Rest)
    });
    let end = |authority| {
        (
            prop_oneof![Just(Status::Succeeded), Just(Status::Failed), Just(Status::Canceled)],
            any::<bool>(),
        )
            .prop_map(move |(status, has_reason)| State {
                failure_reason: (has_reason && status == Status::Failed).then(|| "build_failed".to_owned()),
                phase: (has_reason && status == Status::Failed).then_some(Phase::BUILD),
                ..State::new(status, authority)
            })
    };
    (
        prop::collection::vec(open, 0..6),
        prop::option::of(unclear),
        prop::option::of(end(Authority::Stream)),
        prop::option::of(end(Authority::Rest)),
    )
        .prop_map(|(open, unclear, streamed, read)| {
            open.into_iter()
                .chain(unclear)
                .chain(streamed)
                .chain(read)
                .map(observation)
                .collect::<Vec<_>>()
        })
        .prop_filter("at least one", |life| !life.is_empty())
}

fn with_order() -> impl Strategy<Value = (Vec<DeploymentObservation>, Vec<DeploymentObservation>)> {
    one_life().prop_flat_map(|life| (Just(life.clone()), Just(life).prop_shuffle()))
}

fn apply(current: Option<Tracked>, observation: &DeploymentObservation, asked: Asked) -> Option<Tracked> {
    match transition(current.as_ref(), observation, asked) {
        Outcome::Created(tracked) | Outcome::Changed(tracked, _) => Some(*tracked),
        Outcome::Unchanged | Outcome::Stale => current,
        Outcome::Contradiction => panic!("one life does not contradict itself: {observation:?} after {current:?}"),
    }
}

fn outcome_of(life: &[DeploymentObservation]) -> (Status, Option<Phase>, Option<String>) {
    let tracked = life
        .iter()
        .enumerate()
        .fold(None, |current, (second, seen)| apply(current, seen, asked(second)));
    let tracked = tracked.expect("at least one observation");
    (tracked.status(), tracked.state.phase, tracked.state.failure_reason)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_order_ends_in_the_same_state((life, shuffled) in with_order()) {
        prop_assert_eq!(outcome_of(&life), outcome_of(&shuffled));
    }

    #[test]
    fn saying_it_again_changes_nothing(life in one_life()) {
        let tracked = life.iter().enumerate().fold(None, |current, (second, seen)| apply(current, seen, asked(second)));
        for (second, seen) in life.iter().enumerate() {
            let again = transition(tracked.as_ref(), seen, asked(100 + second));
            prop_assert_eq!(again, Outcome::Unchanged);
        }
    }

    #[test]
    fn the_state_never_falls_in_rank(life in one_life()) {
        let mut current: Option<Tracked> = None;
        for (second, seen) in life.iter().enumerate() {
            let before = current.as_ref().map_or(0, |tracked| tracked.state.rank());
            current = apply(current, seen, asked(second));
            prop_assert!(current.as_ref().is_some_and(|tracked| tracked.state.rank() >= before));
        }
    }

    #[test]
    fn outside_the_state_a_null_never_overwrites(life in one_life(), shas in prop::collection::vec(prop::option::of("[a-f]{4}"), 1..12)) {
        let mut current: Option<Tracked> = None;
        let mut known: Option<String> = None;
        for (second, (seen, sha)) in life.iter().cycle().zip(&shas).enumerate() {
            let mut seen = seen.clone();
            seen.details.git.sha.clone_from(sha);
            current = apply(current, &seen, asked(second));
            known = sha.clone().or(known);
            prop_assert_eq!(&current.as_ref().expect("seen").details.git.sha, &known);
        }
    }

    #[test]
    fn the_finish_time_never_moves_without_a_correction(life in one_life(), seconds in prop::collection::vec(prop::option::of(0_i64..1_000), 1..12)) {
        let mut current: Option<Tracked> = None;
        let mut known: Option<OffsetDateTime> = None;
        for (second, (seen, finished)) in life.iter().cycle().zip(&seconds).enumerate() {
            let mut seen = seen.clone();
            seen.finished_at = finished.map(|finished| START + Duration::seconds(finished));
            current = apply(current, &seen, asked(second));
            known = known.or(seen.finished_at);
            prop_assert_eq!(current.as_ref().expect("seen").finished_at, known);
        }
        let corrected = DeploymentObservation { finished_at: Some(START - Duration::HOUR), ..life[0].clone() };
        let correction = Asked { is_correction: true, ..asked(1_000) };
        match transition(current.as_ref(), &corrected, correction) {
            Outcome::Changed(tracked, _) => prop_assert_eq!(tracked.finished_at, corrected.finished_at),
            other => prop_assert!(false, "a correction that moves the finish time is a change: {:?}", other),
        }
    }
}

#[test]
fn two_ends_of_one_authority_that_differ_need_one_more_read() {
    let succeeded = apply(
        None,
        &observation(State::new(Status::Succeeded, Authority::Rest)),
        asked(0),
    );
    let failed = observation(State::new(Status::Failed, Authority::Rest));
    assert_eq!(
        transition(succeeded.as_ref(), &failed, asked(1)),
        Outcome::Contradiction
    );

    let correction = Asked {
        is_correction: true,
        ..asked(2)
    };
    let Outcome::Changed(corrected, changes) = transition(succeeded.as_ref(), &failed, correction) else {
        panic!("a correction replaces the state");
    };
    assert!(changes.corrected);
    assert_eq!(
        (corrected.status(), changes.previous_status),
        (Status::Failed, Some(Status::Succeeded))
    );
    // What was asked for before the correction no longer counts; what comes after it does.
    let late = observation(State::new(Status::Succeeded, Authority::Rest));
    assert_eq!(transition(Some(&corrected), &late, asked(1)), Outcome::Stale);
    assert_eq!(transition(Some(&corrected), &late, asked(3)), Outcome::Contradiction);
}

#[test]
fn a_correction_that_confirms_is_remembered_and_changes_nothing_public() {
    let succeeded = apply(
        None,
        &observation(State::new(Status::Succeeded, Authority::Rest)),
        asked(0),
    );
    let correction = Asked {
        is_correction: true,
        ..asked(1)
    };
    let same = observation(State::new(Status::Succeeded, Authority::Rest));
    let Outcome::Changed(tracked, changes) = transition(succeeded.as_ref(), &same, correction) else {
        panic!("the correction has to be remembered");
    };
    assert!(!changes.any());
    assert_eq!(tracked.corrected_at, Some(correction.at));
}

#[test]
fn rest_outweighs_a_stream_between_ends() {
    let streamed = apply(
        None,
        &observation(State::new(Status::Failed, Authority::Stream)),
        asked(0),
    );
    let read = apply(
        streamed,
        &observation(State::new(Status::Succeeded, Authority::Rest)),
        asked(1),
    )
    .expect("seen");
    assert_eq!(read.status(), Status::Succeeded);
    let late = observation(State::new(Status::Failed, Authority::Stream));
    assert_eq!(transition(Some(&read), &late, asked(2)), Outcome::Unchanged);
}

#[test]
fn gone_is_said_of_what_had_not_ended_and_a_second_sight_is_settled_by_a_read() {
    let gone = observation(State::gone());
    let succeeded = apply(
        None,
        &observation(State::new(Status::Succeeded, Authority::Rest)),
        asked(0),
    );
    assert_eq!(transition(succeeded.as_ref(), &gone, asked(1)), Outcome::Unchanged);

    let running = observation(State::new(Status::InProgress, Authority::Rest));
    let tracked = apply(apply(None, &running, asked(0)), &gone, asked(1)).expect("seen");
    assert_eq!((tracked.status(), tracked.state.is_finished), (Status::Unknown, true));
    assert_eq!(transition(Some(&tracked), &running, asked(0)), Outcome::Unchanged);
    assert_eq!(transition(Some(&tracked), &running, asked(2)), Outcome::Contradiction);
}

#[test]
fn an_accepted_cancel_turns_a_failure_and_an_unclear_end_into_canceled() {
    let with_cancel = |state| {
        let tracked = apply(None, &observation(state), asked(0)).expect("seen");
        Tracked {
            cancel_requested_at: Some(START),
            ..tracked
        }
        .status()
    };
    assert_eq!(
        with_cancel(State::new(Status::Failed, Authority::Rest)),
        Status::Canceled
    );
    assert_eq!(
        with_cancel(State {
            is_finished: true,
            ..State::new(Status::Unknown, Authority::Rest)
        }),
        Status::Canceled
    );
    assert_eq!(
        with_cancel(State::new(Status::Succeeded, Authority::Rest)),
        Status::Succeeded
    );
    assert_eq!(with_cancel(State::gone()), Status::Unknown);
}

#[test]
fn an_older_observation_fills_gaps_but_does_not_overwrite_newer_details() {
    let mut newer = observation(State::new(Status::InProgress, Authority::Rest));
    newer.details.git.sha = Some("bbbb".to_owned());
    let mut older = newer.clone();
    older.details.git.sha = Some("aaaa".to_owned());
    older.details.kind = Some("build".to_owned());
    let tracked = apply(apply(None, &newer, asked(5)), &older, asked(1)).expect("seen");
    assert_eq!(tracked.details.git.sha.as_deref(), Some("bbbb"));
    assert_eq!(tracked.details.kind.as_deref(), Some("build"));
}
