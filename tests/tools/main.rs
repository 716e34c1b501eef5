//! What needs programs of others beside a PostgreSQL: Node with npm, curl, jq, openssl, promtool, nginx, Caddy, `PgBouncer`,
//! systemd-analyze, Python. `cargo xtask test` brings them and runs this; a plain `cargo test --workspace` leaves it out.

mod kubernetes;
mod pgbouncer;
mod promtool;
mod proxies;
mod readme;
mod scalingo_client;
mod systemd;
