//! The harness of the end-to-end tests: real `slipway` processes, asked over HTTP like any client would.
//!
//! A test begins with a [`Case`], which is a folder and a turn: everything that it starts lives in that folder and ends with
//! the case, also when the test panics. Nothing here sleeps for luck: [`until`] asks again and again, up to a bound.

mod api;
mod binary;
mod case;
mod collector;
mod cut;
mod followers;
mod gateway;
mod messages;
mod process;
mod simulators;
mod sse;
mod tools;
mod wait;

pub use api::{Answer, Api};
pub use binary::{slipway, workspace};
pub use case::{Case, Person};
pub use collector::Collector;
pub use cut::Wire;
pub use followers::Followers;
pub use gateway::{Demo, DemoOptions, Gateway, ServeOptions};
pub use process::{Ended, Process};
pub use simulators::{Control, SimulateOptions, Simulators};
pub use sse::{Block, Parser, Stream};
pub use tools::{install_node_packages, require_tools};
pub use wait::{BOUND, until, within};
