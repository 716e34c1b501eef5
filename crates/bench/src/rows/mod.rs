//! Which figures there are.

mod builds;
mod day;
mod during_writes;
mod fan_out;
mod growth;
mod ingest;
mod reads;
mod replicas;
mod start;
mod subscribers;

use clap::ValueEnum;

use crate::report::{HEAD, Outcome};
use crate::world::World;
use crate::{Effort, Result, machine, process};

/// One line of the table, or several that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Every row but the last two, which are named beside it: `all build tests`
    All,
    /// 1: a list of 50, read from PostgreSQL every time
    ListCold,
    /// 2: one deployment, read from PostgreSQL every time
    GetCold,
    /// 3: a list of 50 from memory
    ListHot,
    /// 3: one deployment from memory
    GetHot,
    /// 3: a list of 50 that the client has already
    NotModified,
    /// 4: a list of 50 from memory while events are committed
    HotDuringWrites,
    /// 5: events to thousands of subscribers, one after the other
    FanOut,
    /// 6: memory of a subscriber that waits
    IdleMemory,
    /// 7: 50 events at once
    Burst,
    /// 8: events that hardly anybody waits for
    FewMatch,
    /// 9: from the commit to the delivery, over two replicas
    Latency,
    /// 10: subscribers that have missed a lot
    CatchUp,
    /// 11: the one write path
    Ingest,
    /// 12: a short and a long history
    Growth,
    /// 13: a simulated day on the providers' rate limits
    Day,
    /// 14: start, idle memory and size of the program
    Start,
    /// 15: a release build from nothing
    Build,
    /// 15: the whole test command
    Tests,
}

impl Row {
    /// In the order in which they are measured.
    pub(crate) const ALL: &[Self] = &[
        Self::ListCold,
        Self::GetCold,
        Self::ListHot,
        Self::GetHot,
        Self::NotModified,
        Self::HotDuringWrites,
        Self::FanOut,
        Self::IdleMemory,
        Self::Burst,
        Self::FewMatch,
        Self::Latency,
        Self::CatchUp,
        Self::Ingest,
        Self::Growth,
        Self::Day,
        Self::Start,
    ];

    /// What keeps the compiler busy for long: measured only when it is named.
    pub(crate) const LONG: &[Self] = &[Self::Build, Self::Tests];

    pub(crate) fn describe(self) -> String {
        format!("{:<16} {}", self.name(), self.help())
    }

    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn help(self) -> String {
        let help = self
            .to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }
}

/// Measures these rows and tells them as a table, below what it was measured on; and how many could not be measured, of which
/// the table says why.
pub(crate) async fn measure(rows: &[Row], effort: &Effort) -> Result<(String, usize)> {
    let files = process::allow_many_files()?;
    let wanted = effort.many_subscribers() as u64 + 200;
    if files < wanted {
        return Err(format!("{wanted} open files are needed, and {files} are allowed: see `ulimit -Hn`").into());
    }
    let world = World::create(effort.deployments).await?;
    let mut table = machine::describe(&world.database.pool).await?;
    table.push_str(&format!(
        "- Measured: {} deployments, {} connections, {} rounds of {} s each\n\n{HEAD}",
        effort.deployments, effort.connections, effort.rounds, effort.seconds
    ));
    let mut failures = 0;
    for row in rows {
        let lines = match measure_one(*row, &world, effort).await {
            Ok(outcomes) => outcomes.iter().map(Outcome::to_markdown).collect(),
            Err(error) => {
                failures += 1;
                // On one line, as a table wants it.
                let error = error.to_string().replace(char::is_whitespace, " ");
                format!("| | {} | not measured: {error} | | | |\n", row.name())
            }
        };
        eprint!("{lines}");
        table.push_str(&lines);
    }
    Ok((table, failures))
}

async fn measure_one(row: Row, world: &World, effort: &Effort) -> Result<Vec<Outcome>> {
    Ok(match row {
        Row::All => Vec::new(),
        Row::ListCold => vec![reads::list_cold(world, effort).await?],
        Row::GetCold => vec![reads::get_cold(world, effort).await?],
        Row::ListHot => vec![reads::hot(world, reads::LIST, false, effort).await?],
        Row::GetHot => vec![reads::hot(world, &reads::deployment(&world.ids[0]), false, effort).await?],
        Row::NotModified => vec![reads::hot(world, reads::LIST, true, effort).await?],
        Row::HotDuringWrites => vec![during_writes::measure(world, effort).await?],
        Row::FanOut => fan_out::one_by_one(world, effort).await?,
        Row::IdleMemory => vec![subscribers::idle_memory(world, effort).await?],
        Row::Burst => vec![fan_out::burst(world, effort).await?],
        Row::FewMatch => vec![subscribers::few_match(world, effort).await?],
        Row::Latency => vec![replicas::latency(world, effort).await?],
        Row::CatchUp => vec![replicas::catch_up(world, effort).await?],
        Row::Ingest => vec![
            ingest::measure(effort).await?,
            replicas::beyond_the_commit(world, effort).await?,
        ],
        Row::Growth => vec![growth::measure(effort).await?],
        Row::Day => vec![day::measure(effort).await?],
        Row::Start => vec![start::measure(effort).await?],
        Row::Build => vec![builds::release().await?],
        Row::Tests => vec![builds::tests().await?],
    })
}
