//! The engine on a real PostgreSQL and on both simulated providers.

mod guard;
mod ingest;
mod logs;
mod provider;
mod relabel;
mod remap;
mod renames;
mod retention;
mod sync;
mod world;
mod writes;
