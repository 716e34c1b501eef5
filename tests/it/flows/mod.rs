//! What a running gateway must hold, whatever happens to it.

mod backfill;
mod budget;
mod chaos;
mod command_line;
mod crash;
mod demo;
mod drain;
mod freezes;
mod metrics;
mod outage;
mod refusals;
mod replicas;
mod restore;
mod resume;
mod secrets;
mod traces;
mod webhooks;
mod writes;
