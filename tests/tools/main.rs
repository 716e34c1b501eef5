//! What needs programs of others beside a PostgreSQL: Node with npm, curl, jq, openssl, promtool, nginx, Caddy, `PgBouncer`,
//! Python. `cargo xtask test` brings them and runs this; a plain `cargo test --workspace` leaves it out.

mod kubernetes;
mod pgbouncer;
mod promtool;
mod proxies;
mod readme;
mod scalingo_client;
