//! The program as its users start it: real processes, each with a data folder of its own.

mod demo;
mod faults;
mod harness;
mod serve;
mod token;
