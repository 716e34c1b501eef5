//! `slipway logs`: the log of a deployment, as it is or as it is written.

use serde_json::json;
use uuid::Uuid;

use super::session::Session;
use crate::cli::client::LogsArgs;
use crate::client::{LogEvent, Query, Signal, Stream, read};
use crate::failure::{Failure, code};
use crate::terminal::{self, Style};

/// The position of a text's last line, `epoch:line`.
const LOG_CURSOR: &str = "x-log-cursor";

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
async fn text(session: &Session, id: Uuid, query: &Query) -> Result<Option<String>, Failure> {
    let answer = session
        .client
        .get(&["deployments", &id.to_string(), "logs"], query)
        .await?;
    let cursor = answer.header(LOG_CURSOR).map(str::to_owned);
    if session.json {
        print_objects(&answer.text, cursor.as_deref())?;
    } else if session.screen.is_terminal {
        for line in answer.text.lines() {
            print_line(session, line)?;
        }
    } else {
        super::print_as_it_is(&answer.text)?;
    }
    Ok(cursor)
}

/// The lines in the shape in which the stream tells them.
fn print_objects(text: &str, cursor: Option<&str>) -> Result<(), Failure> {
    let lines: Vec<&str> = text.lines().collect();
    let (epoch, last) = cursor.and_then(|cursor| cursor.split_once(':')).unwrap_or(("0", "0"));
    let last: usize = last.parse().unwrap_or(lines.len());
    let before = last.saturating_sub(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let number = before + index + 1;
        let id = format!("{epoch}:{number}");
        let line = json!({"id": id, "type": "line", "line": number, "text": line, "cursor": null, "reason": null});
        terminal::print_line(&line.to_string())?;
    }
    Ok(())
}

async fn follow(session: &Session, id: Uuid, from: Option<String>) -> Result<(), Failure> {
    let id = id.to_string();
    let (parts, is_known) = (["deployments", &id, "logs", "stream"], from.is_some());
    let mut stream = Stream::new(&session.client, &parts, Query::new(), from, is_known);
    let mut is_lost = false;
    loop {
        let block = match stream.next().await? {
            Signal::Block(block) => block,
            Signal::Joined => {
                if std::mem::take(&mut is_lost) {
                    tell(session, "connected again; nothing is missing");
                }
                continue;
            }
            Signal::Lost(why) => {
                if !std::mem::replace(&mut is_lost, true) {
                    tell(session, &format!("not connected: {why}; trying again"));
                }
                continue;
            }
            Signal::Silent => {
                is_lost = true;
                continue;
            }
        };
        let Some(data) = block.data else { continue };
        let event: LogEvent = read(&data)?;
        match event.r#type.as_str() {
            "line" if session.json => terminal::print_line(&data)?,
            "line" => print_line(session, &event.text.unwrap_or_default())?,
            "reset" => {
                if session.json {
                    terminal::print_line(&data)?;
                }
                tell(
                    session,
                    "the provider gives another text now; here it is from its beginning:",
                );
            }
            "end" => {
                if session.json {
                    terminal::print_line(&data)?;
                }
                return Ok(());
            }
            "auth_expired" if event.reason.as_deref() != Some("changed") => {
                return Err(Failure::with_code(
                    code::UNAVAILABLE,
                    "the gateway ended the stream, because the token is not valid any more",
                ));
            }
            _ => {}
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
