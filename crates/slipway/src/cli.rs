//! The commands and their options.

pub(crate) mod client;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use slipway_server::Scope;
use time::Duration;
use uuid::Uuid;

/// One API over the deployments of several platforms.
#[derive(Debug, Parser)]
#[command(name = "slipway", version, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it without any account: simulated providers, a database and the gateway in one process on this machine
    Demo(DemoArgs),
    /// Run the gateway
    Serve(ServeArgs),
    /// Run only the background work of the gateway, for replicas that run `serve --no-sync`
    Sync(GatewayArgs),
    /// Run the simulated providers alone, with their control API
    Simulate(SimulateArgs),
    /// Try a configuration: call every account, look at the database, and tell everything that is wrong at once
    Check(CheckArgs),
    /// Bring the database's schema up to date
    Migrate(MigrateArgs),
    /// Make, list and revoke tokens of the API, in the database itself: the gateway need not run
    #[command(subcommand)]
    Token(TokenCommand),
    /// What providers need to know to call the gateway when something happens
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Print the OpenAPI document
    Openapi(OpenapiArgs),
    /// What there is to configure
    #[command(subcommand)]
    Config(ConfigCommand),
    #[command(flatten)]
    Client(client::ClientCommand),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Print one line of JSON when ready, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the gateway listens; `:0` takes a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Keeps the history and the simulated world between runs [default: a folder `demo` in the default data folder]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Everything random in a new simulated world follows from it
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Let nobody in without a token [default: on an address of this machine, everybody may look and deploy]
    #[arg(long)]
    pub(crate) require_token: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the JSON schema of a configuration file, for editors: every key with its meaning
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct OpenapiArgs {
    /// As OpenAPI 3.0.3, for generators that read nothing newer
    #[arg(long)]
    pub(crate) compat: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration; environment variables (`SLIPWAY_SECTION__KEY`) win over it
    #[arg(long, value_name = "FILE", env = "SLIPWAY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// After a restore from a backup: positions in the event log that were handed out before are refused, and whoever follows it
    /// begins anew
    #[arg(long)]
    pub(crate) new_epoch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Print the URL to give to the provider of an account. It holds a secret: whoever knows it can make the gateway look
    Url(WebhookUrlArgs),
}

#[derive(Debug, Args)]
pub(crate) struct WebhookUrlArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The account's name
    #[arg(value_name = "ACCOUNT")]
    pub(crate) account: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; its secret goes to standard output, this once
    Create(TokenCreateArgs),
    /// List the tokens
    List(TokenListArgs),
    /// Revoke a token: its streams end within seconds
    Revoke(TokenRevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// What it is called, for people
    #[arg(long)]
    pub(crate) name: String,
    /// What it allows: deployments:read, deployments:write, logs:read, events:read, raw:read, freezes:override, admin
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = scope)]
    pub(crate) scopes: Vec<Scope>,
    /// Only these kinds of platform
    #[arg(long = "provider", value_name = "PROVIDER", value_delimiter = ',')]
    pub(crate) providers: Vec<String>,
    /// Only these accounts
    #[arg(long = "account", value_name = "ACCOUNT", value_delimiter = ',')]
    pub(crate) accounts: Vec<String>,
    /// Only these applications
    #[arg(long = "application", value_name = "ID", value_delimiter = ',')]
    pub(crate) applications: Vec<Uuid>,
    /// Only applications in these environments
    #[arg(long = "environment", value_name = "ENVIRONMENT", value_delimiter = ',')]
    pub(crate) environments: Vec<String>,
    /// When it ends, from now: 30m, 12h, 90d [default: never]
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    pub(crate) expires_in: Option<Duration>,
    /// Print one JSON object, the secret in it, as the API answers `POST /tokens`
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenListArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevokeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The token's id, as `slipway token list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: Uuid,
}

#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Bring the database's schema up to date first; without it a gateway does not start on one that is not
    #[arg(long)]
    pub(crate) migrate: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// Serve only: another replica does the background work
    #[arg(long)]
    pub(crate) no_sync: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Print one line of JSON when ready, and nothing else, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the simulators listen
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub(crate) listen: IpAddr,
    /// The ports of Cloud 66, Scalingo and the control API, 0 for free ones
    #[arg(long, value_name = "PORT,PORT,PORT", default_value = "9066,9067,9068", value_parser = ports)]
    pub(crate) ports: [u16; 3],
    /// Everything random follows from it, the tokens too
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many stacks Cloud 66 has
    #[arg(long, value_name = "NUMBER", default_value_t = 22)]
    pub(crate) cloud66_stacks: usize,
    /// How many apps Scalingo has
    #[arg(long, value_name = "NUMBER", default_value_t = 18)]
    pub(crate) scalingo_apps: usize,
    /// How many past deployments an application has, about
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) history: usize,
    /// Seconds between deployments that start by themselves, about; 0 for none
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    pub(crate) deployment_every: f64,
    /// How much faster than life a deployment goes
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub(crate) speed: f64,
    /// Keeps the simulated world between runs
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file: Option<PathBuf>,
    /// Answer however much is asked, unlike the real providers
    #[arg(long)]
    pub(crate) no_rate_limits: bool,
}

/// `:8080` is what people write for "here, on that port".
fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = text
        .strip_prefix(':')
        .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    whole
        .parse()
        .map_err(|_| "an address with a port is needed, such as 127.0.0.1:8080 or :0".to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("one of {} is needed", known.join(", "))
    })
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let parse = || {
        let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
        let number: i64 = text[..digits].parse().ok()?;
        let seconds = match &text[digits..] {
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let seconds = number.checked_mul(seconds)?;
        // A hundred years are as good as for ever, and still a time that every program can write.
        (1..=3_155_760_000)
            .contains(&seconds)
            .then(|| Duration::seconds(seconds))
    };
    parse().ok_or_else(|| "a time such as 30m, 12h or 90d is needed".to_owned())
}

fn ports(text: &str) -> Result<[u16; 3], String> {
    let numbers: Result<Vec<u16>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| "three ports are needed, such as 0,0,0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lifetimes_are_written_with_their_unit() {
        assert_eq!(lifetime("90d"), Ok(Duration::days(90)));
        assert_eq!(lifetime("30m"), Ok(Duration::minutes(30)));
        for wrong in ["", "d", "0d", "5", "5w", "-1d", "99999999999999999999d", "9999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
        assert!(scope("admin").is_ok() && scope("root").is_err());
    }

    #[test]
    fn a_port_alone_is_on_this_machine() {
        assert_eq!(address(":0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(address("0.0.0.0:80").unwrap().to_string(), "0.0.0.0:80");
        assert!(address("8080").is_err() && address("").is_err() && address(":x").is_err());
        assert_eq!(ports("1, 2,3"), Ok([1, 2, 3]));
        assert!(ports("1,2").is_err() && ports("1,2,3,4").is_err() && ports("1,2,99999").is_err());
    }
}
