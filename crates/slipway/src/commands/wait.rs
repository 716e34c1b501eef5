//! `slipway wait`: until a deployment has ended, with an exit code that says how.

mod target;

use std::time::Duration;

use clap::Args;
use slipway_api::{DeploymentView, EventView, Status};

use super::session::{Session, wanted};
use crate::cli::client::{ConnectArgs, TargetArgs, span};
use crate::client::{Events, Happening};
use crate::failure::{Failure, code};
use crate::terminal::{self, Progress, Style};
pub(crate) use target::Target;
use target::usual_ms;

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// With --app: the newest deployment of this commit (its hash or the beginning of it) or ref, which may be still to come
    #[arg(long = "ref", value_name = "SHA", requires = "app")]
    pub(crate) git_ref: Option<String>,
    #[command(flatten)]
    pub(crate) limit: WaitLimit,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct WaitLimit {
    /// Give up after this time, with exit code 3: 90s, 30m, 2h [default: never]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) timeout: Option<Duration>,
}

/// How often the time that has passed is drawn.
const REDRAW: Duration = Duration::from_millis(500);
/// When the state is asked for again that could not be had.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

pub(crate) async fn run(args: WaitArgs) -> Result<(), Failure> {
    let session = Session::begin(&args.connect)?;
    let target = match &args.git_ref {
        Some(git_ref) => Target::Revision {
            application: Box::new(session.client.application(wanted(&args.target)?).await?),
            git_ref: git_ref.clone(),
        },
        None => Target::Id(session.target(&args.target).await?),
    };
    wait(&session, target, args.limit).await
}

/// Waits for the end, prints it, and ends with its exit code.
pub(super) async fn wait(session: &Session, target: Target, limit: WaitLimit) -> Result<(), Failure> {
    let mut waiting = Waiting {
        session,
        target,
        name: None,
        state: None,
        progress: None,
        told: String::new(),
    };
    let followed = match limit.timeout {
        Some(limit) => tokio::time::timeout(limit, waiting.follow()).await.ok(),
        None => Some(waiting.follow().await),
    };
    waiting.progress = None;
    if let Some(failure) = followed.and_then(Result::err) {
        return Err(failure);
    }
    waiting.conclude()
}

struct Waiting<'a> {
    session: &'a Session,
    target: Target,
    /// What the application is called, once that is known.
    name: Option<String>,
    state: Option<DeploymentView>,
    progress: Option<Progress>,
    /// The line that was told last, where there is no bar.
    told: String,
}

