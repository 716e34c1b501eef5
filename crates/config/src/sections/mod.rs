//! The sections, one file each.

mod account;
mod auth;
mod database;
mod freeze;
mod log;
mod logs;
mod mapping;
mod metrics;
mod retention;
mod rule;
mod server;
mod sync;
mod traces;

pub use account::{AccountOption, AccountSettings, ProviderKeys};
pub use auth::{AuthSettings, OidcRestrictions, OidcSettings};
pub use database::DatabaseSettings;
pub use freeze::FreezeSettings;
pub use log::{LogFormat, LogSettings};
pub use logs::DeploymentLogSettings;
pub use mapping::MappingSettings;
pub use metrics::MetricsSettings;
pub use retention::RetentionSettings;
pub use rule::RuleSettings;
pub use server::ServerSettings;
pub use sync::SyncSettings;
pub use traces::TraceSettings;

use crate::node::{Node, Table, Value};
use crate::reader::{Notes, Reader, unknown};
use crate::{Faults, Settings};

const SECTIONS: [&str; 13] = [
    "server",
    "database",
    "auth",
    "accounts",
    "status_mappings",
    "rules",
    "freezes",
    "logs",
    "retention",
    "sync",
    "log",
    "metrics",
    "traces",
];

/// Reads every section, also after a fault, so that all faults are told at once.
pub(crate) fn read(mut root: Table, providers: &[ProviderKeys], mut notes: Notes<'_>) -> Option<Settings> {
    let accounts = root.remove("accounts");
    let mappings = root.remove("status_mappings");
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
            let (name, place, table) = section($name, notes.faults);
            $read(Reader::new(name, place, table, notes.lend()))
        }};
    }
    let server = read_section!("server", server::read);
    let database = read_section!("database", database::read);
    let auth = read_section!("auth", auth::read);
    let sync = read_section!("sync", sync::read);
    let logs = read_section!("logs", logs::read);
    let retention = read_section!("retention", retention::read);
    let log = read_section!("log", log::read);
    let metrics = read_section!("metrics", metrics::read);
    let traces = read_section!("traces", traces::read);
    let accounts = account::read(accounts, notes.lend(), providers);
    if let (Some(server), Some(auth)) = (&server, &auth)
        && auth.open_access
        && !server.listen.ip().is_loopback()
    {
        notes.faults.push(
            "configuration",
            "auth.open_access",
            format!(
                "is for this machine only, and server.listen is {}: use tokens there",
                server.listen
            ),
        );
    }
    let mappings = mapping::read(mappings, notes.lend(), providers);
    let rules = rule::read(rules, notes.lend());
    let freezes = freeze::read(freezes, notes.lend());
    let known = SECTIONS.map(str::to_owned);
    for (name, node) in root {
        notes
            .faults
            .push(node.origin.to_string(), name.clone(), unknown(&name, &known));
    }
    Some(Settings {
        server: server?,
        database: database?,
        auth: auth?,
        accounts: accounts?,
        status_mappings: mappings?,
        rules: rules?,
        freezes: freezes?,
        sync: sync?,
        logs: logs?,
        retention: retention?,
        log: log?,
        metrics,
        traces,
    })
}

/// The sections of a list, each with its name and place; one that is no section is a fault, and none.
fn items(name: &str, list: Option<Node>, notes: &mut Notes<'_>) -> Option<Vec<(String, String, Option<Table>)>> {
    let nodes = match list {
        None => return Some(Vec::new()),
        Some(Node {
            value: Value::Array(nodes),
            ..
        }) => nodes,
        Some(node) => {
            let message = format!("must be [[{name}]] sections, not {}", node.value.type_name());
            notes.faults.push(node.origin.to_string(), name, message);
            return None;
        }
    };
    let items = nodes.into_iter().enumerate().map(|(index, node)| {
        let (name, place) = (format!("{name}[{index}]"), node.origin.to_string());
        let table = match node.value {
            Value::Table(table) => Some(table),
            other => {
                let message = format!("must be a section, not {}", other.type_name());
                notes.faults.push(&place, &name, message);
                None
            }
        };
        (name, place, table)
    });
    Some(items.collect())
}
