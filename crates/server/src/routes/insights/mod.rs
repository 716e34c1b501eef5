//! `/insights`: numbers over many deployments, and why they are what they are.

pub(crate) mod deployments;
pub(crate) mod explain;
mod numbers;
mod parameters;
mod period;
mod words;
