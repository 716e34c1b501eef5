//! `slipway list`: deployments over all applications and platforms.

use clap::Args;
use slipway_api::{DeploymentView, FreshnessState};
use time::OffsetDateTime;

use super::session::{Session, add_place, add_values};
use crate::cli::client::{ConnectArgs, PlaceArgs, moment};
use crate::client::{Names, Pages, Query};
use crate::failure::Failure;
use crate::terminal::{self, Cell, Column, Screen, Style, Table};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[arg(
        long,
        value_name = "STATUS",
        value_delimiter = ',',
        help = "Only these statuses: queued, in_progress, succeeded, failed, canceled, unknown"
    )]
    pub(crate) status: Vec<String>,
    /// Only these applications, by id, name, account/name or provider/account/name
    #[arg(long, value_name = "APPLICATION", value_delimiter = ',')]
    pub(crate) app: Vec<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Only these refs: branches, tags or hashes as they were asked for
    #[arg(long = "ref", value_name = "REF", value_delimiter = ',')]
    pub(crate) git_ref: Vec<String>,
    /// Only commits whose hash begins like this
    #[arg(long, value_name = "SHA", value_delimiter = ',')]
    pub(crate) sha: Vec<String>,
    /// Only those started by these people
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) actor: Vec<String>,
    /// Only those started in these ways: push, web, api, hook, scm, …
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) trigger: Vec<String>,
    /// Only these kinds of deployment
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// Only what runs now
    #[arg(long, conflicts_with = "not_live")]
    pub(crate) live: bool,
    /// Only what is known not to run now
    #[arg(long)]
    pub(crate) not_live: bool,
    /// Only those created since then: 30m, 12h, 7d, or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<OffsetDateTime>,
    /// Only those created before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<OffsetDateTime>,
    /// Only those that ended since then; the one that ended last comes first
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) finished_since: Option<OffsetDateTime>,
    /// Only those that ended before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) finished_until: Option<OffsetDateTime>,
    /// Only applications with these labels: team=web,tier!=db
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) label: Option<String>,
    /// Only those with words that begin like these, in name, ref, hash, message or actor
    #[arg(long, short = 'q', value_name = "WORDS")]
    pub(crate) search: Option<String>,
    #[arg(
        long,
        value_name = "ORDER",
        allow_hyphen_values = true,
        help = "The order: created_at, finished_at, -created_at or -finished_at"
    )]
    pub(crate) sort: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Go on behind an earlier list: its `next_cursor`, asked for with the same filters
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

pub(crate) async fn run(args: ListArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let mut names = Names::default();
    let mut query = query(&args);
    add_values(
        &mut query,
        "application",
        &session.application_ids(&args.app, &mut names).await?,
    );
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let list = Pages::read(&session.client, &["deployments"], &query, Some(limit)).await?;
    if session.json {
        return terminal::print_line(&list.json()?);
    }
    let items: Vec<DeploymentView> = list.items()?;
    if items.is_empty() {
        terminal::tell("no deployment fits");
    } else {
        names
            .fetch(&session.client, items.iter().map(|item| item.application_id))
            .await;
        super::print(&table(&items, &names, session.now()).render(session.screen.width, session.screen.has_colour))?;
    }
    tell_freshness(&list, session.screen);
    if list.next_cursor().is_some() && session.screen.is_terminal {
        terminal::tell(&format!("there are more; --limit shows more than {limit}"));
    }
    Ok(())
}

/// What a list shows may be old: that is said, and not hidden.
pub(crate) fn tell_freshness(list: &Pages, screen: Screen) {
    let accounts = list.freshness().map(|freshness| freshness.accounts).unwrap_or_default();
    for account in accounts {
        let state = match account.state {
            FreshnessState::Fresh | FreshnessState::Syncing => continue,
            FreshnessState::Stale => "is not up to date",
            FreshnessState::Error => "cannot be read at present",
            FreshnessState::Never => "has not been read yet",
        };
        let reason = account.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let line = terminal::on_one_line(&format!("{} {state}{reason}", account.account));
        terminal::tell(&Style::Yellow.paint(&line, screen.has_colour && screen.is_terminal));
    }
}

fn query(args: &ListArgs) -> Query {
    let mut query = Query::new();
    for (name, values) in [
        ("status", &args.status),
        ("git_ref", &args.git_ref),
        ("git_sha", &args.sha),
        ("actor", &args.actor),
        ("trigger", &args.trigger),
        ("kind", &args.kind),
    ] {
        add_values(&mut query, name, values);
    }
    add_place(&mut query, &args.place);
    if args.live || args.not_live {
        query.push(("live", args.live.to_string()));
    }
    let instant = |at: OffsetDateTime| terminal::instant(at.to_offset(time::UtcOffset::UTC));
    let single = [
        ("created_after", args.since.map(instant)),
        ("created_before", args.until.map(instant)),
        ("finished_after", args.finished_since.map(instant)),
        ("finished_before", args.finished_until.map(instant)),
        ("label", args.label.clone()),
        ("q", args.search.clone()),
        ("sort", args.sort.clone()),
        ("cursor", args.cursor.clone()),
    ];
    query.extend(single.into_iter().filter_map(|(name, value)| Some((name, value?))));
    query
}

fn table(items: &[DeploymentView], names: &Names, now: OffsetDateTime) -> Table {
    let mut table = Table::new([
        Column::new("STATUS", 11, 0),
        Column::new("APPLICATION", 14, 0),
        Column::new("ENVIRONMENT", 10, 5),
        Column::new("PROVIDER", 8, 8),
        Column::new("REF", 8, 6),
        Column::new("COMMIT", 8, 2),
        Column::new("BY", 6, 9),
        Column::new("TOOK", 4, 7),
        Column::new("AGE", 3, 1),
        Column::new("ID", 36, 4),
    ]);
    for item in items {
        let git_ref = item.git.r#ref.as_deref().or(item.git.branch.as_deref());
        let actor = item
            .actor
            .as_ref()
            .and_then(|actor| actor.name.as_deref().or(actor.id.as_deref()));
        table.push([
            terminal::status(item),
            Cell::new(names.of(item.application_id)),
            Cell::maybe(item.environment.as_deref()),
            Cell::new(&item.provider),
            Cell::maybe(git_ref),
            Cell::maybe(terminal::short_sha(item).as_deref()),
            Cell::maybe(actor),
            Cell::maybe(item.duration_ms.map(terminal::duration).as_deref()),
            Cell::new(terminal::ago(item.created_at, now)),
            Cell::styled(item.id.to_string(), Style::Dim),
        ]);
    }
    table
}
