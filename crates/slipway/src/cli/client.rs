//! The commands that ask a gateway, and their options.
#![expect(
    clippy::doc_markdown,
    reason = "`--help` prints these texts, and its readers want no backticks"
)]

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;
use slipway_core::{Clock, SystemClock};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

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

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Only these statuses: queued, in_progress, succeeded, failed, canceled, unknown
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Only these applications, by id, name, account/name or provider/account/name
    #[arg(long, value_name = "APPLICATION", value_delimiter = ',')]
    pub(crate) app: Vec<String>,
    /// Only these kinds of platform
    #[arg(long, value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Only these accounts
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) account: Vec<String>,
    /// Only these environments
    #[arg(long, value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environment: Vec<String>,
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
    /// The order: created_at, finished_at, -created_at or -finished_at
    #[arg(long, value_name = "ORDER", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: u32,
    /// Go on behind an earlier list: its `next_cursor`, asked for with the same filters
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

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
    /// Only these kinds of platform
    #[arg(long, value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Only these accounts
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) account: Vec<String>,
    /// Only these environments
    #[arg(long, value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environment: Vec<String>,
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

#[derive(Debug, Args)]
pub(crate) struct TriggerArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The application: id, name, account/name or provider/account/name
    #[arg(value_name = "APPLICATION")]
    pub(crate) app: String,
    /// Its environment, where several have one name
    #[arg(long, value_name = "ENVIRONMENT")]
    pub(crate) environment: Option<String>,
    /// Branch, tag or hash to deploy
    #[arg(long = "ref", value_name = "REF")]
    pub(crate) git_ref: Option<String>,
    /// Where the provider fetches the source from
    #[arg(long, value_name = "URL")]
    pub(crate) source_url: Option<String>,
    /// Only these services
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',')]
    pub(crate) services: Vec<String>,
    /// The provider's deployment profile
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment_profile: Option<String>,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

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
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// The deployment to go back to
    #[arg(value_name = "DEPLOYMENT")]
    pub(crate) deployment: Uuid,
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WriteArgs {
    /// Show the call that would be made to the provider, and make none
    #[arg(long, conflicts_with_all = ["wait", "yes"])]
    pub(crate) dry_run: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Then wait for the end, with the exit codes of `slipway wait`
    #[arg(long, short)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) limit: WaitLimit,
    /// Runs with one key do one thing, however often they are made [default: a new one for each run]
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

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
pub(crate) struct BoardArgs {
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) which: ApplicationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplicationArgs {
    /// Only these names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) name: Vec<String>,
    /// Only these kinds of platform
    #[arg(long, value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Only these accounts
    #[arg(long, value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) account: Vec<String>,
    /// Only these environments
    #[arg(long, value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environment: Vec<String>,
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

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// `30m` ago, or an instant.
fn moment(text: &str) -> Result<OffsetDateTime, String> {
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
fn span(text: &str) -> Result<Duration, String> {
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
