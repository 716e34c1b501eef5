//! What a running gateway must hold, whatever happens to it.

mod crash;
mod demo;
mod outage;
mod refusals;
mod replicas;
mod resume;
