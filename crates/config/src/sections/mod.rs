//! The sections, one file each.

mod account;
mod auth;
mod database;
mod freeze;
mod log;
mod logs;
mod rule;
mod server;
mod sync;

use std::collections::BTreeMap;

pub use account::{AccountOption, AccountSettings, ProviderKeys};
pub use auth::{AuthSettings, OidcRestrictions, OidcSettings};
pub use database::DatabaseSettings;
pub use freeze::FreezeSettings;
pub use log::{LogFormat, LogSettings};
pub use logs::DeploymentLogSettings;
pub use rule::RuleSettings;
pub use server::ServerSettings;
pub use sync::SyncSettings;

use crate::node::{Node, Table, Value};
use crate::reader::{Reader, unknown};
use crate::{Faults, Settings};

const SECTIONS: [&str; 9] = [
    "server", "database", "auth", "accounts", "rules", "freezes", "logs", "sync", "log",
];

/// Reads every section, also after a fault, so that all faults are told at once.
pub(crate) fn read(
    mut root: Table,
    environment: &BTreeMap<String, String>,
    providers: &[ProviderKeys],
    faults: &mut Faults,
) -> Option<Settings> {
    let accounts = root.remove("accounts");
    let rules = root.remove("rules");
    let freezes = root.remove("freezes");
    let mut section = |name: &str, faults: &mut Faults| match root.remove(name) {
        None => (name.to_owned(), "configuration".to_owned(), Table::new()),
        Some(Node { origin, value }) => {
            let table = match value {
                Value::Table(table) => table,
                other => {
                    faults.push(
                        origin.to_string(),
                        name,
                        format!("must be a section, not {}", other.type_name()),
                    );
                    Table::new()
                }
            };
            (name.to_owned(), origin.to_string(), table)
        }
    };
    macro_rules! read_section {
        ($name:literal, $read:path) => {{
            let (name, place, table) = section($name, faults);
            $read(Reader::new(name, place, table, environment, faults))
        }};
    }
    let server = read_section!("server", server::read);
    let database = read_section!("database", database::read);
    let auth = read_section!("auth", auth::read);
    let sync = read_section!("sync", sync::read);
    let logs = read_section!("logs", logs::read);
    let log = read_section!("log", log::read);
    let accounts = account::read(accounts, environment, providers, faults);
    if let (Some(server), Some(auth)) = (&server, &auth)
        && auth.open_access
        && !server.listen.ip().is_loopback()
    {
        faults.push(
            "configuration",
            "auth.open_access",
            format!(
                "is for this machine only, and server.listen is {}: use tokens there",
                server.listen
            ),
        );
    }
    let rules = rule::read(rules, environment, faults);
    let freezes = freeze::read(freezes, environment, faults);
    let known = SECTIONS.map(str::to_owned);
    for (name, node) in root {
        faults.push(node.origin.to_string(), name.clone(), unknown(&name, &known));
    }
    Some(Settings {
        server: server?,
        database: database?,
        auth: auth?,
        accounts: accounts?,
        rules: rules?,
        freezes: freezes?,
        sync: sync?,
        logs: logs?,
        log: log?,
    })
}
