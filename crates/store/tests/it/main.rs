//! The store on a real PostgreSQL.

mod event_log;
mod indexes;
mod leases;
mod lists;
mod migrations;
mod rows;
