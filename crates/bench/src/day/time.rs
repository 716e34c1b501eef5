//! Virtual time for everything at once: the engine, the simulated providers, and PostgreSQL.
//!
//! The clock moves in small steps, and only when everything that the last one set off is done. So hours pass in minutes, what
//! is measured does not depend on the machine, and yet every request and every statement is a real one.

use std::time::{Duration, Instant};

use slipway_core::{Clock, ManualClock};
use slipway_simulator::{StartRequest, World};
use slipway_test_database::{PgPool, TestDatabase};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

use super::stage::Stage;
use crate::Result;

/// Every timer fires up to this much late.
const STEP: Duration = Duration::from_millis(500);
/// Between two looks whether everything is done.
const LOOK_EVERY: Duration = Duration::from_micros(100);
/// After so long the clock moves on all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// PostgreSQL's own functions, hidden behind ones that tell what the sequence says.
const VIRTUAL_NOW: &str = "
    CREATE SCHEMA virtual_time;
    CREATE SEQUENCE virtual_time.clock;
    CREATE FUNCTION virtual_time.now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS
        'BEGIN RETURN to_timestamp(pg_sequence_last_value(''virtual_time.clock''::regclass) / 1e6::float8); END';
    CREATE FUNCTION virtual_time.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS
        'BEGIN RETURN virtual_time.now(); END';";

pub(super) struct VirtualTime {
    pub(super) clock: ManualClock,
    pub(super) providers: Stage,
    pub(super) engine: Stage,
    pub(super) pool: PgPool,
    worlds: Vec<World>,
    /// When a deployment begins, and in which world; the last one first.
    agenda: Vec<(OffsetDateTime, usize)>,
    /// Runs in real time.
    runtime: Runtime,
    setter: PgConnection,
    /// How often something was not done in time.
    pub(super) impatient: usize,
}

impl VirtualTime {
    /// Begins at the present, with the engine's own connections to this database.
    pub(super) fn begin(database: &TestDatabase, now: OffsetDateTime) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let options = database.options.clone();
        let name = database.name.clone();
        let mut setter = runtime.block_on(async {
            let mut conn = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql(VIRTUAL_NOW).execute(&mut conn).await?;
            let path = format!("ALTER DATABASE \"{name}\" SET search_path = public, virtual_time, pg_catalog");
            sqlx::raw_sql(sqlx::AssertSqlSafe(path)).execute(&mut conn).await?;
            Ok::<_, sqlx::Error>(conn)
        })?;
        runtime.block_on(set(&mut setter, now))?;
        let engine = Stage::start("engine")?;
        let pool = engine.run(async move {
            PgPoolOptions::new()
                .max_connections(10)
                .acquire_timeout(Duration::from_secs(3))
                .test_before_acquire(false)
                .connect_lazy_with(options)
        })?;
        Ok(Self {
            clock: ManualClock::new(now),
            providers: Stage::start("providers")?,
            engine,
            pool,
            worlds: Vec::new(),
            agenda: Vec::new(),
            runtime,
            setter,
            impatient: 0,
        })
    }

    /// From now on this world's clock moves with the others.
    pub(super) fn keep(&mut self, world: World) {
        world.pause();
        if let Ok(behind) = Duration::try_from(self.clock.now() - world.now()) {
            world.advance(behind);
        }
        self.worlds.push(world);
    }

    /// So many deployments begin within this time from now, evenly over time and worlds and yet at no regular times.
    pub(super) fn plan(&mut self, deployments: usize, within: Duration) {
        let now = self.now();
        let at = |number: usize| {
            // The fractional parts of multiples of the golden ratio are spread evenly.
            let share = (number as f64 * 0.618_033_988_749_895).fract();
            (now + within.mul_f64(share), number % self.worlds.len().max(1))
        };
        self.agenda = (1..=deployments).map(at).collect();
        self.agenda.sort_by(|one, other| other.cmp(one));
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Lets so much time pass.
    pub(super) fn pass(&mut self, duration: Duration) -> Result<()> {
        let until = self.now() + duration;
        while self.now() < until {
            self.wait_until_quiet();
            self.clock.advance(time::Duration::try_from(STEP)?);
            let now = self.now();
            self.runtime.block_on(set(&mut self.setter, now))?;
            while let Some((at, world)) = self.agenda.pop_if(|(at, _)| *at <= now) {
                let world = &self.worlds[world];
                world.advance(Duration::try_from(at - world.now()).unwrap_or_default());
                world.start(&StartRequest::default())?;
            }
            for world in &self.worlds {
                world.advance(Duration::try_from(now - world.now()).unwrap_or_default());
            }
            self.providers.advance(STEP)?;
            self.engine.advance(STEP)?;
        }
        self.wait_until_quiet();
        Ok(())
    }

    /// Waits until nobody computes, no statement is under way, and nothing has moved since the last look.
    fn wait_until_quiet(&mut self) {
        let began = Instant::now();
        let mut before = None;
        while began.elapsed() < PATIENCE {
            let is_idle = self.pool.num_idle() == usize::try_from(self.pool.size()).unwrap_or(usize::MAX);
            let waits = self.providers.waits().zip(self.engine.waits()).filter(|_| is_idle);
            if waits.is_some() && waits == before {
                return;
            }
            before = waits;
            std::thread::sleep(LOOK_EVERY);
        }
        self.impatient += 1;
    }
}

async fn set(conn: &mut PgConnection, now: OffsetDateTime) -> sqlx::Result<()> {
    let micros = i64::try_from(now.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX);
    let set = sqlx::query("SELECT setval('virtual_time.clock', $1)").bind(micros);
    set.execute(conn).await?;
    Ok(())
}
