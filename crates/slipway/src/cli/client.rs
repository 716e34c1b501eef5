//! The commands that ask a gateway, and the options that they share. Those of one command stand beside it.
#![expect(
    clippy::doc_markdown,
    reason = "`--help` prints these texts, and its readers want no backticks"
)]

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use slipway_core::{Clock, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::commands::{
    ActionArgs, AppsArgs, BackfillArgs, BoardArgs, CompletionsArgs, GetArgs, ListArgs, LogsArgs, RollbackArgs,
    TriggerArgs, WaitArgs, WatchArgs,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// List deployments over all applications and platforms, newest first
    List(Box<ListArgs>),
    /// Show one deployment with what it went through
    Get(GetArgs),
    /// Follow what happens, live; goes on by itself after a lost connection. Without --json and --type it leaves out
    /// changes that are news to programs only
    Watch(WatchArgs),
    /// Wait until a deployment has ended; the exit code says how: 0 succeeded, 1 failed, 2 canceled, 3 unknown or timed out
    Wait(WaitArgs),
    /// Print the log of a deployment
    Logs(LogsArgs),
    /// Start a deployment of an application
    Trigger(TriggerArgs),
    /// Stop a deployment that is under way
    Cancel(ActionArgs),
    /// Deploy once more what a deployment deployed
    Redeploy(ActionArgs),
    /// Take an application back to an earlier deployment
    Rollback(RollbackArgs),
    /// List applications with what runs and what happened last
    Apps(AppsArgs),
    /// Show what runs where: applications by environments
    Board(BoardArgs),
    /// Show how far the history of each application was read back
    Backfill(BackfillArgs),
    /// Print the completions for a shell
    Completions(CompletionsArgs),
}

/// Which gateway, and how it is shown. What is left out is taken from SLIPWAY_URL, SLIPWAY_TOKEN, SLIPWAY_TOKEN_FILE and
/// SLIPWAY_PROFILE, then from ~/.config/slipway/cli.toml.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Gateway and output")]
pub(crate) struct ConnectArgs {
    /// The gateway's address [default: SLIPWAY_URL, then cli.toml, then http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file that holds the token [default: SLIPWAY_TOKEN, then SLIPWAY_TOKEN_FILE, then cli.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A profile of cli.toml; wins over the environment [default: SLIPWAY_PROFILE, then cli.toml's own default]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Print the API's own JSON instead of what people like to read
    #[arg(long)]
    pub(crate) json: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

impl Colour {
    /// Whether an output gets colours.
    pub(crate) fn is_wanted(self, is_terminal: bool) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                is_terminal && !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }

    /// The same for standard error.
    pub(crate) fn is_wanted_on_stderr(self) -> bool {
        self.is_wanted(std::io::stderr().is_terminal())
    }
}

/// Only what is in one of these places.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// Only these kinds of platform
    #[arg(long, value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Only these accounts
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) account: Vec<String>,
    /// Only these environments
    #[arg(long, value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environment: Vec<String>,
}

/// Which one: its id, or else the newest of an application.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    /// The deployment's id
    #[arg(value_name = "DEPLOYMENT", required_unless_present = "app", conflicts_with_all = ["app", "environment"])]
    pub(crate) deployment: Option<Uuid>,
    /// Instead: the newest deployment of this application (id, name, account/name or provider/account/name)
    #[arg(long, value_name = "APPLICATION")]
    pub(crate) app: Option<String>,
    /// The application's environment, where several have one name
    #[arg(long, value_name = "ENVIRONMENT", requires = "app")]
    pub(crate) environment: Option<String>,
}

/// `30m` ago, or an instant.
pub(crate) fn moment(text: &str) -> Result<OffsetDateTime, String> {
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at);
    }
    let span = span(text).map_err(|_| "a time such as 30m, 12h, 7d or 2026-01-31T12:00:00Z is needed".to_owned())?;
    SystemClock
        .now()
        .checked_sub(span.try_into().unwrap_or(time::Duration::MAX))
        .ok_or_else(|| "that is too long ago".to_owned())
}

/// `90s`, `30m`, `2h`, `7d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let parse = || {
        let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let seconds = match &text[digits..] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        // Ten years are as good as for ever, and still a time that every clock can reach.
        let seconds = number
            .checked_mul(seconds)
            .filter(|seconds| (1..=315_360_000).contains(seconds))?;
        Some(Duration::from_secs(seconds))
    };
    parse().ok_or_else(|| "a time such as 90s, 30m or 2h is needed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_their_unit() {
        assert_eq!(span("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(span("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "s", "0s", "5", "5w", "-1d", "99999999999999999999d", "99999d", "ä"] {
            assert!(span(wrong).is_err(), "{wrong}");
            assert!(moment(wrong).is_err(), "{wrong}");
        }
        assert_eq!(moment("1970-01-01T00:00:00Z"), Ok(OffsetDateTime::UNIX_EPOCH));
        assert!(moment("1h").unwrap() < SystemClock.now());
    }
}
