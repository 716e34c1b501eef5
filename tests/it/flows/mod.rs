//! What a running gateway must hold, whatever happens to it.

mod backfill;
mod backup;
mod budget;
mod chaos;
mod check;
mod command_line;
mod crash;
mod demo;
mod drain;
mod freezes;
mod metrics;
mod outage;
mod poisoned;
mod refusals;
mod reload;
mod replicas;
mod restore;
mod resume;
mod secrets;
mod traces;
mod upgrade;
mod webhooks;
mod writes;
