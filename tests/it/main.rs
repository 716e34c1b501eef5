//! The end-to-end tests: real processes of `slipway`, asked over HTTP.

mod architecture;
mod conformance;
mod flows;
mod openapi;
