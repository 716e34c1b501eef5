//! `slipway watch`: what happens, live.

use clap::Args;
use slipway_api::EventView;
use uuid::Uuid;

use super::session::{Session, add_place, add_values};
use crate::cli::client::{ConnectArgs, PlaceArgs};
use crate::client::{Events, Happening, Names, Query};
use crate::failure::Failure;
use crate::terminal::{self, Style};

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Only these applications, by id, name, account/name or provider/account/name
    #[arg(long, value_name = "APPLICATION", value_delimiter = ',')]
    pub(crate) app: Vec<String>,
    /// Only these deployments
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) deployment: Vec<Uuid>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Only these types of events, such as deployment.finished
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) r#type: Vec<String>,
    /// Only these statuses, before or after the change
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Begin behind this position: the `id` of an event, or a list's `event_cursor` [default: from now]
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
}

pub(crate) async fn run(args: WatchArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let mut watch = Watch {
        names: Names::default(),
        is_lost: false,
        session,
    };
    let mut query = Query::new();
    let ids = watch.session.application_ids(&args.app, &mut watch.names).await?;
    add_values(&mut query, "application", &ids);
    add_values(&mut query, "deployment", &args.deployment);
    add_place(&mut query, &args.place);
    add_values(&mut query, "type", &args.r#type);
    add_values(&mut query, "status", &args.status);
    watch.run(query, args.after).await
}

struct Watch {
    session: Session,
    names: Names,
    is_lost: bool,
}

impl Watch {
    async fn run(&mut self, query: Query, after: Option<String>) -> Result<(), Failure> {
        let shows_all = query.iter().any(|(name, _)| *name == "type");
        let Self {
            session,
            names,
            is_lost,
        } = self;
        let mut events = Events::follow(&session.client, query, after).await?;
        loop {
            match events.next().await? {
                Happening::Event(event) if session.json => terminal::print_line(&event)?,
                Happening::Event(event) => {
                    let event = serde_json::from_str::<EventView>(&event);
                    // What a later release may send in another shape is nothing to stop for.
                    let Ok(event) = event else { continue };
                    if !shows_all && is_small(&event) {
                        continue;
                    }
                    let line = line(&event, names, session).await;
                    terminal::print_line(&line)?;
                }
                Happening::Reset(control) => {
                    if let (true, Some(control)) = (session.json, control) {
                        terminal::print_line(&control)?;
                    }
                    tell(
                        session,
                        "the gateway cannot tell what happened meanwhile; `slipway list` shows how things are now",
                    );
                }
                Happening::Lost(why) => {
                    if !std::mem::replace(is_lost, true) {
                        tell(session, &format!("not connected: {why}; trying again"));
                    }
                }
                Happening::Joined => {
                    if std::mem::take(is_lost) {
                        tell(session, "connected again; nothing is missing");
                    }
                }
                Happening::AsJson => {
                    tell(
                        session,
                        "streams do not come through; asking for events as JSON from here on",
                    );
                }
            }
        }
    }
}

/// What is news to programs only, unless it is asked for: that some field changed.
fn is_small(event: &EventView) -> bool {
    event.r#type.ends_with(".updated") || event.r#type == "application.history_changed"
}

fn tell(session: &Session, text: &str) {
    terminal::tell(&Style::Dim.paint(&terminal::on_one_line(text), session.colour_on_stderr));
}

async fn line(event: &EventView, names: &mut Names, session: &Session) -> String {
    let colour = session.screen.has_colour;
    let time = terminal::instant(event.recorded_at);
    // The time of day is enough for who looks on.
    let time = if session.screen.is_terminal {
        time.get(11..19).unwrap_or(&time)
    } else {
        &time
    };
    let mut parts = vec![Style::Dim.paint(time, colour)];
    if let Some(id) = event.application_id {
        names.fetch(&session.client, [id]).await;
        parts.push(terminal::on_one_line(&names.of(id)));
    } else if let Some(account) = &event.account {
        parts.push(terminal::on_one_line(account));
    }
    match &event.deployment {
        Some(deployment) => {
            parts.extend(deployment.environment.as_deref().map(terminal::on_one_line));
            let what = event.r#type.strip_prefix("deployment.").unwrap_or(&event.r#type);
            parts.push(terminal::on_one_line(what));
            parts.push(terminal::status(deployment).paint(colour));
            parts.extend(terminal::short_sha(deployment).map(|sha| terminal::on_one_line(&sha)));
            let took = deployment.duration_ms.filter(|_| deployment.is_finished);
            parts.extend(took.map(|took| format!("in {}", terminal::duration(took))));
            parts.push(Style::Dim.paint(&deployment.id.to_string(), colour));
        }
        None => {
            parts.push(terminal::on_one_line(&event.r#type));
            parts.extend(event.reason.as_deref().map(terminal::on_one_line));
        }
    }
    parts.join("  ")
}
