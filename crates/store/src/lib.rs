#![doc = include_str!("../README.md")]

pub mod account_names;
pub mod applications;
pub mod audit;
pub mod deployments;
mod error;
pub mod event_log;
pub mod idempotency;
pub mod inbox;
pub mod insights;
pub mod intents;
pub mod labels;
pub mod listener;
pub mod logs;
pub mod page;
pub mod pool;
pub mod pooler;
pub mod rate_budgets;
pub mod readers;
pub mod restamps;
pub mod retention;
pub mod schema;
pub mod sessions;
pub mod stream_tickets;
pub mod sync_targets;
pub mod tokens;
pub mod transitions;
pub mod unmapped_statuses;
pub mod views;
mod visibility;

pub use error::StoreError;
pub use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool};
pub use sqlx::{Acquire, Connection, Transaction};
pub use visibility::Visibility;

/// What every function here answers.
pub type Result<T> = std::result::Result<T, StoreError>;
