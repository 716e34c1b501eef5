//! What a running gateway must hold, whatever happens to it.

mod crash;
mod demo;
mod refusals;
mod resume;
