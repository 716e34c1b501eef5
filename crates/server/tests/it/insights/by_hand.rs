//! Random deployments, and what is to be said of them, computed without a database.

use std::collections::BTreeMap;

use slipway_core::deployment::Git;
use slipway_core::{Application, Authority, Deployment, DeploymentDetails, DeploymentObservation, State, Status};
use time::macros::datetime;
use time::{Date, Duration, OffsetDateTime};

use crate::harness::Gateway;
use crate::rows::{START, insert_application, insert_observed, observation};

/// Two numbers a day that never repeat: always the same rows, so that a failure can be looked at.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to `below`, which is no part of it.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// One deployment as it was made up.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) application: String,
    pub(super) environment: String,
    pub(super) created_at: OffsetDateTime,
    pub(super) status: Status,
    pub(super) is_finished: bool,
    pub(super) started_at: Option<OffsetDateTime>,
    pub(super) finished_at: Option<OffsetDateTime>,
    pub(super) committed_at: Option<OffsetDateTime>,
}

/// Three applications of two environments, with `count` deployments from `first` on over `days` days.
pub(super) async fn make(gateway: &Gateway, first: OffsetDateTime, days: i64, count: u64, seed: u64) -> Vec<Made> {
    let pool = &gateway.db.pool;
    let mut dice = Dice::new(seed);
    let mut applications = Vec::new();
    for (name, environment) in [("shop", "production"), ("blog", "production"), ("shop-next", "staging")] {
        let application = insert_application(pool, "main", name).await;
        sqlx::query("UPDATE applications SET environment = $2 WHERE id = $1")
            .bind(application.id.0)
            .bind(environment)
            .execute(pool)
            .await
            .expect("an environment");
        applications.push((application, environment));
    }
    let mut made = Vec::new();
    for _ in 0..count {
        let (application, environment) = &applications[usize::try_from(dice.roll(3)).expect("small")];
        let seconds = dice.roll(u64::try_from(days * 86_400).expect("positive"));
        let created_at = first + Duration::seconds(i64::try_from(seconds).expect("small"));
        let one = roll(&mut dice, created_at);
        let stored = store(gateway, application, &one).await;
        made.push(Made {
            id: stored.id.to_string(),
            application: application.id.to_string(),
            environment: (*environment).to_owned(),
            ..one
        });
    }
    made.sort_by_key(|one| (one.created_at, one.id.clone()));
    made
}

fn roll(dice: &mut Dice, created_at: OffsetDateTime) -> Made {
    let (status, is_finished) = match dice.roll(10) {
        0..5 => (Status::Succeeded, true),
        5..8 => (Status::Failed, true),
        8 => (Status::Canceled, true),
        _ => [
            (Status::Queued, false),
            (Status::InProgress, false),
            (Status::Unknown, true),
            (Status::Unknown, false),
        ][usize::try_from(dice.roll(4)).expect("small")],
    };
    let millis = |dice: &mut Dice, most: u64| Duration::milliseconds(i64::try_from(dice.roll(most)).expect("small"));
    let started_at = (dice.roll(5) > 0).then(|| created_at + millis(dice, 30_000));
    let finished_at = (is_finished && dice.roll(6) > 0).then(|| created_at + millis(dice, 900_000));
    let committed_at = (dice.roll(2) > 0).then(|| created_at + Duration::MINUTE - millis(dice, 90_000_000));
    Made {
        id: String::new(),
        application: String::new(),
        environment: String::new(),
        created_at,
        status,
        is_finished,
        started_at,
        finished_at,
        committed_at,
    }
}

async fn store(gateway: &Gateway, application: &Application, one: &Made) -> Deployment {
    let observed = DeploymentObservation {
        state: State {
            is_finished: one.is_finished,
            ..State::new(one.status, Authority::Rest)
        },
        finished_at: one.finished_at,
        details: DeploymentDetails {
            started_at: one.started_at,
            git: Git {
                committed_at: one.committed_at,
                ..Git::default()
            },
            ..DeploymentDetails::default()
        },
        ..observation(one.status)
    };
    insert_observed(&gateway.db.pool, application, one.created_at - START, &observed).await
}

