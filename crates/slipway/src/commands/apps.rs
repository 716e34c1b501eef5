//! `slipway apps`: applications with what runs and what happened last.

use clap::Args;
use slipway_api::{ApplicationView, DeploymentView};
use time::OffsetDateTime;

use super::list::tell_freshness;
use super::session::{Session, add_place, add_values};
use crate::cli::client::{ConnectArgs, PlaceArgs};
use crate::client::{Pages, Query};
use crate::failure::Failure;
use crate::terminal::{self, Cell, Column, Style, Table};

#[derive(Debug, Args)]
pub(crate) struct AppsArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) which: ApplicationArgs,
    /// At most so many [default: all]
    #[arg(long, short = 'n', value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ApplicationArgs {
    /// Only these names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) name: Vec<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Only these owners
    #[arg(long, value_name = "OWNER", value_delimiter = ',')]
    pub(crate) owner: Vec<String>,
    /// Only those with these labels: team=web,tier!=db
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) label: Option<String>,
    /// Only those that the provider no longer has
    #[arg(long)]
    pub(crate) archived: bool,
}

pub(crate) async fn run(args: AppsArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let mut query = query(&args.which);
    add_values(&mut query, "include", &["last_deployment", "live_deployment"]);
    let limit = args.limit.and_then(|limit| usize::try_from(limit).ok());
    let list = Pages::read(&session.client, &["applications"], &query, limit).await?;
    if session.json {
        return terminal::print_line(&list.json()?);
    }
    let items: Vec<ApplicationView> = list.items()?;
    if items.is_empty() {
        terminal::tell("no application fits");
    } else {
        super::print(&table(&items, session.now()).render(session.screen.width, session.screen.has_colour))?;
    }
    tell_freshness(&list, session.screen);
    Ok(())
}

/// The filters of applications and of the board.
pub(super) fn query(args: &ApplicationArgs) -> Query {
    let mut query = Query::new();
    add_values(&mut query, "name", &args.name);
    add_place(&mut query, &args.place);
    add_values(&mut query, "owner", &args.owner);
    query.extend(args.label.clone().map(|label| ("label", label)));
    query.extend(args.archived.then(|| ("archived", "true".to_owned())));
    query
}

fn table(items: &[ApplicationView], now: OffsetDateTime) -> Table {
    let mut table = Table::new([
        Column::new("APPLICATION", 14, 0),
        Column::new("ENVIRONMENT", 10, 3),
        Column::new("ACCOUNT", 8, 6),
        Column::new("OWNER", 6, 8),
        Column::new("LIVE", 8, 1),
        Column::new("LAST", 11, 0),
        Column::new("AGE", 3, 5),
        Column::new("HEALTH", 6, 7),
        Column::new("ID", 36, 4),
    ]);
    for item in items {
        let last = item.last_deployment.as_ref();
        table.push([
            Cell::new(&item.name),
            Cell::maybe(item.environment.as_deref()),
            Cell::new(format!("{}/{}", item.provider, item.account)),
            Cell::maybe(item.owner.as_deref()),
            Cell::maybe(item.live_deployment.as_ref().and_then(revision).as_deref()),
            last.map_or_else(|| Cell::maybe(None), terminal::status),
            Cell::maybe(last.map(|last| terminal::ago(last.created_at, now)).as_deref()),
            Cell::maybe(item.health.as_deref()),
            Cell::styled(item.id.to_string(), Style::Dim),
        ]);
    }
    table
}

/// What a deployment brought: the commit, else the ref.
pub(super) fn revision(deployment: &DeploymentView) -> Option<String> {
    terminal::short_sha(deployment).or_else(|| deployment.git.r#ref.clone())
}
