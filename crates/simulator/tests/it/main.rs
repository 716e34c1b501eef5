//! The simulator as its users meet it: over HTTP and WebSocket, and through the handle on its world.

mod client;
mod cloud66;
mod control;
mod faults;
mod samples;
mod scalingo;
mod state;
mod stream;
