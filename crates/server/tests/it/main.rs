//! The public API against a real PostgreSQL.

mod access;
mod annotations;
mod auth;
mod compat;
mod cors;
mod documents;
mod drain;
mod examples;
mod filter_pairs;
mod filters;
mod harness;
mod horizon;
mod hot;
mod insights;
mod lists;
mod logs;
mod metrics;
mod problems;
mod reads;
mod rows;
mod snapshot;
mod sockets;
mod stream;
mod twin;
mod wire;
mod writes;
