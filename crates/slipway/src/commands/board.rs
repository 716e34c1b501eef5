//! `slipway board`: what runs where, applications by environments.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use slipway_api::{BoardItemView, DeploymentView};
use time::OffsetDateTime;

use super::apps::{ApplicationArgs, query, revision};
use super::list::tell_freshness;
use super::session::Session;
use crate::cli::client::ConnectArgs;
use crate::client::Pages;
use crate::failure::Failure;
use crate::terminal::{self, Cell, Column, Table};

#[derive(Debug, Args)]
pub(crate) struct BoardArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) which: ApplicationArgs,
}

const NO_ENVIRONMENT: &str = "-";

pub(crate) async fn run(args: BoardArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let list = Pages::read(&session.client, &["board"], &query(&args.which), None).await?;
    if session.json {
        return terminal::print_line(&list.json()?);
    }
    let items: Vec<BoardItemView> = list.items()?;
    if items.is_empty() {
        terminal::tell("no application fits");
    } else {
        let now = session.now();
        let matrix = matrix(&items, now);
        // What does not fit side by side fits one below the other.
        let table = if matrix.fits(session.screen.width) {
            matrix
        } else {
            lines(&items, now)
        };
        super::print(&table.render(session.screen.width, session.screen.has_colour))?;
    }
    tell_freshness(&list, session.screen);
    Ok(())
}

fn environment(item: &BoardItemView) -> &str {
    item.application.environment.as_deref().unwrap_or(NO_ENVIRONMENT)
}

/// What runs, and beside it what is under way or went wrong since.
fn cell(item: &BoardItemView, now: OffsetDateTime) -> Cell {
    let shown = |deployment: &DeploymentView| {
        let revision = revision(deployment).unwrap_or_else(|| "?".to_owned());
        format!("{revision} {}", terminal::ago(deployment.created_at, now))
    };
    let live = item.live_deployment.as_ref();
    let Some(last) = &item.last_deployment else {
        return Cell::maybe(None);
    };
    if live.is_some_and(|live| live.id == last.id) {
        return Cell::styled(format!("● {}", shown(last)), terminal::style_of(last.status));
    }
    let word = match &last.phase {
        Some(phase) if !last.is_finished => phase.as_str(),
        _ => terminal::word(last.status),
    };
    let before = live.map(|live| format!("● {}, ", shown(live))).unwrap_or_default();
    Cell::styled(
        format!("{before}{word} {}", shown(last)),
        terminal::style_of(last.status),
    )
}

fn matrix(items: &[BoardItemView], now: OffsetDateTime) -> Table {
    let environments: BTreeSet<&str> = items.iter().map(environment).collect();
    let mut rows: BTreeMap<(&str, &str), Vec<(&str, Cell)>> = BTreeMap::new();
    for item in items {
        let row = rows
            .entry((&item.application.name, &item.application.account))
            .or_default();
        row.push((environment(item), cell(item, now)));
    }
    let titles = std::iter::once("application").chain(environments.iter().copied());
    let mut table = Table::new(titles.map(|title| Column::new(&title.to_uppercase(), 12, 0)));
    for ((name, _), cells) in rows {
        // Two of one name and environment in one account are two lines.
        let depth = environments
            .iter()
            .map(|environment| count(&cells, environment))
            .max()
            .unwrap_or(0);
        for line in 0..depth {
            let cell_in = |environment: &&str| {
                let mut fitting = cells.iter().filter(|(known, _)| known == environment);
                fitting.nth(line).map_or_else(Cell::default, |(_, cell)| cell.clone())
            };
            table.push(std::iter::once(Cell::new(name)).chain(environments.iter().map(cell_in)));
        }
    }
    table
}

fn count(cells: &[(&str, Cell)], environment: &str) -> usize {
    cells.iter().filter(|(known, _)| *known == environment).count()
}

fn lines(items: &[BoardItemView], now: OffsetDateTime) -> Table {
    let mut table = Table::new([
        Column::new("APPLICATION", 8, 0),
        Column::new("ENVIRONMENT", 4, 0),
        Column::new("RUNS", 12, 0),
    ]);
    for item in items {
        table.push([
            Cell::new(&item.application.name),
            Cell::new(environment(item)),
            cell(item, now),
        ]);
    }
    table
}
