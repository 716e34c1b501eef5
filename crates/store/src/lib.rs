#![doc = include_str!("../README.md")]

pub mod applications;
pub mod deployments;
mod error;
pub mod event_log;
pub mod listener;
pub mod page;
pub mod pool;
pub mod sync_targets;
pub mod transitions;
pub mod unmapped_statuses;

pub use error::StoreError;
pub use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPool};
pub use sqlx::{Acquire, Connection, Transaction};

/// What every function here answers.
pub type Result<T> = std::result::Result<T, StoreError>;
