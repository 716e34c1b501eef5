//! `slipway token`: tokens of the API, in the database itself, so that the first one needs no other.

use std::io::Write;
use std::sync::Arc;

use serde_json::{Value, json};
use slipway_core::{Clock, SystemClock};
use slipway_server::{Actor, NewToken, create_token, revoke_token};
use slipway_store::tokens::{self, TokenRow};
use slipway_store::{PgConnection, StoreError, Visibility};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::print;
use crate::cli::{ConfigArgs, TokenCommand, TokenCreateArgs, TokenListArgs, TokenRevokeArgs};
use crate::database::Database;
use crate::failure::{Failure, chain};
use crate::{accounts, telemetry};

/// How many tokens are read at once.
const PAGE: i64 = 200;

pub(crate) async fn run(command: TokenCommand) -> Result<(), Failure> {
    let config = match &command {
        TokenCommand::Create(TokenCreateArgs { config, .. })
        | TokenCommand::List(TokenListArgs { config, .. })
        | TokenCommand::Revoke(TokenRevokeArgs { config, .. }) => config,
    };
    let (database, clock) = open(config).await?;
    let done = match command {
        TokenCommand::Create(args) => create(&database, args, clock.now()).await,
        TokenCommand::List(args) => list(&database, &args, clock.now()).await,
        TokenCommand::Revoke(args) => revoke(&database, &args, clock.now()).await,
    };
    database.close().await;
    done
}

async fn open(config: &ConfigArgs) -> Result<(Database, Arc<dyn Clock>), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = accounts::load(config, &clock)?.settings;
    telemetry::start(&settings.log)?;
    let database = Database::open(&settings.database, false).await.map_err(|failure| {
        Failure::new(format!(
            "{failure}; a gateway that runs makes tokens itself: POST /api/v1/tokens with an admin token"
        ))
    })?;
    Ok((database, clock))
}

async fn create(database: &Database, args: TokenCreateArgs, now: OffsetDateTime) -> Result<(), Failure> {
    let name = args.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Failure::new("--name must have 1 to 100 printable characters"));
    }
    let new = NewToken {
        name,
        scopes: args.scopes.into_iter().collect(),
        visibility: Visibility {
            providers: args.providers,
            accounts: args.accounts,
            applications: args.applications,
            environments: args.environments,
        },
        expires_at: args.expires_in.map(|lifetime| now + lifetime),
    };
    if !new.is_sound() {
        return Err(Failure::new(
            "a token with the scope `admin` cannot be restricted: leave one of the two out",
        ));
    }
    let mut connection = connection(database).await?;
    let created = create_token(&mut connection, new, &Actor::command_line(), now).await;
    let Some((row, secret)) = created.map_err(failed)? else {
        return Err(Failure::new("the system gives no random bytes"));
    };
    if args.json {
        return print(&json!({"secret": secret, "token": json_row(&row)}).to_string());
    }
    tell(&format!("{}\nThe secret is shown this once:", line(&row, now)));
    print(&secret)
}

async fn list(database: &Database, args: &TokenListArgs, now: OffsetDateTime) -> Result<(), Failure> {
    let mut connection = connection(database).await?;
    let (mut after, mut text) = (None, String::new());
    loop {
        let rows = tokens::list(&mut connection, after, PAGE).await.map_err(failed)?;
        for row in &rows {
            text.push_str(&if args.json {
                json_row(row).to_string()
            } else {
                line(row, now)
            });
            text.push('\n');
        }
        match rows.last() {
            Some(last) => after = Some((last.created_at, last.id)),
            None => break,
        }
    }
    if text.is_empty() {
        tell("there are no tokens; `slipway token create` makes one");
        return Ok(());
    }
    print(&text)
}

async fn revoke(database: &Database, args: &TokenRevokeArgs, now: OffsetDateTime) -> Result<(), Failure> {
    let mut connection = connection(database).await?;
    let revoked = revoke_token(&mut connection, args.id, &Actor::command_line(), now).await;
    match revoked.map_err(failed)? {
        Some(row) => print(&line(&row, now)),
        None => Err(Failure::new(format!(
            "there is no token {}; `slipway token list` shows those there are",
            args.id
        ))),
    }
}

async fn connection(database: &Database) -> Result<impl std::ops::DerefMut<Target = PgConnection> + use<>, Failure> {
    let connection = database.pool.acquire().await;
    connection.map_err(|error| failed(error.into()))
}

fn failed(error: StoreError) -> Failure {
    Failure::new(format!("the tokens cannot be reached: {}", chain(&error)))
}

/// One line for people.
fn line(row: &TokenRow, now: OffsetDateTime) -> String {
    let mut words = vec![
        row.id.to_string(),
        format!("{:?}", row.name),
        format!("{}…", row.prefix),
    ];
    words.push(row.scopes.join(","));
    for (name, values) in [
        ("providers", &row.providers),
        ("accounts", &row.accounts),
        (
            "applications",
            &row.applications.iter().map(ToString::to_string).collect(),
        ),
        ("environments", &row.environments),
    ] {
        if !values.is_empty() {
            words.push(format!("{name}={}", values.join(",")));
        }
    }
    match (row.revoked_at, row.expires_at) {
        (Some(at), _) => words.push(format!("revoked {}", time(at))),
        (None, Some(at)) if at <= now => words.push(format!("expired {}", time(at))),
        (None, Some(at)) => words.push(format!("until {}", time(at))),
        (None, None) => {}
    }
    if let Some(at) = row.last_used_at {
        words.push(format!("used {}", time(at)));
    }
    words.join("  ")
}

fn json_row(row: &TokenRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": row.scopes,
        "restrictions": row.visibility(),
        "created_by": row.created_by,
        "created_at": time(row.created_at),
        "expires_at": row.expires_at.map(time),
        "last_used_at": row.last_used_at.map(time),
        "revoked_at": row.revoked_at.map(time),
    })
}

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// For people, beside what programs read from standard output.
fn tell(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
