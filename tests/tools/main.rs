//! What needs programs of others beside a PostgreSQL: Node with npm, curl, jq, promtool, nginx, Python. `cargo xtask test` brings them and runs
//! this; a plain `cargo test --workspace` leaves it out.

mod kubernetes;
mod nginx;
mod promtool;
mod readme;
mod scalingo_client;
