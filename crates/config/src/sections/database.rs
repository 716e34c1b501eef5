//! `[database]`

use std::path::PathBuf;

use crate::Secret;
use crate::reader::Reader;

/// Where the history is kept.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// A PostgreSQL URL; None: the built-in PostgreSQL in `data_dir`.
    pub url: Option<Secret>,
    /// The same database past any transaction pooler, for LISTEN and for migrations; None: `url` is direct.
    pub direct_url: Option<Secret>,
    /// At most so many connections of this replica.
    pub max_connections: u32,
    /// The folder of the built-in PostgreSQL; None: the default folder.
    pub data_dir: Option<PathBuf>,
    /// Whether a gateway that starts may bring the schema up to date.
    pub migrate_on_start: bool,
}

pub(super) fn read(mut section: Reader<'_>) -> Option<DatabaseSettings> {
    let url = section.database_url("url");
    let direct_url = section.database_url("direct_url");
    if direct_url.is_some() && url.is_none() {
        let place = section.place().to_owned();
        section.fault(&place, "direct_url", "is of no use without `url`");
    }
    let max_connections = section.integer("max_connections", 2..=1_000);
    let max_connections = section.required("max_connections", max_connections);
    let data_dir = section.string("data_dir").map(|taken| PathBuf::from(taken.value));
    let migrate_on_start = section.boolean("migrate_on_start");
    let migrate_on_start = section.required("migrate_on_start", migrate_on_start);
    section.finish();
    Some(DatabaseSettings {
        url,
        direct_url,
        max_connections: u32::try_from(max_connections?).ok()?,
        data_dir,
        migrate_on_start: migrate_on_start?.value,
    })
}
