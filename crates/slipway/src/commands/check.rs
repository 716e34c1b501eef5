//! `slipway check`: is this configuration one that a gateway can work with? Asks every account and looks at the database;
//! everything that is wrong is told at once.

mod account;
mod database;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use slipway_core::{AccountName, Clock, SystemClock};

use self::account::{Account, Asked};
use self::database::Database;
use crate::accounts::{self, Loaded};
use crate::cli::CheckArgs;
use crate::failure::{Failure, code};
use crate::terminal::{self, Style};

/// All that was found.
#[derive(Debug, Serialize)]
struct Report {
    /// Whether a gateway can work with it.
    is_good: bool,
    accounts: Vec<Account>,
    database: Option<Database>,
    /// What has to be mended.
    faults: Vec<String>,
    /// What works, and is likely not meant.
    warnings: Vec<String>,
    /// What was not looked at, and why.
    not_checked: Vec<String>,
}

pub(crate) async fn run(args: &CheckArgs) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let report = match accounts::read(&args.config, &clock, None) {
        Ok(loaded) => look(loaded).await,
        Err(faults) => Report {
            is_good: false,
            accounts: Vec::new(),
            database: None,
            faults: faults.iter().map(ToString::to_string).collect(),
            warnings: Vec::new(),
            not_checked: vec!["accounts and database: the configuration cannot be read".to_owned()],
        },
    };
    if args.json {
        let text = serde_json::to_string(&report);
        terminal::print_line(&text.map_err(|error| Failure::new(format!("the report cannot be written: {error}")))?)?;
    } else {
        super::print(&shown(&report))?;
    }
    if report.is_good {
        Ok(())
    } else {
        Err(Failure::silent(code::FAILED))
    }
}

async fn look(loaded: Loaded) -> Report {
    let Loaded { settings, registry, .. } = loaded;
    let (mut faults, mut warnings, mut not_checked) = (Vec::new(), Vec::new(), Vec::new());
    let asked = settings.accounts.iter().filter_map(|account| {
        let provider = registry.get(&AccountName::from(account.name.as_str()))?.clone();
        Some(account::ask(account, provider))
    });
    let asked: Vec<Asked> = futures_util::future::join_all(asked).await;
    if asked.is_empty() {
        warnings.push("no account is configured, so no deployment will appear: add one as [[accounts]]".to_owned());
    }
    for one in &asked {
        faults.extend(one.account.fault.clone());
        warnings.extend(one.account.warning.clone());
    }
    warnings.extend(seen_twice(&asked));
    let database = database::look(
        &settings.database,
        &settings.accounts,
        &asked,
        &mut faults,
        &mut warnings,
        &mut not_checked,
    )
    .await;
    Report {
        is_good: faults.is_empty(),
        accounts: asked.into_iter().map(|one| one.account).collect(),
        database,
        faults,
        warnings,
        not_checked,
    }
}

/// Accounts that see the same applications: each would keep a history of its own of them.
fn seen_twice(asked: &[Asked]) -> Vec<String> {
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (index, one) in asked.iter().enumerate() {
        for other in &asked[index + 1..] {
            let is_same_kind = one.account.provider == other.account.provider;
            let both = one.application_ids.intersection(&other.application_ids).count();
            if is_same_kind && both > 0 {
                pairs.insert((&one.account.name, &other.account.name), both);
            }
        }
    }
    let sentence = |((one, other), count): ((&str, &str), usize)| {
        format!(
            "the accounts `{one}` and `{other}` both see {}, which would be shown twice: leave one account out, or give it a \
             token that sees less",
            counted(count)
        )
    };
    pairs.into_iter().map(sentence).collect()
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 application".to_owned(),
        count => format!("{count} applications"),
    }
}

fn shown(report: &Report) -> String {
    let colour = crate::cli::client::Colour::Auto.is_wanted(std::io::IsTerminal::is_terminal(&std::io::stdout()));
    let mut lines = Vec::new();
    for account in &report.accounts {
        let (word, style) = if account.fault.is_none() {
            ("good", Style::Green)
        } else {
            ("fault", Style::Red)
        };
        let word = style.paint(word, colour);
        lines.push(format!(
            "{word}  account {} ({}): {}",
            account.name,
            account.provider,
            account.sentence()
        ));
    }
    if let Some(database) = &report.database {
        lines.push(format!(
            "{}  database: {}",
            Style::Green.paint("good", colour),
            database.sentence()
        ));
    }
    for (word, style, texts) in [
        ("fault", Style::Red, &report.faults),
        ("warning", Style::Yellow, &report.warnings),
        ("not checked", Style::Dim, &report.not_checked),
    ] {
        for text in texts {
            lines.push(format!(
                "{}: {}",
                style.paint(word, colour),
                terminal::on_one_line(text)
            ));
        }
    }
    lines.push(if report.is_good {
        "a gateway can work with this configuration".to_owned()
    } else {
        format!("{} to mend", report.faults.len())
    });
    lines.join("\n")
}