impl Waiting<'_> {
    /// Returns when it has ended. The state is read after each connection was made, so nothing can happen unseen in between.
    async fn follow(&mut self) -> Result<(), Failure> {
        let client = &self.session.client;
        let mut events = Events::follow(client, self.target.query(), None).await?;
        let mut redraw = tokio::time::interval(REDRAW);
        let mut is_lost = false;
        let mut must_look = false;
        while !self.has_ended() {
            // One future until it is done: what it began to wait for must not begin again with each redraw.
            let next = events.next();
            tokio::pin!(next);
            let happening = loop {
                tokio::select! {
                    happening = &mut next => break happening?,
                    _ = redraw.tick() => self.draw(),
                    () = tokio::time::sleep(LOOK_AGAIN), if must_look => {
                        must_look = !self.look().await?;
                        if self.has_ended() {
                            return Ok(());
                        }
                    }
                }
            };
            match happening {
                happening @ (Happening::Joined | Happening::Reset(_) | Happening::AsJson) => {
                    let was_lost = std::mem::take(&mut is_lost);
                    if matches!(happening, Happening::AsJson) {
                        self.tell("streams do not come through; asking for events as JSON from here on");
                    } else if was_lost {
                        self.tell("connected again");
                    }
                    must_look = !self.look().await?;
                }
                Happening::Lost(why) => {
                    if !std::mem::replace(&mut is_lost, true) {
                        self.tell(&format!("not connected: {why}; trying again"));
                    }
                }
                Happening::Event(event) => {
                    let event: Option<EventView> = serde_json::from_str(&event).ok();
                    if let Some(state) = event.and_then(|event| event.deployment) {
                        self.learn(state).await;
                    }
                }
            }
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.is_finished)
    }

    /// Reads the state. False where the gateway, which was there a moment ago, cannot tell it now.
    async fn look(&mut self) -> Result<bool, Failure> {
        match self.target.read(self.session).await {
            Ok(state) => {
                if let Some(state) = state {
                    self.learn(state).await;
                }
                Ok(true)
            }
            Err(failure) if failure.is_passing() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    async fn learn(&mut self, state: DeploymentView) {
        let is_news = match &self.state {
            Some(known) => known.id == state.id && known.version < state.version,
            None => self.target.fits(&state),
        };
        if !is_news {
            return;
        }
        if self.name.is_none() {
            let application = self.session.application_of(&state).await;
            self.name = Some(application.map_or_else(|| state.application_id.to_string(), |known| known.name));
        }
        if self.progress.is_none() {
            let usual = if state.is_finished {
                None
            } else {
                usual_ms(self.session, &state).await
            };
            self.progress = Some(Progress::new(usual, self.session.colour_on_stderr));
        }
        self.state = Some(state);
        let line = self.line();
        if self.told != line {
            self.told.clone_from(&line);
            let is_over = self.state.as_ref().is_some_and(|state| state.is_finished);
            if !is_over && self.progress.as_ref().is_some_and(|progress| !progress.is_shown()) {
                terminal::tell(&line);
            }
        }
        self.draw();
    }

    fn line(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        let status = self
            .state
            .as_ref()
            .map(|state| terminal::status(state).paint(false))
            .unwrap_or_default();
        terminal::on_one_line(&format!("{name}: {status}"))
    }

    fn draw(&self) {
        let (Some(progress), Some(state)) = (&self.progress, &self.state) else {
            return;
        };
        let since = state.started_at.unwrap_or(state.created_at);
        let elapsed = (self.session.now() - since).whole_milliseconds();
        progress.show(&self.line(), i64::try_from(elapsed).unwrap_or(0));
    }

    fn tell(&self, text: &str) {
        match self.progress.as_ref().filter(|progress| progress.is_shown()) {
            Some(progress) => progress.note(text),
            None => terminal::tell(&Style::Dim.paint(&terminal::on_one_line(text), self.session.colour_on_stderr)),
        }
    }

    fn conclude(&self) -> Result<(), Failure> {
        let Some(state) = &self.state else {
            return Err(Failure::with_code(
                code::UNKNOWN,
                "timed out: no such deployment has come",
            ));
        };
        if self.session.json {
            let text = serde_json::to_string(state);
            let text = text.map_err(|error| Failure::new(format!("the deployment cannot be written: {error}")))?;
            unless_closed(terminal::print_line(&text))?;
        } else if state.is_finished {
            unless_closed(terminal::print_line(&self.end(state)))?;
        }
        if !state.is_finished {
            let line = self.line();
            return Err(Failure::with_code(
                code::UNKNOWN,
                format!("timed out; {line} ({})", state.id),
            ));
        }
        match exit_code(state.status) {
            code::SUCCEEDED => Ok(()),
            code => Err(Failure::silent(code)),
        }
    }

    fn end(&self, state: &DeploymentView) -> String {
        let colour = self.session.screen.has_colour;
        let mut parts = vec![terminal::status(state).paint(colour)];
        parts.extend(self.name.as_deref().map(terminal::on_one_line));
        parts.extend(state.environment.as_deref().map(terminal::on_one_line));
        parts.extend(terminal::short_sha(state).map(|sha| terminal::on_one_line(&sha)));
        parts.extend(state.duration_ms.map(|took| format!("in {}", terminal::duration(took))));
        parts.push(Style::Dim.paint(&state.id.to_string(), colour));
        let mut text = parts.join("  ");
        for more in [&state.failure_message, &state.provider_url].into_iter().flatten() {
            if state.status != Status::Succeeded {
                text.push_str("\n  ");
                text.push_str(&terminal::on_one_line(more));
            }
        }
        text
    }
}

/// That nobody reads the words changes nothing about the exit code.
fn unless_closed(printed: Result<(), Failure>) -> Result<(), Failure> {
    printed.or_else(|failure| if failure.is_silent() { Ok(()) } else { Err(failure) })
}

fn exit_code(status: Status) -> u8 {
    match status {
        Status::Succeeded => code::SUCCEEDED,
        Status::Failed => code::FAILED,
        Status::Canceled => code::CANCELED,
        Status::Queued | Status::InProgress | Status::Unknown => code::UNKNOWN,
    }
}