/// The day in Berlin, by the rule of the European Union for 2026.
pub(super) fn day_in_berlin(at: OffsetDateTime) -> Date {
    let is_summer = at >= datetime!(2026-03-29 01:00 UTC) && at < datetime!(2026-10-25 01:00 UTC);
    (at + Duration::hours(if is_summer { 2 } else { 1 })).date()
}

/// What is expected of some deployments.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Expected {
    pub(super) counts: BTreeMap<&'static str, i64>,
    pub(super) failure_rate: Option<f64>,
    /// By metric: how many count, the median and the 95th percentile.
    pub(super) spreads: BTreeMap<&'static str, (i64, Option<i64>, Option<i64>)>,
}

/// `chosen` of `all`, which are in the order of their creation.
pub(super) fn expect(all: &[Made], chosen: impl Fn(&Made) -> bool) -> Expected {
    let some: Vec<&Made> = all.iter().filter(|one| chosen(one)).collect();
    let of = |status: Status| some.iter().filter(|one| one.status == status).count();
    let unknown = some
        .iter()
        .filter(|one| one.status == Status::Unknown && one.is_finished);
    let unfinished = some.iter().filter(|one| !one.is_finished);
    let (succeeded, failed) = (of(Status::Succeeded), of(Status::Failed));
    let counts = [
        ("deployments", some.len()),
        ("succeeded", succeeded),
        ("failed", failed),
        ("canceled", of(Status::Canceled)),
        ("unknown", unknown.count()),
        ("unfinished", unfinished.count()),
    ];
    let between = |from: Option<OffsetDateTime>, to: Option<OffsetDateTime>| {
        let ms = i64::try_from((to? - from?).whole_milliseconds()).expect("a few days");
        (ms >= 0).then_some(ms)
    };
    let of_succeeded = |value: &dyn Fn(&Made) -> Option<i64>| {
        let values = some.iter().filter(|one| one.status == Status::Succeeded);
        spread(values.filter_map(|one| value(one)).collect())
    };
    let recoveries = some
        .iter()
        .filter(|one| one.status == Status::Failed)
        .filter_map(|one| {
            let ended = |other: &&Made| {
                other.application == one.application && matches!(other.status, Status::Succeeded | Status::Failed)
            };
            let place = all.iter().position(|other| other.id == one.id).expect("it is there");
            let before = all[..place].iter().rev().find(ended);
            let after = all[place + 1..].iter().filter(ended);
            let next = after.into_iter().find(|other| other.status == Status::Succeeded)?;
            let is_first = before.is_none_or(|before| before.status == Status::Succeeded);
            between(one.finished_at, next.finished_at).filter(|_| is_first)
        });
    Expected {
        counts: counts
            .map(|(name, count)| (name, i64::try_from(count).expect("few")))
            .into(),
        failure_rate: (succeeded + failed > 0).then(|| {
            f64::from(u32::try_from(failed).expect("few")) / f64::from(u32::try_from(succeeded + failed).expect("few"))
        }),
        spreads: [
            (
                "duration",
                of_succeeded(&|one| between(one.started_at, one.finished_at)),
            ),
            (
                "lead_time",
                of_succeeded(&|one| between(one.committed_at, one.finished_at)),
            ),
            ("recovery", spread(recoveries.collect())),
        ]
        .into(),
    }
}

fn spread(mut values: Vec<i64>) -> (i64, Option<i64>, Option<i64>) {
    values.sort_unstable();
    let percentile = |share: f64| {
        let last = u32::try_from(values.len().checked_sub(1)?).expect("few");
        let place = f64::from(last) * share;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among few"
        )]
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let value = |at: usize| f64::from(u32::try_from(values[at]).expect("a few days"));
        let between = value(low) + (value(high) - value(low)) * (place - place.floor());
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a few days")]
        let rounded = between.round() as i64;
        Some(rounded)
    };
    (
        i64::try_from(values.len()).expect("few"),
        percentile(0.5),
        percentile(0.95),
    )
}
