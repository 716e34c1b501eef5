//! `slipway get`: one deployment with what it went through.

use clap::Args;
use slipway_api::{DeploymentView, TimelineEntryView};

use super::session::{Session, add_values};
use crate::cli::client::{ConnectArgs, TargetArgs};
use crate::client::Query;
use crate::failure::Failure;
use crate::terminal::{self, Cell, Column, Style, Table};

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// With --json, what to add: timeline, raw (raw wants the scope raw:read)
    #[arg(long, value_name = "WHAT", value_delimiter = ',', requires = "json")]
    pub(crate) include: Vec<String>,
}

pub(crate) async fn run(args: GetArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let id = session.target(&args.target).await?;
    let mut query = Query::new();
    if session.json {
        add_values(&mut query, "include", &args.include);
        return terminal::print_line(&session.deployment(id, &query).await?.text);
    }
    add_values(&mut query, "include", &["timeline"]);
    let deployment: DeploymentView = session.deployment(id, &query).await?.json()?;
    let application = session.application_of(&deployment).await;
    let name = application.map_or_else(|| deployment.application_id.to_string(), |application| application.name);
    let colour = session.screen.has_colour;
    let width = session.screen.width;
    let mut text = facts(&deployment, &name, &session).render(width, colour);
    // A table of facts has no titles.
    text.drain(..=text.find('\n').unwrap_or(0));
    if let Some(timeline) = deployment.timeline.as_deref().filter(|timeline| !timeline.is_empty()) {
        text.push('\n');
        text.push_str(&steps(timeline).render(width, colour));
    }
    super::print(&text)
}

fn facts(deployment: &DeploymentView, name: &str, session: &Session) -> Table {
    let mut table = Table::new([Column::new("", 11, 0), Column::new("", 20, 0)]);
    let mut fact = |name: &str, value: Option<Cell>| {
        if let Some(value) = value {
            table.push([Cell::styled(name, Style::Dim), value]);
        }
    };
    let text = |text: Option<&str>| text.map(Cell::new);
    let now = session.now();
    let at =
        |at: time::OffsetDateTime| Cell::new(format!("{} ({} ago)", terminal::instant(at), terminal::ago(at, now)));
    fact("status", Some(terminal::status(deployment)));
    fact("failure", text(deployment.failure_message.as_deref()));
    fact("application", Some(Cell::new(name)));
    fact("environment", text(deployment.environment.as_deref()));
    fact(
        "provider",
        Some(Cell::new(format!("{}/{}", deployment.provider, deployment.account))),
    );
    fact("native", text(deployment.provider_status.as_deref()));
    fact(
        "live",
        deployment
            .is_live
            .map(|live| Cell::new(if live { "yes" } else { "no" })),
    );
    fact(
        "ref",
        text(deployment.git.r#ref.as_deref().or(deployment.git.branch.as_deref())),
    );
    fact("commit", text(deployment.git.sha.as_deref()));
    fact(
        "message",
        text(
            deployment
                .git
                .message
                .as_deref()
                .and_then(|message| message.lines().next()),
        ),
    );
    let actor = deployment.actor.as_ref();
    fact(
        "by",
        text(actor.and_then(|actor| actor.name.as_deref().or(actor.id.as_deref()))),
    );
    fact("trigger", Some(Cell::new(&deployment.trigger.kind)));
    fact("created", Some(at(deployment.created_at)));
    fact("started", deployment.started_at.map(at));
    fact("finished", deployment.finished_at.map(at));
    fact(
        "took",
        deployment.duration_ms.map(|took| Cell::new(terminal::duration(took))),
    );
    fact("rolled back", deployment.rolled_back_at.map(at));
    fact(
        "replaced by",
        deployment.superseded_by_id.map(|id| Cell::new(id.to_string())),
    );
    fact("back to", deployment.rollback_of_id.map(|id| Cell::new(id.to_string())));
    fact("page", text(deployment.provider_url.as_deref()));
    fact("compare", text(deployment.git.compare_url.as_deref()));
    let actions = deployment.allowed_actions.join(", ");
    fact(
        "possible",
        Some(Cell::new(if actions.is_empty() { "nothing" } else { &actions })),
    );
    fact("id", Some(Cell::new(deployment.id.to_string())));
    table
}

fn steps(timeline: &[TimelineEntryView]) -> Table {
    let mut table = Table::new([
        Column::new("SEEN", 20, 0),
        Column::new("STATUS", 11, 0),
        Column::new("PHASE", 5, 0),
        Column::new("NATIVE", 8, 2),
        Column::new("LASTED", 6, 1),
        Column::new("VIA", 4, 3),
    ]);
    for entry in timeline {
        table.push([
            Cell::new(terminal::instant(entry.time.unwrap_or(entry.recorded_at))),
            Cell::styled(terminal::word(entry.status), terminal::style_of(entry.status)),
            Cell::maybe(entry.phase.as_deref()),
            Cell::maybe(entry.provider_status.as_deref()),
            Cell::maybe(entry.lasted_ms.map(terminal::duration).as_deref()),
            Cell::new(&entry.observed_via),
        ]);
    }
    table
}
