//! `slipway backfill`: how far the history of each application was read back.

use std::time::Duration;

use clap::Args;
use slipway_api::ApplicationView;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::apps::{ApplicationArgs, query};
use super::list::tell_freshness;
use super::session::Session;
use super::wait::WaitLimit;
use crate::cli::client::ConnectArgs;
use crate::client::Pages;
use crate::failure::Failure;
use crate::terminal::{self, Cell, Column, Progress, Style, Table};

const COMPLETE: &str = "complete";
/// The gateway reads a page of an application every few seconds at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// As `slipway wait`.
const RAN_OUT: u8 = 3;

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) which: ApplicationArgs,
    /// Wait until all of it is there
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) limit: WaitLimit,
}

pub(crate) async fn run(args: BackfillArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let query = query(&args.which);
    let began = Instant::now();
    let mut progress = None;
    let (list, items) = loop {
        let list = Pages::read(&session.client, &["applications"], &query, None).await?;
        let items: Vec<ApplicationView> = list.items()?;
        let complete = items.iter().filter(|item| is_complete(item)).count();
        let has_time = args.limit.timeout.is_none_or(|limit| began.elapsed() < limit);
        if !args.wait || complete == items.len() || !has_time {
            break (list, items);
        }
        progress
            .get_or_insert_with(|| Progress::of_steps(session.colour_on_stderr))
            .show_steps("history", complete, items.len());
        tokio::time::sleep(LOOK_EVERY).await;
    };
    drop(progress);
    if session.json {
        terminal::print_line(&list.json()?)?;
    } else {
        if items.is_empty() {
            terminal::tell("no application fits");
        } else {
            super::print(&table(&items, session.now()).render(session.screen.width, session.screen.has_colour))?;
            terminal::tell(&summary(&items));
        }
        tell_freshness(&list, session.screen);
    }
    if args.wait && !items.iter().all(is_complete) {
        let sentence = format!("the time is over: {}", summary(&items));
        return Err(Failure::with_code(RAN_OUT, sentence));
    }
    Ok(())
}

fn is_complete(item: &ApplicationView) -> bool {
    item.freshness.backfill.state == COMPLETE
}

fn summary(items: &[ApplicationView]) -> String {
    let complete = items.iter().filter(|item| is_complete(item)).count();
    format!("the history of {complete} of {} applications is complete", items.len())
}

fn table(items: &[ApplicationView], now: OffsetDateTime) -> Table {
    let mut table = Table::new([
        Column::new("APPLICATION", 14, 0),
        Column::new("ACCOUNT", 8, 3),
        Column::new("HISTORY", 8, 0),
        Column::new("OLDEST", 6, 1),
        Column::new("BACK TO", 20, 4),
        Column::new("READ", 4, 2),
    ]);
    for item in items {
        let backfill = &item.freshness.backfill;
        let oldest = backfill.oldest_at;
        let style = if is_complete(item) { Style::Green } else { Style::Yellow };
        table.push([
            Cell::new(&item.name),
            Cell::new(format!("{}/{}", item.provider, item.account)),
            Cell::styled(&backfill.state, style),
            Cell::maybe(oldest.map(|at| terminal::ago(at, now)).as_deref()),
            Cell::maybe(oldest.map(terminal::instant).as_deref()),
            Cell::maybe(
                item.freshness
                    .last_success_at
                    .map(|at| terminal::ago(at, now))
                    .as_deref(),
            ),
        ]);
    }
    table
}
