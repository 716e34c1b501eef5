//! The store on a real PostgreSQL.

mod connections;
mod event_log;
mod indexes;
mod leases;
mod lists;
mod migrations;
mod rows;
