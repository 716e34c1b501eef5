//! The engine on a real PostgreSQL and on both simulated providers.

mod guard;
mod ingest;
mod sync;
mod world;
