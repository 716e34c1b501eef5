//! The end-to-end tests: real processes of `slipway`, asked over HTTP.

mod architecture;
mod clients;
mod flows;
mod openapi;
mod readme;
