//! The store on a real PostgreSQL.

mod connections;
mod event_log;
mod idle;
mod indexes;
mod leases;
mod lists;
mod migrations;
mod rows;
