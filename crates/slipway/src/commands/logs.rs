//! `slipway logs`: the log of a deployment, as it is or as it is written.

use clap::Args;
use slipway_api::LogCursor;
use uuid::Uuid;

use super::session::Session;
use crate::cli::client::{ConnectArgs, TargetArgs};
use crate::client::{LogHappening, Logs, Query, cursor, lines};
use crate::failure::Failure;
use crate::terminal::{self, Style};

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Go on with what is written, until the deployment ends
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// Only the last lines, and with --follow what comes after them
    #[arg(long, short = 'n', value_name = "NUMBER", conflicts_with = "after_line")]
    pub(crate) tail: Option<u32>,
    /// Only what comes after this line; the first is line 1
    #[arg(long, value_name = "NUMBER", conflicts_with = "follow")]
    pub(crate) after_line: Option<u32>,
}

pub(crate) async fn run(args: LogsArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let id = session.target(&args.target).await?;
    if !args.follow {
        return text(&session, id, &query(&args)).await.map(|_| ());
    }
    let from = match args.tail {
        Some(_) => text(&session, id, &query(&args)).await?,
        None => None,
    };
    follow(&session, id, from).await
}

fn query(args: &LogsArgs) -> Query {
    let mut query = Query::new();
    query.extend(args.tail.map(|tail| ("tail", tail.to_string())));
    query.extend(args.after_line.map(|line| ("after_line", line.to_string())));
    query
}

/// Prints what is stored, and tells where that ends.
async fn text(session: &Session, id: Uuid, query: &Query) -> Result<Option<LogCursor>, Failure> {
    let answer = session
        .client
        .get(&["deployments", &id.to_string(), "logs"], query)
        .await?;
    if session.json {
        for line in lines(&answer) {
            let line = serde_json::to_string(&line);
            let line = line.map_err(|error| Failure::new(format!("a line cannot be written: {error}")))?;
            terminal::print_line(&line)?;
        }
    } else if session.screen.is_terminal {
        for line in answer.text.lines() {
            print_line(session, line)?;
        }
    } else {
        super::print_as_it_is(&answer.text)?;
    }
    Ok(cursor(&answer))
}

async fn follow(session: &Session, id: Uuid, from: Option<LogCursor>) -> Result<(), Failure> {
    let mut logs = Logs::follow(&session.client, id, from);
    let mut is_lost = false;
    loop {
        let (event, data) = match logs.next().await? {
            LogHappening::Event(event, data) => (event, data),
            LogHappening::Joined => {
                if std::mem::take(&mut is_lost) {
                    tell(session, "connected again; nothing is missing");
                }
                continue;
            }
            LogHappening::Lost(why) => {
                if !std::mem::replace(&mut is_lost, true) {
                    tell(session, &format!("not connected: {why}; trying again"));
                }
                continue;
            }
            LogHappening::AsText => {
                is_lost = false;
                tell(
                    session,
                    "streams do not come through; asking for the log again and again from here on",
                );
                continue;
            }
        };
        match event.r#type.as_str() {
            "line" if !session.json => {
                print_line(session, &event.text.unwrap_or_default())?;
                continue;
            }
            "reset" => tell(
                session,
                "the provider gives another text now; here it is from its beginning:",
            ),
            _ => {}
        }
        if session.json {
            terminal::print_line(&data)?;
        }
        if event.r#type == "end" {
            return Ok(());
        }
    }
}

/// A pipe gets the line as it is; a terminal gets nothing that steers it but colours.
fn print_line(session: &Session, line: &str) -> Result<(), Failure> {
    if session.screen.is_terminal {
        terminal::print_line(&terminal::with_colours_only(line, session.screen.has_colour))
    } else {
        terminal::print_line(line)
    }
}

fn tell(session: &Session, text: &str) {
    terminal::tell(&Style::Dim.paint(&terminal::on_one_line(text), session.colour_on_stderr));
}
