//! The program as its users start it: real processes, each with a data folder of its own.

mod client;
mod demo;
mod faults;
mod harness;
mod script;
mod serve;
mod terminal;
mod token;
