//! A simulated day of many applications: the real engine, adapters and PostgreSQL against simulated providers that keep to
//! their rate limits, all in virtual time.

mod accounts;
mod lags;
mod plot;
mod stage;
mod time;

use std::sync::Arc;
use std::time::Duration;

use ::time::OffsetDateTime;
use slipway_core::budget::next_aligned;
use slipway_core::{Clock, SystemClock};
use slipway_engine::supervisor::Supervisor;
use slipway_engine::{Engine, SyncSettings};
use slipway_test_database::TestDatabase;
use tokio_util::sync::CancellationToken;

use self::accounts::Accounts;
pub(crate) use self::accounts::{Counts, Kind};
pub(crate) use self::lags::Lag;
pub(crate) use self::plot::draw;
use self::time::VirtualTime;
use crate::Result;

const HOUR: Duration = Duration::from_secs(3_600);
/// Of all applications, so many change in an hour.
const CHANGING: f64 = 0.02;
/// Between two looks at what was asked.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_secs(900);
/// What happened shortly before the end of the day may be seen after it.
const AFTERMATH: Duration = Duration::from_secs(180);
/// The first read of everything takes less.
const FIRST_READ_WITHIN: Duration = Duration::from_secs(8 * 3_600);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Day {
    /// Applications of an account.
    pub(crate) applications_each: usize,
    /// How long the first read of everything took, history included, and what it asked.
    pub(crate) first_read: (Duration, Counts),
    /// What was asked in each part of the day, [`SAMPLE_EVERY`] long.
    pub(crate) samples: Vec<Counts>,
    /// What was asked all day.
    pub(crate) asked: Counts,
    /// Every change that a provider showed.
    pub(crate) lags: Vec<Lag>,
    /// When the day began.
    pub(crate) from: OffsetDateTime,
    /// How often the clock moved on though something was still being done.
    pub(crate) impatient: usize,
}

/// How `config/default.toml` has it.
pub(crate) fn settings() -> SyncSettings {
    SyncSettings {
        holder: "the only one".to_owned(),
        account_interval: Duration::from_secs(30),
        running_interval: Duration::from_secs(3),
        idle_interval: Duration::from_secs(300),
        ..SyncSettings::default()
    }
}

/// Lets a day of so many hours pass over so many applications.
pub(crate) async fn measure(applications: usize, hours: f64) -> Result<Day> {
    let database = TestDatabase::create().await?;
    let measured = tokio::task::spawn_blocking(move || let_pass(&database, applications, hours));
    measured.await?
}

fn let_pass(database: &TestDatabase, applications: usize, hours: f64) -> Result<Day> {
    let mut time = VirtualTime::begin(database, half_past(SystemClock.now()))?;
    let accounts = Accounts::start(&mut time, applications)?;
    let shutdown = CancellationToken::new();
    let _ended = shutdown.clone().drop_guard();
    start_engine(&time, &accounts, shutdown)?;

    let began = time.now();
    while is_unread(&time, accounts.applications())? {
        if time.now() - began > FIRST_READ_WITHIN {
            return Err("the first read of all applications does not end".into());
        }
        time.pass(Duration::from_secs(60))?;
    }
    let first_read = (Duration::try_from(time.now() - began)?, accounts.counts());
    eprintln!(
        "   everything is read after {} simulated minutes",
        first_read.0.as_secs() / 60
    );
    time.pass(Duration::try_from(next_aligned(time.now(), HOUR) - time.now())?)?;
    let (from, before_day) = (time.now(), accounts.counts());

    let day = Duration::from_secs_f64(hours * 3_600.0);
    let end = from + day;
    time.plan((accounts.applications() as f64 * CHANGING * hours).ceil() as usize, day);
    let (mut samples, mut before) = (Vec::new(), before_day.clone());
    while time.now() < end {
        let left = Duration::try_from(end - time.now()).unwrap_or_default();
        time.pass(left.min(SAMPLE_EVERY))?;
        let counts = accounts.counts();
        samples.push(counts.since(&before));
        before = counts;
    }
    time.pass(AFTERMATH)?;
    Ok(Day {
        applications_each: accounts.applications_each,
        samples,
        asked: before.since(&before_day),
        first_read,
        lags: lags::measure(&time, &accounts, from, end)?,
        from,
        impatient: time.impatient,
    })
}

/// The next half past an hour. Limits are those of whole hours, and the day begins with one that the first read has not used:
/// so there is little to wait for between both.
fn half_past(now: OffsetDateTime) -> OffsetDateTime {
    next_aligned(now - HOUR / 2, HOUR) + HOUR / 2
}

fn start_engine(time: &VirtualTime, accounts: &Accounts, shutdown: CancellationToken) -> Result<()> {
    let (registry, pool) = (accounts.registry.clone(), time.pool.clone());
    let clock: Arc<dyn Clock> = Arc::new(time.clock.clone());
    time.engine.run(async move {
        let engine = Engine::new(settings(), pool, registry.clone(), Arc::clone(&clock));
        slipway_engine::budget::share(engine.context(), &registry);
        engine.spawn(&Supervisor::new(clock, shutdown));
    })
}

/// Whether some application, or a part of its history, was not read yet.
fn is_unread(time: &VirtualTime, applications: usize) -> Result<bool> {
    let pool = time.pool.clone();
    let read: i64 = time.engine.run(async move {
        sqlx::query_scalar(
            "SELECT count(*) FROM sync_targets WHERE application_id IS NOT NULL AND backfill_state = 'complete'",
        )
        .fetch_one(&pool)
        .await
    })??;
    Ok(usize::try_from(read)? < applications)
}
