//! What all commands that change something have in common: a dry run, a question, one key, and the wait for the end.

use std::fmt::Write;

use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use slipway_api::DeploymentView;
use slipway_core::id::new_id;
use uuid::Uuid;

use super::session::Session;
use super::wait::{self, Target, WaitLimit};
use crate::cli::client::{ConnectArgs, TargetArgs};
use crate::client::{How, Query, Refusal};
use crate::failure::Failure;
use crate::terminal::{self, Answered, Style};

#[derive(Debug, Args)]
pub(crate) struct ActionArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Show the call that would be made to the provider, and make none
    #[arg(long, conflicts_with_all = ["wait", "yes", "override_freeze"])]
    pub(crate) dry_run: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Then wait for the end, with the exit codes of `slipway wait`
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) limit: WaitLimit,
    /// Go ahead in spite of a freeze window, which wants the scope freezes:override
    #[arg(long)]
    pub(crate) override_freeze: bool,
    /// Runs with one key do one thing, however often they are made [default: a new one for each run]
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// One change.
pub(super) struct Action {
    /// As the API names it.
    pub(super) name: &'static str,
    /// Segments of the path.
    pub(super) path: [String; 3],
    /// `application_id` or `deployment_id`, for the dry run.
    pub(super) subject: (&'static str, String),
    pub(super) body: Map<String, Value>,
    /// What is asked before.
    pub(super) question: String,
}

/// The answer to a dry run.
#[derive(Deserialize)]
struct Preview {
    provider: String,
    method: String,
    url: String,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// A change of one deployment, named by its id or as the newest of an application.
pub(super) async fn on_target(name: &'static str, what: &str, args: ActionArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let id = session.target(&args.target).await?;
    on_deployment(&session, name, what, id, &args.write).await
}

pub(super) async fn on_deployment(
    session: &Session,
    name: &'static str,
    what: &str,
    id: Uuid,
    write: &WriteArgs,
) -> Result<(), Failure> {
    let deployment: DeploymentView = session.deployment(id, &Query::new()).await?.json()?;
    let application = session.application_of(&deployment).await;
    let application = application.map_or_else(|| deployment.application_id.to_string(), |known| known.name);
    let mut facts = vec![application];
    facts.extend(deployment.environment.clone());
    facts.extend(terminal::short_sha(&deployment));
    facts.push(terminal::status(&deployment).paint(false));
    facts.push(format!(
        "created {} ago",
        terminal::ago(deployment.created_at, session.now())
    ));
    let action = Action {
        name,
        path: ["deployments".to_owned(), id.to_string(), name.to_owned()],
        subject: ("deployment_id", id.to_string()),
        body: Map::new(),
        question: format!("{what} ({})?", facts.join(", ")),
    };
    run(session, write, action).await
}

pub(super) async fn run(session: &Session, write: &WriteArgs, action: Action) -> Result<(), Failure> {
    if write.dry_run {
        return preview(session, action).await;
    }
    if !write.yes {
        match terminal::confirm(&terminal::on_one_line(&action.question)) {
            Answered::Yes => {}
            Answered::No => return Err(Failure::new("nothing was done")),
            Answered::Nobody => return Err(Failure::usage("there is no terminal to ask on: add --yes to go ahead")),
        }
    }
    let key = write
        .idempotency_key
        .clone()
        .unwrap_or_else(|| new_id(session.now()).to_string());
    let path = action.path.each_ref().map(String::as_str);
    let how = How {
        key: &key,
        overrides_freeze: write.override_freeze,
    };
    let mut is_told = false;
    let again = |refusal: &Refusal| {
        if !std::mem::replace(&mut is_told, true) {
            let text = format!("no answer yet: {}; asking again with the same key", refusal.sentence());
            terminal::tell(&Style::Dim.paint(&terminal::on_one_line(&text), session.colour_on_stderr));
        }
    };
    let sent = session
        .client
        .write(&path, &Value::Object(action.body), how, again)
        .await;
    let answer = sent.map_err(|refusal| refused(refusal, &key))?;
    let deployment: DeploymentView = answer.json()?;
    let waits = write.wait || write.limit.timeout.is_some();
    if waits {
        if !session.json {
            terminal::tell(&format!("accepted: {}", deployment.id));
        }
        return wait::wait(session, Target::Id(deployment.id), write.limit).await;
    }
    if session.json {
        return terminal::print_line(&answer.text);
    }
    let status = terminal::status(&deployment).paint(session.screen.has_colour);
    terminal::print_line(&format!("{status}  {}", deployment.id))?;
    if session.screen.is_terminal {
        terminal::tell(&format!("`slipway wait {}` waits for its end", deployment.id));
    }
    Ok(())
}

fn refused(refusal: Refusal, key: &str) -> Failure {
    let is_open = !refusal.never_sent() && refusal.is_passing();
    let is_frozen = refusal.is_frozen();
    let failure = Failure::from(refusal);
    if is_frozen {
        return Failure::with_code(failure.code(), format!("{failure}; here that is --override-freeze"));
    }
    if !is_open {
        return failure;
    }
    Failure::with_code(
        failure.code(),
        format!(
            "{failure}; whether it was done is not known: the same command with --idempotency-key {key} tells, and does nothing twice"
        ),
    )
}

async fn preview(session: &Session, action: Action) -> Result<(), Failure> {
    let mut body = action.body;
    body.insert("action".to_owned(), action.name.into());
    body.insert(action.subject.0.to_owned(), action.subject.1.into());
    let answer = session.client.ask(&["previews"], &Value::Object(body)).await?;
    if session.json {
        return terminal::print_line(&answer.text);
    }
    let preview: Preview = answer.json()?;
    let mut text = format!(
        "This would be asked of {}, and was not:\n\n  {} {}\n",
        preview.provider, preview.method, preview.url
    );
    if let Some(body) = preview.body.filter(|body| !body.is_null()) {
        let shown = serde_json::to_string_pretty(&body).unwrap_or_else(|_| body.to_string());
        for line in shown.lines() {
            let _ = writeln!(text, "  {}", terminal::on_one_line(line));
        }
    }
    for warning in &preview.warnings {
        let warning = format!("warning: {}", terminal::on_one_line(warning));
        let _ = write!(text, "\n{}", Style::Yellow.paint(&warning, session.screen.has_colour));
    }
    super::print(&text)
}
